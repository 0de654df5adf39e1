"""
Files that nobody may lose: atomic replacement, locks, hashes, path checks.

The writing protocol: a hidden temporary file in the same folder, closed, checked, flushed to disk, then moved over the
target in one step, then the folder flushed. A process that is killed at any moment leaves either the old file or the
new one, and at worst a partial that the next run sweeps away.
"""

import fcntl
import glob
import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PureWindowsPath
from typing import IO, Any

from pydantic import ByteSize

from nwb_spikeinference.errors import ExistsError, InputError, LockedError, ResourceError

_PARTIAL = ".partial"
_LONGEST_NAME = 180  # bytes of a target's name that hidden names beside it repeat
_LONGEST_PATH = 255  # characters of a path below a folder; some systems allow no more in all
_log = logging.getLogger(__name__)


def partial_path(target: Path) -> Path:
    """A hidden name beside the target."""
    return target.with_name(f".{_short(target.name)}.{uuid.uuid4().hex}{_PARTIAL}")


def _short(name: str) -> str:
    """A name that leaves room for what is added to it where file systems allow 255 bytes; different for each name."""
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    stem = name.encode()[: _LONGEST_NAME - 17].decode(errors="ignore")
    return f"{stem}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def sweep_partials(folder: Path, name: str | None = None) -> None:
    """Remove what a killed process left, of one output or of all; call it under the output's or the folder's lock."""
    pattern = "*" if name is None else f"{glob.escape(_short(name))}.{'[0-9a-f]' * 32}"
    for leftover in folder.glob(f".{pattern}{_PARTIAL}"):
        leftover.unlink(missing_ok=True)


def fsync_path(path: Path) -> None:
    """Flush a file or folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replace_atomically(target: Path, check: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """
    Give a temporary path to write to; on success move it over the target.

    Parameters
    ----------
    target : Path
        The file to be made or replaced.
    check : callable, optional
        Is given the closed temporary file before it takes the target's place; raising keeps the target as it was.

    Raises
    ------
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    temporary = partial_path(target)
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            if check is not None:
                check(temporary)
            fsync_path(temporary)
            os.replace(temporary, target)
            fsync_path(target.parent)
    finally:
        with suppress(OSError):  # the error on its way out says more
            temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write a text file by the writing protocol."""
    with replace_atomically(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, content: Any) -> None:
    """Write a JSON file by the writing protocol; NaN is refused, since JSON has none."""
    write_text(target, json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """
    Write a file inside.

    Raises
    ------
    ResourceError
        If the system does not let it be written.
    """
    try:
        yield
    except OSError as error:
        raise ResourceError(f"{path}: cannot be written ({error.strerror or error}); check space and rights") from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """
    Read a file inside.

    Raises
    ------
    InputError
        If the system does not let it be read.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def sha256_file(path: Path) -> str:
    """Hex digest of a file's content."""
    with reading(path), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_json(content: Any) -> str:
    """Hex digest of plain data, independent of key order."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def require_absent(target: Path, overwrite: bool) -> None:
    """
    Refuse to replace a file that was not asked to be replaced.

    Raises
    ------
    ExistsError
        If the target exists and `overwrite` is false.
    """
    if target.exists() and not overwrite:
        raise ExistsError(f"{target}: exists already; add --overwrite to replace it, or choose another name")


def make_folder(folder: Path) -> None:
    """
    Make a folder and those above it.

    Raises
    ------
    ResourceError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ResourceError(f"{nearest_existing(folder)}: is a file, not a folder; choose another place") from error
    except OSError as error:
        raise ResourceError(f"{folder}: cannot be made ({error.strerror or error}); check space and rights") from error


def nearest_existing(path: Path) -> Path:
    """The path itself or the nearest folder above it that exists."""
    return next(one for one in (path, *path.parents) if one.exists())


def require_space(folder: Path, n_bytes: int) -> None:
    """
    Refuse to start writing what will not fit.

    Raises
    ------
    ResourceError
        If the file system has less than `n_bytes` and a reserve of 5 % free.
    """
    free = shutil.disk_usage(nearest_existing(folder)).free
    if free < n_bytes * 1.05:
        raise ResourceError(
            f"{folder}: needs {describe_bytes(n_bytes)}, only {describe_bytes(free)} free; "
            f"make room or choose another disk"
        )


def describe_bytes(n_bytes: int) -> str:
    """A size for people, e.g. 1.2 GB."""
    return ByteSize(n_bytes).human_readable(decimal=True, separator=" ")


def resolve_inside(folder: Path, relative: str) -> Path:
    """
    A path below a folder, or a refusal.

    Raises
    ------
    InputError
        If the path is empty, absolute on any system, climbs out of the folder, is too long for common file systems, or
        holds a backslash or a control character.
    """
    shown = repr(relative) if len(relative) <= 80 else f"{relative[:60]!r}..."
    if len(relative) > _LONGEST_PATH or any(len(part.encode()) > 255 for part in relative.split("/")):
        raise InputError(f"path {shown} has {len(relative)} characters; at most {_LONGEST_PATH} are allowed")
    is_absolute = Path(relative).is_absolute() or PureWindowsPath(relative).drive
    if (
        not relative
        or is_absolute
        or any(sign == "\\" or ord(sign) < 32 for sign in relative)
        or not (folder / relative).resolve().is_relative_to(folder.resolve())
    ):
        raise InputError(f"path {shown} leaves the folder {folder}; only paths below it are allowed")
    return folder / relative


@contextmanager
def lock(target: Path) -> Iterator[None]:
    """
    Hold the lock of an output file or folder, ``.NAME.lock`` beside it.

    The operating system drops the lock when its holder dies, so a stale lock file never blocks; it is taken over with a
    warning.

    Raises
    ------
    LockedError
        If another process holds it; the message names its process id.
    """
    path = target.with_name(f".{_short(target.name)}.lock")
    with _take_lock(path, target):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _take_lock(path: Path, target: Path) -> IO[str]:
    """Open the lock file and lock it; again if its last holder removed it in between."""
    while True:
        make_folder(path.parent)
        try:
            stream = path.open("a+", encoding="ascii")
        except OSError as error:
            raise ResourceError(
                f"{path}: cannot be written ({error.strerror or error}); check the folder's rights"
            ) from error
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().strip() or "unknown"
            stream.close()
            raise LockedError(f"{target}: process {holder} is writing here; wait for it or stop it") from None
        except OSError as error:
            stream.close()
            raise ResourceError(f"{path}: this file system cannot lock ({error.strerror or error})") from error
        if _is_still_at(stream, path):
            stream.seek(0)
            if holder := stream.read().strip():
                _log.warning("%s: process %s ended while it was writing here; its lock is taken over", target, holder)
            stream.seek(0)
            stream.truncate()
            stream.write(str(os.getpid()))
            stream.flush()
            return stream
        stream.close()


def _is_still_at(stream: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
