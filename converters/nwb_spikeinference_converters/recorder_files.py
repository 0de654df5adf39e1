"""
The files that an entry of session.yaml names: one, or the parts of one recording.
"""

import glob
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from nwb_spikeinference.errors import InputError, describe


@contextmanager
def refusing(path: Path, errors: tuple[type[Exception], ...], what: str = "cannot be read") -> Iterator[None]:
    """Name the file, and say what is wrong with it, where a library fails on its content in one of some known ways."""
    try:
        yield
    except errors as error:
        raise InputError(f"{path}: {what} ({describe(error)})") from error


def find_path(path: Path) -> Path:
    """The path itself, or where there is none, the one whose name differs only in capital letters."""
    if path.exists() or not path.parent.is_dir():
        return path
    alike = [one for one in path.parent.iterdir() if one.name.lower() == path.name.lower()]
    return alike[0] if len(alike) == 1 else path


def is_pattern(path: Path) -> bool:
    """Whether a name stands for several files, see `list_parts`."""
    return glob.has_magic(path.name)


def list_parts(path: Path) -> tuple[Path, ...]:
    """
    Files in the order they were recorded; capital letters do not matter.

    Parameters
    ----------
    path : Path
        A file, or a pattern such as ``raw-*.ns6``: recorders number the parts of a long recording.

    Raises
    ------
    InputError
        If there is none.
    """
    found = [find_path(path)]
    if not found[0].exists() and path.parent.is_dir():
        found = [one for one in path.parent.iterdir() if fnmatch(one.name.lower(), path.name.lower())]
    files = [one for one in found if one.is_file()]
    if not files:
        raise InputError(f"{path}: no such file")
    return tuple(sorted(files, key=_by_number))


def _by_number(path: Path) -> list[tuple[int, str]]:
    """Part 2 comes before part 10, also where zeros do not fill the number."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name.lower())]
