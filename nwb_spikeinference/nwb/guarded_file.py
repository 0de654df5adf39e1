"""
HDF5 files whose disk may fill up while they are written.

HDF5 cannot close a file that it cannot write: it keeps it, and crashes the process later. So the file's bytes go
through Python, which notes the first failure and discards what follows; HDF5 closes in peace, and then it is raised.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Literal

import h5py

from nwb_spikeinference.errors import ResourceError


class _GuardedStream(FileIO):
    """A file that keeps its first failure to itself."""

    failure: OSError | None = None

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        """Write everything, or note why not."""
        rest = memoryview(data)
        while rest and self.failure is None:
            try:
                rest = rest[super().write(rest) or 0 :]
            except OSError as error:
                self.failure = error
        return len(data)

    def truncate(self, size: int | None = None, /) -> int:
        """Change the length, or note why not."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return self.tell()


@contextmanager
def open_guarded(path: Path, mode: Literal["w", "r+"]) -> Iterator[h5py.File]:
    """
    Open an HDF5 file for writing.

    Raises
    ------
    ResourceError
        If something could not be written, whatever else went wrong because of it.
    """
    stream = _GuardedStream(path, "w+" if mode == "w" else "r+")
    try:
        with stream, h5py.File(stream, mode) as file:
            yield file
    finally:
        if stream.failure is not None:
            reason = os.strerror(stream.failure.errno or 0)
            raise ResourceError(f"{path.parent}: writing failed ({reason}); make room on the disk") from stream.failure
