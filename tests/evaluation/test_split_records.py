from collections.abc import Sequence
from dataclasses import replace

import pytest

from nwb_spikeinference.errors import LeakError
from nwb_spikeinference.evaluation.split_records import Split, SplitSession, Stretch, UnitStretches
from nwb_spikeinference.records import Protocol


def on_side(participant: str, content: str, bins: Sequence[Stretch] = (), **changes: str) -> SplitSession:
    fixed = {"session": "one", "file": f"{content}.nwb", "file_sha256": f"file {content}", "data_sha256": content}
    return SplitSession(
        participant=participant,
        units=(1, 2),
        places=("left hippocampus",),
        stretches=(UnitStretches(bundle="A", units=(1, 2), bins=tuple(bins)),) if bins else (),
        **fixed | changes,
    )


def make_split(train: SplitSession, test: SplitSession, protocol: Protocol = "unseen-participant") -> Split:
    return Split(protocol=protocol, fold=0, predictor="neighbour", train_place=None, train=(train,), test=(test,))


def test_a_split_knows_its_hash_and_changes_it_with_any_bin() -> None:
    first, second = (
        make_split(on_side("A", "x", [(0, 70)]), on_side("A", "x", [(90, stop)]), "within-session")
        for stop in (100, 101)
    )
    assert first.describe()["sha256"] == first.sha256
    assert first.sha256 != second.sha256


def test_a_participant_on_both_sides_is_refused_whatever_the_session() -> None:
    with pytest.raises(LeakError, match=r"trains and tests on participant A, in x\.nwb and y\.nwb"):
        make_split(on_side("A", "x"), on_side("A", "y", session="two"))


@pytest.mark.parametrize("same", ["file_sha256", "data_sha256"])
@pytest.mark.parametrize("protocol", ["unseen-participant", "within-session"])
def test_one_content_under_two_participants_is_refused(same: str, protocol: Protocol) -> None:
    with pytest.raises(LeakError, match=r"trains on x\.nwb and tests on y\.nwb, which hold the same recording"):
        make_split(on_side("A", "x", **{same: "same"}), on_side("B", "y", **{same: "same"}), protocol)


def test_a_bin_on_both_sides_is_refused() -> None:
    with pytest.raises(LeakError, match=r"x\.nwb would train and test on bins 90-100"):
        make_split(on_side("A", "x", [(0, 50), (60, 100)]), on_side("A", "x", [(90, 200)]), "within-session")


def test_a_bin_that_trains_one_unit_and_tests_another_is_refused() -> None:
    early, late = (
        replace(on_side("A", "x"), units=(unit,), stretches=(UnitStretches(bundle="A", units=(unit,), bins=(bins,)),))
        for unit, bins in ((1, (0, 70)), (2, (40, 50)))
    )
    with pytest.raises(LeakError, match=r"x\.nwb would train and test on bins 40-50"):
        make_split(early, late, "within-session")


def test_stretches_that_touch_share_no_bin() -> None:
    make_split(on_side("A", "x", [(0, 50), (80, 90)]), on_side("A", "x", [(50, 80)]), "within-session")
