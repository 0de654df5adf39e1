"""
HDF5 files whose disk may fill up while they are written.

HDF5 cannot close a file that it cannot write: it keeps it, and crashes the process later. So the file's bytes go
through Python, which notes the first failure and discards what follows; HDF5 closes in peace, and then it is raised.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Literal

import h5py

from nwb_spikeinference.errors import ResourceError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


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
            code = stream.failure.errno or 0
            advice = "make room on the disk" if code in _FULL else "check the disk"
            raise ResourceError(f"{path.parent}: writing failed ({os.strerror(code)}); {advice}") from stream.failure
