"""
Electrodes of NWB files that anybody may have written.

Region and side come from the columns made for them, or from location, label and group, whichever says it first.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import h5py

from nwb_spikeinference.config import LayoutSettings
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.reading.bundles import Contact, name_bundles
from nwb_spikeinference.nwb.reading.columns import (
    NO_TEXT,
    find_column,
    read_numbers,
    read_texts,
    read_values,
    read_whole_numbers,
    text_columns,
)
from nwb_spikeinference.nwb.reading.contact_kinds import kind_in_text, kind_of_group
from nwb_spikeinference.nwb.reading.places import PlaceTexts, find_places
from nwb_spikeinference.nwb.storage.open_file import decode
from nwb_spikeinference.recordings import Electrode, ElectrodeKind
from nwb_spikeinference.regions import Location, parse_location

TABLE = "general/extracellular_ephys/electrodes"
LABELS = ("label", "electrode_label", "channel_name", "electrode_name", "origchannel_name")
CHANNELS = ("channel", "channel_id", "origChannel")
_REGIONS = ("region", "brain_area", "brain_region")
_HEMISPHERES = ("hemisphere", "hemi", "side")
_PLACES = (*_REGIONS, *_HEMISPHERES, "location")
_KINDS: dict[str, ElectrodeKind] = {"micro": "micro", "macro": "macro", "reference": "reference"}


def electrodes_table(file: h5py.File) -> h5py.Group | None:
    """The electrodes table, or None."""
    table = file.get(TABLE)
    return table if isinstance(table, h5py.Group) and isinstance(table.get("id"), h5py.Dataset) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectrodeTable:
    """All contacts of a file, what had to be assumed, and what study.yaml could say about them."""

    electrodes: tuple[Electrode, ...] = ()
    notes: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


def read_electrodes(file: h5py.File, regions: Mapping[str, str], layout: LayoutSettings) -> ElectrodeTable:
    """
    All contacts of a file; `regions` are the user's own spellings.

    Raises
    ------
    InputError
        If the layout names a column that the table does not have.
    """
    table = electrodes_table(file)
    if table is None:
        return ElectrodeTable(notes=("no electrodes table",))
    n_rows = len(table["id"])
    groups = _groups(table, n_rows)
    # The column group_name is a mere copy, and some files fill it with something else.
    copies = read_texts(table, n_rows, "group_name")
    group_names = [group.name or copy for group, copy in zip(groups, copies, strict=True)]
    labels = read_texts(table, n_rows, *LABELS)
    places, place_notes = find_places(_place_texts(table, groups, group_names, labels, layout), regions)
    channel_texts = read_texts(table, n_rows, *CHANNELS)
    named_kinds, kind_notes = _find_kinds(read_texts(table, n_rows, "electrode_type"), channel_texts, groups)
    kinds = [kind or layout.contacts or "micro" for kind in named_kinds]
    coordinates = list(zip(*(read_numbers(table, n_rows, axis) for axis in "xyz"), strict=True))
    points = [None if x is None or y is None or z is None else (x, y, z) for x, y, z in coordinates]
    numbers = read_whole_numbers(table, n_rows, *CHANNELS)
    channels = [_channel(number, text) for number, text in zip(numbers, channel_texts, strict=True)]
    rows = zip(group_names, labels, (place.text for place in places), kinds, points, channels, strict=True)
    bundles, notes = name_bundles([Contact(*row) for row in rows])
    wires = read_whole_numbers(table, n_rows, "wire")
    nsps = read_texts(table, n_rows, "nsp")
    electrodes = tuple(
        Electrode(
            row=row,
            label=labels[row] or f"{group_names[row] or 'electrode'}-{row}",
            bundle=bundles[row],
            region=places[row].region,
            hemisphere=places[row].hemisphere,
            wire=_trailing_number(labels[row]) if wires[row] is None else wires[row],
            channel=channels[row],
            kind=kinds[row],
            kind_is_named=(named_kinds[row] or layout.contacts) is not None,
            nsp=nsps[row] or None,
            xyz=points[row],
        )
        for row in range(n_rows)
    )
    advice = _advice_on_regions(table, n_rows, places, regions)
    return ElectrodeTable(electrodes=electrodes, notes=(*place_notes, *kind_notes, *notes, *advice), advice=advice)


class _Group(NamedTuple):
    name: str = ""
    location: str = ""
    description: str = ""


def _groups(table: h5py.Group, n_rows: int) -> list[_Group]:
    """The electrode group of each row."""
    column = find_column(table, "group")
    if column is None or column.shape != (n_rows,):
        return [_Group()] * n_rows
    found: dict[str, _Group] = {}
    groups = []
    for reference in read_values(column):
        group = table.file[reference]
        if group.name not in found:
            location, description = (decode(group.attrs.get(key, "")) for key in ("location", "description"))
            location = "" if location.strip().lower() in NO_TEXT else location
            found[group.name] = _Group(group.name.rsplit("/", 1)[-1], location, description)
        groups.append(found[group.name])
    return groups


def _place_texts(
    table: h5py.Group, groups: Sequence[_Group], names: Sequence[str], labels: Sequence[str], layout: LayoutSettings
) -> list[PlaceTexts]:
    n_rows = len(groups)
    for key in ("region_column", "hemisphere_column"):
        name = getattr(layout, key)
        if name is not None and find_column(table, name) is None:
            where, held = table.file.filename, ", ".join(text_columns(table, n_rows)) or "none"
            raise InputError(
                f"{where}: the electrodes table has no column {name!r} (layout.{key}); its texts are in: {held}"
            )
    regions = read_texts(table, n_rows, *([layout.region_column] if layout.region_column else _REGIONS))
    sides = read_texts(table, n_rows, *([layout.hemisphere_column] if layout.hemisphere_column else _HEMISPHERES))
    locations = read_texts(table, n_rows, "location")
    written = zip(regions, sides, locations, (group.location for group in groups), labels, names, strict=True)
    return [PlaceTexts(*texts) for texts in written]


def _find_kinds(
    types: Sequence[str], channels: Sequence[str], groups: Sequence[_Group]
) -> tuple[list[ElectrodeKind | None], tuple[str, ...]]:
    """Size of each contact, where a text names it, and the groups whose texts name two."""
    kinds: list[ElectrodeKind | None] = []
    notes: dict[str, None] = {}
    for written, channel, group in zip(types, channels, groups, strict=True):
        kind = _KINDS.get(written.lower()) or kind_in_text(written) or kind_in_text(channel)
        if kind is None:
            kind, doubtful = kind_of_group(*group)
            if doubtful:
                notes[
                    f"electrode group {group.name!r} is described as micro and as macro; study.yaml can say which: "
                    f"layout: {{contacts: macro}}"
                ] = None
        kinds.append(kind)
    return kinds, tuple(notes)


def _advice_on_regions(
    table: h5py.Group, n_rows: int, places: Sequence[Location], regions: Mapping[str, str]
) -> tuple[str, ...]:
    """Where no contact names a region: which column seems to, or which spelling nobody knows."""
    if not n_rows or any(place.region for place in places):
        return ()
    for name in text_columns(table, n_rows):
        known = sum(parse_location(text, regions).region is not None for text in read_texts(table, n_rows, name))
        if name.lower() not in _PLACES and 2 * known >= n_rows:
            return (f"no contact names a region; add to study.yaml: layout: {{region_column: {name}}}",)
    unknown = sorted({text for text in read_texts(table, n_rows, "location") if text})
    if unknown:
        return (f"no contact names a known region; add to study.yaml: regions: {{{unknown[0]!r}: hippocampus}}, say",)
    return ("no contact names a region",)


def _channel(number: int | None, text: str) -> int | None:
    """The recorder's channel, from a number or a text such as ``micro-17``."""
    if number is None:
        return _trailing_number(text)
    return number if number >= 0 else None


def _trailing_number(label: str) -> int | None:
    match = re.search(r"[A-Za-z][\s_\-]*(\d{1,4})$", label)
    return int(match[1]) if match else None
