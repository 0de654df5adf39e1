"""
Compressed chunks, as HDF5's filters shuffle and gzip read them, made many times faster than HDF5 makes them.

Shuffling puts the first bytes of all numbers together, then the second ones. The low bytes of a digitised voltage are
noise, which no compressor shortens: they are stored as they are, which makes reading fast as well.

References
----------
.. [1] P. Deutsch & J.-L. Gailly (1996), RFC 1950 and 1951: the zlib and deflate formats.
.. [2] The HDF Group, HDF5 documentation: the filters ``H5Z_FILTER_SHUFFLE`` and ``H5Z_FILTER_DEFLATE``.
"""

import zlib
from collections.abc import Sequence

import numpy as np
from isal import isal_zlib
from numpy.typing import DTypeLike, NDArray

from nwb_spikeinference.errors import InputError

CHUNK_WIDTH = 8  # columns of one chunk: a byte of each makes a word of 64 bits, which is moved as one

Chunk = tuple[int, int]
Bytes = NDArray[np.uint8]

_HEADER = b"\x78\x01"  # RFC 1950: deflate, 32 KB window
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"  # RFC 1951: final, stored, empty
_STORED_BYTES = 65535  # RFC 1951: of one stored block
_LEVEL = 1
_SAMPLE_BYTES = 16384  # tried first, to see whether deflating shortens a plane
_WORTHWHILE = 0.97  # of its length


def pack_row(values: NDArray[np.generic], chunk: Chunk) -> list[bytes]:
    """
    Shuffle and deflate one row of chunks.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_columns)
        At most `chunk` long; what is missing in the last chunks is filled with zeros, as HDF5 does.
    chunk : tuple of int
        Shape of one chunk: `CHUNK_WIDTH` wide, or as wide as the dataset if that has fewer columns.

    Returns
    -------
    list of bytes
        A zlib stream per chunk, for ``h5py.Dataset.id.write_direct_chunk``.
    """
    length, width = chunk
    n_chunks = -(-values.shape[1] // width)
    if values.shape != (length, n_chunks * width):
        whole = np.zeros((length, n_chunks * width), values.dtype)
        whole[: values.shape[0], : values.shape[1]] = values
        values = whole
    words = np.ascontiguousarray(values).view(f"u{values.itemsize}")
    shifted = (words if place == 0 else words >> 8 * place for place in range(values.itemsize))
    planes = [_split(word.astype(np.uint8), n_chunks) for word in shifted]
    return [_deflate_planes([plane[number] for plane in planes]) for number in range(n_chunks)]


def unpack_row(packed: Sequence[bytes], chunk: Chunk, dtype: DTypeLike) -> NDArray[np.generic]:
    """
    Values of one row of chunks.

    Returns
    -------
    ndarray of shape (length of a chunk, len(packed) * width of a chunk)

    Raises
    ------
    InputError
        If a chunk is damaged.
    """
    kind = np.dtype(dtype)
    chunks = [_inflate_planes(one, chunk, kind.itemsize) for one in packed]
    words = _join([planes[0] for planes in chunks], chunk).astype(f"u{kind.itemsize}")
    for place in range(1, kind.itemsize):
        words |= _join([planes[place] for planes in chunks], chunk).astype(words.dtype) << 8 * place
    return words.view(kind)


def _split(plane: Bytes, n_chunks: int) -> Bytes:
    """One byte of every number of a row of chunks -> of every chunk, one after the other; shape (n_chunks, n)."""
    if n_chunks == 1:
        return plane.reshape(1, -1)
    return np.ascontiguousarray(plane.view(np.uint64).T).view(np.uint8)


def _join(planes: Sequence[Bytes], chunk: Chunk) -> Bytes:
    """The inverse of `_split`; shape (length, n_chunks * width)."""
    if len(planes) == 1:
        return planes[0].reshape(chunk)
    words = np.stack([plane.view(np.uint64) for plane in planes], axis=1)
    return words.view(np.uint8)


def _deflate_planes(planes: Sequence[Bytes]) -> bytes:
    stream, checksum = [_HEADER], 1
    for plane in planes:
        stream += _deflate(plane) if _shrinks(plane) else _store(plane)
        checksum = isal_zlib.adler32(plane, checksum)
    return b"".join([*stream, _LAST_BLOCK, checksum.to_bytes(4, "big")])


def _inflate_planes(packed: bytes, chunk: Chunk, itemsize: int) -> Bytes:
    n_bytes = chunk[0] * chunk[1] * itemsize
    try:
        plain = isal_zlib.decompress(packed, bufsize=n_bytes)
    except isal_zlib.IsalError as error:  # type: ignore[misc]  # its stub says instance, not class
        raise InputError(f"damaged chunk ({error})") from error
    if len(plain) != n_bytes:
        raise InputError(f"damaged chunk (it holds {len(plain)} bytes, not {n_bytes})")
    return np.frombuffer(plain, np.uint8).reshape(itemsize, -1)


def _shrinks(plane: Bytes) -> bool:
    start = max(0, len(plane) - _SAMPLE_BYTES) // 2
    sample = plane[start : start + _SAMPLE_BYTES]
    return len(isal_zlib.compress(sample, _LEVEL)) < _WORTHWHILE * len(sample)


def _deflate(plane: Bytes) -> list[bytes]:
    """Blocks that end on a whole byte, with more to follow."""
    compressor = isal_zlib.compressobj(_LEVEL, wbits=-zlib.MAX_WBITS)
    return [compressor.compress(plane), compressor.flush(zlib.Z_SYNC_FLUSH)]


def _store(plane: Bytes) -> list[bytes]:
    parts = []
    for start in range(0, len(plane), _STORED_BYTES):
        part = plane[start : start + _STORED_BYTES].tobytes()
        parts += [b"\x00", len(part).to_bytes(2, "little"), (len(part) ^ 0xFFFF).to_bytes(2, "little"), part]
    return parts
