"""
Read columns of NWB tables, in every form that files use.

Text is bytes or str, ragged columns have an index, categories may be numbers beside a list of names.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.nwb.storage.open_file import decode, require_plausible

NO_TEXT = {"", "nan", "none", "n/a", "na", "unknown", "null"}


def find_column(table: h5py.Group, *names: str) -> h5py.Dataset | None:
    """The first of several columns that the table has, whatever the letters' case."""
    present = {key.lower(): key for key in table}
    for name in names:
        if name.lower() in present:
            column = table[present[name.lower()]]
            if isinstance(column, h5py.Dataset):
                return column
    return None


def read_values(column: h5py.Dataset) -> NDArray[Any]:
    """All values of a dataset, once its claimed size is believable."""
    require_plausible(column)
    return np.asarray(column[()])


def read_numbers(table: h5py.Group, n_rows: int, *names: str) -> list[float | None]:
    """One finite number per row, None where the column or the value is missing."""
    return [_finite_number(value) for value in _read_rows(table, n_rows, names)]


def _finite_number(value: object) -> float | None:
    try:
        number = float(decode(value))
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def read_whole_numbers(table: h5py.Group, n_rows: int, *names: str) -> list[int | None]:
    """One whole number per row, of any size, None where the column is missing or the value is none."""
    return [whole_number(value) for value in _read_rows(table, n_rows, names)]


def whole_number(value: object) -> int | None:
    """The whole number that a value stands for: 17, 17.0, "17" and b"17" are the same; None for any other value."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    match = re.fullmatch(r"([+-]?\d{1,20})(\.0*)?", decode(value).strip(), re.ASCII)
    return None if match is None else int(match[1])


def read_texts(table: h5py.Group, n_rows: int, *names: str) -> list[str]:
    """One text per row, empty where the column or the value is missing."""
    texts = [decode(value).strip() for value in _read_rows(table, n_rows, names)]
    return ["" if text.lower() in NO_TEXT else text for text in texts]


def _read_rows(table: h5py.Group, n_rows: int, names: Sequence[str]) -> list[Any]:
    """One value per row of the first of these columns; empty texts where there is none."""
    column = find_column(table, *names)
    if column is None or column.shape != (n_rows,):
        return [""] * n_rows
    values: list[Any] = read_values(column).tolist()
    if "elements" in column.attrs:  # EnumData: numbers of names
        elements = column.file[column.attrs["elements"]][()]
        return [elements[int(value)] for value in values]
    return values


def text_columns(table: h5py.Group, n_rows: int) -> list[str]:
    """Names of the columns with one text per row."""
    return [
        name
        for name, column in table.items()
        if isinstance(column, h5py.Dataset) and column.shape == (n_rows,) and h5py.check_string_dtype(column.dtype)
    ]


def rows_by_name(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Rows in which each name stands, in order."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    return {name: tuple(found) for name, found in rows.items()}


def read_ragged(table: h5py.Group, name: str, n_rows: int) -> list[NDArray[Any]] | None:
    """
    One array per row, or None where there is no such column.

    A column with ``NAME_index`` is cut at the index; one without holds one value per row.
    """
    column = find_column(table, name)
    if column is None:
        return None
    values = read_values(column)
    index = find_column(table, f"{name}_index")
    ends = np.arange(1, n_rows + 1) if index is None else read_values(index).astype(np.int64)
    if ends.shape != (n_rows,) or (n_rows and (ends[-1] > len(values) or np.any(np.diff(ends, prepend=0) < 0))):
        raise ValueError(f"the index of column {column.name} does not fit its {len(values)} values and {n_rows} rows")
    return np.split(values, ends)[:n_rows]
