"""
Which contacts a unit was recorded from, in NWB files that anybody may have written.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.config import UnitElectrodeSettings
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.reading.columns import find_column, read_ragged, read_texts, read_values
from nwb_spikeinference.nwb.reading.electrodes import CHANNELS, LABELS, electrodes_table
from nwb_spikeinference.nwb.storage.open_file import decode

Rows = list[tuple[int, ...]]
_Index = Mapping[str, tuple[int, ...]]  # how a contact is named -> its rows
# A sorter's numbers, which could be contacts' by chance.
_NO_CONTACT = ("id", "unit_id", "cluster", "spike", "waveform", "obs_", "snr", "isi", "quality", "cell_type", "sorter")


def link_units(
    file: h5py.File, table: h5py.Group, n_units: int, wanted: UnitElectrodeSettings | None
) -> tuple[Rows, tuple[str, ...], tuple[str, ...]]:
    """
    Rows of the electrodes table per unit, what had to be assumed, and what study.yaml could say.

    By region, else by electrode id, else by electrode group; by the column of `wanted` alone if one is given.

    Raises
    ------
    InputError
        If the units have no such column, it names no contact, or different contacts by what it is taken for.
    """
    electrodes = electrodes_table(file)
    if wanted is not None:
        rows, how = _rows_by_column(file, table, electrodes, n_units, wanted)
        return rows, (f"units are linked by column {wanted.column} to the {how} of electrodes",), ()
    n_electrodes = 0 if electrodes is None else len(electrodes["id"])
    linked = read_ragged(table, "electrodes", n_units)
    if linked is None and electrodes is not None:
        linked = _rows_by_id(table, electrodes, n_units)
        if linked is None:
            linked = _rows_by_group(table, electrodes, n_units)
    if linked is None:
        advice = _advice(table, electrodes, n_units)
        return [()] * n_units, (advice or "units name no electrodes",), (advice,) if advice else ()
    rows = [tuple(int(row) for row in unit_rows if 0 <= row < n_electrodes) for unit_rows in linked]
    dangling = sum(len(kept) < len(unit_rows) for kept, unit_rows in zip(rows, linked, strict=True))
    return rows, (f"{dangling} units name electrodes that the table does not have",) if dangling else (), ()


def _rows_by_id(table: h5py.Group, electrodes: h5py.Group, n_units: int) -> list[NDArray[Any]] | None:
    ids = read_ragged(table, "electrode_id", n_units)
    if ids is None:
        return None
    row_of = {int(electrode_id): row for row, electrode_id in enumerate(read_values(electrodes["id"]))}
    return [np.array([row_of.get(int(one), -1) for one in unit_ids], dtype=np.int64) for unit_ids in ids]


def _rows_by_group(table: h5py.Group, electrodes: h5py.Group, n_units: int) -> list[NDArray[Any]] | None:
    wanted = find_column(table, "electrode_group")
    groups = find_column(electrodes, "group")
    if wanted is None or groups is None or wanted.shape != (n_units,):
        return None
    rows_of: dict[str, list[int]] = {}
    for row, reference in enumerate(read_values(groups)):
        rows_of.setdefault(str(table.file[reference].name), []).append(row)
    return [np.array(rows_of.get(str(table.file[reference].name), []), np.int64) for reference in read_values(wanted)]


def _rows_by_column(
    file: h5py.File, table: h5py.Group, electrodes: h5py.Group | None, n_units: int, wanted: UnitElectrodeSettings
) -> tuple[Rows, str]:
    name = wanted.column
    values = _names_in(table, name, n_units)
    if values is None:
        raise InputError(
            f"{file.filename}: the units table has no column {name!r} with a contact per unit (layout.unit_electrode); "
            f"it has {', '.join(sorted(table))}"
        )
    fits = _fits(electrodes, values)
    if wanted.names is not None:
        fits = {how: rows for how, rows in fits.items() if how == wanted.names}
    if not fits:
        examples = ", ".join(list(dict.fromkeys(one for unit in values for one in unit))[:3])
        what = f"no {wanted.names}s" if wanted.names else "neither ids, labels, channels, groups nor rows"
        raise InputError(
            f"{file.filename}: units column {name!r} (layout.unit_electrode) holds {examples}, which are {what} of the "
            f"electrodes table"
        )
    if _disagree(fits):
        raise InputError(
            f"{file.filename}: units column {name!r} (layout.unit_electrode) could be the {' or the '.join(fits)} of "
            f"electrodes, which are different contacts; say in study.yaml which: {_line(name, fits)}"
        )
    return next(iter(fits.values())), " or ".join(fits)


def _fits(electrodes: h5py.Group | None, values: Sequence[Sequence[str]]) -> dict[str, Rows]:
    """Contacts of each unit by all that its names could be."""
    return {
        how: [tuple(row for one in unit for row in index[one]) for unit in values]
        for how, index in _indices(electrodes).items()
        if all(one in index for unit in values for one in unit)
    }


def _disagree(fits: Mapping[str, Rows]) -> bool:
    """Whether a column's names mean different contacts by what they are taken for."""
    first, *others = fits.values()
    return any(rows != first for rows in others)


def _line(name: str, fits: Mapping[str, Rows]) -> str:
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
    return None if ragged is None else [[key for value in unit if (key := _key(value))] for unit in ragged]


def _key(value: object) -> str:
    """Numbers and texts in one form: 17, 17.0 and b"17" are the same contact."""
    text = decode(value).strip().lower()
    return re.sub(r"\.0+$", "", text) if text not in ("nan", "none") else ""


def _indices(electrodes: h5py.Group | None) -> dict[str, _Index]:
    """What the contacts could be named by."""
    if electrodes is None:
        return {}
    n_rows = len(electrodes["id"])
    channels = read_texts(electrodes, n_rows, *CHANNELS)
    group_names = read_texts(electrodes, n_rows, "group_name")
    groups = find_column(electrodes, "group")
    if groups is not None and groups.shape == (n_rows,):
        group_names = [str(electrodes.file[one].name).rpartition("/")[2] for one in read_values(groups)]
    return {
        "id": _single(_index([str(one) for one in read_values(electrodes["id"]).tolist()])),
        "label": _single(_index(read_texts(electrodes, n_rows, *LABELS))),
        "channel": _single(_index(channels) | _index([re.sub(r"^.*?(\d+)(\.0+)?$", r"\1", one) for one in channels])),
        "group": _index(group_names),
        "row": _index([str(row) for row in range(n_rows)]),
    }


def _index(names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    rows: dict[str, tuple[int, ...]] = {}
    for row, name in enumerate(names):
        if key := _key(name):
            rows[key] = (*rows.get(key, ()), row)
    return rows


def _single(index: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Without what names several contacts: channel 17 of two recorders is none."""
    return {key: rows for key, rows in index.items() if len(rows) == 1}


def _advice(table: h5py.Group, electrodes: h5py.Group | None, n_units: int) -> str | None:
    """The line of study.yaml that names a column which fits the contacts, if there is one."""
    for name in table:
        if name.lower().startswith(_NO_CONTACT) or name.lower().endswith("_index"):
            continue
        values = _names_in(table, name, n_units)
        if not values or not all(values):
            continue
        fits = _fits(electrodes, values)
        if not fits:
            continue
        line = _line(name, fits) if _disagree(fits) else f"layout: {{unit_electrode: {name}}}"
        return f"units name no electrodes; add to study.yaml: {line}"
    return None
