"""
Links of units to the contacts that they were recorded from, in NWB files that anybody may have written.

A contact is a row of the electrodes table. What else names it, its id too, may stand in several rows, and then links
nothing.
"""

import re
from collections.abc import Mapping, Sequence, Sized
from typing import NamedTuple

import h5py

from nwb_spikeinference.config import UnitElectrodeSettings
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.reading.columns import (
    find_column,
    read_ragged,
    read_texts,
    read_values,
    rows_by_name,
    whole_number,
)
from nwb_spikeinference.nwb.reading.electrodes import CHANNELS, LABELS, electrodes_table
from nwb_spikeinference.nwb.storage.open_file import decode

Rows = list[tuple[int, ...]]
_Index = Mapping[str, tuple[int, ...]]  # how a contact is named -> its rows
_IDS = "electrode_id"
# A sorter's numbers, which could be contacts' by chance.
_NO_CONTACT = ("id", "unit_id", "cluster", "spike", "waveform", "obs_", "snr", "isi", "quality", "cell_type", "sorter")


class UnitLinks(NamedTuple):
    """Rows of the electrodes table per unit, what had to be assumed, and what study.yaml could say."""

    rows: Rows
    notes: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


class _Reading(NamedTuple):
    """Contacts of each unit by one thing that its names could be; none where a name stands for several contacts."""

    rows: Rows
    repeated: tuple[str, ...]  # the names that do
    n_unlinked: int  # units that have such a name


_Fits = dict[str, _Reading]  # what names could be -> whom they mean then


def link_units(file: h5py.File, table: h5py.Group, n_units: int, wanted: UnitElectrodeSettings | None) -> UnitLinks:
    """
    Contacts of each unit: by region, else by electrode id, else by electrode group; by `wanted` alone if it is given.

    Raises
    ------
    InputError
        If the units have no column such as is wanted, or it names no contact, or several, by what it is taken for.
    """
    electrodes = electrodes_table(file)
    if wanted is not None:
        return _link_by_column(table, electrodes, n_units, wanted)
    linked = read_ragged(table, "electrodes", n_units)
    if linked is not None:
        n_electrodes = 0 if electrodes is None else len(electrodes["id"])
        named = [[whole_number(row) for row in unit.ravel().tolist()] for unit in linked]
        rows = [tuple(row for row in unit if row is not None and 0 <= row < n_electrodes) for unit in named]
        return UnitLinks(rows, _tell_unknown(rows, named))
    ids = _names_in(table, _IDS, n_units)
    if ids is not None and electrodes is not None:
        return _link_by_id(table, electrodes, ids)
    groups = _rows_of_groups(table, electrodes, n_units)
    if groups is not None:
        return UnitLinks(groups)
    line = _find_line(table, electrodes, groups, n_units)
    advice = () if line is None else (f"units name no electrodes; add to study.yaml: {line}",)
    return UnitLinks([()] * n_units, advice or ("units name no electrodes",), advice)


def _tell_unknown(known: Sequence[Sized], named: Sequence[Sized]) -> tuple[str, ...]:
    n_units = sum(len(some) < len(every) for some, every in zip(known, named, strict=True))
    return (f"{n_units} units name electrodes that the table does not have",) if n_units else ()


def _link_by_id(table: h5py.Group, electrodes: h5py.Group, ids: Sequence[Sequence[str]]) -> UnitLinks:
    index = _index(read_values(electrodes["id"]).tolist())
    known = [[one for one in unit if one in index] for unit in ids]
    groups = _rows_of_groups(table, electrodes, len(ids))
    reading = _read_as("id", index, known, groups)
    notes = _tell_unknown(known, ids)
    if not reading.repeated:
        return UnitLinks(reading.rows, notes)
    advice = f"{_tell_repeated(_IDS, 'id', reading)}; add to study.yaml: {_mend_ids(table, electrodes, ids, groups)}"
    return UnitLinks(reading.rows, (*notes, advice), (advice,))


def _mend_ids(table: h5py.Group, electrodes: h5py.Group, ids: Sequence[Sequence[str]], groups: Rows | None) -> str:
    """The line of study.yaml for ids that repeat: a column that tells more, or else what these may be instead."""
    line = _find_line(table, electrodes, groups, len(ids))
    if line is not None:
        return line
    others = {how: fit for how, fit in _fits(electrodes, ids, groups).items() if not fit.repeated}
    return "layout: {unit_electrode: {column: NAME, names: row}}, with a column of the units that holds rows" + (
        f"; or, if these are no ids, {_line(_IDS, others)}" if others else ""
    )


def _tell_repeated(column: str, how: str, reading: _Reading) -> str:
    return (
        f"{reading.n_unlinked} units are not linked: column {column} names electrodes by {how} ("
        f"{', '.join(reading.repeated[:3])}), which stands in several rows of their table"
    )


def _link_by_column(
    table: h5py.Group, electrodes: h5py.Group | None, n_units: int, wanted: UnitElectrodeSettings
) -> UnitLinks:
    name = wanted.column
    where = f"{table.file.filename}: units column {name!r} (layout.unit_electrode)"
    values = _names_in(table, name, n_units)
    if values is None:
        raise InputError(
            f"{table.file.filename}: the units table has no column {name!r} with a contact per unit "
            f"(layout.unit_electrode); it has {', '.join(sorted(table))}"
        )
    fits = _fits(electrodes, values, _rows_of_groups(table, electrodes, n_units))
    if wanted.names is not None:
        fits = {how: reading for how, reading in fits.items() if how == wanted.names}
    examples = ", ".join(list(dict.fromkeys(one for unit in values for one in unit))[:3])
    if not fits:
        what = f"no {wanted.names}s" if wanted.names else "neither ids, labels, channels, groups nor rows"
        raise InputError(f"{where} holds {examples}, which are {what} of the electrodes table")
    if _disagree(fits):
        raise InputError(
            f"{where} could be the {' or the '.join(fits)} of electrodes, which are different contacts; say in "
            f"study.yaml which: {_line(name, fits)}"
        )
    how, reading = " or ".join(fits), next(iter(fits.values()))
    if reading.repeated and not any(reading.rows):
        raise InputError(f"{where} holds {examples}, the {how} of several electrodes each; name another column")
    notes = (f"units are linked by column {name} to the {how} of electrodes",)
    return UnitLinks(reading.rows, (*notes, _tell_repeated(name, how, reading)) if reading.repeated else notes)


