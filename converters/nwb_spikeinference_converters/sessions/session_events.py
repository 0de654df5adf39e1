"""
Digital events and comments of a session, on its clock, with what they mean.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.nwb.names import COMMENTS, DIGITAL_EVENTS
from nwb_spikeinference.nwb.raw.raw_records import TIME_ROUNDING_S, RecordedEvents
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.session_config import EventSettings, SessionSettings
from nwb_spikeinference_converters.montage.deidentify import REMOVED, remove_identifying_text
from nwb_spikeinference_converters.protocol import choose
from nwb_spikeinference_converters.sessions.event_files import READERS, SYSTEM_TEXTS, EventFile
from nwb_spikeinference_converters.sessions.opened_recordings import Sources
from nwb_spikeinference_converters.timing.clock import extent

NOT_DESCRIBED = "not described"
_REMOVED_MEANING = "Text that was left out, as it may identify the patient"
_OTHER_SESSION_S = 60.0  # recorders write events a little before and after the signal, never that far


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvents:
    """Tables of events, the files that were read, and what was left out."""

    tables: tuple[RecordedEvents, ...]
    files: tuple[Path, ...]
    notes: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Kind:
    """Events of one table while its files are read."""

    meanings: dict[int | str, str] = field(default_factory=dict)
    times_s: list[FloatArray] = field(default_factory=list)
    values: list[int | str] = field(default_factory=list)
    resolution_s: float = 0.0


def collect_events(settings: SessionSettings, folder: Path, sources: Sources) -> SessionEvents:
    """
    All events of a session that lie within its recording, in time order.

    Files of one recorder share a table; another recorder, and another port of the same, has its own. Unless the session
    keeps what identifies, a comment keeps its text only where the settings list it.

    Raises
    ------
    InputError
        If a file is missing or damaged, or of another session.
    SettingsError
        If nobody reads its format, it does not say which of several recorders wrote it, or one value has two meanings.
    """
    kinds: dict[tuple[str, str | None, str], _Kind] = {}
    notes: list[str] = []
    files: list[Path] = []
    for entry in settings.events:
        read_events = choose(entry.format, READERS, "events format")
        sources.require_recorder(entry.nsp, f"events of {entry.file}")
        content = read_events(folder / entry.file, sources.clock(entry.nsp))
        files.extend(content.files)
        notes.extend(f"{entry.file}: {note}" for note in content.notes)
        content = _to_session_clock(content, entry, sources)
        _require_same_session(content, sources)
        n_outside = _add_file(kinds, content, entry, sources, settings.deidentify)
        if n_outside:
            notes.append(f"{entry.file}: {n_outside} events outside the kept recording left out")
    tables = [_finish(*key, kind, kinds) for key, kind in kinds.items() if kind.values]
    return SessionEvents(tables=tuple(tables), files=tuple(files), notes=tuple(notes))


def _to_session_clock(content: EventFile, entry: EventSettings, sources: Sources) -> EventFile:
    return replace(
        content,
        words=tuple(replace(words, times_s=sources.to_session_s(words.times_s, entry.nsp)) for words in content.words),
        comment_times_s=sources.to_session_s(content.comment_times_s, entry.nsp),
    )


def _add_file(
    kinds: dict[tuple[str, str | None, str], _Kind],
    content: EventFile,
    entry: EventSettings,
    sources: Sources,
    deidentify: bool,
) -> int:
    """Put the events of one file to those of their kind; the number of those that lie outside the recording."""
    tables: list[tuple[str, str, FloatArray, Sequence[int | str], Mapping[int, str] | Mapping[str, str]]] = [
        (DIGITAL_EVENTS, words.port, words.times_s, words.values.tolist(), entry.meanings) for words in content.words
    ]
    if content.comments:
        texts, meanings = _describe_comments(content.comments, entry.comments, deidentify)
        tables.append((COMMENTS, "", content.comment_times_s, texts, meanings))
    n_outside = 0
    for base, port, times_s, values, described in tables:
        kind = kinds.setdefault((base, entry.nsp, port), _Kind())
        _add_meanings(kind, described, entry)
        kept = _find_kept(times_s, sources)
        kind.times_s.append(times_s[kept])
        kind.values.extend(values[row] for row in kept)
        kind.resolution_s = max(kind.resolution_s, content.resolution_s)
        n_outside += len(times_s) - len(kept)
    return n_outside


def _require_same_session(content: EventFile, sources: Sources) -> None:
    """Refuse a file none of whose events lies near the recording: its clock is another."""
    times_s = np.concatenate([content.comment_times_s, *(words.times_s for words in content.words)])
    end_s = extent(sources.main.raw.blocks[-1], sources.main.raw.rate_hz)[1] - sources.origin_s
    if len(times_s) and not np.any((times_s > -_OTHER_SESSION_S) & (times_s < end_s + _OTHER_SESSION_S)):
        raise InputError(
            f"{content.files[0]}: none of its {len(times_s)} events lies within the recording (0 to {end_s:g} s; "
            f"they are at {times_s.min():g} to {times_s.max():g} s); give the file of the same session"
        )


def _find_kept(times_s: FloatArray, sources: Sources) -> np.ndarray:
    """Events between the first and the last kept sample; what lies in a pause stays."""
    periods = np.array([period for recording in sources.recordings for period in recording.periods])
    start_s, stop_s = periods.min() - TIME_ROUNDING_S, periods.max() + TIME_ROUNDING_S
    return np.flatnonzero((times_s >= start_s) & (times_s <= stop_s))


def _add_meanings(kind: _Kind, meanings: Mapping[int, str] | Mapping[str, str], entry: EventSettings) -> None:
    for value, meaning in meanings.items():
        if kind.meanings.setdefault(value, meaning) != meaning:
            raise SettingsError(
                f"events of {entry.file}: {value!r} means {meaning!r} here and {kind.meanings[value]!r} in another "
                f"file of the same recorder; write one meaning, or 'nsp' if the recorders differ"
            )


def _describe_comments(
    comments: Sequence[str], listed: Mapping[str, str], deidentify: bool
) -> tuple[list[str], dict[str, str]]:
    """Texts as they may be written, and the meanings of all that may occur."""
    known = {text.strip(): meaning for text, meaning in listed.items()}
    known.update({text: SYSTEM_TEXTS[text] for text in comments if text in SYSTEM_TEXTS and text not in known})
    if not deidentify:
        return list(comments), known
    texts = [remove_identifying_text(text) if text in known else REMOVED for text in comments]
    meanings = {remove_identifying_text(text): remove_identifying_text(known[text]) for text in known}
    if REMOVED in texts:
        meanings[REMOVED] = _REMOVED_MEANING
    return texts, meanings


def _finish(
    base: str, nsp: str | None, port: str, kind: _Kind, kinds: Mapping[tuple[str, str | None, str], _Kind]
) -> RecordedEvents:
    """One table; the name says which recorder and port where there are several."""
    recorders = list(dict.fromkeys(key[1] for key in kinds if key[0] == base))
    source = (
        "" if nsp == recorders[0] else re.sub(r"[^A-Za-z0-9]", "", nsp or "") or f"recorder{recorders.index(nsp) + 1}"
    )
    times_s = np.concatenate(kind.times_s)
    order = np.argsort(times_s, kind="stable")
    values = [kind.values[row] for row in order]
    others = [value for value in dict.fromkeys(values) if value not in kind.meanings]
    is_digital = base == DIGITAL_EVENTS
    return RecordedEvents(
        name="_".join(part for part in (base, source, port) if part),
        description=_description(is_digital, nsp, port),
        column="value" if is_digital else "comment",
        times_s=times_s[order],
        values=np.array(values, dtype=np.int64) if is_digital else tuple(str(value) for value in values),
        meanings=(*kind.meanings.items(), *((value, NOT_DESCRIBED) for value in others)),
        resolution_s=kind.resolution_s,
    )


def _description(is_digital: bool, nsp: str | None, port: str) -> str:
    of_recorder = f" of {nsp}" if nsp else ""
    if not is_digital:
        return f"Comments that were typed or sent{of_recorder or ' to the recorder'} during the recording"
    where = f", {port}" if port else ""
    return f"Values on the digital input{of_recorder}{where}, at the times they were set"
