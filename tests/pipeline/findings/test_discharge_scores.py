"""Scores with and without the bins around interictal discharges."""

from collections.abc import Mapping

import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.metrics import roc_auc
from nwb_spikeinference.pipeline.findings.assemble_results import assemble_results
from nwb_spikeinference.pipeline.findings.flags_of_data import leaves_discharges_out, pipeline_flags
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_result import FitResult
from nwb_spikeinference.pipeline.fits.group import FitGroup
from nwb_spikeinference.pipeline.fits.plan import make_plan
from nwb_spikeinference.pipeline.fits.run_fit import run_fit
from nwb_spikeinference.records import ModelRecord, Protocol, Provenance, Results, UnitModelScore
from tests.pipeline.planted_cohort import BAND_COLUMNS, N_BINS, make_cohort

SETTINGS = StudySettings.model_validate(
    {
        "sessions": ["x"],
        "validation": {"folds": 3},
        "lobo": {"mode": "off"},
        "controls": {"shifts": 20, "own_wire": False},
    }
)
PROVENANCE = Provenance(
    version="0", git=None, settings={}, inputs=(), seeds=(0,), started="2000-01-01", seconds=1.0, devices=("CPU",)
)
PROTOCOLS: tuple[Protocol, ...] = ("unseen-participant", "within-session")
GROUPS = [FitGroup(purpose="score", model=model, protocol=one) for model in ("logistic", "rate") for one in PROTOCOLS]
Found = tuple[Results, tuple[UnitModelScore, ...]]


def run_baselines(cohort: Cohort) -> Mapping[FitGroup, list[FitResult]]:
    groups = make_plan(cohort, SETTINGS).groups
    return {group: [run_fit(spec, cohort, SETTINGS) for spec in groups[group]] for group in GROUPS}


def assemble(cohort: Cohort) -> Found:
    return assemble_results(
        SETTINGS, PROVENANCE, cohort, make_plan(cohort, SETTINGS), run_baselines(cohort), left_out={}
    )


def rows_of(results: Results, metric: str) -> dict[tuple[str, str], ModelRecord]:
    return {(row.protocol, row.model): row for row in results.models if (row.metric, row.cell_type) == (metric, "all")}


@pytest.fixture(scope="module")
def with_discharges() -> Cohort:
    """A fifth of the recording is left out for discharges; there the units fire against what drives them elsewhere."""
    return make_cohort(names=BAND_COLUMNS, drives={"theta:trace": 1.5}, discharge=slice(3000, 3800))


@pytest.fixture(scope="module")
def found(with_discharges: Cohort) -> Found:
    return assemble(with_discharges)


@pytest.fixture(scope="module")
def found_without() -> Found:
    return assemble(make_cohort(names=BAND_COLUMNS, drives={"theta:trace": 1.5}))


def test_an_unseen_unit_is_scored_on_valid_bins_and_beside_that_on_discharges_too(with_discharges: Cohort) -> None:
    spec = make_plan(with_discharges, SETTINGS).groups[GROUPS[0]][0]
    result = run_fit(spec, with_discharges, SETTINGS)
    (unit,), log_odds = result.units, result.predictions[0].log_odds[:, 0]
    (source,) = with_discharges.inputs(spec.test, "neighbour")
    counts = source.counts[:, 0]
    assert unit.full is not None
    without, with_them = unit.full.scores.roc_auc, unit.full.with_discharges
    assert without == roc_auc(log_odds[source.valid], counts[source.valid])
    assert with_them == roc_auc(log_odds, counts)
    assert with_them < without - 0.05


def test_models_are_reported_with_discharges_under_both_protocols(found: Found) -> None:
    rows = rows_of(found[0], "roc_auc_with_discharges")
    assert set(rows) == {("unseen-participant", "logistic"), ("within-session", "logistic")}


def test_both_means_rest_on_the_same_units(found: Found) -> None:
    with_them, without = rows_of(found[0], "roc_auc_with_discharges"), rows_of(found[0], "roc_auc")
    assert {row.n_units for row in with_them.values()} == {3}
    assert all(row.mean < without[key].mean - 0.05 for key, row in with_them.items())


def test_each_unit_has_its_score_with_discharges(found: Found) -> None:
    rows = [row for row in found[1] if row.metric == "roc_auc_with_discharges" and row.model == "logistic"]
    assert len(rows) == 6
    assert all(row.value is not None for row in rows)


def test_a_study_without_discharges_has_no_such_score_and_no_such_flag(found_without: Found) -> None:
    results, scores = found_without
    assert rows_of(results, "roc_auc_with_discharges") == {}
    assert "roc_auc_with_discharges" not in {row.metric for row in scores}
    assert "discharges" not in {flag.id for flag in results.flags}


def test_the_flag_says_how_many_discharges_and_how_much_time(with_discharges: Cohort) -> None:
    flags = pipeline_flags(with_discharges, make_plan(with_discharges, SETTINGS), SETTINGS)
    (flag,) = [flag for flag in flags if flag.id == "discharges"]
    assert (flag.severity, flag.where) == ("info", "study")
    assert flag.message.startswith("9 interictal discharges in 3 bundles of 3 participants: ")
    assert f"{800 / N_BINS:.1%} of their time" in flag.message


def test_discharges_that_are_not_left_out_are_named_and_not_scored_apart(with_discharges: Cohort) -> None:
    kept = SETTINGS.model_validate({"sessions": ["x"], "signal": {"exclude_discharges": False}})
    flags = pipeline_flags(with_discharges, make_plan(with_discharges, kept), kept)
    (flag,) = [flag for flag in flags if flag.id == "discharges"]
    assert flag.message.endswith("trains and scores like the rest (signal.exclude_discharges: false)")
    assert not leaves_discharges_out(with_discharges, kept.signal)


def test_bundles_that_seem_to_discharge_most_of_the_time_are_none_and_are_named_once() -> None:
    cohort = make_cohort(names=BAND_COLUMNS, drives={}, discharge=slice(0, N_BINS // 2 + 1))
    assert not leaves_discharges_out(cohort, SETTINGS.signal)
    flags = pipeline_flags(cohort, make_plan(cohort, SETTINGS), SETTINGS)
    (flag,) = [flag for flag in flags if flag.id in ("bursts", "discharges")]
    assert flag.message.startswith("in 3 bundles 50% to 50% of the time lies around supposed discharges: kept")