def _fits(electrodes: h5py.Group | None, values: Sequence[Sequence[str]], groups: Rows | None) -> _Fits:
    """Contacts of each unit by all that its names could be."""
    return {
        how: _read_as(how, index, values, groups)
        for how, index in _indices(electrodes).items()
        if all(one in index for unit in values for one in unit)
    }


def _read_as(how: str, index: _Index, values: Sequence[Sequence[str]], groups: Rows | None) -> _Reading:
    """Contacts of each unit by one of these; of several that have a name, the one in the unit's own group is meant."""
    rows: Rows = []
    repeated: dict[str, None] = {}
    n_unlinked = 0
    for unit, group in zip(values, groups or [()] * len(values), strict=True):
        found = [tuple(row for row in index[name] if row in group) or index[name] for name in unit]
        several = [name for name, some in zip(unit, found, strict=True) if len(some) > 1] if how != "group" else []
        repeated |= dict.fromkeys(several)
        n_unlinked += bool(several)
        rows.append(() if several else tuple(row for some in found for row in some))
    return _Reading(rows, tuple(repeated), n_unlinked)


def _disagree(fits: _Fits) -> bool:
    """Whether a column's names mean different contacts by what they are taken for."""
    first, *others = fits.values()
    return any(reading.rows != first.rows for reading in others)


def _line(name: str, fits: _Fits) -> str:
    """What to write where a column could be several things."""
    first, *others = fits
    return " or ".join([f"layout: {{unit_electrode: {{column: {name}, names: {first}}}}}", *others])


def _names_in(table: h5py.Group, name: str, n_units: int) -> list[list[str]] | None:
    """Names of contacts per unit; None where the column cannot hold any."""
    column = find_column(table, name)
    if column is None or column.ndim != 1 or h5py.check_ref_dtype(column.dtype):
        return None
    if find_column(table, f"{name}_index") is None and column.shape != (n_units,):
        return None
    ragged = read_ragged(table, name, n_units)
    return None if ragged is None else [[key for value in unit.tolist() if (key := _key(value))] for unit in ragged]


def _key(value: object) -> str:
    """Numbers and texts in one form: 17, 17.0 and b"17" are the same contact."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = decode(value).strip().lower()
    return re.sub(r"\.0+$", "", text) if text not in ("nan", "none") else ""


def _rows_of_groups(table: h5py.Group, electrodes: h5py.Group | None, n_units: int) -> Rows | None:
    """All contacts of each unit's electrode group; None where units refer to none."""
    wanted = find_column(table, "electrode_group")
    if electrodes is None or wanted is None or wanted.shape != (n_units,) or not h5py.check_ref_dtype(wanted.dtype):
        return None
    groups = find_column(electrodes, "group")
    if groups is None:
        return None
    rows_of = rows_by_name(_names_of_groups(groups)) | {"": ()}
    return [rows_of.get(name, ()) for name in _names_of_groups(wanted)]


def _names_of_groups(references: h5py.Dataset) -> list[str]:
    return [str(references.file[one].name) if one else "" for one in read_values(references)]


def _indices(electrodes: h5py.Group | None) -> dict[str, _Index]:
    """What the contacts could be named by."""
    if electrodes is None:
        return {}
    n_rows = len(electrodes["id"])
    channels = read_texts(electrodes, n_rows, *CHANNELS)
    group_names = read_texts(electrodes, n_rows, "group_name")
    groups = find_column(electrodes, "group")
    if groups is not None and groups.shape == (n_rows,):
        group_names = [name.rpartition("/")[2] for name in _names_of_groups(groups)]
    numbers = _index([re.sub(r"^.*?(\d+)(\.0+)?$", r"\1", one) for one in channels])  # of micro-17: 17
    return {
        "id": _index(read_values(electrodes["id"]).tolist()),
        "label": _index(read_texts(electrodes, n_rows, *LABELS)),
        "channel": {key: rows for key, rows in numbers.items() if len(rows) == 1} | _index(channels),
        "group": _index(group_names),
        "row": _index(range(n_rows)),
    }


def _index(names: Sequence[object]) -> dict[str, tuple[int, ...]]:
    return {name: rows for name, rows in rows_by_name(_key(name) for name in names).items() if name}


def _find_line(table: h5py.Group, electrodes: h5py.Group | None, groups: Rows | None, n_units: int) -> str | None:
    """The line of study.yaml that names a column which fits the contacts, if there is one beside that of ids."""
    for name in table:
        if name.lower().startswith(_NO_CONTACT) or name.lower().endswith("_index") or name.lower() == _IDS:
            continue
        values = _names_in(table, name, n_units)
        if not values or not all(values):
            continue
        fits = _fits(electrodes, values, groups)
        telling = {how: reading for how, reading in fits.items() if not reading.repeated}
        if telling:
            return _line(name, telling) if _disagree(fits) else f"layout: {{unit_electrode: {name}}}"
    return None
