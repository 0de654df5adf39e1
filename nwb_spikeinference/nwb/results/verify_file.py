"""
Verification of NWB files: whether they are whole, and say what the study's results say.

Every chunk is read, digests are compared, and the schema and the inspector are asked.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.copies.check import inspect_file
from nwb_spikeinference.nwb.copies.copy_file import read_pieces, walk
from nwb_spikeinference.nwb.copies.digest import RECORDING_DIGEST, digest_of_recording
from nwb_spikeinference.nwb.extension import TABLES, table_columns
from nwb_spikeinference.nwb.names import MODULE_PATH, STUDY, UNITS
from nwb_spikeinference.nwb.results.result_records import ResultTables, StudyFacts
from nwb_spikeinference.nwb.results.results_tables import Rows, column_values, result_tables
from nwb_spikeinference.nwb.results.results_writer import is_sealed
from nwb_spikeinference.nwb.storage.open_file import H5_ERRORS, decode, open_nwb, require_plausible
from nwb_spikeinference.recordings import UnitKey

_KEY_COLUMNS = ("participant", "session", "unit_row")


def verify_file(path: Path) -> tuple[str, ...]:
    """
    Everything that is wrong with a file; empty if nothing is.

    Suggestions of the inspector are no findings.
    """
    try:
        with open_nwb(path) as file:
            damage = [finding for name in walk(file) for finding in _damage(file[name])]
            if not damage:
                damage = _changed_results(file)
        if damage:
            return tuple(damage)
        return tuple(str(finding) for finding in inspect_file(path) if finding.severity != "suggestion")
    except InputError as error:
        return (str(error),)


def _damage(item: h5py.Group | h5py.Dataset) -> list[str]:
    if not isinstance(item, h5py.Dataset):
        return []
    try:
        require_plausible(item)
        for _ in read_pieces(item):
            pass
    except InputError as error:
        return [str(error)]
    except H5_ERRORS as error:
        return [f"{item.name}: damaged, reading failed ({error})"]
    return []


def _changed_results(file: h5py.File) -> list[str]:
    if MODULE_PATH not in file:
        return []
    if STUDY not in file[MODULE_PATH]:
        return [f"{MODULE_PATH}: the results are not complete ({STUDY} is missing); write them again"]
    if not is_sealed(file):
        return [f"{MODULE_PATH}: the results are not those that were written (digest differs)"]
    if decode(file[MODULE_PATH][STUDY].attrs[RECORDING_DIGEST]) != digest_of_recording(file):
        return [f"{file.filename}: something beside the results was changed or added since they were written"]
    return []


def read_study(path: Path) -> StudyFacts | None:
    """Which study wrote results into a file, and about whom; None if none did."""
    try:
        with open_nwb(path) as file:
            if f"{MODULE_PATH}/{STUDY}" not in file:
                return None
            attributes = file[MODULE_PATH][STUDY].attrs
            return StudyFacts(*(decode(attributes[name]) for name in StudyFacts._fields))
    except InputError:
        return None


def compare_tables(path: Path, tables: ResultTables) -> tuple[str, ...]:
    """Where the tables of a file say something else than the study's results; empty if they agree."""
    try:
        with open_nwb(path) as file:
            return tuple(_differences(file, tables))
    except InputError as error:
        return (str(error),)


def _differences(file: h5py.File, tables: ResultTables) -> Iterator[str]:
    module = file[MODULE_PATH]
    row_of = {key: row for row, key in enumerate(_units(file))}
    for name, rows in result_tables(tables, row_of).items():
        if name not in module:
            yield f"{MODULE_PATH}/{name}: is missing, though the results have {len(rows)} rows of it"
        elif len(module[name]["id"]) != len(rows):
            yield f"{MODULE_PATH}/{name}: has {len(module[name]['id'])} rows, the results {len(rows)}"
        else:
            yield from _different_columns(module[name], TABLES[name], rows)


def _units(file: h5py.File) -> Iterator[UnitKey]:
    """Every unit of a session's file, or of the file of all participants, in its order."""
    units = file[MODULE_PATH].get(UNITS)
    if units is None:
        study = file[MODULE_PATH][STUDY].attrs
        whose = (decode(study["participant"]), decode(study["session"]))
        yield from (UnitKey(*whose, row) for row in range(len(file["units/id"])))
        return
    for participant, session, row in zip(*(units[name][()] for name in _KEY_COLUMNS), strict=True):
        yield UnitKey(decode(participant), decode(session), int(row))


def _different_columns(found: h5py.Group, kind: str, rows: Rows) -> Iterator[str]:
    for column, dtype, _ in table_columns(kind):
        expected = column_values(rows, column, dtype)
        if isinstance(expected, list):
            held = [decode(value) for value in found[column][()]]
            same = [one == other for one, other in zip(held, expected, strict=True)]
        else:
            held = found[column][()]
            same = [bool(one) for one in (held == expected) | (np.isnan(held) & np.isnan(expected))]
        if not all(same):
            row = same.index(False)
            yield f"{found.name}/{column}: row {row} says {held[row]}, the results {expected[row]}"
