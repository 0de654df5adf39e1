"""
Which files a study reads, and that no recording stands in two of them.
"""

from collections.abc import Sequence
from pathlib import Path

from nwb_spikeinference.errors import InputError, LeakError, SettingsError
from nwb_spikeinference.files import sha256_file


def find_sessions(patterns: Sequence[str], folder: Path) -> tuple[Path, ...]:
    """
    Files that the study's `sessions` name, sorted.

    Parameters
    ----------
    patterns : sequence of str
        Paths and globs, relative to `folder`.

    Raises
    ------
    InputError
        If one of them matches nothing.
    SettingsError
        If one names a dandiset, which must be downloaded first.
    """
    found: set[Path] = set()
    for pattern in patterns:
        if pattern.upper().startswith("DANDI:"):
            raise SettingsError(
                f"sessions: {pattern} is not on this machine; download it (dandi download {pattern}) and name its files"
            )
        matches = _expand(pattern, folder)
        if not matches:
            raise InputError(
                f"sessions: {pattern!r} matches no file below {folder}; check the path, or run 'nsi convert' first"
            )
        found.update(matches)
    return tuple(sorted(found))


def _expand(pattern: str, folder: Path) -> list[Path]:
    path = Path(pattern)
    if path.is_absolute():
        folder, path = Path(path.anchor), path.relative_to(path.anchor)
    if (folder / path).is_file():
        return [folder / path]
    try:
        return [match for match in folder.glob(str(path)) if match.is_file() and not match.name.startswith(".")]
    except (ValueError, NotImplementedError) as error:
        raise SettingsError(f"sessions: {pattern!r} is no path or glob ({error})") from error


def hash_sessions(paths: Sequence[Path]) -> dict[Path, str]:
    """
    Digest of every file.

    Raises
    ------
    LeakError
        If two files hold the same bytes: the recording would stand on both sides of a split.
    """
    digests: dict[Path, str] = {}
    seen: dict[str, Path] = {}
    for path in paths:
        digest = sha256_file(path)
        if digest in seen:
            raise LeakError(f"{path.name} and {seen[digest].name} are the same file; remove one of them from sessions")
        seen[digest], digests[path] = path, digest
    return digests
