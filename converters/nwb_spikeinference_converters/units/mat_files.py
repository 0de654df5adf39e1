"""
Numeric variables of MATLAB files of any version, v7.3 (which is HDF5) among them.
"""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.storage.open_file import H5_ERRORS
from nwb_spikeinference_converters.recorder_files import refusing
from nwb_spikeinference_converters.units.hdf5_arrays import read_array
from nwb_spikeinference_converters.units.mat5 import iterate_mat5

Variables = dict[str, NDArray[Any]]

MAT_ERRORS = (*H5_ERRORS, MemoryError, zlib.error)
NUMERIC_KINDS = "iuf"  # of numpy's data types
_LARGEST_WHOLE = 2.0**53  # of double precision
_NO_NUMBERS = (b"char", b"cell", b"struct", b"string")  # classes of MATLAB that v7.3 stores as numbers


def read_mat(path: Path, names: Sequence[str]) -> Variables:
    """
    Some numeric variables of a MATLAB file, with rows first, as MATLAB shows them.

    Parameters
    ----------
    names : sequence of str
        Variables, or fields of a scalar struct, such as ``par.sr``. Nothing else is read.

    Returns
    -------
    dict of str to ndarray
        Those of the names that the file has.

    Raises
    ------
    InputError
        If it is no MATLAB file, is damaged, or one of the names holds no numbers.

    References
    ----------
    .. [1] MathWorks, "MAT-File Versions": 7.3 is HDF5, 6 and 7 are version 5.
    """
    with refusing(path, MAT_ERRORS, "cannot be read as a MATLAB file"):
        return _read_hdf5(path, names) if h5py.is_hdf5(path) else _read_older(path, names)


def _read_hdf5(path: Path, names: Sequence[str]) -> Variables:
    found: Variables = {}
    with h5py.File(path, "r") as file:
        for name in names:
            place = name.replace(".", "/")
            values = read_array(file, place)
            if values is None:
                continue
            attributes = file[place].attrs
            is_numeric = values.dtype.kind in NUMERIC_KINDS and attributes.get("MATLAB_class") not in _NO_NUMBERS
            _require_numeric(is_numeric, name, path)
            # an empty array is stored as its size
            found[name] = np.zeros((0, 0)) if attributes.get("MATLAB_empty", 0) else np.atleast_2d(values.T)
    return found


def _read_older(path: Path, names: Sequence[str]) -> Variables:
    found: Variables = {}
    for variable in iterate_mat5(path, frozenset(name.partition(".")[0] for name in names)):
        wanted = [name for name in names if name.partition(".")[0] == variable.name]
        for name in wanted:
            field = name.partition(".")[2]
            array = variable.field(field) if field else variable
            if array is not None:
                _require_numeric(array.is_numeric, name, path)
                found[name] = array.values()
    return found


def _require_numeric(is_numeric: bool, name: str, path: Path) -> None:
    if not is_numeric:
        raise InputError(f"{path}: variable {name!r} must be numeric")


def scalar(variables: Mapping[str, NDArray[Any]], name: str) -> float | None:
    """A finite number; None where the variable is missing, empty or several."""
    values = variables.get(name)
    if values is None or values.size != 1 or not np.isfinite(values.item()):
        return None
    return float(values.item())


def vector(variables: Mapping[str, NDArray[Any]], name: str, path: Path, *, length: int | None = None) -> NDArray[Any]:
    """
    A row or a column as one dimension.

    Raises
    ------
    InputError
        If the variable is missing, a matrix, or not of the given length.
    """
    if name not in variables:
        raise InputError(f"{path}: variable {name!r} is missing; is it the sorter's output file?")
    values = variables[name]
    if values.size not in values.shape and values.size:
        raise InputError(f"{path}: variable {name!r} must be a vector, found {_shape(values)}")
    if length is not None and values.size != length:
        raise InputError(f"{path}: variable {name!r} has {values.size} elements, one per spike ({length}) needed")
    return values.ravel()


def spike_rows(variables: Mapping[str, NDArray[Any]], name: str, path: Path, n_spikes: int) -> NDArray[Any] | None:
    """
    A matrix with one waveform per row; None where the variable is missing or empty.

    Raises
    ------
    InputError
        If it has not one row per spike.
    """
    values = variables.get(name)
    if values is None or not values.size:
        return None
    if values.ndim != 2 or len(values) != n_spikes:
        raise InputError(f"{path}: variable {name!r} must have one row per spike ({n_spikes}), found {_shape(values)}")
    return values


def whole_numbers(values: NDArray[Any], what: str, path: Path) -> NDArray[np.int64]:
    """
    The same values as integers.

    Raises
    ------
    InputError
        If some are not whole, or too large to be told from their neighbours.
    """
    if not np.all((np.abs(values) < _LARGEST_WHOLE) & (values == np.rint(values))):
        raise InputError(f"{path}: {what} must hold whole numbers")
    return values.astype(np.int64)


def _shape(values: NDArray[Any]) -> str:
    return " x ".join(str(length) for length in values.shape)
