"""
Bundles: contacts that belong to one electrode, in files that do not keep one group per electrode.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nwb_spikeinference.nwb.reading.columns import rows_by_name
from nwb_spikeinference.recordings import ElectrodeKind

_WIRES = 8  # of a Behnke-Fried electrode
_Point = tuple[float, float, float]


class Contact(NamedTuple):
    """What a file says of one contact."""

    group: str
    label: str
    place: str
    kind: ElectrodeKind
    point: _Point | None = None
    channel: int | None = None  # of the recorder


def name_bundles(contacts: Sequence[Contact]) -> tuple[list[str], tuple[str, ...]]:
    """
    Bundle of each contact, and what had to be assumed.

    A bundle is a group. Where every wire has its own group, it is what their labels or places share; where one group
    holds several electrodes, the group is cut by them.
    """
    rows_of = rows_by_name(contact.group for contact in contacts)
    if len(contacts) > 1 and len(rows_of) == len(contacts):
        return _join_wires(contacts), ("one electrode group per wire: bundles are taken from labels and locations",)
    bundles = [contact.group or contact.place for contact in contacts]
    parts_of = {group: _split_group([contacts[row] for row in rows]) for group, rows in rows_of.items()}
    holders = Counter([*rows_of, *(part for parts in parts_of.values() for part in set(parts))])
    for group, parts in parts_of.items():
        for row, part in zip(rows_of[group], parts, strict=False):
            bundles[row] = part if part and holders[part] == 1 else " ".join(name for name in (group, part) if name)
    return bundles, tuple(
        f"electrode group {group!r} holds several electrodes: bundles are taken from labels or locations"
        for group, parts in parts_of.items()
        if parts
    )


def _join_wires(contacts: Sequence[Contact]) -> list[str]:
    stems = [_stem(contact.label) for contact in contacts]
    bundles = [""] * len(contacts)
    for stem, rows in rows_by_name(stems).items():
        is_shared = stem and len({contacts[row].place for row in rows}) == 1
        for row in rows:
            names = (stem,) if is_shared else (stem, contacts[row].place)
            bundles[row] = " ".join(name for name in names if name) or contacts[row].group
    return bundles if any(stems) else _split_places(bundles, contacts)


def _split_places(places: Sequence[str], contacts: Sequence[Contact]) -> list[str]:
    """Wires without labels, by structure: several electrodes in one are told apart by points, else by channels."""
    bundles = list(places)
    for place, rows in rows_by_name(places).items():
        keys = _electrodes_of_place([contacts[row] for row in rows])
        for row, key in zip(rows, keys, strict=True):
            number = list(dict.fromkeys(keys)).index(key) + 1
            bundles[row] = f"{place} {number}" if number > 1 else place
    return bundles


def _electrodes_of_place(contacts: Sequence[Contact]) -> list[object]:
    """
    What tells the electrodes of one structure apart.

    All wires of a bundle end at one point; as many points as wires are the places of single contacts. More wires than
    a Behnke-Fried electrode has are of several, which recorders number in blocks of eight.
    """
    points = [contact.point for contact in contacts]
    if None not in points and 1 < len(set(points)) < len(points):
        return list(points)
    channels = [contact.channel for contact in contacts]
    if len(contacts) > _WIRES:
        return [0 if channel is None else (channel - 1) // _WIRES for channel in channels]
    return [0] * len(contacts)


def _split_group(contacts: Sequence[Contact]) -> list[str]:
    """Electrode of each contact of a group by label, else of its wires by place; nothing where it is a single one."""
    stems = [_stem(contact.label) for contact in contacts]
    if any(_several(stems[k] for k, one in enumerate(contacts) if one.kind == kind) for kind in ("micro", "macro")):
        return stems
    if _several(contact.place for contact in contacts if contact.kind == "micro"):
        return [contact.place if contact.kind == "micro" else "" for contact in contacts]
    return []


def _several(names: Iterable[str]) -> bool:
    """Whether names stand for several electrodes, and not for single contacts."""
    counts = Counter(names)
    return len(counts) > 1 and "" not in counts and counts.total() > len(counts)


def _stem(label: str) -> str:
    """A label without the number of the contact."""
    return re.sub(r"[\s_\-]*\d+$", "", label)
