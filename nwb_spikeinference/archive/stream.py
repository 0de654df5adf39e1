"""Files of the archive read where they are, to look into them; nothing is kept on disk."""

import io
import os
from collections.abc import Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import remfile

from nwb_spikeinference.archive.address import Address, Asset
from nwb_spikeinference.archive.client import Archive
from nwb_spikeinference.archive.connection import read_blocks
from nwb_spikeinference.errors import InputError, SpikeInferenceError, describe

_MEMORY_BYTES = 1 << 28  # of what was read, kept for reading it again


class _Ranges:
    """
    Parts of one remote file, in the place of remfile's own session.

    remfile repeats what fails, except what a server refuses; since the connection has repeated enough, every failure is
    given as a refusal.
    """

    def __init__(self, archive: Archive, size: int, name: str) -> None:
        self._archive = archive
        self._size = size
        self._name = name
        self._found: str | None = None  # where the archive sent us: the next part is asked for there
        self.error: SpikeInferenceError | None = None

    def get(self, url: str, headers: Mapping[str, str]) -> SimpleNamespace:
        """A part, whole and of the right place, or a refusal: what remfile looks at of an answer."""
        if self.error is None:
            try:
                return SimpleNamespace(status_code=206, content=self._get_there(url, headers["Range"]))
            except SpikeInferenceError as error:
                self.error = error
        return SimpleNamespace(status_code=400, reason=str(self.error))

    def _get_there(self, url: str, part: str) -> bytes:
        """Addresses that an archive sends us to expire, so it may have to be asked again."""
        if self._found is not None:
            with suppress(InputError):
                return self._get(self._found, part)
        return self._get(url, part)

    def _get(self, url: str, part: str) -> bytes:
        with self._archive.connection.open(url, headers={"Range": part, "Accept-Encoding": "identity"}) as response:
            expected = f"{part.replace('=', ' ')}/{self._size}"
            if response.status_code != 206 or response.headers.get("Content-Range") != expected:
                raise InputError(
                    f"{self._name}: its store does not send parts of it as asked; download it with 'nsi fetch'"
                )
            self._found = response.url
            first, last = (int(number) for number in part.removeprefix("bytes=").split("-"))
            content = bytearray()
            for block in read_blocks(response, self._archive.network):
                content += block
                if len(content) > last - first + 1:
                    break
            if len(content) != last - first + 1:
                raise InputError(f"{self._name}: the connection broke while it was read; try again")
        return bytes(content)


class RemoteFile(io.RawIOBase):
    """
    The content of an asset, read from the archive as it is asked for.

    Raises
    ------
    InputError
        When reading, if the archive's store refuses or sends something else.
    ResourceError
        When reading, if it does not answer.
    """

    def __init__(self, archive: Archive, address: Address, asset: Asset) -> None:
        super().__init__()
        self.name = f"{address}/{asset.path}"
        self._size = asset.size
        self._ranges = _Ranges(archive, asset.size, self.name)
        self._file = remfile.File(
            archive.download_url(asset.asset_id), _size=asset.size, _max_cache_size=_MEMORY_BYTES, _use_session=False
        )
        self._file.session = self._ranges

    def __repr__(self) -> str:  # h5py takes it for the file's name
        return self.name

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Place of the next byte."""
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        self._file.seek(offset, whence)
        return self.tell()

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, or what the file has left of it."""
        wanted = min(len(buffer), self._size - self.tell())
        if wanted <= 0:
            return 0
        try:
            content = self._file.read(wanted)
        except Exception as error:  # remfile raises nothing more telling
            raise self._ranges.error or InputError(
                f"{self.name}: cannot be read ({describe(error, longest=120)}); download it with 'nsi fetch'"
            ) from error
        buffer[: len(content)] = content
        return len(content)
