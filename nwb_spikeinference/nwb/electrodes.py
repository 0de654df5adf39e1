"""
Electrodes of NWB files that anybody may have written.

Region and side come from the columns made for them, or from location, label and group, whichever says it first.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import h5py

from nwb_spikeinference.nwb.columns import NO_TEXT, find_column, read_numbers, read_texts, read_values
from nwb_spikeinference.nwb.open_file import decode
from nwb_spikeinference.recordings import Electrode, ElectrodeKind
from nwb_spikeinference.regions import Location, parse_hemisphere, parse_location

TABLE = "general/extracellular_ephys/electrodes"
_KINDS: dict[str, ElectrodeKind] = {"micro": "micro", "macro": "macro", "reference": "reference"}


def electrodes_table(file: h5py.File) -> h5py.Group | None:
    """The electrodes table, or None."""
    table = file.get(TABLE)
    return table if isinstance(table, h5py.Group) and isinstance(table.get("id"), h5py.Dataset) else None


def read_electrodes(file: h5py.File, regions: Mapping[str, str]) -> tuple[tuple[Electrode, ...], tuple[str, ...]]:
    """
    All contacts of a file, and what had to be assumed about them.

    Parameters
    ----------
    regions : mapping
        The user's own spellings: written form -> region.
    """
    table = electrodes_table(file)
    if table is None:
        return (), ("no electrodes table",)
    n_rows = len(table["id"])
    groups = _groups(file, table, n_rows)
    # The column group_name is a mere copy, and some files fill it with something else.
    columns = zip(groups, read_texts(table, n_rows, "group_name"), strict=True)
    group_names = [group.name or written for group, written in columns]
    labels = read_texts(table, n_rows, "label", "electrode_label", "channel_name", "electrode_name")
    region_texts = read_texts(table, n_rows, "region")
    hemisphere_texts = read_texts(table, n_rows, "hemisphere")
    locations = read_texts(table, n_rows, "location")
    places = [
        _place(
            _PlaceTexts(
                region=region_texts[row],
                hemisphere=hemisphere_texts[row],
                location=locations[row],
                group_location=groups[row].location,
                label=labels[row],
                group_name=group_names[row],
            ),
            regions,
        )
        for row in range(n_rows)
    ]
    bundles, notes = _bundles(group_names, labels, places)
    kinds = read_texts(table, n_rows, "electrode_type")
    wires = read_numbers(table, n_rows, "wire")
    channels = read_numbers(table, n_rows, "channel", "channel_id", "origChannel")
    nsps = read_texts(table, n_rows, "nsp")
    coordinates = list(zip(*(read_numbers(table, n_rows, axis) for axis in "xyz"), strict=True))
    electrodes = []
    for row in range(n_rows):
        wire = wires[row] if wires[row] is not None else _trailing_number(labels[row])
        x, y, z = coordinates[row]
        electrodes.append(
            Electrode(
                row=row,
                label=labels[row] or f"{group_names[row] or 'electrode'}-{row}",
                bundle=bundles[row],
                region=places[row].region,
                hemisphere=places[row].hemisphere,
                wire=None if wire is None else int(wire),
                channel=None if (channel := channels[row]) is None or channel < 0 else int(channel),
                kind=_KINDS.get(kinds[row].lower()) or _kind_of_group(groups[row]),
                nsp=nsps[row] or None,
                xyz=None if x is None or y is None or z is None else (x, y, z),
            )
        )
    return tuple(electrodes), notes


class _Group(NamedTuple):
    name: str = ""
    location: str = ""
    description: str = ""


def _groups(file: h5py.File, table: h5py.Group, n_rows: int) -> list[_Group]:
    """The electrode group of each row."""
    column = find_column(table, "group")
    if column is None or column.shape != (n_rows,):
        return [_Group()] * n_rows
    found: dict[str, _Group] = {}
    groups = []
    for reference in read_values(column):
        group = file[reference]
        if group.name not in found:
            location, description = (decode(group.attrs.get(key, "")) for key in ("location", "description"))
            location = "" if location.strip().lower() in NO_TEXT else location
            found[group.name] = _Group(group.name.rsplit("/", 1)[-1], location, description)
        groups.append(found[group.name])
    return groups


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlaceTexts:
    """What a file says of where one contact is."""

    region: str
    hemisphere: str
    location: str
    group_location: str
    label: str
    group_name: str


def _place(texts: _PlaceTexts, regions: Mapping[str, str]) -> Location:
    """
    Region and side: what is written for the purpose comes first.

    Names of wires and groups give a region only where no place is written, and a side only with the same region:
    the group ``H-129`` of a mouse's cortex is no hippocampus.
    """
    parsed = parse_location(texts.region, regions)
    region = parsed.region or texts.region or None  # a region that the lab named itself stays as it is
    hemisphere = parse_hemisphere(texts.hemisphere) or parsed.hemisphere
    for text in (texts.location, texts.group_location):
        parsed = parse_location(text, regions)
        region = region or parsed.region
        hemisphere = hemisphere or parsed.hemisphere
    nothing_written = not (texts.region or texts.location or texts.group_location)
    for text in (texts.label, texts.group_name):
        parsed = parse_location(text, regions)
        if region is None and nothing_written:
            region = parsed.region
        if parsed.region is not None and parsed.region == region:
            hemisphere = hemisphere or parsed.hemisphere
    return Location(region=region, hemisphere=hemisphere)


def _bundles(
    group_names: Sequence[str], labels: Sequence[str], places: Sequence[Location]
) -> tuple[list[str], tuple[str, ...]]:
    """A bundle is a group; where every wire has its own group, it is what their labels or locations share."""
    sizes = Counter(group_names)
    if len(group_names) < 2 or max(sizes.values()) > 1:
        return [name or place.text for name, place in zip(group_names, places, strict=True)], ()
    stems = [re.sub(r"[\s_\-]*\d+$", "", label) for label in labels]
    places_of_stem: dict[str, set[str]] = {}
    for stem, place in zip(stems, places, strict=True):
        places_of_stem.setdefault(stem, set()).add(place.text)
    bundles = []
    for stem, place, name in zip(stems, places, group_names, strict=True):
        shared = stem and len(places_of_stem[stem]) == 1
        bundles.append(stem if shared else " ".join(part for part in (stem, place.text) if part) or name)
    return bundles, ("one electrode group per wire: bundles are taken from labels and locations",)


def _trailing_number(label: str) -> int | None:
    match = re.search(r"[A-Za-z][\s_\-]*(\d{1,4})$", label)
    return int(match[1]) if match else None


def _kind_of_group(group: _Group) -> ElectrodeKind:
    text = " ".join(group).lower()
    return "macro" if "macro" in text and "micro" not in text else "micro"
