"""
Large datasets in successive rows of chunks, packed ahead of the one who writes them.

Signals are read, processed and packed in the background; the file is written by one thread, and only once pynwb has
laid it out.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from hdmf.backends.hdf5 import H5DataIO
from numpy.typing import DTypeLike, NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.storage.chunk_codec import CHUNK_WIDTH, pack_row

RAW_CHUNK = (30000, CHUNK_WIDTH)  # one second of one bundle
PACKING: Mapping[str, Any] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}  # of every dataset

_MAX_THREADS = 8
_AHEAD_BYTES = 48_000_000  # before packing; of rows that are not yet written

Values = NDArray[np.generic]
T = TypeVar("T", bound=NDArray[Any])


def n_threads() -> int:
    """How many threads pack and unpack chunks."""
    return min(_MAX_THREADS, os.cpu_count() or 1)


def packed(values: Any, chunks: tuple[int, ...] | bool = True) -> H5DataIO:
    """Values that are written in compressed chunks."""
    return H5DataIO(data=values, chunks=chunks, **PACKING)


class Slot:
    """A dataset of shape (n_samples, n_channels) that is laid out empty and filled in order."""

    def __init__(self, name: str, n_samples: int, n_channels: int, dtype: DTypeLike) -> None:
        self.name = name
        self.shape = (n_samples, n_channels)
        self.chunk = (min(RAW_CHUNK[0], n_samples), min(RAW_CHUNK[1], n_channels))
        self.dtype = np.dtype(dtype)
        self.data = H5DataIO(shape=self.shape, dtype=self.dtype, chunks=self.chunk, **PACKING)

    @property
    def row_bytes(self) -> int:
        """Size of one row of chunks."""
        return self.chunk[0] * self.shape[1] * self.dtype.itemsize


class _StoppedError(Exception):
    """Nobody waits for the rows any more."""


class Packer:
    """
    Packs signals in the background, a bounded number of rows ahead of `write`.

    Parameters
    ----------
    slots : sequence of Slot
        All that will be packed.
    produce : callable
        Is given the packer and calls `pack` for each slot, in a thread of its own.
    """

    def __init__(self, slots: Iterable[Slot], produce: Callable[["Packer"], None]) -> None:
        row_bytes = max((slot.row_bytes for slot in slots), default=1)
        self._produce = produce
        self._room = threading.Semaphore(max(2, _AHEAD_BYTES // row_bytes))
        self._rows: SimpleQueue[tuple[Slot, int, Future[list[bytes]]] | None] = SimpleQueue()
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(n_threads(), thread_name_prefix="pack")
        self._driver = ThreadPoolExecutor(1, thread_name_prefix="produce")

    def __enter__(self) -> "Packer":
        self._running = self._driver.submit(self._run)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()
        self._room.release()
        self._driver.shutdown()
        self._pool.shutdown(cancel_futures=True)

    def write(self) -> None:
        """
        Write all rows into their datasets, which exist by now.

        Raises
        ------
        InputError
            If a source could not be read, or gave more or less than its slot holds.
        """
        while (row := self._rows.get()) is not None:
            slot, start, packed = row
            for number, chunk in enumerate(packed.result()):
                slot.data.dataset.id.write_direct_chunk((start, number * slot.chunk[1]), chunk)
            self._room.release()
        self._running.result()

    def pack(self, slot: Slot, pieces: Iterable[T]) -> Iterator[T]:
        """
        Pack successive pieces of one slot, and pass them on.

        Pieces are gathered until they fill a row of chunks, since a chunk can only be packed whole.
        """
        step, n_packed = slot.chunk[0], 0
        pending = np.empty((0, slot.shape[1]), slot.dtype)
        for piece in pieces:
            pending = np.concatenate([pending, piece]) if len(pending) else piece
            whole = len(pending) // step * step
            for start in range(0, whole, step):
                self._put(slot, n_packed + start, pending[start : start + step])
            n_packed += whole
            pending = pending[whole:]
            yield piece
        if len(pending):
            self._put(slot, n_packed, pending)
        if n_packed + len(pending) != slot.shape[0]:
            n_given = n_packed + len(pending)
            raise InputError(f"{slot.name}: the source gave {n_given} samples, {slot.shape[0]} were announced")

    def _put(self, slot: Slot, start: int, values: Values) -> None:
        if values.dtype != slot.dtype or values.shape[1] != slot.shape[1]:
            raise InputError(
                f"{slot.name}: the source gave {values.shape[1]} channels of {values.dtype}, {slot.shape[1]} of "
                f"{slot.dtype} were announced"
            )
        if start + len(values) > slot.shape[0]:
            raise InputError(f"{slot.name}: the source gave more than the {slot.shape[0]} samples it announced")
        self._room.acquire()
        if self._stopped.is_set():
            raise _StoppedError
        self._rows.put((slot, start, self._pool.submit(pack_row, values, slot.chunk)))

    def _run(self) -> None:
        try:
            self._produce(self)
        finally:
            self._rows.put(None)
