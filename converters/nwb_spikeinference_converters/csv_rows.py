"""
Rows of CSV files, as people save them.

A byte-order mark, semicolons or tabs are accepted; a cell that a spreadsheet would execute is not.
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from nwb_spikeinference.errors import InputError, SettingsError

_MAX_BYTES = 500_000_000
_FORMULA = re.compile(r"[=@]|[+-](?![\d.,]+(?:[eE][+-]?\d+)?$|$)")  # what spreadsheets execute; signed numbers are none


def read_rows(path: Path, required: Sequence[str]) -> list[dict[str, str]]:
    """
    Rows of a CSV file by column name; names are lower-cased, cells stripped, empty cells left out.

    Raises
    ------
    InputError
        If the file cannot be read.
    SettingsError
        If columns are missing, or a cell holds a formula.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: larger than {_MAX_BYTES / 1e6:g} MB, which no table of this kind is")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason}); save it as 'CSV UTF-8'") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise InputError(f"{path}: empty; a header line and one line per row are needed")
    reader = csv.reader(lines, delimiter=max(",;\t", key=first.count))
    try:
        table = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is no CSV ({error}); save it as 'CSV UTF-8' again") from error
    header = [name.strip().lower() for name in table[0][1]]
    _check_header(path, header, required)
    return [_read_row(path, line, header, cells) for line, cells in table[1:]]


def _check_header(path: Path, header: Sequence[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in header]
    if missing:
        raise SettingsError(
            f"{path}: column {missing[0]!r} is missing; found {', '.join(header)[:200]}; needed {', '.join(required)}"
        )
    repeated = next((name for name in header if name and header.count(name) > 1), None)
    if repeated is not None:
        raise SettingsError(f"{path}: column {repeated!r} stands twice; keep one")


def _read_row(path: Path, line: int, header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if any(cell.strip() for cell in cells[len(header) :]):
        raise SettingsError(f"{path}: row {line} has {len(cells)} cells, the header {len(header)}")
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()}
    formula = next((name for name, cell in row.items() if _FORMULA.match(cell)), None)
    if formula is not None:
        raise SettingsError(f"{path}: row {line}, column {formula!r} holds a formula; save values only")
    return row
