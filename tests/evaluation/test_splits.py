import numpy as np
import pytest

from nwb_spikeinference.errors import LeakError, SettingsError
from nwb_spikeinference.evaluation.splits import (
    Fold,
    FoldPlan,
    TimeSplit,
    UnitInfo,
    _strata,
    contiguous_folds,
    contiguous_split,
    participant_folds,
)
from nwb_spikeinference.recordings import CellType


def make_units(n_participants: int, per_participant: int = 6) -> list[UnitInfo]:
    return [
        UnitInfo(
            participant=f"P{person:02d}",
            session="one",
            row=index,
            region=("hippocampus", "amygdala")[index % 2],
            hemisphere="left",
            cell_type=("excitatory", "excitatory", "inhibitory")[index % 3],  # type: ignore[arg-type]
        )
        for person in range(n_participants)
        for index in range(per_participant)
    ]


def test_every_participant_is_held_out_exactly_once() -> None:
    plan = participant_folds(make_units(12), 5, seed=0)
    held_out = [name for fold in plan.folds for name in fold.held_out]
    assert sorted(held_out) == [f"P{person:02d}" for person in range(12)]


def test_no_fold_shares_a_participant() -> None:
    assert all(not set(fold.train) & set(fold.held_out) for fold in participant_folds(make_units(13), 5, seed=3).folds)


def test_folds_do_not_depend_on_the_order_of_units() -> None:
    units = make_units(11)
    assert participant_folds(units, 5, seed=1) == participant_folds(units[::-1], 5, seed=1)


def test_another_seed_gives_other_folds() -> None:
    assert participant_folds(make_units(12), 4, seed=1) != participant_folds(make_units(12), 4, seed=2)


def test_inhibitory_units_are_spread_over_the_folds() -> None:
    units = make_units(10, per_participant=2)  # two excitatory units each
    units += [
        UnitInfo(
            participant=f"P{person:02d}",
            session="one",
            row=9,
            region="hippocampus",
            hemisphere="left",
            cell_type="inhibitory",
        )
        for person in range(5)
    ]
    having = {f"P{person:02d}" for person in range(5)}
    assert [len(having & set(fold.held_out)) for fold in participant_folds(units, 5, seed=0).folds] == [1] * 5


def test_strata_rarer_than_the_folds_are_no_obstacle() -> None:
    units = [
        UnitInfo(
            participant=f"P{index}",
            session="one",
            row=0,
            region=f"region {index}",
            hemisphere=None,
            cell_type="excitatory",
        )
        for index in range(7)
    ]
    assert len(participant_folds(units, 5, seed=0).folds) == 5


def test_one_participant_with_nearly_all_units_leaves_no_fold_empty() -> None:
    units = make_units(1, per_participant=200) + [
        UnitInfo(participant=f"Q{index}", session="one", row=0, region=None, hemisphere=None, cell_type="unclassified")
        for index in range(5)
    ]
    assert all(fold.held_out for fold in participant_folds(units, 5, seed=0).folds)


def test_fewer_participants_than_folds_are_left_out_one_by_one_with_a_notice() -> None:
    plan = participant_folds(make_units(3), 5, seed=0)
    assert [fold.held_out for fold in plan.folds] == [("P00",), ("P01",), ("P02",)]
    assert plan.notices == ("3 participants for 5 folds: each is held out alone",)


@pytest.mark.parametrize(("n_participants", "who"), [(0, "no participant has"), (1, "one participant has")])
def test_fewer_than_two_participants_have_no_folds_but_a_reason(n_participants: int, who: str) -> None:
    plan = participant_folds(make_units(n_participants), 5, seed=0)
    assert plan.folds == ()
    assert plan.reason is not None
    assert plan.reason.startswith(f"{who} usable units")


@pytest.mark.parametrize("n_participants", [2, 5])
def test_as_many_participants_as_folds_are_held_out_in_order_without_a_notice(n_participants: int) -> None:
    plan = participant_folds(make_units(n_participants), n_participants, seed=0)
    assert [(fold.index, fold.held_out) for fold in plan.folds] == [
        (person, (f"P{person:02d}",)) for person in range(n_participants)
    ]
    assert plan.notices == ()


@pytest.mark.parametrize("n_folds", [2, 3])
def test_more_participants_than_folds_have_as_many_folds_as_asked(n_folds: int) -> None:
    plan = participant_folds(make_units(7), n_folds, seed=0)
    assert [fold.index for fold in plan.folds] == list(range(n_folds))
    assert plan.notices == ()


def make_kind(cell_type: CellType, region: str, number: int) -> list[UnitInfo]:
    """Units of one stratum."""
    unit = UnitInfo(participant="A", session="one", row=0, region=region, hemisphere=None, cell_type=cell_type)
    return [unit] * number


def test_rare_strata_are_joined_by_cell_type_and_what_is_still_rare_by_the_largest() -> None:
    units = [
        *make_kind("excitatory", "hippocampus", 4),
        *make_kind("excitatory", "amygdala", 2),
        *make_kind("excitatory", "insula", 1),
        *make_kind("inhibitory", "hippocampus", 1),
    ]
    assert _strata(units, 3) == ["excitatory hippocampus"] * 4 + ["excitatory"] * 3 + ["excitatory hippocampus"]


def test_of_equally_large_strata_the_last_by_name_takes_what_is_rare() -> None:
    units = [*make_kind("excitatory", "insula", 3), *make_kind("excitatory", "amygdala", 3)]
    assert _strata([*make_kind("inhibitory", "insula", 1), *units], 3)[0] == "excitatory insula"


