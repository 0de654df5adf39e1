"""
One session in, one inspected NWB file out.

Everything is read and checked before anything is written; the file takes its name only when it is complete, passes the
inspector and holds every raw sample unchanged.
"""

import uuid
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

import nwb_spikeinference
from nwb_spikeinference.errors import ExistsError, MontageError, NoUnitsError
from nwb_spikeinference.files import (
    lock,
    replace_atomically,
    require_space,
    sha256_file,
    sha256_json,
    sweep_partials,
)
from nwb_spikeinference.nwb.check import require_valid
from nwb_spikeinference.nwb.origin import own_identifier
from nwb_spikeinference.nwb.raw_records import SessionContent, VoltageSource
from nwb_spikeinference.nwb.raw_writer import write_session
from nwb_spikeinference.nwb.read_back import require_identical
from nwb_spikeinference.recordings import Electrode
from nwb_spikeinference.session_config import DeviceSettings, SessionSettings
from nwb_spikeinference_converters.deidentify import deidentify
from nwb_spikeinference_converters.events import collect_events
from nwb_spikeinference_converters.montage import build_electrodes
from nwb_spikeinference_converters.session_file import read_session_file
from nwb_spikeinference_converters.sources import (
    SHORTEST_BLOCK_S,
    Sources,
    columns_and_rows,
    lfp_source,
    open_sources,
    voltage_source,
)
from nwb_spikeinference_converters.spikes import SessionUnits, collect_units

_NAMESPACE = uuid.UUID("6f3e2c6a-2b0d-5d0e-9c4e-6c1a0f2f7a11")  # of this program's files
_MAKERS = {"blackrock": ("Neural Signal Processor", "Blackrock Neurotech"), "neuralynx": ("Digital Lynx", "Neuralynx")}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionReport:
    """What was converted."""

    path: Path
    status: Literal["written", "up to date", "would be written"]
    units: int
    channels: int  # recorded contacts
    seconds: float  # of signal, without pauses
    blocks: int
    gaps: int
    findings: tuple[str, ...] = ()  # of the inspector, none of them fatal
    notes: tuple[str, ...] = ()  # what was left out or assumed


def convert_session(
    session_file: Path, output_folder: Path, *, overwrite: bool = False, dry_run: bool = False
) -> ConversionReport:
    """
    Convert the session that a ``session.yaml`` describes.

    Parameters
    ----------
    output_folder : Path
        Receives ``sub-<id>/sub-<id>_ses-<id>_ecephys.nwb``.
    overwrite : bool
        Replace a file that this program did not make. A file that it made is replaced when sources or settings have
        changed, and left alone when they have not.
    dry_run : bool
        Read and check everything, write nothing.

    Raises
    ------
    SettingsError
        If session.yaml, or the montage in it, is wrong.
    InputError
        If a source is missing or damaged, there are no spikes, or the file would not pass the inspector.
    ExistsError, LockedError, ResourceError
        If the output may not or cannot be written.
    """
    session_file, output_folder = Path(session_file), Path(output_folder)
    settings = read_session_file(session_file)
    subject_id, session_id = settings.subject.subject_id, settings.session.session_id
    target = output_folder / f"sub-{subject_id}" / f"sub-{subject_id}_ses-{session_id}_ecephys.nwb"
    with ExitStack() as stack:
        sources = open_sources(settings, session_file.parent, stack)
        content, notes = _collect(settings, session_file, sources)
        if own_identifier(target) == content.identifier:
            return _report(target, content, sources, status="up to date", findings=(), notes=notes)
        if dry_run:
            return _report(target, content, sources, status="would be written", findings=(), notes=notes)
        with lock(target):
            sweep_partials(target.parent, target.name)
            _require_replaceable(target, overwrite)
            require_space(target.parent, _size(content))
            findings = _write(target, content)
    return _report(target, content, sources, status="written", findings=findings, notes=notes)


