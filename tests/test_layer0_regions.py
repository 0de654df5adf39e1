"""Regions and sides, as files and people spell them."""

import pytest

from nwb_spikeinference.errors import MontageError
from nwb_spikeinference.regions import (
    HEMISPHERE_LETTER,
    canonical_region,
    find_side_letters,
    known_regions,
    parse_hemisphere,
    parse_location,
)

SPELLINGS = [
    ("Left Hippocampus", "hippocampus", "left", None),
    ("hippocampus_right", "hippocampus", "right", None),
    ("LAH", "hippocampus", "left", None),
    ("RMH", "hippocampus", "right", None),
    ("RPH2", "hippocampus", "right", 2),
    ("LHIP3", "hippocampus", "left", 3),
    ("LHIP_3", "hippocampus", "left", 3),
    ("L-HIP-3", "hippocampus", "left", 3),
    ("Left Hippocampus 3", "hippocampus", "left", 3),
    ("hippocampus left 3", "hippocampus", "left", 3),
    ("Hippocampus (right)", "hippocampus", "right", None),
    ("CA1", "hippocampus", None, None),
    ("right CA 3", "hippocampus", "right", None),
    ("Right hippocampus head", "hippocampus", "right", None),
    ("amygdala_left", "amygdala", "left", None),
    ("Left-Amygdala", "amygdala", "left", None),
    ("RA", "amygdala", "right", None),
    ("RAMY8", "amygdala", "right", 8),
    ("dACC", "anterior cingulate", None, None),
    ("left dACC", "anterior cingulate", "left", None),
    ("RAC4", "anterior cingulate", "right", 4),
    ("R ACC", "anterior cingulate", "right", None),
    ("OFC", "orbitofrontal", None, None),
    ("ROF1", "orbitofrontal", "right", 1),
    ("ctx-lh-medialorbitofrontal", "orbitofrontal", "left", None),
    ("ctx_rh_superiorfrontal", "superior frontal", "right", None),
    ("lh.insula", "insula", "left", None),
    ("LEC", "entorhinal", None, None),  # lateral, or left
    ("lOFC", "orbitofrontal", None, None),
    ("LOFC", "orbitofrontal", None, None),
    ("mOFC", "orbitofrontal", None, None),
    ("rACC", "anterior cingulate", None, None),
    ("RACC", "anterior cingulate", None, None),
    ("cACC", "anterior cingulate", None, None),
    ("MEC", "entorhinal", None, None),
    ("MEC3", "entorhinal", None, 3),
    ("MACC", "anterior cingulate", None, None),
    ("LA", "amygdala", None, None),
    ("SNr", "substantia nigra", None, None),
    ("PCL", "paracentral", None, None),
    ("LOFC2", "orbitofrontal", "left", 2),
    ("RACC5", "anterior cingulate", "right", 5),
    ("LPC3", "posterior cingulate", "left", 3),
    ("ROFC", "orbitofrontal", "right", None),
    ("LACC", "anterior cingulate", "left", None),
    ("left LOFC", "orbitofrontal", "left", None),
    ("RH1", "hippocampus", "right", 1),
    ("LPHG4", "parahippocampal", "left", 4),
    ("preSMA right", "medial frontal", "right", None),
    ("  left   hippocampus  ", "hippocampus", "left", None),
    (b"Right Amygdala", "amygdala", "right", None),
    (b"LHIP3", "hippocampus", "left", 3),
    ("Hipp, Right Hippocampus cHipp, caudal hippocampus", "hippocampus", "right", None),
    ("MTG, Right Middle Temporal Gyrus A21c, caudal area 21", "middle temporal", "right", None),
    ("BG, Left Basal Ganglia vCa, ventral caudate", "caudate", "left", None),
    ("Amygdala, Right", "amygdala", "right", None),
    ("pre_supplementary_motor_area_left", "medial frontal", "left", None),
    ("ventral_medial_prefrontal_cortex_right", "medial frontal", "right", None),
    ("GA1-RAH3", "hippocampus", "right", 3),
    ("mLAH1", "hippocampus", "left", 1),
    ("uAHL2", "hippocampus", "left", 2),
    ("ECR5", "entorhinal", "right", 5),
    ("AL3", "amygdala", "left", 3),
]


