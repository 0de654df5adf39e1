"""
Raw signals of a written file, compared with what the recorder wrote.

Chunks are located by HDF5 first, and then read past it: a file that is opened twice in one process loses its open
datasets when either is closed, and other checks of the same file can run meanwhile.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.names import RAW_SERIES, series_name
from nwb_spikeinference.nwb.raw.raw_records import SessionContent, VoltageSource
from nwb_spikeinference.nwb.storage.chunk_codec import Chunk, unpack_row
from nwb_spikeinference.nwb.storage.chunks import n_threads
from nwb_spikeinference.recordings import IntArray

_AHEAD = 2  # rows of chunks per thread that wait to be compared
_HINT = "the disk may be failing"


class _Place(NamedTuple):
    """Where one chunk begins, in the dataset and in the file."""

    start: int
    first_column: int
    at_byte: int
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBlock:
    """One block of a source, and where the file keeps it."""

    name: str
    source: VoltageSource
    block: int
    chunk: Chunk
    places: tuple[_Place, ...]  # in the order of samples, then columns


def locate_raw(path: Path, content: SessionContent) -> tuple[WrittenBlock, ...]:
    """
    Find the chunks of every raw signal of electrodes.

    Raises
    ------
    InputError
        If a series has another shape than its source, or chunks are missing.
    """
    with h5py.File(path, "r") as file:
        return tuple(
            _locate(file["acquisition"], source, block)
            for source in content.raw
            for block in range(len(source.periods))
        )


def _locate(acquisition: h5py.Group, source: VoltageSource, block: int) -> WrittenBlock:
    written = acquisition[f"{series_name(RAW_SERIES, source.name, block, len(source.periods))}/data"]
    shape = (source.periods[block].n_samples, len(source.gain))
    if written.shape != shape or written.dtype != np.int16:
        raise InputError(f"{written.name}: has shape {written.shape} of {written.dtype}, the source {shape} of int16")
    places: list[_Place] = []

    def note(info: h5py.h5d.StoreInfo) -> None:
        start, first_column = info.chunk_offset
        places.append(_Place(start, first_column, info.byte_offset, info.size))

    written.id.chunk_iter(note)
    n_missing = math.prod(-(-length // step) for length, step in zip(shape, written.chunks, strict=True)) - len(places)
    if n_missing:
        raise InputError(f"{written.name}: {n_missing} chunks are missing; {_HINT}")
    places.sort()
    return WrittenBlock(name=written.name, source=source, block=block, chunk=written.chunks, places=tuple(places))


def require_identical(path: Path, blocks: Sequence[WrittenBlock]) -> None:
    """
    Compare every raw sample of every electrode with its source.

    Raises
    ------
    InputError
        Names the first series and channel that differ.
    """
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(n_threads(), thread_name_prefix="compare") as pool:
        for block in blocks:
            for packed, samples in _rows(path, block):
                waiting.append(pool.submit(_require_equal, block, packed, samples))
                if len(waiting) > _AHEAD * n_threads():
                    waiting.popleft().result()
        for comparison in waiting:
            comparison.result()


def _rows(path: Path, written: WrittenBlock) -> Iterator[tuple[list[bytes], IntArray]]:
    """Each row of chunks of a file and the samples that it should hold: fewer than the chunks at the end."""
    source, step = written.source, written.chunk[0]
    n_samples = source.periods[written.block].n_samples
    with path.open("rb") as stream:
        for start, row in groupby(written.places, key=lambda place: place.start):
            packed = []
            for place in row:
                stream.seek(place.at_byte)
                packed.append(stream.read(place.n_bytes))
            yield packed, source.read(written.block, start, min(start + step, n_samples))


def _require_equal(written: WrittenBlock, packed: list[bytes], samples: IntArray) -> None:
    n_samples, n_columns = samples.shape
    try:
        held = unpack_row(packed, written.chunk, np.int16)[:n_samples, :n_columns]
    except InputError as error:
        raise InputError(f"{written.name}: {error}; {_HINT}") from error
    if not np.array_equal(held, samples):
        label = written.source.labels[int(np.argmax(np.any(held != samples, axis=0)))]
        raise InputError(f"{written.name}: channel {label} differs from its source; {_HINT}")
