"""Sides that a file says several things of, and sizes of contacts and types of units from words."""

from pathlib import Path

import h5py
import pytest

from nwb_spikeinference.nwb.reading.contact_kinds import kind_in_text, kind_of_group
from nwb_spikeinference.nwb.reading.places import PlaceTexts, find_places
from nwb_spikeinference.nwb.reading.read_session import read_session
from nwb_spikeinference.nwb.reading.units import _cell_type
from nwb_spikeinference.regions import Location

UNKNOWN = (
    "side unknown of 'LOFC', whose letter may be a part of the name; a column with the sides can be named: "
    "layout: {hemisphere_column: NAME}"
)


def texts(**written: str) -> PlaceTexts:
    return PlaceTexts(**{name: written.get(name, "") for name in PlaceTexts._fields})


def find(*contacts: PlaceTexts) -> tuple[list[str], tuple[str, ...]]:
    places, notes = find_places(contacts, {})
    return [place.text for place in places], notes


def test_ambiguous_group_without_its_other_side_has_no_side() -> None:
    assert find(texts(group_name="LOFC")) == (["orbitofrontal"], (UNKNOWN,))


def test_ambiguous_groups_of_both_sides_have_theirs() -> None:
    places, notes = find(texts(group_name="LOFC"), texts(group_name="ROFC"))
    assert places == ["left orbitofrontal", "right orbitofrontal"]
    assert notes == ("the side of LOFC rests on its letter, taken for left",)


def test_number_of_a_wire_makes_the_letter_a_side_with_a_note() -> None:
    wires = [texts(location="LOFC", label=f"LOFC{wire}", group_name="LOFC") for wire in (1, 2)]
    assert find(*wires) == (["left orbitofrontal"] * 2, ("the side of LOFC rests on its letter, taken for left",))


@pytest.mark.parametrize("label", ["LHIP3", "RAMY1", "ROFC2"])
def test_side_of_a_label_that_is_not_ambiguous_needs_no_note(label: str) -> None:
    assert find(texts(label=label))[1] == ()


def test_side_in_words_beside_an_ambiguous_name_needs_no_note() -> None:
    assert find(texts(location="LOFC", group_location="right lateral orbitofrontal")) == (["right orbitofrontal"], ())


def test_medial_temporal_lobe_is_no_gyrus() -> None:
    assert find_places([texts(location="MTL")], {})[0] == [Location(region=None, hemisphere=None)]


def test_a_word_comes_before_a_letter_and_the_contradiction_is_told() -> None:
    wires = [texts(location="LHIP", group_location="right hippocampus", label=f"LHIP{wire}") for wire in (1, 2)]
    places, notes = find(*wires)
    assert places == ["right hippocampus"] * 2
    assert notes == ("'LHIP' and 'right hippocampus' name different sides: that of 'right hippocampus' is taken",)


def test_a_column_comes_before_words_and_the_contradiction_is_told() -> None:
    assert find(texts(hemisphere="L", location="right hippocampus")) == (
        ["left hippocampus"],
        ("'L' and 'right hippocampus' name different sides: that of 'L' is taken",),
    )


def test_words_that_contradict_each_other_give_no_side() -> None:
    assert find(texts(location="left hippocampus", group_location="right hippocampus")) == (
        ["hippocampus"],
        ("'left hippocampus' and 'right hippocampus' name different sides: none is taken",),
    )


def test_doubts_about_sides_reach_the_notes_of_the_session(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        file["general/extracellular_ephys/electrodes/hemisphere"][...] = "R"
    assert "'R' and 'L hippocampus' and 'LHIP' name different sides: that of 'R' is taken" in (
        read_session(bundle_file).notes
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("micro-17", "micro"),
        ("LHIPmacro1", "macro"),
        ("sEEG", "macro"),
        ("Macro and microwires", None),
        ("microns", None),
    ],
)
def test_size_is_read_from_whole_words(text: str, kind: str | None) -> None:
    assert kind_in_text(text) == kind


@pytest.mark.parametrize(
    ("name", "kind", "doubtful"),
    [("LAH-macro", "macro", False), ("mLAH microwires", "micro", False), ("LAH", None, True)],
)
def test_name_of_a_group_decides_where_its_description_names_both_sizes(
    name: str, kind: str | None, doubtful: bool
) -> None:
    assert kind_of_group(name, "left hippocampus", "Macro contacts; microwires are in mLAH") == (kind, doubtful)


def test_group_described_as_both_sizes_is_noted(wire_file: Path) -> None:
    with h5py.File(wire_file, "a") as file:
        file["general/extracellular_ephys/contact-0"].attrs["description"] = "Macro contacts; microwires are in mLAH"
    notes = read_session(wire_file).notes
    assert notes[0].startswith("electrode group 'contact-0' is described as micro and as macro; study.yaml can say")


@pytest.mark.parametrize(
    ("text", "cell_type"),
    [
        ("inhibitory", "inhibitory"), ("IN", "inhibitory"), ("INT", "inhibitory"), ("PV+", "inhibitory"),
        ("Wide Interneuron", "inhibitory"), ("fast-spiking", "inhibitory"), ("putative_interneuron", "inhibitory"),
        ("pyr", "excitatory"), ("putative pyramidal", "excitatory"), ("E", "excitatory"), ("RS", "excitatory"),
        ("PyramidalCell", "excitatory"), ("non-inhibitory", "unclassified"), ("non-pyramidal", "unclassified"),
        ("E/I", "unclassified"), ("recorded in vivo", "unclassified"), ("", "unclassified"),
    ],
)  # fmt: skip
def test_type_of_a_unit_is_read_from_whole_words(text: str, cell_type: str) -> None:
    assert _cell_type(text) == cell_type
