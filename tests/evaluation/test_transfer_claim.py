"""H3: when transfer across regions and hemispheres is supported."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from nwb_spikeinference.evaluation.evidence import UnitEvidence
from nwb_spikeinference.records import HypothesisRecord
from nwb_spikeinference.regions import Hemisphere
from tests.evaluation.conftest import judge


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
    assert "transfer is below 0.5 (0.399)" in found.reason
    assert found.effect == pytest.approx(-0.20, abs=0.005)  # of transfer, from the models of the tested places


def test_transfer_below_one_half_needs_no_model_of_the_tested_places(planted: SimpleNamespace) -> None:
    rows = [replace(row, within_roc_auc=None) for row in transfer_rows(planted, 0.40, 0.60)]
    found = transfer_of(rows, planted)
    assert (found.verdict, found.p_holm) == ("not-supported", 1.0)
    assert found.effect == pytest.approx(-0.10, abs=0.005)  # of transfer, from 0.5


def test_transfer_above_one_half_needs_models_of_the_tested_places(planted: SimpleNamespace) -> None:
    rows = [replace(row, within_roc_auc=None) for row in transfer_rows(planted, 0.62, 0.62)]
    found = transfer_of(rows, planted)
    lacking = "units elsewhere that are scored by a model of their own place: 0 participants, 5 needed"
    assert (found.verdict, found.reason) == ("inconclusive", lacking)


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


@pytest.mark.parametrize(("n_at_home", "verdict"), [(0, "inconclusive"), (2, "inconclusive"), (3, "not-supported")])
def test_three_participants_at_home_can_show_that_few_units_were_enough(
    planted: SimpleNamespace, n_at_home: int, verdict: str
) -> None:
    rows = transfer_rows(planted, 0.56, 0.62, trained=(20, 60))
    elsewhere = [row for row in rows if not planted.context.is_training_place(row)]
    at_home = [
        replace(row, transfer_roc_auc=0.62, all_places_roc_auc=0.62)
        for row in rows
        if planted.context.is_training_place(row) and row.participant < f"P{n_at_home:02d}"
    ]
    assert transfer_of([*elsewhere, *at_home], planted).verdict == verdict


def test_every_interval_has_draws_of_its_own_and_of_its_hypothesis(
    planted: SimpleNamespace, purposes: list[tuple[str, ...]]
) -> None:
    transfer_of(transfer_rows(planted, 0.52, 0.62, trained=(20, 60)), planted)
    assert len(set(purposes)) == len(purposes) == 9  # five over all places, two at each of two places
    assert {purpose[0] for purpose in purposes} == {"H3"}


def test_models_that_learned_from_unknown_numbers_of_units_are_not_compared(planted: SimpleNamespace) -> None:
    rows = [replace(row, transfer_train_units=None) for row in transfer_rows(planted, 0.56, 0.62, home=0.50)]
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
    assert "clearly better than training at the tested places, which is a poor yardstick" in found.reason


def scattered(rows: list[UnitEvidence], places_of: int) -> list[UnitEvidence]:
    """Give every `places_of` participants a region of their own, outside the training place."""
    return [replace(row, region=f"area {int(row.participant[1:]) // places_of}", hemisphere=None) for row in rows]


def test_places_of_two_participants_cannot_support_transfer(planted: SimpleNamespace) -> None:
    found = transfer_of(scattered(transfer_rows(planted, 0.62, 0.62), 2), planted)
    assert found.verdict == "inconclusive"
    assert found.reason.startswith("transferred model minus")
    assert found.reason.endswith("no other place has 3 participants, so none could be judged on its own")


def test_places_of_two_participants_do_not_hide_that_transfer_is_worse(planted: SimpleNamespace) -> None:
    assert transfer_of(scattered(transfer_rows(planted, 0.52, 0.62), 2), planted).verdict == "not-supported"


def test_a_place_of_three_participants_is_judged_on_its_own(planted: SimpleNamespace) -> None:
    rows = [row for row in transfer_rows(planted, 0.62, 0.62) if row.region != "amygdala" or row.participant < "P03"]
    assert transfer_of(rows, planted).verdict == "supported"


def test_places_that_were_not_judged_are_named(planted: SimpleNamespace) -> None:
    rows = transfer_rows(planted, 0.62, 0.62)
    other_regions = scattered([row for row in rows if row.region != "hippocampus" and row.participant != "P06"], 5)
    other_regions = [replace(row, region="insula") if row.participant == "P11" else row for row in other_regions]
    found = transfer_of([*(row for row in rows if row.region == "hippocampus"), *other_regions], planted)
    assert found.verdict == "supported"
    assert found.reason.startswith("transferred model minus")
    assert found.reason.endswith("too few participants to judge on its own: area 2, insula")


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


def test_the_midline_of_the_same_region_is_neither_another_region_nor_the_other_side(planted: SimpleNamespace) -> None:
    rows = [
        row if planted.context.is_training_place(row) else replace(row, region="hippocampus", hemisphere="midline")
        for row in transfer_rows(planted, 0.62, 0.62)
    ]
    found = transfer_of(rows, planted)
    assert found.reason.endswith("not tested: the right hippocampus and any region other than hippocampus")


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


@pytest.mark.parametrize(("amygdala", "words"), [(0.44, "below 0.5 (0.44"), (0.56, "clearly worse (-0.056)")])
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
