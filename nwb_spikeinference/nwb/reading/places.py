"""
Places of contacts, from all that a file says of them.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from nwb_spikeinference.regions import Hemisphere, Location, find_side_letters, parse_hemisphere, parse_location


class PlaceTexts(NamedTuple):
    """What a file says of where one contact is."""

    region: str
    hemisphere: str
    location: str
    group_location: str
    label: str
    group_name: str

    @property
    def places(self) -> tuple[str, ...]:
        """What is written for the purpose, best first."""
        return self.region, self.location, self.group_location

    @property
    def names(self) -> tuple[str, ...]:
        """What is written to tell contacts apart."""
        return self.label, self.group_name


def find_places(texts: Sequence[PlaceTexts], regions: Mapping[str, str]) -> tuple[list[Location], tuple[str, ...]]:
    """Region and side of each contact, and what is doubtful about the sides; `regions` are the user's own spellings."""
    side_letters = find_side_letters(text for one in texts for text in (*one.places, *one.names))
    notes: dict[str, None] = {}
    found: dict[PlaceTexts, Location] = {}
    for one in texts:
        if one not in found:
            found[one], doubts = _find_place(one, regions, side_letters)
            notes |= dict.fromkeys(doubts)
    return [found[one] for one in texts], tuple(notes)


def _find_place(
    texts: PlaceTexts, regions: Mapping[str, str], side_letters: Collection[str]
) -> tuple[Location, list[str]]:
    """
    Region and side: what is written for the purpose comes first.

    Names of wires and groups give a region only where no place is written, and a side only with the same region:
    the group ``H-129`` of a mouse's cortex is no hippocampus.
    """
    read = {text: parse_location(text, regions, side_letters) for text in (*texts.places, *texts.names)}
    region = read[texts.region].region or texts.region or None  # a region that the lab named itself stays as it is
    region = region or next((read[text].region for text in texts.places if read[text].region), None)
    if not any(texts.places):
        region = next((read[text].region for text in texts.names if read[text].region), None)
    named = [text for text in texts.names if read[text].region == region and region is not None]
    hemisphere, doubts = _decide_side(texts.hemisphere, {text: read[text] for text in (*texts.places, *named)})
    return Location(region=region, hemisphere=hemisphere), doubts


def _decide_side(column: str, read: Mapping[str, Location]) -> tuple[Hemisphere | None, list[str]]:
    """
    The side, if what is written agrees on it, and what is doubtful about it.

    A column made for it comes before a word, and a word before a letter of a name.
    """
    sides = [(text, one) for text, one in read.items() if one.hemisphere is not None]
    telling = [(text, one) for text, one in sides if not one.side_by_letter] or sides
    by_column = parse_hemisphere(column)
    if by_column is not None:
        telling = [(column, Location(region=None, hemisphere=by_column))]
        sides = [*telling, *sides]
    told = {one.hemisphere for _, one in telling}
    hemisphere = told.pop() if len(told) == 1 else None
    if len({one.hemisphere for _, one in sides}) > 1:
        names = dict.fromkeys(re.sub(r"[\s_\-]*\d+$", "", text) for text, _ in sides)  # once per bundle
        written = " and ".join(repr(name) for name in names)
        taken = f"that of {telling[0][0]!r} is taken" if hemisphere else "none is taken"
        return hemisphere, [f"{written} name different sides: {taken}"]
    if hemisphere is None:
        doubtful = [text for text, one in read.items() if one.ambiguous and text]
        return None, [
            f"side unknown of {text!r}, whose letter may be a part of the name; a column with the sides can be named: "
            "layout: {hemisphere_column: NAME}"
            for text in doubtful[:1]
        ]
    letters = [one.ambiguous.upper() for _, one in sides if one.ambiguous]
    if len(letters) < len(sides):
        return hemisphere, []
    return hemisphere, [f"the side of {letters[0]} rests on its letter, taken for {hemisphere}"]
