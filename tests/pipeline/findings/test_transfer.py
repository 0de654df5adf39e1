"""Transfer beside training at the tested place: known worlds, from the trainings to the verdict."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.pipeline.findings.assemble_results import assemble_results
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_result import FitResult
from nwb_spikeinference.pipeline.fits.group import FitGroup
from nwb_spikeinference.pipeline.fits.plan import make_plan
from nwb_spikeinference.pipeline.fits.run_fit import run_fit
from nwb_spikeinference.records import HypothesisRecord, Provenance, Results, TransferRecord
from tests.pipeline.planted_cohort import BAND_COLUMNS, make_cohort, moved_to

SETTINGS = StudySettings.model_validate(
    {
        "sessions": ["x"],
        "model": {"name": "logistic"},
        "baselines": [],
        "validation": {"folds": 3},
        "lobo": {"mode": "off"},
        "controls": {"shifts": 20, "own_wire": False},
    }
)
PROVENANCE = Provenance(
    version="0", git=None, settings={}, inputs=(), seeds=(0,), started="2000-01-01", seconds=1.0, devices=("CPU",)
)
PEOPLE = tuple(f"P{number:02d}" for number in range(18))
AT_HOME, ELSEWHERE, ACROSS = PEOPLE[:6], PEOPLE[6:12], PEOPLE[12:]


def three_places(*, drive_in_amygdala: float) -> Cohort:
    """Six units each in the left and the right hippocampus, driven by theta, and six in the right amygdala."""
    home, away = (
        make_cohort(participants=PEOPLE, names=BAND_COLUMNS[:3], drives={"theta:trace": drive})
        for drive in (1.0, drive_in_amygdala)
    )
    amygdala = moved_to(away, ELSEWHERE, "amygdala", "right")
    across = moved_to(home, ACROSS, "hippocampus", "right")
    return replace(home, sessions=(*home.sessions[:6], *amygdala.sessions[6:12], *across.sessions[12:]))


def run(cohort: Cohort) -> Results:
    plan = make_plan(cohort, SETTINGS)
    done: Mapping[object, FitResult] = {
        spec: run_fit(spec, cohort, SETTINGS) for spec in plan.specs() if spec.protocol == "unseen-participant"
    }
    outcomes = {group: [done[spec] for spec in fits if spec in done] for group, fits in plan.groups.items()}
    return assemble_results(SETTINGS, PROVENANCE, cohort, plan, outcomes, left_out={})[0]


@pytest.fixture(scope="module")
def alike() -> Results:
    return run(three_places(drive_in_amygdala=1.0))


@pytest.fixture(scope="module")
def inverted() -> Results:
    """Like the simulator's world `polarity`, but with amplitudes inverted in the amygdala alone."""
    return run(three_places(drive_in_amygdala=-1.0))


def amygdala(results: Results) -> TransferRecord:
    return next(row for row in results.transfer if (row.test_region, row.cell_type) == ("amygdala", "all"))


def third(results: Results) -> HypothesisRecord:
    return next(one for one in results.hypotheses if one.id == "H3")


def test_one_relation_at_all_places_transfers(alike: Results) -> None:
    found = amygdala(alike)
    assert found.within_roc_auc == pytest.approx(found.roc_auc, abs=0.02)
    assert found.roc_auc > 0.7
    assert third(alike).verdict == "supported"
    assert third(alike).effect == pytest.approx(0, abs=0.02)


def test_inverted_amplitudes_turn_transfer_below_one_half_and_do_not_support_it(inverted: Results) -> None:
    found = amygdala(inverted)
    assert found.roc_auc < 0.3
    assert third(inverted).verdict == "not-supported"
    assert "the relation runs the other way" in third(inverted).reason


def test_the_tested_place_is_learned_at_the_tested_place_alone(inverted: Results) -> None:
    found = amygdala(inverted)
    assert found.within_roc_auc is not None
    assert found.all_places_roc_auc is not None
    assert found.within_roc_auc > 0.7
    assert found.within_roc_auc > found.all_places_roc_auc + 0.1  # which learned from both polarities


def test_records_say_from_how_many_units_the_models_learned(alike: Results) -> None:
    folds = {name: fold for fold in alike.folds for name in fold.held_out}
    home = [len(set(AT_HOME) - set(folds[name].held_out)) for name in ELSEWHERE]
    own = [len(set(ELSEWHERE) - set(folds[name].held_out)) for name in ELSEWHERE]
    found = amygdala(alike)
    assert (found.train_units, found.within_train_units) == (round(sum(home) / 6), round(sum(own) / 6))


def test_where_the_model_was_trained_both_scores_are_of_one_training(alike: Results) -> None:
    found = next(row for row in alike.transfer if (row.test_hemisphere, row.cell_type) == ("left", "all"))
    assert (found.within_roc_auc, found.within_train_units) == (pytest.approx(found.roc_auc), found.train_units)


def test_a_place_of_two_participants_has_no_model_of_its_own() -> None:
    cohort = moved_to(make_cohort(participants=PEOPLE, drives={}), PEOPLE[:2], "amygdala", "right")
    homes = [group for group in make_plan(cohort, SETTINGS).groups if group.purpose == "home"]
    assert homes == [FitGroup(purpose="home", model="logistic", place=("hippocampus", "left"))]


def test_no_participant_of_the_tested_place_trains_the_model_that_tests_them() -> None:
    groups = make_plan(three_places(drive_in_amygdala=1.0), SETTINGS).groups
    home = FitGroup(purpose="home", model="logistic", place=("amygdala", "right"))
    assert all(not set(fit.train) & set(fit.test) for fit in groups[home])


def test_without_units_at_the_place_to_train_on_nothing_is_transferred() -> None:
    cohort = moved_to(make_cohort(participants=PEOPLE, drives={}), PEOPLE, "amygdala", "right")
    assert not [group for group in make_plan(cohort, SETTINGS).groups if group.purpose in ("home", "transfer")]
