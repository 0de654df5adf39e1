"""Which contacts make a bundle."""

from nwb_spikeinference.nwb.reading.bundles import Contact, name_bundles


def wires(count: int, group: str = "all", label: str = "", place: str = "left hippocampus") -> list[Contact]:
    return [Contact(group, f"{label}{number + 1}" if label else "", place, "micro", None) for number in range(count)]


def test_group_with_several_labels_is_cut_by_them() -> None:
    bundles, notes = name_bundles([*wires(2, label="LAH"), *wires(2, label="RA")])
    assert bundles == ["LAH", "LAH", "RA", "RA"]
    assert "electrode group 'all' holds several electrodes" in notes[0]


def test_group_of_wires_in_several_places_is_cut_by_them() -> None:
    bundles, _ = name_bundles([*wires(2), *wires(2, place="right amygdala")])
    assert bundles == ["left hippocampus"] * 2 + ["right amygdala"] * 2


def test_places_of_two_groups_are_told_apart_by_the_group() -> None:
    first, second = ([*wires(2, group), *wires(2, group, place="right amygdala")] for group in ("A", "B"))
    bundles, _ = name_bundles([*first, *second])
    assert bundles == [
        f"{group} {place}" for group in "AB" for place in ["left hippocampus"] * 2 + ["right amygdala"] * 2
    ]


def test_group_with_one_label_each_for_wires_and_contacts_stays_whole() -> None:
    contacts = [Contact("LHIP", f"LHIPmacro{k}", place, "macro", None) for k, place in enumerate(("a", "b"))]
    assert name_bundles([*wires(8, "LHIP", "LHIP"), *contacts]) == (["LHIP"] * 10, ())


def test_group_of_contacts_with_a_label_each_stays_whole() -> None:
    contacts = [Contact("LHIP", name, "left hippocampus", "micro", None) for name in ("tip", "middle", "end")]
    assert name_bundles(contacts)[0] == ["LHIP"] * 3


def test_wires_without_labels_are_parted_by_the_point_they_end_at() -> None:
    tips = [(1.0, 2.0, 3.0)] * 2 + [(4.0, 5.0, 6.0)] * 2
    contacts = [Contact(f"wire {k}", "", "left hippocampus", "micro", tip) for k, tip in enumerate(tips)]
    assert name_bundles(contacts)[0] == ["left hippocampus"] * 2 + ["left hippocampus 2"] * 2


def test_wires_with_a_point_each_stay_together() -> None:
    contacts = [Contact(f"wire {k}", "", "left hippocampus", "micro", (float(k), 0.0, 0.0)) for k in range(8)]
    assert name_bundles(contacts)[0] == ["left hippocampus"] * 8
