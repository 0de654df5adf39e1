"""
Read CSV files as people save them.

A byte-order mark, semicolons or tabs are accepted; a cell that a spreadsheet would execute is not.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from nwb_spikeinference.errors import InputError, SettingsError

_MAX_BYTES = 500_000_000
_FORMULA = ("=", "@", "\t=", "+=")


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
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{path}: empty; a header line and one line per row are needed")
    reader = csv.reader(lines, delimiter=max(",;\t", key=lines[0].count))
    header = [name.strip().lower() for name in next(reader)]
    missing = [name for name in required if name not in header]
    if missing:
        raise SettingsError(
            f"{path}: column {missing[0]!r} is missing; found {', '.join(header)[:200]}; needed {', '.join(required)}"
        )
    rows = []
    for number, cells in enumerate(reader, start=2):
        if len(cells) > len(header):
            raise SettingsError(f"{path}: row {number} has {len(cells)} cells, the header {len(header)}")
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()}
        formula = next((name for name, cell in row.items() if cell.startswith(_FORMULA)), None)
        if formula is not None:
            raise SettingsError(f"{path}: row {number}, column {formula!r} holds a formula; save values only")
        rows.append(row)
    return rows
