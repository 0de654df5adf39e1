"""A trained model on recordings that hold LFP only: from Python and from the command line."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from nwb_spikeinference import InferenceModel
from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.inputs import HEADS, LfpInput, TrainingInput, stretches_of
from nwb_spikeinference.models.registry import make_model
from nwb_spikeinference.models.spike_model import SpikeModel
from nwb_spikeinference.nwb.reading.read_session import open_signals, read_session
from nwb_spikeinference.pipeline.fits.cohort import Cohort, make_cohort
from nwb_spikeinference.pipeline.fits.final_fit import FinalFit, fit_final_model
from nwb_spikeinference.pipeline.fits.fit_spec import columns_shown
from nwb_spikeinference.pipeline.inference.final_model import write_model
from nwb_spikeinference.pipeline.predict import predict_file
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session
from nwb_spikeinference.pipeline.tasks.executors import FailedTask
from nwb_spikeinference.records import Provenance, Results
from tests.pipeline.conftest import TINY
from tests.pipeline.small_models import (
    INTERCEPTS,
    add_burst,
    make_lfp,
    make_settings,
    random_weights,
    write_folder,
)

LEFT, RIGHT, OFC = ("hippocampus", "left"), ("hippocampus", "right"), ("orbitofrontal", "left")
PROVENANCE = Provenance(
    version="0", git=None, settings={}, inputs=(), seeds=(0,), started="2000-01-01", seconds=1, devices=("CPU",)
)
TYPES = ("excitatory", "inhibitory")


def silent_results(name: str) -> Results:
    """Results of a study that found nothing."""
    return Results(
        name=name, provenance=PROVENANCE, participants=(), folds=(), units=(), models=(), lobo=(), transfer=(),
        hypotheses=(), flags=(),
    )  # fmt: skip


# --- the study's own model


@dataclass(frozen=True)
class Trained:
    folder: Path
    cohort: Cohort
    settings: StudySettings
    model: SpikeModel  # fitted again, by the study's own settings and seed
    files: tuple[Path, ...]


@pytest.fixture(scope="module")
def trained(converted: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The final model of the small study, and the same model fitted in this process."""
    folder = tmp_path_factory.mktemp("final")
    settings = StudySettings(**TINY | {"name": "tiny"})
    files = tuple(sorted((converted / "nwb").glob("**/*.nwb")))
    sessions = [prepare_session(path, settings, folder) for path in files]
    cohort = make_cohort(sessions, [path.name for path in files], settings.seed)
    write_model(folder / "model", fit_final_model(cohort, settings, folder), cohort, settings, silent_results("tiny"))
    model = make_model(settings.model.name, settings)
    training = [TrainingInput(lfp=one, bins=one.valid) for one in cohort.inputs(cohort.participants, "neighbour")]
    model.fit(training, columns_shown(model.name, cohort.feature_names), np.random.SeedSequence([settings.seed, 1]))
    return Trained(folder / "model", cohort, settings, model, files)


def test_a_training_wire_is_inferred_as_the_studys_own_model_does(trained: Trained) -> None:
    prepared = trained.cohort.sessions[0]
    number = 2
    inputs = prepared.inputs["own"]
    own = LfpInput(
        participant="", session="", bundle="", region=None, hemisphere=None, bin_s=prepared.grid.bin_s,
        features=np.asarray(inputs.features[number]), valid=inputs.valid[number], discharge=inputs.discharge[number],
        segments=stretches_of(inputs.covered[number]), counts=np.zeros((prepared.grid.n_bins, 0), np.uint8),
        unit_rows=(), cell_types=(),
    )  # fmt: skip
    session = read_session(trained.files[0])
    row = session.units[np.flatnonzero(inputs.of_unit == number)[0]].electrode_rows[0]
    (block,) = [one for one in session.blocks if one.kind == "raw" and row in one.electrode_rows]
    with open_signals(trained.files[0]) as open_block:
        volts = open_block(block).read(0, block.n_samples)[:, [block.electrode_rows.index(row)]]
    model = InferenceModel.load(trained.folder)
    inferred = model.predict(volts, block.rate_hz)
    (log_odds,) = trained.model.predict([own])
    both = own.valid & np.isfinite(inferred.probabilities["excitatory"][:, 0])
    assert both.sum() > 1000
    for name in TYPES:
        expected = expit(log_odds[both, HEADS.index(name)] + model.settings.intercepts[name])
        np.testing.assert_allclose(inferred.probabilities[name][both, 0], expected, rtol=1e-4)


def test_a_typical_rate_is_the_mean_log_odds_of_the_training_units(trained: Trained) -> None:
    saved = InferenceModel.load(trained.folder).settings
    shares: dict[str, list[float]] = {name: [] for name in HEADS}
    for one in trained.cohort.inputs(trained.cohort.participants, "neighbour"):
        for unit, cell_type in enumerate(one.cell_types):
            share = np.mean(one.counts[one.valid, unit] > 0)
            for name in {cell_type, "any"}:
                shares[name].append(np.log(share / (1 - share)))
    for name in HEADS:
        assert saved.n_units[name] == len(shares[name])
        assert saved.intercepts[name] == pytest.approx(np.mean(shares[name]), abs=0.05)  # half a spike is added


