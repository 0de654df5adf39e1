"""
Stretches of a compressed int16 dataset, unpacked past HDF5 in half its time, from any thread.

References
----------
.. [1] h5py, pull request 2764: without the lock, reading single chunks in several threads crashes the process.
"""

from collections import OrderedDict
from itertools import product
from typing import Any

import h5py
import numpy as np
from h5py._objects import phil  # h5py's lock: its methods for single chunks do not all take it [1]_
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.storage.chunk_codec import unpack_row

_FILTERS = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE)
_KEPT_BYTES = 32_000_000  # of unpacked chunks: successive stretches overlap, and a minute of a bundle is read twice

Samples = NDArray[np.int16]


def filters_of(data: h5py.Dataset) -> list[Any]:
    """Code, flags, values and name of each filter that chunks were passed through, in order."""
    made = data.id.get_create_plist()
    return [made.get_filter(k) for k in range(made.get_nfilters())]


class ChunkReader:
    """
    Reads what `fits` accepts; chunks read last are kept unpacked.

    Parameters
    ----------
    data : h5py.Dataset of shape (n_samples, n_columns)
    """

    def __init__(self, data: h5py.Dataset) -> None:
        self._data = data
        self._chunk: tuple[int, int] = data.chunks
        self._n_kept = max(1, _KEPT_BYTES // (2 * self._chunk[0] * self._chunk[1]))
        self._unpacked: OrderedDict[tuple[int, int], Samples] = OrderedDict()

    @staticmethod
    def fits(data: h5py.Dataset) -> bool:
        """Whether a dataset is int16, two-dimensional, and compressed with shuffle and gzip and nothing else."""
        if data.dtype != np.dtype("<i2") or data.ndim != 2 or not data.chunks:
            return False
        return tuple(code for code, *_ in filters_of(data)) == _FILTERS

    def read(self, start: int, stop: int, columns: slice) -> Samples:
        """
        Samples `start` to `stop` of neighbouring columns; only chunks that hold them are unpacked.

        Raises
        ------
        InputError, OSError
            If a chunk is damaged.
        """
        first, last, _ = columns.indices(self._data.shape[1])
        found = np.empty((stop - start, last - first), np.int16)
        length, width = self._chunk
        corners = product(range(start // length * length, stop, length), range(first // width * width, last, width))
        for row, column in corners:
            chunk = self._chunk_at(row, column)
            low, high = max(start, row), min(stop, row + length)
            left, right = max(first, column), min(last, column + width)
            found[low - start : high - start, left - first : right - first] = chunk[
                low - row : high - row, left - column : right - column
            ]
        return found

    def _chunk_at(self, row: int, column: int) -> Samples:
        at = (row, column)
        if at not in self._unpacked:
            if len(self._unpacked) >= self._n_kept:
                self._unpacked.popitem(last=False)
            self._unpacked[at] = self._unpack(row, column)
        return self._unpacked[at]

    def _unpack(self, row: int, column: int) -> Samples:
        length, width = self._chunk
        with phil:
            stored = self._data.id.get_chunk_info_by_coord((row, column))
            if not stored.size or stored.filter_mask:  # never written, or past some filter
                return np.asarray(self._data[row : row + length, column : column + width])
            _, packed = self._data.id.read_direct_chunk((row, column))
        try:
            return np.asarray(unpack_row([packed], self._chunk, np.int16), np.int16)
        except InputError as error:
            raise InputError(f"{self._data.name} at sample {row}, column {column}: {error}") from error
