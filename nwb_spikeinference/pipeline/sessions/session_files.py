"""
Files that a study reads, on this machine or from an archive; no recording may stand in two of them.
"""

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nwb_spikeinference.archive.address import is_address, parse_address
from nwb_spikeinference.archive.fetch import FetchSettings, carry_out, plan_fetch
from nwb_spikeinference.config import ArchiveSettings, ParticipantSettings, StudySettings
from nwb_spikeinference.errors import InputError, LeakError, SettingsError
from nwb_spikeinference.files import sha256_file
from nwb_spikeinference.nwb.reading.read_session import read_participant


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFile:
    """One file of a study."""

    path: Path
    sha256: str | None = None  # that it must have, if it was fetched
    dataset: str = ""  # that its participants are named after, where a study reads several


def find_sessions(
    settings: StudySettings, folder: Path, *, fetch: bool = True, cache: Path | None = None
) -> tuple[SessionFile, ...]:
    """
    Files that the study's `sessions` name, sorted by path; datasets of the archive are fetched if they are not here.

    Parameters
    ----------
    folder : Path
        That paths are relative to.
    fetch : bool
        Otherwise the files of a dataset are named without being downloaded.
    cache : Path, optional
        Of downloads; by default the user's.

    Raises
    ------
    InputError
        If one of `sessions` matches nothing, or a dataset cannot be had.
    ResourceError
        If the archive does not answer, or a dataset is larger than allowed.
    SettingsError
        If one of `sessions` is no path, glob or dataset, or fetched files were to be changed in place.
    """
    found: dict[Path, SessionFile] = {}
    for address in filter(is_address, settings.sessions):
        found |= _fetch(address, settings.archive, folder, fetch=fetch, cache=cache)
    if found and settings.write_back.mode == "in-place":
        raise SettingsError("write_back.mode: in-place would change files fetched from an archive; use copy")
    for pattern in settings.sessions:
        if not is_address(pattern):
            for path in _match(pattern, folder):
                found.setdefault(path, SessionFile(path=path))
    several = len({one.dataset for one in found.values()}) > 1
    return tuple(found[path] if several else replace(found[path], dataset="") for path in sorted(found))


def _fetch(
    text: str, archive: ArchiveSettings, folder: Path, *, fetch: bool, cache: Path | None
) -> dict[Path, SessionFile]:
    chosen = FetchSettings(
        server=archive.server,
        glob=archive.glob,
        max_bytes=archive.max_size,
        cache=cache,
        check_content=False,  # a study digests every file anyway, see hash_sessions
    )
    plan = plan_fetch(parse_address(text), folder / archive.folder, chosen)
    if fetch:
        carry_out(plan, chosen)
    return {
        one.target: SessionFile(path=one.target, sha256=one.asset.sha256, dataset=plan.address.dandiset)
        for one in plan.files
    }


def _match(pattern: str, folder: Path) -> list[Path]:
    matches = expand_pattern(pattern, folder)
    if not matches:
        raise InputError(
            f"sessions: {pattern!r} matches no file below {folder}; check the path, or run 'nsi convert' first"
        )
    return matches


def expand_pattern(pattern: str, folder: Path) -> list[Path]:
    """
    Files that a path or glob means.

    Raises
    ------
    SettingsError
        If it is neither.
    """
    path = Path(pattern)
    if path.is_absolute():
        folder, path = Path(path.anchor), path.relative_to(path.anchor)
    if (folder / path).is_file():
        return [folder / path]
    try:
        return [match for match in folder.glob(str(path)) if match.is_file() and not match.name.startswith(".")]
    except (ValueError, IndexError, NotImplementedError) as error:  # IndexError: an empty one, up to Python 3.12
        raise SettingsError(f"sessions: {pattern!r} is no path or glob ({error})") from error


def list_files(paths: Iterable[str | Path]) -> list[Path]:
    """NWB files that paths, globs and folders mean, those of a folder sorted; a path that means nothing stays."""
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            matches = sorted(one for one in path.rglob("*.nwb") if not one.name.startswith("."))
        elif glob.has_magic(str(path)) and not path.exists():
            matches = sorted(expand_pattern(str(path), Path()))
        else:
            matches = [path]
        found |= dict.fromkeys(matches or [path])
    return list(found)


def participant_of(file: SessionFile, participants: ParticipantSettings) -> str:
    """
    Whose a file is, as the study calls people: named after their dataset too, where it reads several.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    return _rename(read_participant(file.path), file, participants)


def with_participant_of(file: SessionFile, settings: StudySettings) -> StudySettings:
    """Settings by which a file's participant is named as `participant_of` says: people of two datasets share ids."""
    if not file.dataset:
        return settings  # whose aliases name everybody
    written = read_participant(file.path)
    alias = {written: _rename(written, file, settings.participants)}
    return settings.model_copy(update={"participants": settings.participants.model_copy(update={"alias": alias})})


def _rename(written: str, file: SessionFile, participants: ParticipantSettings) -> str:
    name = f"{file.dataset}/{written}" if file.dataset else written
    return participants.alias.get(name, name)


def hash_sessions(files: Sequence[SessionFile]) -> dict[Path, str]:
    """
    Digest of every file.

    Raises
    ------
    InputError
        If a fetched file is not what was fetched.
    LeakError
        If two files hold the same bytes: the recording would stand on both sides of a split.
    """
    digests: dict[Path, str] = {}
    seen: dict[str, Path] = {}
    for file in files:
        path, digest = file.path, sha256_file(file.path)
        if file.sha256 not in (None, digest):
            raise InputError(
                f"{path}: was changed since it was fetched (sha256 is not that in the lock file); move it away and run "
                f"the same command again"
            )
        if digest in seen:
            raise LeakError(f"{path.name} and {seen[digest].name} are the same file; remove one of them from sessions")
        seen[digest], digests[path] = path, digest
    return digests