def test_the_folder_says_who_and_where_without_names(trained: Trained) -> None:
    saved = InferenceModel.load(trained.folder).settings
    assert sum(place.n_units for place in saved.trained_at) == len(trained.cohort.cell_types)
    assert {place.region for place in saved.trained_at} == {"hippocampus", "amygdala", "orbitofrontal"}
    assert len(saved.training_participants) == 3
    text = "".join((trained.folder / name).read_text() for name in ("settings.json", "card.md"))
    assert not any(name in text for name in ("S01", "S02", "S03"))
    assert next((band.name, band.low_hz, band.high_hz) for band in saved.band_list()) == ("theta", 4, 8)


def test_a_participant_of_the_training_is_named_as_such(trained: Trained, tmp_path: Path) -> None:
    done = predict_file(trained.folder, trained.files[0], tmp_path / "out.nwb", dry_run=True)
    assert done.statements[-1] == (
        "Participant S01 was among those that trained the model: nothing of this is held out."
    )


def test_a_model_without_weights_leaves_no_folder_and_says_so(
    trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = StudySettings(**TINY | {"model": {"name": "gradient-boosting"}})
    weights = make_model("gradient-boosting", settings).weights
    folder = write_folder(tmp_path / "model", make_settings())  # of an earlier run
    with caplog.at_level("INFO", logger="nwb_spikeinference"):
        kept = FinalFit(weights=tuple(weights), intercepts={}, n_units={})
        assert write_model(folder, kept, trained.cohort, settings, silent_results("x")) is None
    assert not list(folder.iterdir())
    assert "a gradient-boosting model cannot be kept as plain arrays" in caplog.text


def test_a_training_that_failed_leaves_no_model_of_an_earlier_run(trained: Trained, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model", make_settings())
    failed = FailedTask(label="final model", error=SettingsError("no"))
    assert write_model(folder, failed, trained.cohort, StudySettings(**TINY), silent_results("x")) is None
    assert not list(folder.iterdir())


# --- Python


def test_a_model_that_sees_nothing_gives_the_typical_rates(tmp_path: Path) -> None:
    settings = make_settings()
    folder = write_folder(tmp_path, settings, [0 * one for one in random_weights(settings)])
    inferred = InferenceModel.load(folder).predict(make_lfp(6, 2, 1000), 1000)
    for name in TYPES:
        values = inferred.probabilities[name]
        assert values.shape == (1200, 2)
        np.testing.assert_allclose(values[np.isfinite(values)], expit(INTERCEPTS[name]), rtol=1e-6)
    np.testing.assert_allclose(inferred.times_s[:3], [0, 0.005, 0.01])


def test_half_a_second_at_either_end_is_not_inferred(model_folder: Path) -> None:
    inferred = InferenceModel.load(model_folder).predict(make_lfp(6, 1, 1000), 1000)
    assert stretches_of(np.isfinite(inferred.probabilities["excitatory"][:, 0])) == (slice(100, 1100),)


@pytest.mark.parametrize("rate_hz", [500, 1000, 2000])
def test_a_burst_is_inferred_where_it_is_at_any_rate(rate_hz: float, tmp_path: Path) -> None:
    settings = make_settings()
    kernel, bias = (0 * one for one in random_weights(settings))
    kernel[len(kernel) // 2, settings.features.index("high_frequency:log_envelope"), 1] = 2.0
    folder = write_folder(tmp_path, settings, [kernel, bias])
    lfp = add_burst(make_lfp(10, 2, rate_hz), rate_hz, at_s=6.2, frequency_hz=150)
    inferred = InferenceModel.load(folder).predict(lfp, rate_hz)
    first = np.nan_to_num(inferred.probabilities["inhibitory"][:, 0])
    highest = inferred.times_s[first > 0.99 * first.max()]  # features are clipped: a plateau
    assert highest.mean() == pytest.approx(6.2, abs=0.02)
    assert len(highest) < 60
    other = inferred.probabilities["excitatory"]
    assert np.ptp(other[np.isfinite(other)]) == 0


@pytest.mark.parametrize("rate_hz", [500, 2000, 512, 1500], ids=["slower", "faster", "uneven", "between"])
def test_the_rate_of_the_recording_does_not_change_what_is_inferred(rate_hz: float, model_folder: Path) -> None:
    """Band-limited noise at every rate is one signal; 512 Hz and 1500 Hz are made of it by exact interpolation."""
    model, at_2000 = InferenceModel.load(model_folder), make_lfp(12, 1, 2000)
    spectrum = np.fft.rfft(at_2000, axis=0)
    n_samples = round(12 * rate_hz)
    lfp = np.fft.irfft(spectrum[: n_samples // 2 + 1], n_samples, axis=0) * n_samples / len(at_2000)
    expected, found = (
        np.log(values / (1 - values))
        for values in (
            model.predict(at_2000[::2], 1000).probabilities["excitatory"][200:2200],
            model.predict(lfp, rate_hz).probabilities["excitatory"][200:2200],
        )
    )
    assert np.nanstd(found - expected) < 0.05 * np.nanstd(expected)
    assert np.isfinite(found).sum() > 1500


def test_a_contact_is_inferred_alike_whichever_others_there_are(model_folder: Path) -> None:
    model, lfp = InferenceModel.load(model_folder), make_lfp(8, 3, 1000)
    lfp[3000:3500, 1] = np.nan
    together, alone = model.predict(lfp, 1000), model.predict(lfp[:, 2:], 1000)
    np.testing.assert_array_equal(together.probabilities["excitatory"][:, 2], alone.probabilities["excitatory"][:, 0])


def test_a_faulty_stretch_is_left_out_and_a_faulty_contact_has_a_reason(model_folder: Path) -> None:
    lfp = make_lfp(20, 2, 1000)
    lfp[10_000:10_500, 0] = np.nan
    lfp[:, 1] = 3e-6
    inferred = InferenceModel.load(model_folder).predict(lfp, 1000)
    values = inferred.probabilities["inhibitory"]
    assert np.isnan(values[1800:2300, 0]).all()
    assert np.isnan(values[:, 1]).all()
    assert inferred.contacts[0].reason is None
    assert inferred.contacts[0].inferred_share == pytest.approx(np.isfinite(values[:, 0]).mean())
    assert "constant at 3e-06" in str(inferred.contacts[1].reason)


def test_a_network_of_the_trace_reads_it_at_its_own_rate(tmp_path: Path) -> None:
    settings = make_settings("conv-bilstm")
    model = InferenceModel.load(write_folder(tmp_path, settings))
    inferred = model.predict(make_lfp(5, 1, 2000), 2000)
    assert np.isfinite(inferred.probabilities["excitatory"]).sum() > 600
    with pytest.raises(InputError, match="sampled at 500 Hz, but this model reads the LFP itself at 1000 Hz"):
        model.predict(make_lfp(5, 1, 500), 500)


def test_a_bipolar_reference_is_made_of_the_contacts_given(tmp_path: Path) -> None:
    settings, lfp = make_settings(), make_lfp(6, 3, 1000)
    weights = random_weights(settings)
    plain = InferenceModel.load(write_folder(tmp_path / "plain", settings, weights))
    bipolar = make_settings(signal={"reference": "bipolar"})
    found = InferenceModel.load(write_folder(tmp_path / "bipolar", bipolar, weights)).predict(lfp, 1000)
    expected = plain.predict(lfp[:, :1] - lfp[:, 1:2], 1000).probabilities["excitatory"][:, 0]
    both = np.isfinite(expected) & np.isfinite(found.probabilities["excitatory"][:, 0])
    assert both.sum() > 500
    np.testing.assert_allclose(found.probabilities["excitatory"][both, 0], expected[both], rtol=1e-3)


@pytest.mark.parametrize(
    ("rate_hz", "bands", "said"),
    [
        (250, {"gamma": (30, 55)}, None),
        (200, {"gamma": (30, 55)}, "sampled at 200 Hz; LFP of 250 Hz or more is needed"),
        (250, {"gamma": (30, 55), "fast": (100, 150)}, "holds nothing above 125 Hz, but this model needs band fast"),
        (float("nan"), {"gamma": (30, 55)}, "rate_hz must be a number of hertz above 0, got nan"),
        (-1000, {"gamma": (30, 55)}, "rate_hz must be a number of hertz above 0, got -1000"),
    ],
)
def test_a_recording_too_slow_for_a_band_is_refused(
    rate_hz: float, bands: dict[str, tuple[float, float]], said: str | None, tmp_path: Path
) -> None:
    model = InferenceModel.load(write_folder(tmp_path, make_settings(bands=bands)))
    lfp = make_lfp(6, 1, 250)
    if said is None:
        assert np.isfinite(model.predict(lfp, rate_hz).probabilities["excitatory"]).any()
        return
    with pytest.raises(InputError, match=said):
        model.predict(lfp, rate_hz)


@pytest.mark.parametrize(
    ("lfp", "said"),
    [
        (np.zeros(3000), r"shape \(3000,\); it must be \(n_samples, n_contacts\)"),
        (np.zeros((0, 2)), r"shape \(0, 2\)"),
        (make_lfp(1, 1, 1000), "no stretch of 3 s without a fault"),
        (np.zeros((6000, 1)), "constant at 0"),
    ],
    ids=["one axis", "empty", "short", "silent"],
)
def test_an_array_that_nothing_can_be_inferred_from_is_refused(lfp: np.ndarray, said: str, model_folder: Path) -> None:
    with pytest.raises(InputError, match=said):
        InferenceModel.load(model_folder).predict(lfp, 1000)
