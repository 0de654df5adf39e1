"""Scores of the units of one training, and which of them count."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.metrics import UnitScores
from nwb_spikeinference.inputs import FeatureColumns, LfpInput, TrainingInput
from nwb_spikeinference.pipeline.findings.assemble_results import assemble_results
from nwb_spikeinference.pipeline.findings.unit_outcomes import full_outcomes, unit_evidence
from nwb_spikeinference.pipeline.fits.fit_result import FitResult, FullScore
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.pipeline.fits.group import FitGroup
from nwb_spikeinference.pipeline.fits.plan import make_plan
from nwb_spikeinference.pipeline.fits.scoring import score_in_full
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.records import Provenance
from tests.pipeline.planted_cohort import BAND_COLUMNS, N_BINS, make_cohort

SETTINGS = StudySettings.model_validate(
    {
        "sessions": ["x"],
        "model": {"name": "logistic"},
        "validation": {"folds": 3},
        "lobo": {"mode": "off"},
        "controls": {"shifts": 20, "own_wire": False},
    }
)
PROVENANCE = Provenance(
    version="0", git=None, settings={}, inputs=(), seeds=(0,), started="2000-01-01", seconds=1.0, devices=("CPU",)
)
SPIKES = np.arange(1000) % 10 == 0


class FirstColumn:
    """A model whose log-odds are the first feature."""

    name = "first"
    weights: ClassVar[list[FloatArray]] = []
    weights_sha256 = ""

    def fit(self, training: Sequence[TrainingInput], columns: FeatureColumns, seed: np.random.SeedSequence) -> None:
        """Learn nothing."""

    def predict(self, sources: Sequence[LfpInput]) -> list[FloatArray]:
        return [np.repeat(source.features[:, :1], 3, axis=1) for source in sources]


def make_source(
    participant: str, bundle: str, *, feature: np.ndarray | None = None, spikes: np.ndarray = SPIKES
) -> LfpInput:
    """One excitatory unit on one feature, which is 0 unless it is given."""
    feature = np.zeros(len(spikes)) if feature is None else feature
    return LfpInput(
        participant=participant,
        session="one",
        bundle=bundle,
        region=None,
        hemisphere=None,
        bin_s=0.005,
        features=feature[:, None].astype(np.float32),
        valid=np.ones(len(spikes), bool),
        discharge=np.zeros(len(spikes), bool),
        segments=(slice(0, len(spikes)),),
        counts=spikes[:, None].astype(np.uint8),
        unit_rows=(0,),
        cell_types=("excitatory",),
    )


def score(training: Sequence[LfpInput], tested: Sequence[LfpInput]) -> FitResult:
    spec = FitSpec(
        protocol="unseen-participant",
        model="logistic",
        fold=0,
        train=tuple(sorted({source.participant for source in training})),
        test=tuple(sorted({source.participant for source in tested})),
        predictor="neighbour",
        full=True,
    )
    model = FirstColumn()
    seen = [TrainingInput(lfp=source, bins=source.valid) for source in training]
    predicted = list(zip(tested, model.predict(tested), strict=True))
    within, controls, rng = SETTINGS.validation.within, SETTINGS.controls, np.random.default_rng(0)
    return score_in_full(spec, within, controls, model, seen, predicted, SETTINGS.seed, rng)


def scored(result: FitResult) -> list[FullScore]:
    """What the result says of each unit."""
    return [unit.full for unit in result.units if unit.full is not None]


def with_six_bundles(participants: int, knows: Callable[[int], bool]) -> list[LfpInput]:
    """Inputs of participants whose LFP either gives every spike of `SPIKES` away, or none."""
    return [
        make_source(f"P{number}", f"B{bundle}", feature=SPIKES * 1.0 if knows(number) else None)
        for number in range(participants)
        for bundle in range(6)
    ]


def test_every_other_participant_counts_once_however_many_bundles_it_has() -> None:
    training = with_six_bundles(5, knows=lambda number: number == 0)
    (unit,) = scored(score(training, [make_source("Q", "B0")]))
    assert unit.swapped == pytest.approx((1.0 + 4 * 0.5) / 5)


def test_test_inputs_meet_different_participants() -> None:
    training = with_six_bundles(20, knows=lambda number: number % 2 == 0)
    units = scored(score(training, [make_source("Q", f"B{bundle}") for bundle in range(8)]))
    assert len({unit.swapped for unit in units}) > 1


def test_who_a_test_input_meets_does_not_depend_on_the_inputs_beside_it() -> None:
    training = with_six_bundles(20, knows=lambda number: number % 2 == 0)
    tested = [make_source("Q", f"B{bundle}") for bundle in range(4)]
    together = [unit.swapped for unit in scored(score(training, tested))]
    alone = [scored(score(training, [source]))[0].swapped for source in reversed(tested)]
    assert together == alone[::-1]


@pytest.fixture(scope="module")
def early() -> UnitScores:
    """Scores of a unit that is silent after the calibration stretch."""
    spikes = SPIKES & (np.arange(1000) < 250)
    (unit,) = scored(score([make_source("P", "B")], [make_source("Q", "B", spikes=spikes)]))
    return unit.scores


def test_a_unit_silent_after_calibration_is_scored_by_roc_auc(early: UnitScores) -> None:
    assert (early.n_spikes, early.roc_auc, early.reason) == (25, 0.5, None)


def test_a_unit_silent_after_calibration_lacks_what_needs_spikes_there(early: UnitScores) -> None:
    assert {getattr(early, metric) for metric in ("bits_per_spike", "pr_auc", "sensitivity", "calibration_slope")} == {
        None
    }


def test_a_unit_silent_throughout_has_a_reason() -> None:
    silent = make_source("Q", "B", spikes=np.zeros(1000, bool))
    (unit,) = scored(score([make_source("P", "B")], [silent]))
    assert (unit.scores.roc_auc, unit.scores.reason) == (None, "no spike in the test stretch")


def test_units_tables_and_evidence_count_the_same_units() -> None:
    cohort = make_cohort(names=BAND_COLUMNS, drives={"theta:trace": 1.5})
    cohort.sessions[0].counts[N_BINS // 4 :] = 0
    sources = cohort.inputs(cohort.participants, "neighbour")
    outcomes = {
        FitGroup(purpose="score", model="logistic"): [score(sources[1:], sources[:1]), score(sources[:1], sources[1:])]
    }
    plan = make_plan(cohort, SETTINGS)
    results, _ = assemble_results(SETTINGS, PROVENANCE, cohort, plan, outcomes, left_out={})
    (row,) = [row for row in results.models if (row.metric, row.cell_type) == ("roc_auc", "all")]
    rows = unit_evidence(outcomes, cohort, SETTINGS, plan)
    n_listed = sum(unit.excluded_reason is None for unit in results.units)
    assert (n_listed, row.n_units, sum(row.roc_auc is not None for row in rows)) == (3, 3, 3)


def test_a_silent_fold_leaves_the_null_of_the_others() -> None:
    spiking, silent = (
        score([make_source("P", "B")], [make_source("Q", "B", spikes=spikes)])
        for spikes in (np.arange(4000) % 10 == 0, np.zeros(4000, bool))
    )
    (outcome,) = full_outcomes([spiking, silent]).values()
    np.testing.assert_array_equal(outcome.null, np.full(SETTINGS.controls.shifts, 0.5))
    assert outcome.p == 1.0


def test_silent_folds_alone_have_no_null() -> None:
    silent = score([make_source("P", "B")], [make_source("Q", "B", spikes=np.zeros(4000, bool))])
    (outcome,) = full_outcomes([silent, silent]).values()
    assert (outcome.null_mean, outcome.p) == (None, None)
