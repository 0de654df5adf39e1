"""Which trainings a study consists of, whatever its main model."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.pipeline.findings.assemble_results import assemble_results
from nwb_spikeinference.pipeline.findings.flags_of_data import pipeline_flags
from nwb_spikeinference.pipeline.findings.unit_outcomes import lobo_deltas, unit_evidence
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_result import UnitFit
from nwb_spikeinference.pipeline.fits.group import FitGroup
from nwb_spikeinference.pipeline.fits.plan import judged_lobo_model, make_plan
from nwb_spikeinference.pipeline.fits.run_fit import run_fit
from nwb_spikeinference.records import Provenance
from tests.pipeline.planted_cohort import BAND_COLUMNS, WIDE_COLUMNS, make_cohort


def make_settings(**changes: Any) -> StudySettings:
    fixed = {"sessions": ["x"], "validation": {"folds": 3}, "controls": {"shifts": 20, "thin_draws": 1}}
    return StudySettings.model_validate(fixed | changes)


UNSEEN = FitGroup(purpose="score", model="logistic")
WITHIN = FitGroup(purpose="score", model="logistic", protocol="within-session")
OWN_WIRE = FitGroup(purpose="own-wire", model="logistic")
COMPARED = FitGroup(purpose="compare", model="logistic")
ABLATION = {"model": {"name": "logistic", "band_dropout": 0.15}, "baselines": [], "lobo": {"mode": "ablate"}}


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return make_cohort(names=BAND_COLUMNS, drives={"theta:trace": 1.0})


@pytest.mark.parametrize("baselines", [[], ["logistic"], ["rate", "logistic"]])
def test_logistic_as_the_main_model_is_trained_once(cohort: Cohort, baselines: list[str]) -> None:
    settings = make_settings(model={"name": "logistic"}, baselines=baselines)
    plan = make_plan(cohort, settings)
    assert set(Counter(plan.specs()).values()) == {1}
    assert COMPARED not in plan.groups
    assert settings.lobo_models() == ("logistic",)
    assert judged_lobo_model(settings) == "logistic"


@pytest.mark.parametrize("name", ["bilstm", "gradient-boosting"])
def test_another_main_model_has_logistic_regression_to_compare_with(cohort: Cohort, name: str) -> None:
    groups = make_plan(cohort, make_settings(model={"name": name}, baselines=["rate"])).groups
    of_model = {FitGroup(purpose="score", model=name), FitGroup(purpose="transfer", model=name)}
    assert {COMPARED, OWN_WIRE, *of_model} <= set(groups)
    assert UNSEEN not in groups


def raise_heads(unit: UnitFit) -> UnitFit:
    return replace(unit, heads={head: (auc or 0) + 0.1 for head, auc in unit.heads.items()})


def test_logistic_as_the_main_model_is_not_compared_with_itself(cohort: Cohort) -> None:
    settings = make_settings(model={"name": "logistic"}, baselines=["logistic"], lobo={"mode": "off"})
    plan = make_plan(cohort, settings)
    scored = [run_fit(spec, cohort, settings) for spec in plan.groups[UNSEEN]]
    raised = [replace(fit, units=tuple(raise_heads(unit) for unit in fit.units)) for fit in scored]
    rows = unit_evidence({UNSEEN: scored, OWN_WIRE: raised}, cohort, settings, plan)
    assert {row.baseline_roc_auc for row in rows} == {None}
    for row in rows:  # the own wire is still compared with the neighbours
        assert row.own_wire_roc_auc == pytest.approx((row.roc_auc or 0) + 0.1)


def test_ablation_trains_nothing_without_a_band(cohort: Cohort) -> None:
    groups = make_plan(cohort, make_settings(**ABLATION)).groups
    assert not [group for group in groups if group.purpose in ("without-band", "band-alone", "all-bands")]


def test_ablation_beside_wide_band_features_is_compared_with_bands_alone() -> None:
    groups = make_plan(make_cohort(names=BAND_COLUMNS + WIDE_COLUMNS, drives={}), make_settings(**ABLATION)).groups
    assert [(fit.bands_only, fit.full) for fit in groups[FitGroup(purpose="all-bands", model="logistic")]] == [
        (True, True)
    ] * 3


def test_drops_of_ablated_bands_are_read_from_the_trained_model(cohort: Cohort) -> None:
    settings = make_settings(**ABLATION)
    plan = make_plan(cohort, settings)
    outcomes = {group: [run_fit(spec, cohort, settings) for spec in plan.groups[group]] for group in (UNSEEN, WITHIN)}
    drops = lobo_deltas(outcomes, "logistic", "drop", ("theta", "low_gamma"))
    assert min(drops["theta"].values()) > 0.1
    assert max(abs(drop) for drop in drops["low_gamma"].values()) < 0.02
    provenance = Provenance(
        version="0", git=None, settings={}, inputs=(), seeds=(0,), started="2000", seconds=1.0, devices=("CPU",)
    )
    results, _ = assemble_results(settings, provenance, cohort, plan, outcomes, left_out={})
    assert {(row.band, row.mode) for row in results.lobo} == {("theta", "drop"), ("low_gamma", "drop")}
    assert "lobo-mode" in {flag.id for flag in results.flags}


def test_retrained_bands_need_no_notice(cohort: Cohort) -> None:
    settings = make_settings()
    assert "lobo-mode" not in {flag.id for flag in pipeline_flags(cohort, make_plan(cohort, settings), settings)}
