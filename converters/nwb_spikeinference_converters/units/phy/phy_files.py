"""
The files of a Phy folder, read without running or unpickling anything.

``params.py`` is Python that Phy executes; here only its assignments of plain values are looked at. Arrays are mapped,
so that a header that claims terabytes costs nothing.

References
----------
The files and their shapes: https://github.com/kwikteam/phy-contrib/blob/master/docs/template-gui.md
"""

import ast
import csv
import io
import tokenize
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError, describe
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference_converters.recorder_files import refusing

_LARGEST_TEXT_BYTES = 20_000_000  # a table of 100 000 clusters has 5 MB
_ID_COLUMNS = ("cluster_id", "id")  # the second one in cluster_info.tsv of old versions
_SUMMARY = "cluster_info.tsv"  # Phy's digest of the other tables
# what numpy raises on headers that make no sense
_ARRAY_ERRORS = (
    OSError, ValueError, TypeError, SyntaxError, OverflowError, MemoryError, RecursionError, tokenize.TokenError,
)  # fmt: skip


def read_parameters(path: Path) -> tuple[float | None, int | None]:
    """
    Sampling rate and number of channels of the sorted file from ``params.py``, which is parsed and never executed.

    Raises
    ------
    InputError
        If it is missing or no Python.
    """
    with refusing(path, (SyntaxError, ValueError, RecursionError, MemoryError), "not a list of 'name = value' lines"):
        module = ast.parse(_read_text(path))
    values: dict[str, Any] = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            values.update(dict.fromkeys(names, statement.value.value))
    n_channels = _positive(values, "n_channels_dat", path)
    return _positive(values, "sample_rate", path), None if n_channels is None else int(n_channels)


def load_array(path: Path, n_dimensions: int) -> NDArray[Any]:
    """
    A numeric array of a ``.npy`` file; column and row vectors count as one-dimensional.

    Raises
    ------
    InputError
        If the file is missing or damaged, or holds Python objects, which are never unpickled.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; 'file' must name the folder that Phy opens")
    try:
        array: NDArray[Any] = open_memmap(path, mode="r")
    except _ARRAY_ERRORS as error:
        raise InputError(
            f"{path}: no plain array of numbers ({describe(error)}); pickled objects are never loaded, export it again"
        ) from error
    if array.dtype.kind not in "iuf":
        raise InputError(f"{path}: holds {array.dtype}, numbers are needed")
    if n_dimensions == 1 and array.size == max(array.shape, default=0):
        array = array.ravel()
    if array.ndim != n_dimensions:
        raise InputError(f"{path}: has the shape {array.shape}; {n_dimensions} dimension(s) are needed")
    return array


def load_whole_numbers(path: Path, n_dimensions: int) -> IntArray:
    """An array of whole numbers, which some exporters keep as floats."""
    array = load_array(path, n_dimensions)
    with np.errstate(invalid="ignore"):
        whole: IntArray = np.asarray(array).astype(np.int64)
    if array.dtype.kind == "f" and not np.array_equal(whole, array):
        raise InputError(f"{path}: must hold whole numbers")
    return whole


def read_cluster_tables(folder: Path) -> tuple[defaultdict[int, dict[str, str]], tuple[Path, ...]]:
    """
    All columns of the ``cluster_*.tsv`` files by cluster, and the files.

    Single tables win over the digest ``cluster_info.tsv``, which Phy writes and never reads.
    """
    files = [*folder.glob("cluster_*.tsv"), *folder.glob("cluster_*.csv")]
    files.sort(key=lambda path: (path.name != _SUMMARY, path))
    rows: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for path in files:
        for cluster, cells in _read_table(path):
            rows[cluster].update(cells)
    return rows, tuple(files)


def _read_table(path: Path) -> list[tuple[int, dict[str, str]]]:
    table = csv.DictReader(io.StringIO(_read_text(path)), delimiter="\t" if path.suffix == ".tsv" else ",")
    found = []
    try:
        id_column = next((name for name in _ID_COLUMNS if name in (table.fieldnames or ())), None)
        if id_column is None:
            raise InputError(f"{path}: column 'cluster_id' is missing; found {', '.join(table.fieldnames or ())[:200]}")
        for row in table:
            cells = {name: cell.strip() for name, cell in row.items() if isinstance(cell, str) and cell.strip()}
            found.append((int(cells.pop(id_column, "")), cells))
    except (csv.Error, ValueError) as error:
        raise InputError(
            f"{path}: line {table.line_num}: 'cluster_id' must be a whole number ({describe(error)})"
        ) from error
    return found


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_TEXT_BYTES:
            raise InputError(f"{path}: larger than {_LARGEST_TEXT_BYTES / 1e6:g} MB, which no file of this kind is")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; 'file' must name the folder that Phy opens") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({describe(error)})") from error


def _positive(values: Mapping[str, Any], name: str, path: Path) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < np.inf:
        raise InputError(f"{path}: {name!r} must be a positive number, got {value!r}")
    return float(value)
