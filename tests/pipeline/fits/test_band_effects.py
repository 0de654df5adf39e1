"""Leave-one-band-out: what each fit sees, and what it is compared with."""

from collections.abc import Mapping

import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.pipeline.findings.unit_outcomes import lobo_deltas
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_result import FitResult
from nwb_spikeinference.pipeline.fits.fit_spec import fit_columns
from nwb_spikeinference.pipeline.fits.group import FitGroup
from nwb_spikeinference.pipeline.fits.plan import StudyPlan, band_names, make_plan
from nwb_spikeinference.pipeline.fits.run_fit import run_fit
from tests.pipeline.planted_cohort import BAND_COLUMNS, BANDS, WIDE_COLUMNS, make_cohort

SETTINGS = StudySettings.model_validate(
    {
        "sessions": ["x"],
        "validation": {"folds": 3},
        "lobo": {"models": ["logistic"], "only": True},
        "controls": {"shifts": 20, "own_wire": False},
    }
)


SCORED = FitGroup(purpose="score", model="logistic")
ALL_BANDS = FitGroup(purpose="all-bands", model="logistic")
WITHOUT = {band: FitGroup(purpose="without-band", model="logistic", band=band) for band in BANDS}
THETA_ALONE = FitGroup(purpose="band-alone", model="logistic", band="theta")


def seen_by(group: FitGroup, cohort: Cohort) -> set[tuple[str, ...]]:
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


def run_logistic(cohort: Cohort) -> Mapping[FitGroup, list[FitResult]]:
    """Every fit of the logistic baseline to other participants."""
    plan: StudyPlan = make_plan(cohort, SETTINGS)
    return {
        group: [run_fit(spec, cohort, SETTINGS) for spec in fits]
        for group, fits in plan.groups.items()
        if group.model == "logistic" and group.protocol == "unseen-participant"
    }


@pytest.fixture(scope="module")
def outcomes(cohort: Cohort) -> Mapping[FitGroup, list[FitResult]]:
    return run_logistic(cohort)


def test_bands_are_named_once_and_without_those_of_the_whole_spectrum(cohort: Cohort) -> None:
    assert band_names(cohort) == ("theta", "low_gamma")


def test_the_main_fits_see_every_feature(cohort: Cohort) -> None:
    assert seen_by(SCORED, cohort) == {BAND_COLUMNS + WIDE_COLUMNS}


@pytest.mark.parametrize(
    ("group", "columns"),
    [
        (ALL_BANDS, BAND_COLUMNS),
        (WITHOUT["theta"], BAND_COLUMNS[3:]),
        (WITHOUT["low_gamma"], BAND_COLUMNS[:3]),
        (THETA_ALONE, BAND_COLUMNS[:3]),
    ],
)
def test_fits_that_weigh_bands_see_nothing_of_the_whole_spectrum(
    group: FitGroup, columns: tuple[str, ...], cohort: Cohort
) -> None:
    assert seen_by(group, cohort) == {columns}


@pytest.mark.parametrize(
    ("group", "bands"),
    [
        (SCORED, ((0, 1, 2), (3, 4, 5))),
        (WITHOUT["theta"], ((3, 4, 5),)),
        (THETA_ALONE, ((0, 1, 2),)),
    ],
)
def test_fits_know_which_of_their_columns_are_of_one_band(
    group: FitGroup, bands: tuple[tuple[int, ...], ...], cohort: Cohort
) -> None:
    for spec in make_plan(cohort, SETTINGS).groups[group]:
        assert fit_columns(spec, cohort.feature_names).bands == bands


def test_without_wide_band_features_the_main_fits_are_what_drops_are_compared_with() -> None:
    groups = make_plan(make_cohort(names=BAND_COLUMNS, drives={}), SETTINGS).groups
    assert ALL_BANDS not in groups
    assert len(groups[WITHOUT["theta"]]) == 3


def test_a_band_left_out_cannot_hide_in_a_wide_band_feature(
    cohort: Cohort, outcomes: Mapping[FitGroup, list[FitResult]]
) -> None:
    drops = lobo_deltas(outcomes, "logistic", "drop", band_names(cohort))["theta"]
    assert len(drops) == 3
    assert min(drops.values()) > 0.1


def test_what_only_wide_band_features_know_is_no_drop_of_any_band(
    cohort: Cohort, outcomes: Mapping[FitGroup, list[FitResult]]
) -> None:
    drops = lobo_deltas(outcomes, "logistic", "drop", band_names(cohort))["low_gamma"]
    assert max(abs(drop) for drop in drops.values()) < 0.02


def test_a_band_alone_gains_nothing_from_wide_band_features(
    cohort: Cohort, outcomes: Mapping[FitGroup, list[FitResult]]
) -> None:
    gains = lobo_deltas(outcomes, "logistic", "only", band_names(cohort))["low_gamma"]
    assert max(abs(gain) for gain in gains.values()) < 0.06


@pytest.mark.parametrize("names", [BAND_COLUMNS, BAND_COLUMNS + WIDE_COLUMNS], ids=["bands", "bands and wide-band"])
def test_leaving_out_a_silent_band_costs_nothing_at_all(names: tuple[str, ...]) -> None:
    cohort = make_cohort(names=names, drives={"theta:trace": 1.0}, silent=BAND_COLUMNS[3:])
    drops = lobo_deltas(run_logistic(cohort), "logistic", "drop", band_names(cohort))["low_gamma"]
    assert max(abs(drop) for drop in drops.values()) < 1e-4