def test_units_that_are_all_rare_are_one_stratum() -> None:
    kinds: tuple[CellType, ...] = ("excitatory", "inhibitory")
    labels = _strata([unit for kind in kinds for unit in make_kind(kind, "insula", 2)], 3)
    assert len(labels) == 4
    assert len(set(labels)) == 1


def test_one_fold_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least 2, got 1"):
        participant_folds(make_units(4), 1, seed=0)


def test_a_fold_with_a_shared_participant_cannot_be_made() -> None:
    with pytest.raises(LeakError, match="trains and tests on participant P01, P02;"):
        Fold(index=0, train=("P00", "P01", "P02"), held_out=("P02", "P01"))


@pytest.mark.parametrize(("train", "held_out"), [((), ("A",)), (("A",), ())])
def test_a_fold_with_an_empty_side_cannot_be_made(train: tuple[str, ...], held_out: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="fold 3 has an empty side"):
        Fold(index=3, train=train, held_out=held_out)


def test_a_plan_that_holds_a_participant_out_twice_cannot_be_made() -> None:
    folds = (Fold(index=0, train=("A",), held_out=("B",)), Fold(index=1, train=("A",), held_out=("B",)))
    with pytest.raises(LeakError, match="participant A is held out 0 times"):
        FoldPlan(folds=folds)


def test_the_last_part_tests_and_the_embargo_is_left_out() -> None:
    split = contiguous_split(12000, 0.005, 0.7, 1.0)
    assert (split.train, split.test) == ((slice(0, 8200),), slice(8400, 12000))


def test_a_recording_shorter_than_its_embargo_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"recording of 1 s cannot be split at 70% with an embargo of 1 s"):
        contiguous_split(200, 0.005, 0.7, 1.0)


def test_an_embargo_as_long_as_the_training_part_is_refused() -> None:
    with pytest.raises(SettingsError, match="cannot be split at 50% with an embargo of 5 s"):
        contiguous_split(10, 1.0, 0.5, 5.0)


def test_a_split_without_a_test_part_is_refused() -> None:
    with pytest.raises(SettingsError, match="cannot be split at 100%"):
        contiguous_split(10, 1.0, 1.0, 0.0)


def test_contiguous_folds_of_nine_bins_train_on_both_sides_beyond_the_embargo() -> None:
    folds = contiguous_folds(9, 1.0, 3, 2.0)
    assert [(split.train, split.test) for split in folds] == [
        ((slice(5, 9),), slice(0, 3)),
        ((slice(0, 1), slice(8, 9)), slice(3, 6)),
        ((slice(0, 4),), slice(6, 9)),
    ]


def test_folds_may_be_single_bins() -> None:
    assert [split.test for split in contiguous_folds(2, 1.0, 2, 0.0)] == [slice(0, 1), slice(1, 2)]


@pytest.mark.parametrize(("n_bins", "n_folds"), [(9, 1), (3, 4)])
def test_one_fold_in_time_or_more_folds_than_bins_are_refused(n_bins: int, n_folds: int) -> None:
    with pytest.raises(SettingsError, match=f"{n_bins} bins cannot be cut into {n_folds} folds"):
        contiguous_folds(n_bins, 1.0, n_folds, 0.0)


def test_contiguous_folds_test_every_bin_once() -> None:
    tested = np.concatenate([np.arange(12001)[split.test] for split in contiguous_folds(12001, 0.005, 5, 1.0)])
    np.testing.assert_array_equal(tested, np.arange(12001))


@pytest.mark.parametrize("index", range(5))
def test_contiguous_folds_keep_the_embargo_on_both_sides(index: int) -> None:
    split = contiguous_folds(12000, 0.005, 5, 1.0)[index]
    tested = np.arange(12000)[split.test]
    trained = np.concatenate([np.arange(12000)[stretch] for stretch in split.train])
    assert np.abs(trained[:, None] - tested[[0, -1]]).min() == 201  # 200 bins lie between


def test_a_time_split_within_the_embargo_cannot_be_made() -> None:
    with pytest.raises(LeakError, match=r"within 10 bins .* the embargo is 200 bins"):
        TimeSplit(train=(slice(0, 90),), test=slice(100, 200), embargo_bins=200)


def test_a_time_split_that_overlaps_cannot_be_made() -> None:
    with pytest.raises(LeakError, match="within -50 bins"):
        TimeSplit(train=(slice(0, 150),), test=slice(100, 200), embargo_bins=0)


@pytest.mark.parametrize("stretch", [slice(-1, 5), slice(5, 5), slice(6, 5)])
def test_a_time_split_holds_stretches_of_time_only(stretch: slice) -> None:
    with pytest.raises(SettingsError, match=f"bins {stretch.start}-{stretch.stop} are no stretch of time"):
        TimeSplit(train=(stretch,), test=slice(100, 200), embargo_bins=0)


@pytest.mark.parametrize(("n_bins", "n_folds", "embargo_s"), [(400, 2, 1.5), (9, 3, 0.015)])
def test_folds_that_leave_nothing_to_train_on_are_refused(n_bins: int, n_folds: int, embargo_s: float) -> None:
    with pytest.raises(SettingsError, match=f"embargo of {embargo_s:g} s leaves nothing to train on"):
        contiguous_folds(n_bins, 0.005, n_folds, embargo_s)
