"""Names of datasets, and of the files in them."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.files import resolve_inside
from nwb_spikeinference.settings import Settings

_PREFIX = "DANDI:"
_PATTERN = re.compile(rf"{_PREFIX}(\d{{6}})(?:/(draft|\d+\.\d+\.\d+))?/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A dataset; without a version, the most recently published one, or the draft if none was published."""

    dandiset: str
    version: str | None = None

    def __str__(self) -> str:
        return f"{_PREFIX}{self.dandiset}" + (f"/{self.version}" if self.version else "")


class Asset(Settings):
    """One file of a dataset, as the archive describes it."""

    path: str  # inside the dataset, parts divided by /
    asset_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    size: Annotated[int, Field(ge=0)]  # bytes
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @property
    def key(self) -> str:
        """Name of this very content: another asset under the same path, or other bytes, have another."""
        return f"{self.asset_id}-{self.sha256}"


def is_address(text: str) -> bool:
    """Whether a text means a dataset of the archive rather than a path."""
    return text.upper().startswith(_PREFIX)


def parse_address(text: str) -> Address:
    """
    Read ``DANDI:000574``, ``DANDI:000574/0.220126.1852`` or ``DANDI:000574/draft``.

    Raises
    ------
    SettingsError
        If the text is none of these.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise SettingsError(
            f"{text!r} is no dataset of the DANDI archive; write DANDI:000574 (the latest version), "
            f"DANDI:000574/0.220126.1852 or DANDI:000574/draft"
        )
    return Address(dandiset=match[1], version=match[2].lower() if match[2] else None)


def normalise_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """
    Paths of a whole listing, without empty and ``.`` parts.

    Raises
    ------
    InputError
        If one of them could lead out of a folder or fits no file system, or two of them would become one file where
        case, or the way in which accents are written, does not count.
    """
    normal: list[str] = []
    seen: dict[str, str] = {}
    for path in paths:
        resolve_inside(Path("dataset"), path)
        if ".." in path.split("/"):
            raise InputError(f"asset path {path!r} climbs; nothing of this dataset is written; tell its owners")
        normal.append(str(PurePosixPath(path)))
        key = _key(normal[-1])
        if key in seen:
            raise InputError(
                f"asset paths {seen[key]!r} and {path!r} would be one file on many disks; nothing of this dataset is "
                f"written; tell its owners"
            )
        seen[key] = path
    for path in normal:
        for folder in PurePosixPath(path).parents:
            if _key(str(folder)) in seen:
                raise InputError(
                    f"asset path {seen[_key(str(folder))]!r} is a file and a folder at once; nothing of this dataset "
                    f"is written; tell its owners"
                )
    return tuple(normal)


def _key(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
