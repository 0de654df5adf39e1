"""Leave-one-band-out: what each fit sees, and what it is compared with."""

from collections.abc import Mapping

import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.pipeline.findings.unit_outcomes import lobo_deltas
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_spec import fit_columns
from nwb_spikeinference.pipeline.fits.plan import StudyPlan, band_names, make_plan
from nwb_spikeinference.pipeline.fits.run_fit import run_fit
from nwb_spikeinference.pipeline.tasks.store import TaskResult
from tests.pipeline.planted_cohort import BAND_COLUMNS, WIDE_COLUMNS, make_cohort

SETTINGS = StudySettings.model_validate(
    {
        "sessions": ["x"],
        "validation": {"folds": 3},
        "lobo": {"models": ["logistic"], "only": True},
        "controls": {"shifts": 20, "own_wire": False},
    }
)


def seen_by(group: str, cohort: Cohort) -> set[tuple[str, ...]]:
    """Columns that the fits of a group see, by name."""
    fits = make_plan(cohort, SETTINGS).groups[group]
    return {
        tuple(cohort.feature_names[column] for column in fit_columns(spec, cohort.feature_names).shown) for spec in fits
    }


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    """Theta drives the units and stands in a wide-band feature again; another wide-band feature drives them too."""
    return make_cohort(
        drives={"theta:trace": 1.0, "wide:aperiodic_exponent": 1.0}, copies={"wide:motor_potential": "theta:trace"}
    )


def run_logistic(cohort: Cohort) -> Mapping[str, list[TaskResult]]:
    """Every fit of the logistic baseline to other participants."""
    plan: StudyPlan = make_plan(cohort, SETTINGS)
    return {
        group: [run_fit(spec, cohort, SETTINGS) for spec in fits]
        for group, fits in plan.groups.items()
        if "logistic" in group and not group.startswith("within")
    }


@pytest.fixture(scope="module")
def outcomes(cohort: Cohort) -> Mapping[str, list[TaskResult]]:
    return run_logistic(cohort)


def test_bands_are_named_once_and_without_those_of_the_whole_spectrum(cohort: Cohort) -> None:
    assert band_names(cohort) == ("theta", "low_gamma")


def test_the_main_fits_see_every_feature(cohort: Cohort) -> None:
    assert seen_by("unseen/logistic", cohort) == {BAND_COLUMNS + WIDE_COLUMNS}


@pytest.mark.parametrize(
    ("group", "columns"),
    [
        ("bands/logistic", BAND_COLUMNS),
        ("drop/logistic/theta", BAND_COLUMNS[3:]),
        ("drop/logistic/low_gamma", BAND_COLUMNS[:3]),
        ("only/logistic/theta", BAND_COLUMNS[:3]),
    ],
)
def test_fits_that_weigh_bands_see_nothing_of_the_whole_spectrum(
    group: str, columns: tuple[str, ...], cohort: Cohort
) -> None:
    assert seen_by(group, cohort) == {columns}


@pytest.mark.parametrize(
    ("group", "bands"),
    [
        ("unseen/logistic", ((0, 1, 2), (3, 4, 5))),
        ("drop/logistic/theta", ((3, 4, 5),)),
        ("only/logistic/theta", ((0, 1, 2),)),
    ],
)
def test_fits_know_which_of_their_columns_are_of_one_band(
    group: str, bands: tuple[tuple[int, ...], ...], cohort: Cohort
) -> None:
    for spec in make_plan(cohort, SETTINGS).groups[group]:
        assert fit_columns(spec, cohort.feature_names).bands == bands


def test_without_wide_band_features_the_main_fits_are_what_drops_are_compared_with() -> None:
    groups = make_plan(make_cohort(names=BAND_COLUMNS, drives={}), SETTINGS).groups
    assert "bands/logistic" not in groups
    assert len(groups["drop/logistic/theta"]) == 3


def test_a_band_left_out_cannot_hide_in_a_wide_band_feature(
    cohort: Cohort, outcomes: Mapping[str, list[TaskResult]]
) -> None:
    drops = lobo_deltas(outcomes, "logistic", "drop", band_names(cohort))["theta"]
    assert len(drops) == 3
    assert min(drops.values()) > 0.1


def test_what_only_wide_band_features_know_is_no_drop_of_any_band(
    cohort: Cohort, outcomes: Mapping[str, list[TaskResult]]
) -> None:
    drops = lobo_deltas(outcomes, "logistic", "drop", band_names(cohort))["low_gamma"]
    assert max(abs(drop) for drop in drops.values()) < 0.02


def test_a_band_alone_gains_nothing_from_wide_band_features(
    cohort: Cohort, outcomes: Mapping[str, list[TaskResult]]
) -> None:
    gains = lobo_deltas(outcomes, "logistic", "only", band_names(cohort))["low_gamma"]
    assert max(abs(gain) for gain in gains.values()) < 0.06


@pytest.mark.parametrize("names", [BAND_COLUMNS, BAND_COLUMNS + WIDE_COLUMNS], ids=["bands", "bands and wide-band"])
def test_leaving_out_a_silent_band_costs_nothing_at_all(names: tuple[str, ...]) -> None:
    cohort = make_cohort(names=names, drives={"theta:trace": 1.0}, silent=BAND_COLUMNS[3:])
    drops = lobo_deltas(run_logistic(cohort), "logistic", "drop", band_names(cohort))["low_gamma"]
    assert max(abs(drop) for drop in drops.values()) < 1e-4