def _collect(settings: SessionSettings, session_file: Path, sources: Sources) -> tuple[SessionContent, tuple[str, ...]]:
    """Everything that the file will hold, checked; signals stay in their sources."""
    folder = session_file.parent
    if sources.electrode_recordings and not settings.bundles:
        raise MontageError(f"{session_file}: 'bundles' is missing, so nobody knows which wire lies where; list them")
    electrodes = build_electrodes(settings, sources.recorded_channels())
    raw = _raw_sources(sources, electrodes)
    units = collect_units(settings.units, folder, sources, electrodes, raw)
    if settings.units and not units.units:
        raise NoUnitsError(f"{session_file}: no spikes in {', '.join(entry.file for entry in settings.units)}")
    kept = deidentify(settings) if settings.deidentify else settings
    content = SessionContent(
        identifier=_identifier(settings, folder, sources),
        subject=kept.subject,
        session=kept.session,
        devices=_devices(settings),
        electrodes=electrodes,
        raw=raw,
        analog=tuple(
            voltage_source(recording, range(len(recording.raw.channels)), ())
            for recording in sources.recordings
            if recording.settings.role == "analog"
        ),
        lfp=tuple(lfp_source(source) for source in raw) if settings.write_lfp else (),
        units=units.units,
        units_resolution_s=units.resolution_s,
        recorded_periods=sources.main.periods,
        events=collect_events(settings.events, folder, sources, settings.clip),
    )
    return content, _notes(sources, electrodes, units)


def _raw_sources(sources: Sources, electrodes: Sequence[Electrode]) -> tuple[VoltageSource, ...]:
    made = []
    for recording in sources.electrode_recordings:
        columns, rows = columns_and_rows(recording, electrodes)
        if columns:
            made.append(voltage_source(recording, columns, rows))
    return tuple(made)


def _notes(sources: Sources, electrodes: Sequence[Electrode], units: SessionUnits) -> tuple[str, ...]:
    notes = list(units.notes)
    for recording in sources.recordings:
        file = recording.settings.file
        if recording.n_dropped:
            notes.append(f"{file}: {recording.n_dropped} blocks shorter than {SHORTEST_BLOCK_S:g} s left out")
        n_resets = len(recording.raw.clock_offsets_s) - 1
        if n_resets:
            notes.append(f"{file}: the clock was set back {n_resets} times; the length of that gap is not known")
        if recording.settings.role == "electrodes":
            n_unused = len(recording.raw.channels) - len(columns_and_rows(recording, electrodes)[0])
            if n_unused:
                notes.append(f"{file}: {n_unused} channels are in no bundle and were left out")
    return tuple(notes)


def _devices(settings: SessionSettings) -> tuple[DeviceSettings, ...]:
    if settings.devices:
        return settings.devices
    model, manufacturer = _MAKERS.get(settings.recordings[0].format, ("unknown", "unknown"))
    return (DeviceSettings(name="Recorder", model=model, manufacturer=manufacturer),)


def _identifier(settings: SessionSettings, folder: Path, sources: Sources) -> str:
    """The same sources, settings and version of the program give the same identifier."""
    files: Iterable[Path] = [
        *(path for recording in sources.recordings for path in recording.raw.files),
        *(folder / entry.file for entry in settings.units),
        *(folder / entry.file for entry in settings.events),
    ]
    digest = sha256_json(
        {
            "settings": settings.model_dump(mode="json"),
            "files": [sha256_file(path) for path in files],
            "version": nwb_spikeinference.__version__,
        }
    )
    return str(uuid.uuid5(_NAMESPACE, digest))


def _require_replaceable(target: Path, overwrite: bool) -> None:
    if target.exists() and own_identifier(target) is None and not overwrite:
        raise ExistsError(f"{target}: exists and was not made by this program; add --overwrite to replace it")


def _size(content: SessionContent) -> int:
    """Upper bound of the file's size: nothing compresses."""
    raw = sum(p.n_samples * len(s.gain) * 2 for s in (*content.raw, *content.analog) for p in s.periods)
    lfp = sum(p.n_samples * len(s.electrode_rows) * 4 for s in content.lfp for p in s.periods)
    spikes = sum(len(unit.spike_times_s) * 8 for unit in content.units)
    return raw + lfp + spikes + 2_000_000


def _write(target: Path, content: SessionContent) -> tuple[str, ...]:
    findings: list[str] = []

    def check(path: Path) -> None:
        # the temporary name has another ending
        findings.extend(str(finding) for finding in require_valid(path) if finding.rule != "check_file_extension")
        require_identical(path, content)

    with replace_atomically(target, check) as temporary:
        write_session(temporary, content)
    return tuple(findings)


def _report(
    path: Path,
    content: SessionContent,
    sources: Sources,
    *,
    status: Literal["written", "up to date", "would be written"],
    findings: tuple[str, ...],
    notes: tuple[str, ...],
) -> ConversionReport:
    periods = np.array(sources.main.periods)
    return ConversionReport(
        path=path,
        status=status,
        units=len(content.units),
        channels=len({row for source in content.raw for row in source.electrode_rows}),
        seconds=float(np.sum(periods[:, 1] - periods[:, 0])),
        blocks=len(periods),
        gaps=len(periods) - 1,
        findings=findings,
        notes=notes,
    )
