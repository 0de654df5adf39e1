"""H1 and H2: verdicts on cell types; and the correction of all four."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from nwb_spikeinference.evaluation.evidence import UnitEvidence
from nwb_spikeinference.evaluation.hypotheses import judge_hypotheses
from tests.evaluation.conftest import judge, strong_rows

Gap = Callable[[UnitEvidence], float]


def heads(planted: SimpleNamespace, own: float, other: float) -> object:
    def score(row: UnitEvidence) -> dict[str, float]:
        flipped = "inhibitory" if row.cell_type == "excitatory" else "excitatory"
        return {row.cell_type: planted.noisy(own, 1)(row), flipped: planted.noisy(other, 2)(row)}

    return score


def test_heads_that_know_their_type_support_separable_patterns(planted: SimpleNamespace) -> None:
    found = judge(planted.make_rows(head_roc_auc=heads(planted, 0.62, 0.58)), planted.context)["H1"]
    assert found.verdict == "supported"
    assert found.effect == pytest.approx(0.04, abs=0.01)


def test_heads_without_a_difference_do_not(planted: SimpleNamespace) -> None:
    assert (
        judge(planted.make_rows(head_roc_auc=heads(planted, 0.6, 0.6)), planted.context)["H1"].verdict
        == "not-supported"
    )


def gaps_of_heads(planted: SimpleNamespace, excitatory: Gap, inhibitory: Gap) -> list[UnitEvidence]:
    """Units whose own head is ahead of the other by so much."""

    def score(row: UnitEvidence) -> dict[str, float]:
        gap = (excitatory if row.cell_type == "excitatory" else inhibitory)(row)
        return {"excitatory": 0.5, "inhibitory": 0.5, row.cell_type: 0.5 + gap}

    rows: list[UnitEvidence] = planted.make_rows(head_roc_auc=score)
    return rows


def test_the_effect_of_separable_patterns_is_that_of_the_type_which_shows_it_less(planted: SimpleNamespace) -> None:
    found = judge(gaps_of_heads(planted, planted.spread(0.04, 0.001), planted.spread(0.03, 0.001)), planted.context)
    assert (found["H1"].effect, found["H1"].low) == (pytest.approx(0.03), pytest.approx(0.03 - 0.0022, abs=1e-4))
    assert "excitatory: +0.040 [" in found["H1"].reason
    assert "; inhibitory: +0.030 [" in found["H1"].reason


def test_heads_that_differ_by_nothing_at_all_are_not_supported(planted: SimpleNamespace) -> None:
    rows = gaps_of_heads(planted, planted.spread(0), planted.spread(0))
    assert judge(rows, planted.context)["H1"].verdict == "not-supported"


@pytest.mark.parametrize(("error", "verdict"), [(0.0045, "not-supported"), (0.0060, "inconclusive")])
def test_an_effect_is_excluded_if_the_interval_ends_below_the_margin(
    planted: SimpleNamespace, error: float, verdict: str
) -> None:
    rows = gaps_of_heads(planted, planted.spread(0.04, 0.001), planted.spread(0.008, error))
    assert judge(rows, planted.context)["H1"].verdict == verdict


@pytest.mark.parametrize("scored", ["excitatory", "inhibitory"])
def test_units_that_lack_scores_by_both_heads_are_named(planted: SimpleNamespace, scored: str) -> None:
    rows = [
        row for row in gaps_of_heads(planted, planted.spread(0.04), planted.spread(0.04)) if row.cell_type == scored
    ]
    found = judge(rows, planted.context)["H1"]
    lacking = {"excitatory": "inhibitory", "inhibitory": "excitatory"}[scored]
    assert found.reason == f"{lacking} units with scores by both heads: 0 participants, 5 needed"


def test_a_p_that_is_the_level_does_not_survive(planted: SimpleNamespace) -> None:
    rows = gaps_of_heads(planted, planted.spread(0.04, 0.001), planted.spread(0.04, 0.001))
    found = judge(rows, replace(planted.context, n_draws=39))["H1"]
    assert (found.verdict, found.p_holm) == ("inconclusive", 0.05)


def test_one_head_that_is_better_on_all_units_is_no_separable_pattern(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(
        head_roc_auc=lambda row: {"excitatory": planted.noisy(0.56, 1)(row), "inhibitory": planted.noisy(0.62, 2)(row)}
    )
    assert judge(rows, planted.context)["H1"].verdict == "not-supported"


def test_inhibitory_units_better_with_matched_and_raw_counts_are_better(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(
        roc_auc=planted.by_type(0.60, 0.66, 1),
        thinned_roc_auc=planted.by_type(0.60, 0.64, 2),
        lobo_drop=planted.per_band(10, low_gamma=0.02),
    )
    found = judge(rows, planted.context)["H2"]
    assert found.verdict == "supported"
    assert found.effect == pytest.approx(0.04, abs=0.01)


def test_inhibitory_units_better_only_with_more_spikes_are_confounded(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(roc_auc=planted.by_type(0.60, 0.636, 1), thinned_roc_auc=planted.by_type(0.60, 0.60, 2))
    found = judge(rows, planted.context)["H2"]
    assert found.verdict == "confounded"
    assert "may come from spike counts" in found.reason


def test_inhibitory_units_no_better_are_not_supported(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(roc_auc=planted.by_type(0.60, 0.60, 1), thinned_roc_auc=planted.by_type(0.60, 0.60, 2))
    assert judge(rows, planted.context)["H2"].verdict == "not-supported"


def test_without_count_matched_scores_the_second_hypothesis_is_inconclusive(planted: SimpleNamespace) -> None:
    found = judge(planted.make_rows(roc_auc=planted.by_type(0.60, 0.66)), planted.context)["H2"]
    assert (found.verdict, found.p_holm) == ("inconclusive", None)
    assert found.effect == pytest.approx(0.06, abs=0.01)  # of the raw comparison
    assert "no count-matched comparison: scored excitatory units of 0 participants, 5 needed" in found.reason


@pytest.mark.parametrize(("n_inhibitory", "verdict"), [(4, "inconclusive"), (5, "supported")])
def test_cell_types_are_compared_from_five_participants_of_either_type(
    planted: SimpleNamespace, n_inhibitory: int, verdict: str
) -> None:
    rows = [row for row in strong_rows(planted) if row.cell_type == "excitatory" or row.unit_id > 3]
    few = [row for row in rows if row.cell_type == "excitatory" or row.participant < f"P{n_inhibitory:02d}"]
    found = judge(few, planted.context)["H2"]
    assert found.verdict == verdict
    assert ("scored inhibitory units of 4 participants, 5 needed" in found.reason) == (verdict == "inconclusive")


def test_unclassified_units_do_not_enter_the_comparison_of_cell_types(planted: SimpleNamespace) -> None:
    rows = strong_rows(planted)
    others = [replace(row, cell_type="unclassified", roc_auc=0.9, thinned_roc_auc=0.9, lobo_drop={}) for row in rows]
    assert judge([*rows, *others], planted.context)["H2"] == judge(rows, planted.context)["H2"]


@pytest.mark.parametrize(
    ("raw", "matched", "verdict"),
    [(0.0, 0.0, "not-supported"), (0.125, 0.0, "confounded")],  # free of rounding
)
def test_a_difference_of_exactly_nothing_is_none(
    planted: SimpleNamespace, raw: float, matched: float, verdict: str
) -> None:
    rows = planted.make_rows(
        roc_auc=lambda row: 0.75 + (raw if row.cell_type == "inhibitory" else 0),
        thinned_roc_auc=lambda row: 0.75 + (matched if row.cell_type == "inhibitory" else 0),
    )
    assert judge(rows, planted.context)["H2"].verdict == verdict


@pytest.mark.parametrize(("inhibitory", "is_at_chance"), [(0.5, True), (0.51, False)])
def test_a_score_of_exactly_one_half_is_not_above_chance(
    planted: SimpleNamespace, inhibitory: float, is_at_chance: bool
) -> None:
    score = {"excitatory": 0.4, "inhibitory": inhibitory}
    rows = planted.make_rows(roc_auc=lambda row: score[row.cell_type], thinned_roc_auc=lambda row: score[row.cell_type])
    reason = judge(rows, planted.context)["H2"].reason
    assert ("inhibitory units are not predicted above chance" in reason) == is_at_chance


def test_units_worse_than_chance_are_not_better_for_being_less_so(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(roc_auc=planted.by_type(0.44, 0.49, 1), thinned_roc_auc=planted.by_type(0.44, 0.49, 2))
    found = judge(rows, planted.context)["H2"]
    assert found.verdict == "not-supported"
    assert "not predicted above chance" in found.reason


def test_four_participants_are_too_few_for_any_verdict(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(
        4,
        head_roc_auc=heads(planted, 0.62, 0.58),
        roc_auc=planted.by_type(0.60, 0.66),
        thinned_roc_auc=planted.by_type(0.60, 0.66),
        lobo_drop=planted.per_band(low_gamma=0.05),
        transfer_roc_auc=planted.noisy(0.62, 1),
        within_roc_auc=planted.noisy(0.62, 2),
        transfer_train_units=lambda row: 20,
        within_train_units=lambda row: 20,
    )
    found = judge(rows, planted.context)
    assert {record.verdict for record in found.values()} == {"inconclusive"}
    assert all("4 participants, 5 needed" in record.reason for record in found.values())


def test_no_evidence_is_inconclusive_with_a_reason(planted: SimpleNamespace) -> None:
    found = judge([], planted.context)
    assert {record.verdict for record in found.values()} == {"inconclusive"}
    assert all(record.reason and record.p_holm is None for record in found.values())


def test_holm_corrects_over_the_hypotheses_that_could_be_tested(planted: SimpleNamespace) -> None:
    alone = judge(planted.make_rows(head_roc_auc=heads(planted, 0.62, 0.58)), planted.context)["H1"]
    rows = planted.make_rows(head_roc_auc=heads(planted, 0.62, 0.58), lobo_drop=planted.per_band(low_gamma=0.03))
    assert alone.p_holm is not None
    assert judge(rows, planted.context)["H1"].p_holm == pytest.approx(2 * alone.p_holm)


def test_a_claim_that_does_not_survive_the_correction_is_inconclusive(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(head_roc_auc=heads(planted, 0.62, 0.58), lobo_drop=planted.per_band())
    coarse = replace(
        planted.context, n_draws=60
    )  # no p value below 2 / 61, so none below 0.05 after correction for two
    found = judge(rows, coarse)["H1"]
    assert found.verdict == "inconclusive"
    assert "does not survive the correction" in found.reason


def test_every_interval_has_draws_of_its_own_and_of_its_hypothesis(
    planted: SimpleNamespace, purposes: list[tuple[str, ...]]
) -> None:
    rows = strong_rows(planted)
    judge([replace(row, head_roc_auc={"excitatory": 0.6, "inhibitory": 0.6}) for row in rows], planted.context)
    assert len(set(purposes)) == len(purposes)
    assert {purpose[0] for purpose in purposes} == {"H1", "H2", "H4", "costs", "beats"}  # the latter two: leaked spikes


def test_the_same_seed_gives_the_same_verdicts(planted: SimpleNamespace) -> None:
    rows = strong_rows(planted)
    assert judge_hypotheses(rows, planted.context) == judge_hypotheses(rows, planted.context)
