"""H3 at the borders of its rules: what tells 90 % from 95 % intervals, one share of units from another, p from 2 p."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from scipy.stats import t as student_t

from nwb_spikeinference.evaluation.evidence import UnitEvidence
from nwb_spikeinference.records import HypothesisRecord
from tests.evaluation.conftest import CONTEXT, judge, spread

Gap = Callable[[UnitEvidence], float]
NONE = spread(0.0)
LOST = spread(-0.1)
# Standard errors. The margin of 0.02 is 2 of the first, so 90 % of its interval stays inside; and 1.74 of the second.
INSIDE, OUTSIDE = 0.0100, 0.0115
EXACT = 0.125  # a margin whose sums are free of rounding


def transfer_of(
    planted: SimpleNamespace,
    *,
    gap: Gap = NONE,
    beyond: Gap = NONE,
    home: Gap = NONE,
    trained: tuple[int, int],
    margin: float = CONTEXT.margin,
) -> HypothesisRecord:
    """
    Judge a transferred model by what it gains where.

    Over the models of the tested places, `gap`; over that of all places, `beyond`, and `home` where it was trained.
    """

    def gains(row: UnitEvidence) -> float:
        return home(row) if planted.context.is_training_place(row) else gap(row)

    def ahead_of_all(row: UnitEvidence) -> float:
        return home(row) if planted.context.is_training_place(row) else beyond(row)

    rows = planted.make_rows(
        transfer_roc_auc=lambda row: 0.75 + gains(row),
        within_roc_auc=lambda row: 0.75,
        all_places_roc_auc=lambda row: 0.75 + gains(row) - ahead_of_all(row),
        transfer_train_units=lambda row: trained[0],
        within_train_units=lambda row: trained[1],
    )
    return judge(rows, replace(planted.context, margin=margin))["H3"]


@pytest.mark.parametrize(("error", "verdict"), [(INSIDE, "supported"), (OUTSIDE, "inconclusive")])
def test_transfer_is_not_worse_if_the_ninety_percent_interval_of_the_gap_lies_above_the_margin(
    planted: SimpleNamespace, error: float, verdict: str
) -> None:
    found = transfer_of(planted, gap=spread(0, error), trained=(60, 20))
    assert found.verdict == verdict
    assert found.reason.endswith("; neither equivalent nor clearly worse") == (verdict == "inconclusive")


@pytest.mark.parametrize(("error", "verdict"), [(INSIDE, "supported"), (OUTSIDE, "inconclusive")])
def test_transfer_keeps_up_with_all_places_if_the_ninety_percent_interval_lies_above_the_margin(
    planted: SimpleNamespace, error: float, verdict: str
) -> None:
    found = transfer_of(planted, beyond=spread(0, error), trained=(60, 20))
    assert found.verdict == verdict
    assert ("not shown to keep up with training at all places" in found.reason) == (verdict == "inconclusive")


@pytest.mark.parametrize(("mean", "verdict"), [(-0.0115, "supported"), (-0.0125, "not-supported")])
def test_transfer_is_clearly_worse_only_if_the_ninety_percent_interval_reaches_the_margin(
    planted: SimpleNamespace, mean: float, verdict: str
) -> None:
    found = transfer_of(planted, gap=spread(mean, 0.0045), trained=(20, 20))
    assert found.high is not None
    assert found.high < 0
    assert found.verdict == verdict


@pytest.mark.parametrize(("error", "verdict"), [(INSIDE, "not-supported"), (OUTSIDE, "inconclusive")])
def test_few_units_were_enough_if_the_ninety_percent_interval_at_home_lies_above_the_margin(
    planted: SimpleNamespace, error: float, verdict: str
) -> None:
    found = transfer_of(planted, gap=LOST, home=spread(0, error), trained=(20, 60))
    assert found.verdict == verdict


@pytest.mark.parametrize(("units", "verdict"), [(80, "not-supported"), (79, "inconclusive")])
def test_a_worse_model_of_four_fifths_of_the_units_is_worse_for_its_place(
    planted: SimpleNamespace, units: int, verdict: str
) -> None:
    assert transfer_of(planted, gap=LOST, home=LOST, trained=(units, 100)).verdict == verdict


@pytest.mark.parametrize(("units", "verdict"), [(80, "supported"), (79, "inconclusive")])
def test_models_of_four_fifths_of_the_units_are_a_yardstick(planted: SimpleNamespace, units: int, verdict: str) -> None:
    assert transfer_of(planted, beyond=LOST, trained=(100, units)).verdict == verdict


def test_a_loss_of_exactly_the_margin_is_clearly_worse_though_no_place_is_worse_by_more(
    planted: SimpleNamespace,
) -> None:
    found = transfer_of(planted, gap=spread(-EXACT), trained=(20, 20), margin=EXACT)
    assert found.verdict == "not-supported"
    assert "; transfer is clearly worse (-0.125)" in found.reason


def test_a_model_that_loses_exactly_the_margin_to_that_of_all_places_does_not_keep_up(planted: SimpleNamespace) -> None:
    found = transfer_of(planted, beyond=spread(-EXACT), trained=(60, 20), margin=EXACT)
    assert "; not worse than training at the tested places, which had fewer units, and not shown" in found.reason


def test_a_loss_of_exactly_the_margin_at_home_does_not_show_that_few_units_were_enough(
    planted: SimpleNamespace,
) -> None:
    found = transfer_of(planted, gap=spread(-2 * EXACT), home=spread(-EXACT), trained=(20, 60), margin=EXACT)
    assert found.verdict == "inconclusive"


def test_a_worse_model_of_fewer_units_names_the_first_place_where_it_is_worse(planted: SimpleNamespace) -> None:
    found = transfer_of(planted, gap=LOST, home=LOST, trained=(20, 60))
    assert "transfer to left amygdala is clearly worse (-0.100), but the transferred model learned" in found.reason


def from_scores(planted: SimpleNamespace, transferred: Gap, local: Gap) -> HypothesisRecord:
    """Judge a transferred model by its scores elsewhere and those of models of the places, without any other."""
    rows = planted.make_rows(
        transfer_roc_auc=transferred,
        within_roc_auc=local,
        transfer_train_units=lambda row: 20,
        within_train_units=lambda row: 20,
    )
    return judge(rows, planted.context)["H3"]


@pytest.mark.parametrize(("transferred", "local"), [(0.5, 0.5), (0.5, 0.51), (0.51, 0.5)])
def test_scores_of_exactly_one_half_leave_nothing_to_transfer(
    planted: SimpleNamespace, transferred: float, local: float
) -> None:
    found = from_scores(planted, spread(transferred), spread(local))
    assert found.verdict == "inconclusive"
    assert found.reason.endswith("; without scores above 0.5 there is nothing to transfer")


@pytest.mark.parametrize("errors", [(0.0045, 0.0), (0.0, 0.0045)])
def test_p_of_transfer_is_no_smaller_than_that_of_either_score_being_above_one_half(
    planted: SimpleNamespace, errors: tuple[float, float]
) -> None:
    found = from_scores(planted, spread(0.511, errors[0]), spread(0.511, errors[1]))
    assert found.verdict == "supported"
    assert found.p_holm == pytest.approx(2 * student_t.sf(0.011 / 0.0045, 11), abs=0.003)


def test_p_is_doubled_where_either_of_two_conditions_may_support_transfer(planted: SimpleNamespace) -> None:
    found = transfer_of(planted, gap=spread(0, INSIDE), beyond=LOST, trained=(20, 20))
    assert found.p_holm == pytest.approx(2 * student_t.sf(2, 11), abs=0.003)
    assert found.verdict == "inconclusive"
    assert "equivalent; does not survive the correction for 1 tested" in found.reason


def test_equivalence_needs_no_model_of_all_places(planted: SimpleNamespace) -> None:
    assert from_scores(planted, spread(0.7, 0.001), spread(0.7)).verdict == "supported"


def test_p_is_not_doubled_where_one_condition_decides(planted: SimpleNamespace) -> None:
    found = transfer_of(planted, gap=spread(0, INSIDE), trained=(60, 20))
    assert found.p_holm == pytest.approx(student_t.sf(2, 11), abs=0.003)
