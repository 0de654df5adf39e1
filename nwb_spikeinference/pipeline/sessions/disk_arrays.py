"""
Arrays that lie on disk, so that the length of a recording costs no memory.

Nothing is mapped before it has been written, so that a full disk is an error and not a crash.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from nwb_spikeinference.errors import ResourceError
from nwb_spikeinference.recordings import FloatArray

_KIND = np.dtype("<f4")
_ZEROS = bytes(1 << 20)


def keep_on_disk(folder: Path, pieces: Iterable[FloatArray]) -> FloatArray:
    """
    Successive pieces as one array, in a file without a name that is gone when nobody holds the array any more.

    Parameters
    ----------
    pieces : iterable of ndarray of shape (n, ...)
        At least one; alike but for their length.

    Returns
    -------
    ndarray of shape (sum of n, ...), float32
        Mapped from the file, for reading.

    Raises
    ------
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    try:
        with TemporaryFile(dir=folder) as stream:
            n_rows, shape = 0, ()
            for piece in pieces:
                stream.write(np.ascontiguousarray(piece, _KIND).data)
                n_rows, shape = n_rows + len(piece), piece.shape[1:]
            stream.flush()
            whole = (n_rows, *shape)
            if not math.prod(whole):
                return np.zeros(whole, _KIND)
            return np.asarray(np.memmap(stream, _KIND, "r", shape=whole))  # plain: indexing a memmap takes longer
    except OSError as error:
        raise _no_room(folder, error) from error


def allocate_array(path: Path, shape: tuple[int, ...]) -> None:
    """
    Write a ``.npy`` file of float32 zeros, to be mapped and filled entry by entry.

    Raises
    ------
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    n_bytes = math.prod(shape) * _KIND.itemsize
    try:
        with path.open("wb") as stream:
            np.lib.format.write_array_header_1_0(stream, {"descr": _KIND.str, "fortran_order": False, "shape": shape})
            for start in range(0, n_bytes, len(_ZEROS)):
                stream.write(_ZEROS[: n_bytes - start])
    except OSError as error:
        raise _no_room(path, error) from error


def map_array(path: Path, *, writeable: bool = False) -> FloatArray:
    """The array of a ``.npy`` file; what is read of it is loaded, what is written to it goes to the file."""
    mapped: FloatArray = np.load(path, mmap_mode="r+" if writeable else "r")
    return mapped


def _no_room(path: Path, error: OSError) -> ResourceError:
    return ResourceError(f"{path}: cannot be written ({error.strerror or error}); check space and rights")
