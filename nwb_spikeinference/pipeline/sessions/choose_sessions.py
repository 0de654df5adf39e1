"""
The sessions that take part in a study, and their features.
"""

import difflib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nwb_spikeinference.config import ParticipantSettings, StudySettings
from nwb_spikeinference.errors import InputError, LeakError, NoUnitsError, SettingsError
from nwb_spikeinference.nwb.copies.digest import recording_digest
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session, stops_bands, stores_raw
from nwb_spikeinference.pipeline.sessions.prepared import PreparedSession
from nwb_spikeinference.pipeline.sessions.session_files import SessionFile, participant_of, with_participant_of
from nwb_spikeinference.pipeline.tasks.executors import FailedTask, LocalExecutor, Task
from nwb_spikeinference.pipeline.tasks.provenance import without_folders
from nwb_spikeinference.pipeline.tasks.store import TaskKey

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedSession:
    """A session that takes part: its file, and what was made of it."""

    path: Path
    sha256: str  # of the file
    task: str  # name of the task that prepared it
    prepared: PreparedSession


def prepare_sessions(
    settings: StudySettings, files: Sequence[SessionFile], digests: Mapping[Path, str], executor: LocalExecutor
) -> tuple[list[UsedSession], list[FailedTask], dict[str, str]]:
    """
    Features of every session that takes part; nothing is computed of the others.

    Parameters
    ----------
    digests : mapping
        Of the whole files.

    Returns
    -------
    sessions : list of UsedSession
    failed : list of FailedTask
    left_out : dict
        Participant, or name of a file whose participant is not known -> why it is left out.

    Raises
    ------
    SettingsError
        If the settings choose or leave out somebody who is in no file.
    NoUnitsError
        If they leave nobody in.
    LeakError
        If two files hold one session.
    """
    people = {file: _participant(file, settings.participants) for file in files}
    _require_known(settings.participants, people.values())
    chosen = [file for file in files if people[file] is None or _takes_part(str(people[file]), settings.participants)]
    reason = "left out by the settings (participants)"
    left_out = {str(people[file]): reason for file in files if file not in chosen}
    if not chosen:
        raise NoUnitsError("participants: the settings leave nobody in; check include and exclude")
    tasks = [
        Task(
            key=_features_key(settings, file, people[file], _recording(file.path, digests[file.path])),
            work=_preparation(file, settings),
            record=PreparedSession,
        )
        for file in chosen
    ]
    sessions: list[UsedSession] = []
    failed: list[FailedTask] = []
    for file, task, result in zip(chosen, tasks, executor.run(tasks, "features"), strict=True):
        if isinstance(result, FailedTask):
            failed.append(result)
            left_out[file.path.stem] = without_folders(str(result.error), file.path)
        else:
            sessions.append(UsedSession(path=file.path, sha256=digests[file.path], task=task.key.name, prepared=result))
    if not sessions:
        raise failed[0].error
    _require_single(sessions)
    return sessions, failed, left_out


def _participant(file: SessionFile, chosen: ParticipantSettings) -> str | None:
    """Who a file is of; None if that cannot be read, which its task will say."""
    try:
        return participant_of(file, chosen)
    except InputError:
        return None


def _require_known(chosen: ParticipantSettings, people: Iterable[str | None]) -> None:
    """A misspelt name must not pass in silence: it may be of somebody who withdrew consent."""
    named = list(people)
    if None in named:  # the name may stand in the file that cannot be read
        return
    known = sorted(set(filter(None, named)))
    for key, names in (("include", chosen.include), ("exclude", chosen.exclude)):
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.3)
                hint = f"did you mean {near[0]!r}?" if near else f"they are {', '.join(known[:10])}"
                raise SettingsError(f"participants.{key}: {name!r} is no participant of these files; {hint}")


def _recording(path: Path, file_digest: str) -> str:
    """What features depend on: not on results that an earlier run wrote into the file."""
    try:
        return recording_digest(path)
    except InputError:  # is raised again, and kept, by the task
        return file_digest


def _preparation(file: SessionFile, settings: StudySettings) -> Callable[[Path], PreparedSession]:
    return lambda folder: prepare_session(file.path, with_participant_of(file, settings), folder)


def _takes_part(participant: str, chosen: ParticipantSettings) -> bool:
    return participant not in chosen.exclude and (not chosen.include or participant in chosen.include)


def _require_single(sessions: Sequence[UsedSession]) -> None:
    seen: dict[tuple[str, str], Path] = {}
    for one in sessions:
        name = one.prepared.name
        if name in seen:
            raise LeakError(
                f"{one.path.name} and {seen[name].name} both hold session {name[1]!r} of participant {name[0]!r}; "
                f"remove one, or give the sessions different ids"
            )
        seen[name] = one.path


def _features_key(settings: StudySettings, file: SessionFile, participant: str | None, recording: str) -> TaskKey:
    parts = settings.model_dump(
        mode="json",
        include=dict.fromkeys(("signal", "units", "target", "bands", "regions", "layout"), True)
        | {"participants": {"alias"}},
    )
    return TaskKey(
        kind="features",
        label=file.path.name,
        depends_on={
            "recording": recording,
            "participant": participant,
            "dataset": file.dataset,
            "settings": parts,
            "own_wire": settings.controls.own_wire,
            "raw": stores_raw(settings),
            "stopped": stops_bands(settings),
        },
    )
