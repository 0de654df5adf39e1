"""The lock file ``dandi.lock.json``: what was fetched, to the byte."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from nwb_spikeinference.archive.address import Address, Asset, normalise_paths
from nwb_spikeinference.errors import InputError, describe
from nwb_spikeinference.files import reading, write_json
from nwb_spikeinference.settings import Settings

LOCK_NAME = "dandi.lock.json"


class LockFile(Settings):
    """The files of one version of a dataset that were fetched."""

    schema_version: Literal[1] = 1
    server: str
    dandiset: str
    version: str
    globs: tuple[str, ...]  # each of them was fetched completely
    files: tuple[Asset, ...]

    @property
    def address(self) -> Address:
        """The dataset, with its version."""
        return Address(dandiset=self.dandiset, version=self.version)


def read_lock(folder: Path) -> LockFile | None:
    """
    The lock file of a dataset's folder, None if there is none.

    Raises
    ------
    InputError
        If it cannot be read, or names paths that a dataset may not name.
    """
    path = folder / LOCK_NAME
    try:
        with reading(path):
            try:
                content = path.read_text(encoding="utf-8")
            except FileNotFoundError:  # and nothing else that `Path.exists` takes for absence, such as a loop of links
                return None
        lock = LockFile.model_validate_json(content)
        normalise_paths(asset.path for asset in lock.files)
        return lock
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: is no lock file ({describe(error, longest=160)}); remove it and fetch again"
        ) from error


def write_lock(folder: Path, lock: LockFile) -> None:
    """Write the lock file of a dataset's folder."""
    write_json(folder / LOCK_NAME, lock.model_dump(mode="json"))
