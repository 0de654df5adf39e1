"""Models of the LFP itself: what they read in each fit, and what is left of a trained model without a band."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.inputs import HEADS, FeatureColumns, LfpInput, TrainingInput
from nwb_spikeinference.pipeline.fits import run_fit as fits
from nwb_spikeinference.pipeline.fits.ablation import ablated_aucs
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.cohort import make_cohort as choose_cohort
from nwb_spikeinference.pipeline.fits.fit_result import UnitFit
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec, fit_columns
from nwb_spikeinference.pipeline.fits.withheld_bands import drop_bands_at_random, withhold_band
from nwb_spikeinference.recordings import FloatArray
from tests.pipeline.planted_cohort import BAND_COLUMNS, BANDS, BIN_S, N_BINS, make_cohort, with_inputs

RATE_HZ, PER_BIN = 1000, 5
SETTLED = slice(600, -600)
RAW_MODEL = "conv-bilstm"


def make_settings(**changes: object) -> StudySettings:
    fixed = {"sessions": ["x"], "bands": {"theta": [4, 8], "low_gamma": [30, 55]}, "controls": {"shifts": 20}}
    return StudySettings.model_validate(fixed | changes)


SETTINGS = make_settings(model={"name": RAW_MODEL})
ABLATING = make_settings(model={"band_dropout": 0.3}, lobo={"mode": "ablate"})


def wave(frequency_hz: float) -> FloatArray:
    samples = np.sin(2 * np.pi * frequency_hz * np.arange(N_BINS * PER_BIN) / RATE_HZ)
    return samples.reshape(-1, PER_BIN).astype(np.float32)


THETA, GAMMA, FAST = wave(5.7), wave(40.6), wave(200.0)


def make_spec(model: str = RAW_MODEL, **changes: object) -> FitSpec:
    fixed = {"protocol": "unseen-participant", "model": model, "fold": 0, "train": ("P1", "P2"), "test": ("P3",)}
    return FitSpec(**fixed | {"predictor": "neighbour"} | changes)  # type: ignore[arg-type]


def planted() -> Cohort:
    """Inputs whose trace is theta, gamma and something faster; the units follow the sign of theta."""
    cohort = make_cohort(names=BAND_COLUMNS, drives={"theta:trace": 1.5})
    counts = (THETA[:, PER_BIN // 2] > 0.5).astype(np.uint8)[:, None]
    raw = (THETA + GAMMA + FAST)[None]
    sessions = tuple(replace(with_inputs(one, raw=raw), counts=counts) for one in cohort.sessions)
    return replace(cohort, sessions=sessions)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return planted()


@pytest.fixture
def source(cohort: Cohort) -> LfpInput:
    return cohort.inputs(("P1",), "neighbour")[0]


class Recorder:
    """A model that keeps what it was shown; its log-odds are the trace at the centre of each bin."""

    name, weights_sha256 = RAW_MODEL, ""

    def __init__(self) -> None:
        self.trained: list[LfpInput] = []
        self.tested: list[LfpInput] = []
        self.weights: list[FloatArray] = []

    def fit(self, training: Sequence[TrainingInput], columns: FeatureColumns, seed: np.random.SeedSequence) -> None:
        self.trained = [item.lfp for item in training]

    def predict(self, sources: Sequence[LfpInput]) -> list[FloatArray]:
        self.tested = list(sources)
        return [np.repeat(raw_of(one)[:, PER_BIN // 2, None], len(HEADS), axis=1) for one in sources]


def raw_of(source: LfpInput) -> FloatArray:
    assert source.raw is not None
    return source.raw


def test_without_a_band_the_trace_lacks_it_and_nothing_else(source: LfpInput, tmp_path: Path) -> None:
    (shown,) = withhold_band([source], make_spec(dropped_band="theta"), BAND_COLUMNS, SETTINGS.band_list(), tmp_path)
    np.testing.assert_allclose(raw_of(shown)[SETTLED], (GAMMA + FAST)[SETTLED], atol=0.02)


def test_a_band_alone_is_all_that_the_trace_holds_and_is_scaled_anew(source: LfpInput, tmp_path: Path) -> None:
    (shown,) = withhold_band([source], make_spec(only_band="theta"), BAND_COLUMNS, SETTINGS.band_list(), tmp_path)
    alone = THETA / (1.4826 * np.median(np.abs(THETA)))
    np.testing.assert_allclose(raw_of(shown)[SETTLED], alone[SETTLED], atol=0.03)


@pytest.mark.parametrize(
    "spec", [make_spec(), make_spec("logistic", only_band="theta")], ids=["all bands", "model of features"]
)
def test_otherwise_inputs_are_as_they_are(spec: FitSpec, source: LfpInput, tmp_path: Path) -> None:
    (shown,) = withhold_band([source], spec, BAND_COLUMNS, SETTINGS.band_list(), tmp_path)
    assert shown is source


def test_every_input_gets_its_own_trace(cohort: Cohort, tmp_path: Path) -> None:
    first, second = cohort.inputs(("P1", "P2"), "neighbour")
    changed = replace(second, raw=2 * raw_of(second))
    shown = withhold_band(
        [first, changed], make_spec(dropped_band="theta"), BAND_COLUMNS, SETTINGS.band_list(), tmp_path
    )
    np.testing.assert_allclose(2 * raw_of(shown[0]), raw_of(shown[1]), atol=1e-5)


@pytest.mark.parametrize(("dropped", "left"), [("theta", GAMMA + FAST), (None, THETA + GAMMA + FAST)])
def test_a_fit_trains_and_tests_on_the_same_bands(
    dropped: str | None, left: FloatArray, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Recorder()
    monkeypatch.setattr(fits, "make_model", lambda name, settings: model)
    fits.run_fit(make_spec(dropped_band=dropped), cohort, SETTINGS, tmp_path)
    assert [one.participant for one in (*model.trained, *model.tested)] == ["P1", "P2", "P3"]
    for one in (*model.trained, *model.tested):
        np.testing.assert_allclose(raw_of(one)[SETTLED], left[SETTLED], atol=0.02)


def test_a_model_of_the_trace_sees_no_columns() -> None:
    assert fit_columns(make_spec(), BAND_COLUMNS) == FeatureColumns(shown=(), bands=())


def test_band_dropout_leaves_each_band_out_of_its_share_of_stretches(cohort: Cohort, tmp_path: Path) -> None:
    training = [
        TrainingInput(lfp=one, bins=one.valid)
        for one in cohort.inputs(("P1", "P2", "P3"), "neighbour")
        for _ in range(8)
    ]
    rng = np.random.default_rng(0)
    shown = drop_bands_at_random(training, RAW_MODEL, BAND_COLUMNS, SETTINGS.band_list(), 0.3, rng, tmp_path)
    stretch = round(5.0 / BIN_S)
    found = {"theta": 0, "low_gamma": 0, "fast": 0}
    for item in shown:
        for start in range(0, N_BINS, stretch):
            inner = slice(start + 200, start + stretch - 200)
            for name, alone in (("theta", THETA), ("low_gamma", GAMMA), ("fast", FAST)):
                share = float((raw_of(item.lfp)[inner] * alone[inner]).mean() / (alone[inner] ** 2).mean())
                assert min(abs(share), abs(share - 1)) < 0.05
                found[name] += share < 0.5
    n_stretches = len(shown) * N_BINS // stretch
    assert found["fast"] == 0
    for band in BANDS:
        assert found[band] / n_stretches == pytest.approx(0.3, abs=0.12)


def test_models_of_features_and_studies_without_dropout_train_on_the_inputs_as_they_are(
    source: LfpInput, tmp_path: Path
) -> None:
    training = [TrainingInput(lfp=source, bins=source.valid)]
    rng = np.random.default_rng(0)
    for model, share in (("logistic", 0.3), (RAW_MODEL, 0.0)):
        shown = drop_bands_at_random(training, model, BAND_COLUMNS, SETTINGS.band_list(), share, rng, tmp_path)
        assert shown is training


def test_a_trained_model_of_the_trace_loses_what_it_reads_in_a_band(cohort: Cohort) -> None:
    sources = cohort.inputs(("P3",), "neighbour")
    (found,) = ablated_aucs(Recorder(), make_spec(full=True), BAND_COLUMNS, SETTINGS.band_list(), sources)
    assert list(found) == list(BANDS)
    for head in HEADS:
        assert found["theta"][head] == pytest.approx(0.5, abs=0.05)
        assert (found["low_gamma"][head] or 0) > 0.8


def test_inputs_are_ablated_a_few_at_a_time(source: LfpInput) -> None:
    model = Recorder()
    long = [replace(source, unit_rows=(number,)) for number in range(30)]
    found = ablated_aucs(model, make_spec(full=True), BAND_COLUMNS, SETTINGS.band_list(), long)
    assert len(found) == 30
    assert len(model.tested) == 30 - 25  # of 4000 bins, 25 make 100 000


def ablated_fits(model: str = "logistic", **changes: object) -> tuple[UnitFit, ...]:
    """The units of a full fit on features, of which theta alone drives."""
    features = make_cohort(names=BAND_COLUMNS, drives={"theta:trace": 1.5})
    spec = make_spec(model, **{"full": True} | changes)
    return fits.run_fit(spec, features, ABLATING).units


def test_a_full_fit_says_what_its_units_score_without_each_band() -> None:
    (unit,) = ablated_fits()
    whole = unit.heads["excitatory"]
    assert whole is not None
    assert whole > 0.75
    assert unit.ablated["theta"]["excitatory"] == pytest.approx(0.5, abs=0.06)
    assert unit.ablated["low_gamma"]["excitatory"] == pytest.approx(whole, abs=0.02)


@pytest.mark.parametrize(
    ("model", "changes"),
    [("rate", {}), ("logistic", {"protocol": "within-session", "train": ("P3",)})],
    ids=["not a model whose bands are weighed", "within sessions"],
)
def test_other_fits_are_not_ablated(model: str, changes: dict[str, object]) -> None:
    assert [unit.ablated for unit in ablated_fits(model, **changes)] == [{}]


def test_sessions_with_different_samples_per_bin_cannot_be_read_by_one_model() -> None:
    one, other, _ = make_cohort(drives={}).sessions
    sessions = [replace(one, samples_per_bin=5), replace(other, samples_per_bin=2)]
    with pytest.raises(SettingsError, match=r"hold 2 to 5 samples of LFP per bin .* lower signal.rate_hz"):
        choose_cohort(sessions, ["one", "two"], seed=0)