@pytest.mark.parametrize(("text", "region", "hemisphere", "wire"), SPELLINGS)
def test_location_is_read(text: str | bytes, region: str, hemisphere: str | None, wire: int | None) -> None:
    location = parse_location(text)
    assert (location.region, location.hemisphere, location.wire) == (region, hemisphere, wire)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "n/a",
        "?",
        "none",
        "L",
        "probe0",
        "no_label_found",
        "AL",
        b"\xff\xfe",
        "MTL",
        "MTL3",
        "LPC",
        "MPC",
        "LFP1",
        "rh",
    ],
)
def test_an_unknown_location_has_no_region(text: str | bytes) -> None:
    assert parse_location(text).region is None


@pytest.mark.parametrize("text", ["MTL", "LPC", "MPC", "LFP1"])
def test_an_acronym_of_no_structure_of_ours_has_no_side(text: str) -> None:
    assert parse_location(text).hemisphere is None


def test_letters_of_a_hemisphere_alone_are_its_side() -> None:
    assert (parse_location("rh").region, parse_location("LH").hemisphere) == (None, "left")


def test_a_letter_is_a_side_where_the_table_has_the_other_one_as_well() -> None:
    found = find_side_letters(["LOFC1", "ROFC-2", "RACC", "LACC", "MTL", "LPC"])
    assert found == {"lofc", "racc"}
    assert parse_location("LOFC", side_letters=found).hemisphere == "left"
    assert parse_location("MTL", side_letters=found).hemisphere is None


def test_an_unknown_structure_keeps_its_side() -> None:
    assert parse_location("left zona incerta").hemisphere == "left"


def test_location_text_names_side_and_structure() -> None:
    assert parse_location("LAH").text == "left hippocampus"
    assert parse_location("OFC").text == "orbitofrontal"


@pytest.mark.parametrize("region", known_regions())
def test_every_region_is_read_with_its_side(region: str) -> None:
    location = parse_location(f"Left {region.title()}")
    assert (location.region, location.hemisphere) == (region, "left")


@pytest.mark.parametrize("region", known_regions())
def test_every_region_is_its_own_canonical_name(region: str) -> None:
    assert canonical_region(region) == region


def test_no_spelling_names_two_regions() -> None:
    from nwb_spikeinference.regions import _SPELLINGS

    spellings = [spelling for own in _SPELLINGS.values() for spelling in own]
    assert len(spellings) == len(set(spellings))


def test_own_spellings_come_first() -> None:
    own = {"Zona X": "zona incerta", "HC": "hippocampal commissure"}
    assert parse_location("left zona-x", own).region == "zona incerta"
    assert canonical_region("hc", own) == "hippocampal commissure"


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("hipocampus", "hippocampus"),
        ("amigdala", "amygdala"),
        ("orbito frontal ctx", "orbitofrontal"),
        ("entorhinl", "entorhinal"),
    ],
)
def test_an_unknown_region_is_refused_with_the_nearest_known(text: str, suggested: str) -> None:
    with pytest.raises(MontageError, match=rf"region '{text}' is unknown; did you mean .*'{suggested}'.*'regions:'"):
        canonical_region(text)


def test_a_region_like_no_other_is_refused_with_examples() -> None:
    with pytest.raises(MontageError, match="region 'xyzzy' is unknown; did you mean 'hippocampus' or 'amygdala'"):
        canonical_region("xyzzy")


@pytest.mark.parametrize(
    ("text", "hemisphere"),
    [
        ("L", "left"),
        ("lh", "left"),
        ("Left", "left"),
        ("R", "right"),
        ("RIGHT", "right"),
        ("M", "midline"),
        ("up", None),
    ],
)
def test_sides_are_read(text: str, hemisphere: str | None) -> None:
    assert parse_hemisphere(text) == hemisphere


def test_every_side_has_the_letter_of_the_file_format() -> None:
    assert HEMISPHERE_LETTER == {"left": "L", "right": "R", "midline": "M"}
