from dataclasses import replace
from types import SimpleNamespace

import pytest

from nwb_spikeinference.bands import Band
from nwb_spikeinference.evaluation.evidence import StudyContext, UnitEvidence
from nwb_spikeinference.evaluation.hypotheses import judge_hypotheses
from nwb_spikeinference.records import HypothesisRecord
from nwb_spikeinference.regions import Hemisphere


def judge(rows: list[UnitEvidence], context: StudyContext) -> dict[str, HypothesisRecord]:
    return {record.id: record for record in judge_hypotheses(rows, context)}


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
    assert "no count-matched comparison" in found.reason


def test_units_worse_than_chance_are_not_better_for_being_less_so(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(roc_auc=planted.by_type(0.44, 0.49, 1), thinned_roc_auc=planted.by_type(0.44, 0.49, 2))
    found = judge(rows, planted.context)["H2"]
    assert found.verdict == "not-supported"
    assert "not predicted above chance" in found.reason


def transfer_rows(
    planted: SimpleNamespace,
    transferred: float,
    local: float,
    *,
    everywhere: float = 0.66,
    home: float = 0.62,
    trained: tuple[int, int] = (20, 20),
) -> list[UnitEvidence]:
    """
    Scores at the other places by the transferred model, by models of the places and by that of all places.

    Where it was trained the transferred model scores `home`, and the model of all places 0.62.
    """

    def by_place(at_home: float, elsewhere: float, seed: int) -> object:
        return lambda row: planted.noisy(at_home if planted.context.is_training_place(row) else elsewhere, seed)(row)

    rows: list[UnitEvidence] = planted.make_rows(
        transfer_roc_auc=by_place(home, transferred, 1),
        within_roc_auc=by_place(home, local, 2),
        all_places_roc_auc=by_place(0.62, everywhere, 3),
        transfer_train_units=lambda row: trained[0],
        within_train_units=lambda row: trained[1],
    )
    return rows


def transfer_of(rows: list[UnitEvidence], planted: SimpleNamespace) -> HypothesisRecord:
    return judge(rows, planted.context)["H3"]


def test_equal_scores_at_other_places_support_transfer(planted: SimpleNamespace) -> None:
    found = transfer_of(transfer_rows(planted, 0.62, 0.625), planted)
    assert found.verdict == "supported"
    assert "48 units of 12 participants" in found.reason  # the third place is where the model was trained


def test_a_small_but_certain_loss_is_still_equivalent(planted: SimpleNamespace) -> None:
    found = transfer_of(transfer_rows(planted, 0.62, 0.63), planted)
    assert found.high is not None
    assert found.high < 0
    assert found.verdict == "supported"


@pytest.mark.parametrize("trained", [(20, 20), (60, 20), (20, 60)])
def test_transfer_below_one_half_is_not_supported_whatever_the_models_learned_from(
    planted: SimpleNamespace, trained: tuple[int, int]
) -> None:
    found = transfer_of(transfer_rows(planted, 0.40, 0.60, home=0.40, trained=trained), planted)
    assert found.verdict == "not-supported"
    assert "the other way" in found.reason


def test_transfer_below_one_half_needs_no_model_of_the_tested_places(planted: SimpleNamespace) -> None:
    rows = [replace(row, within_roc_auc=None) for row in transfer_rows(planted, 0.40, 0.60)]
    found = transfer_of(rows, planted)
    assert (found.verdict, found.p_holm) == ("not-supported", 1.0)


def test_transfer_that_is_clearly_worse_is_not_supported(planted: SimpleNamespace) -> None:
    found = transfer_of(transfer_rows(planted, 0.56, 0.62, home=0.50), planted)
    assert found.verdict == "not-supported"
    assert "transferred model minus the models of the tested places" in found.reason


def test_transfer_that_loses_a_little_everywhere_is_clearly_worse(planted: SimpleNamespace) -> None:
    found = transfer_of(transfer_rows(planted, 0.60, 0.622, home=0.50), planted)
    assert found.verdict == "not-supported"
    assert "transfer is clearly worse" in found.reason


@pytest.mark.parametrize(("home", "verdict"), [(0.62, "not-supported"), (0.56, "inconclusive")])
def test_a_worse_model_of_fewer_units_tells_of_places_only_if_its_units_were_enough_at_home(
    planted: SimpleNamespace, home: float, verdict: str
) -> None:
    found = transfer_of(transfer_rows(planted, 0.56, 0.62, home=home, trained=(20, 60)), planted)
    assert found.verdict == verdict
    assert ("learned from fewer units" in found.reason) == (verdict == "inconclusive")


def test_few_participants_at_home_do_not_show_that_few_units_were_enough(planted: SimpleNamespace) -> None:
    rows = transfer_rows(planted, 0.56, 0.62, trained=(20, 60))
    rows = [row for row in rows if not planted.context.is_training_place(row) or row.participant < "P02"]
    assert transfer_of(rows, planted).verdict == "inconclusive"


@pytest.mark.parametrize(("everywhere", "verdict"), [(0.63, "supported"), (0.70, "inconclusive")])
@pytest.mark.parametrize("local", [0.56, 0.62])
def test_models_of_few_units_are_a_poor_yardstick_beside_that_of_all_places(
    planted: SimpleNamespace, local: float, everywhere: float, verdict: str
) -> None:
    found = transfer_of(transfer_rows(planted, 0.62, local, everywhere=everywhere, trained=(60, 20)), planted)
    assert found.verdict == verdict
    assert ("clearly better than training at the tested places" in found.reason) == (local < 0.6)
    assert ("had fewer units" in found.reason) == (verdict == "inconclusive")


def test_transfer_that_beats_local_training_is_never_not_supported(planted: SimpleNamespace) -> None:
    found = transfer_of(transfer_rows(planted, 0.66, 0.60, everywhere=0.70), planted)
    assert found.verdict == "inconclusive"
    assert "clearly better" in found.reason


def scattered(rows: list[UnitEvidence], places_of: int) -> list[UnitEvidence]:
    """Give every `places_of` participants a region of their own, outside the training place."""
    return [replace(row, region=f"area {int(row.participant[1:]) // places_of}", hemisphere=None) for row in rows]


def test_places_of_two_participants_cannot_support_transfer(planted: SimpleNamespace) -> None:
    found = transfer_of(scattered(transfer_rows(planted, 0.62, 0.62), 2), planted)
    assert found.verdict == "inconclusive"
    assert "no other place has 3 participants, so none could be judged on its own" in found.reason


def test_places_that_were_not_judged_are_named(planted: SimpleNamespace) -> None:
    rows = transfer_rows(planted, 0.62, 0.62)
    other_regions = scattered([row for row in rows if row.region != "hippocampus"], 5)
    found = transfer_of([*(row for row in rows if row.region == "hippocampus"), *other_regions], planted)
    assert found.verdict == "supported"
    assert "too few participants to judge on its own: area 2" in found.reason


@pytest.mark.parametrize(
    ("left_out", "untested"),
    [
        (("amygdala", "left"), "any region other than hippocampus"),
        (("hippocampus", "right"), "the right hippocampus"),
    ],
)
def test_transfer_across_regions_and_hemispheres_needs_both(
    planted: SimpleNamespace, left_out: tuple[str, str], untested: str
) -> None:
    rows = [row for row in transfer_rows(planted, 0.62, 0.62) if (row.region, row.hemisphere) != left_out]
    found = transfer_of(rows, planted)
    assert found.verdict == "inconclusive"
    assert found.reason.endswith(f"not tested: {untested}")


def test_a_model_of_both_sides_needs_another_region_only(planted: SimpleNamespace) -> None:
    context = replace(planted.context, train_hemisphere=None)
    assert judge(transfer_rows(planted, 0.62, 0.62), context)["H3"].verdict == "supported"


@pytest.mark.parametrize(("region", "hemisphere"), [("hippocampus", None), (None, None)])
def test_units_that_may_lie_where_the_model_was_trained_are_not_elsewhere(
    planted: SimpleNamespace, region: str | None, hemisphere: Hemisphere | None
) -> None:
    rows = [
        row if planted.context.is_training_place(row) else replace(row, region=region, hemisphere=hemisphere)
        for row in transfer_rows(planted, 0.62, 0.62)
    ]
    found = transfer_of(rows, planted)
    assert found.verdict == "inconclusive"
    assert "units at other places with scores by the transferred model: 0 participants" in found.reason


def test_one_place_of_many_just_below_one_half_does_not_turn_transfer(planted: SimpleNamespace) -> None:
    def transferred(row: UnitEvidence) -> float:
        mean = 0.497 if row.region == "amygdala" else 0.5
        return mean + (0.004 if int(row.participant[1:]) % 2 else -0.004)

    rows = [replace(row, transfer_roc_auc=transferred(row)) for row in transfer_rows(planted, 0.5, 0.5)]
    assert transfer_of(rows, planted).verdict == "inconclusive"


@pytest.mark.parametrize(("amygdala", "words"), [(0.44, "below 0.5"), (0.56, "clearly worse")])
def test_an_average_does_not_hide_a_failing_place(planted: SimpleNamespace, amygdala: float, words: str) -> None:
    rows = [
        replace(row, transfer_roc_auc=planted.noisy(amygdala, 4)(row)) if row.region == "amygdala" else row
        for row in transfer_rows(planted, 0.80, 0.62)
    ]
    found = transfer_of(rows, planted)
    assert found.verdict == "not-supported"
    assert f"transfer to left amygdala is {words}" in found.reason


def test_chance_here_and_chance_there_is_no_transfer(planted: SimpleNamespace) -> None:
    found = transfer_of(transfer_rows(planted, 0.5, 0.5), planted)
    assert found.verdict == "inconclusive"
    assert "nothing to transfer" in found.reason


def test_gamma_that_costs_more_than_its_neighbours_drives(planted: SimpleNamespace) -> None:
    found = judge(planted.make_rows(lobo_drop=planted.per_band(low_gamma=0.03, beta=0.01)), planted.context)["H4"]
    assert found.verdict == "supported"
    assert found.effect == pytest.approx(0.03, abs=0.005)


def test_gamma_as_part_of_a_broad_band_drive_is_not_supported(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(
        lobo_drop=planted.per_band(beta=0.02, low_gamma=0.015, high_gamma=0.01, high_frequency=0.005)
    )
    found = judge(rows, planted.context)["H4"]
    assert found.verdict == "not-supported"
    assert "beyond beta" in found.reason


def test_a_neighbour_of_unknown_cost_leaves_gamma_open(planted: SimpleNamespace) -> None:
    spread = planted.make_rows(
        lobo_drop=lambda row: {
            **planted.per_band(low_gamma=0.03)(row),
            "high_gamma": 0.0,
            "beta": 0.035 + 0.2 * (int(row.participant[1:]) - 5.5) / 12,
        }
    )
    found = judge(spread, planted.context)["H4"]
    assert found.verdict == "inconclusive"
    assert "-0.003 beyond beta" in found.reason


def test_gamma_without_a_cost_is_not_supported(planted: SimpleNamespace) -> None:
    assert judge(planted.make_rows(lobo_drop=planted.per_band()), planted.context)["H4"].verdict == "not-supported"


def test_two_gamma_bands_need_not_beat_each_other(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(lobo_drop=planted.per_band(low_gamma=0.03, high_gamma=0.03))
    assert judge(rows, planted.context)["H4"].verdict == "supported"


def test_a_study_without_a_gamma_band_cannot_judge_gamma(planted: SimpleNamespace) -> None:
    context = replace(planted.context, bands=(Band(name="slow", low_hz=1, high_hz=30),))
    found = judge(planted.make_rows(lobo_drop=planted.per_band(low_gamma=0.03)), context)["H4"]
    assert (found.verdict, found.reason) == ("inconclusive", "no band of this study is named gamma")


def strong_rows(planted: SimpleNamespace, **bands: float) -> list[UnitEvidence]:
    rows: list[UnitEvidence] = planted.make_rows(
        roc_auc=planted.by_type(0.60, 0.66, 1),
        thinned_roc_auc=planted.by_type(0.60, 0.65, 2),
        lobo_drop=planted.per_band(10, low_gamma=0.03, **bands),
        lobo_only=planted.per_band(20, beta=0.05, high_frequency=0.02),
    )
    return rows


def test_the_neighbour_predictor_lets_cell_types_and_gamma_be_supported(planted: SimpleNamespace) -> None:
    found = judge(strong_rows(planted), planted.context)
    assert (found["H2"].verdict, found["H4"].verdict) == ("supported", "supported")


def test_the_own_wire_as_predictor_confounds_cell_types_and_gamma(planted: SimpleNamespace) -> None:
    found = judge(strong_rows(planted), replace(planted.context, predictor="own"))
    assert (found["H2"].verdict, found["H4"].verdict) == ("confounded", "confounded")
    assert "own wire" in found["H2"].reason


def test_a_high_band_that_costs_more_than_gamma_confounds_cell_types(planted: SimpleNamespace) -> None:
    found = judge(strong_rows(planted, high_frequency=0.06), planted.context)
    assert found["H2"].verdict == "confounded"
    assert found["H4"].verdict != "supported"


def test_a_high_band_that_alone_beats_all_below_sixty_hertz_confounds(planted: SimpleNamespace) -> None:
    rows = [replace(row, lobo_only={**row.lobo_only, "high_frequency": 0.2}) for row in strong_rows(planted)]
    assert judge(rows, planted.context)["H2"].verdict == "confounded"


@pytest.mark.parametrize("name", ["low_gamma", "Gamma"])
def test_the_guard_finds_gamma_by_whatever_name(planted: SimpleNamespace, name: str) -> None:
    bands = (
        Band(name="beta", low_hz=13, high_hz=30),
        Band(name=name, low_hz=30, high_hz=55),
        Band(name="ripple", low_hz=125, high_hz=175),
    )
    drops = {"beta": 0.0, name: 0.03, "ripple": 0.06}
    rows = planted.make_rows(
        roc_auc=planted.by_type(0.60, 0.66, 1),
        thinned_roc_auc=planted.by_type(0.60, 0.65, 2),
        lobo_drop=lambda row: {band: planted.noisy(mean, 9)(row) for band, mean in drops.items()},
    )
    found = judge(rows, replace(planted.context, bands=bands))["H2"]
    assert found.verdict == "confounded"
    assert f"dropping ripple costs more than dropping {name}" in found.reason


@pytest.mark.parametrize(
    "missing", [{"lobo_drop": {}, "lobo_only": {}}, {"lobo_drop": {"beta": 0.01}, "lobo_only": {"beta": 0.01}}]
)
def test_cell_types_are_inconclusive_where_bands_were_not_compared(
    planted: SimpleNamespace, missing: dict[str, dict[str, float]]
) -> None:
    found = judge([replace(row, **missing) for row in strong_rows(planted)], planted.context)["H2"]
    assert found.verdict == "inconclusive"
    assert "leak into the predictor was not checked: it needs lobo.mode: retrain" in found.reason


def test_a_study_without_a_band_above_100_hz_supports_neither_cell_types_nor_gamma(planted: SimpleNamespace) -> None:
    context = replace(planted.context, bands=planted.context.bands[:-1])
    found = judge(strong_rows(planted), context)
    assert (found["H2"].verdict, found["H4"].verdict) == ("inconclusive", "inconclusive")
    assert all("but whether action potentials leak" in found[name].reason for name in ("H2", "H4"))


@pytest.mark.parametrize("kept", ["lobo_drop", "lobo_only"])
def test_either_comparison_of_bands_is_a_check(planted: SimpleNamespace, kept: str) -> None:
    dropped = {"lobo_drop": "lobo_only", "lobo_only": "lobo_drop"}[kept]
    rows = [replace(row, **{dropped: {}}) for row in strong_rows(planted)]  # type: ignore[arg-type]
    assert judge(rows, planted.context)["H2"].verdict == "supported"


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


def test_the_same_seed_gives_the_same_verdicts(planted: SimpleNamespace) -> None:
    rows = strong_rows(planted)
    assert judge_hypotheses(rows, planted.context) == judge_hypotheses(rows, planted.context)
