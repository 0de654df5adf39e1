"""
The conversion of one session into one inspected NWB file.

Everything is read and checked before anything is written; the file takes its name only when it is complete, passes the
inspector and holds every raw sample unchanged.
"""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np

import nwb_spikeinference
from nwb_spikeinference.errors import ExistsError, InputError, MontageError, NoUnitsError
from nwb_spikeinference.files import lock, replace_atomically, require_space, sha256_file, sha256_json, sweep_partials
from nwb_spikeinference.nwb.copies.check import require_valid
from nwb_spikeinference.nwb.origin import is_damaged, own_identifier
from nwb_spikeinference.nwb.raw.raw_records import SessionContent, VoltageSource
from nwb_spikeinference.nwb.raw.raw_writer import write_session
from nwb_spikeinference.nwb.raw.read_back import locate_raw, require_identical
from nwb_spikeinference.recordings import Electrode
from nwb_spikeinference.session_config import DeviceSettings, SessionSettings
from nwb_spikeinference_converters.conversion_report import ConversionReport, Status
from nwb_spikeinference_converters.montage.dandiset import ensure_dandiset
from nwb_spikeinference_converters.montage.deidentify import deidentify, deidentify_analog, deidentify_unit
from nwb_spikeinference_converters.montage.electrode_table import build_electrodes, montage_notes
from nwb_spikeinference_converters.montage.session_file import output_path, read_session_file
from nwb_spikeinference_converters.sessions.opened_recordings import (
    SHORTEST_BLOCK_S,
    Sources,
    columns_and_rows,
    lfp_source,
    open_sources,
    voltage_source,
)
from nwb_spikeinference_converters.sessions.session_events import collect_events
from nwb_spikeinference_converters.sessions.session_units import SessionUnits, collect_units
from nwb_spikeinference_converters.timing.sync import describe_clocks

_NAMESPACE = uuid.UUID("6f3e2c6a-2b0d-5d0e-9c4e-6c1a0f2f7a11")  # of this program's files
_MAKERS = {
    "blackrock": ("Neural Signal Processor", "Blackrock Neurotech"),
    "intan": ("RHD2000", "Intan Technologies"),
    "neuralynx": ("Digital Lynx", "Neuralynx"),
    "openephys": ("Acquisition Board", "Open Ephys"),
    "plexon": ("OmniPlex", "Plexon"),
    "ripple": ("Grapevine", "Ripple"),
}


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
    target = output_path(settings, output_folder)
    _require_replaceable(target, overwrite)
    with ExitStack() as stack:
        sources = open_sources(settings, session_file.parent, stack)
        content, notes = _collect(settings, session_file, sources)
        held = own_identifier(target)
        if held == content.identifier:
            return _report(target, content, sources, "up to date", notes)
        if held is not None:
            notes = (*notes, f"{target.name}: what is there was made from other files or settings, and is replaced")
        if dry_run:
            return _report(target, content, sources, "would be written", notes)
        with lock(target):
            sweep_partials(target.parent, target.name)
            _require_replaceable(target, overwrite)  # again, since reading takes its time
            require_space(target.parent, _size(content))
            findings = _write(target, content)
        ensure_dandiset(output_folder)
    return _report(target, content, sources, "written", notes, findings)


def _collect(settings: SessionSettings, session_file: Path, sources: Sources) -> tuple[SessionContent, tuple[str, ...]]:
    """Everything that the file will hold, checked; signals stay in their sources."""
    folder = session_file.parent
    if sources.electrode_recordings and not settings.bundles:
        raise MontageError(f"{session_file}: 'bundles' is missing, so nobody knows which wire lies where; list them")
    kept = deidentify(settings) if settings.deidentify else settings
    electrodes = build_electrodes(kept, [(one.settings, one.numbers) for one in sources.electrode_recordings])
    raw = _raw_sources(sources, electrodes)
    with ThreadPoolExecutor(1) as hashing:  # the recordings, while the rest is read
        digests = [hashing.submit(sha256_file, path) for made in sources.recordings for path in made.raw.files]
        units = collect_units(settings.units, folder, sources, electrodes, raw)
        if settings.units and not units.units:
            raise NoUnitsError(f"{session_file}: no spikes in {', '.join(entry.file for entry in settings.units)}")
        events = collect_events(kept, folder, sources)
    content = SessionContent(
        identifier=_identifier(
            settings, [*(digest.result() for digest in digests), *map(sha256_file, (*units.files, *events.files))]
        ),
        subject=kept.subject,
        session=kept.session,
        devices=_devices(kept),
        electrodes=electrodes,
        raw=raw,
        analog=_analog_sources(sources, settings.deidentify),
        lfp=tuple(lfp_source(source) for source in raw) if settings.write_lfp else (),
        units=tuple(map(deidentify_unit, units.units)) if settings.deidentify else units.units,
        units_resolution_s=units.resolution_s,
        recorded_periods=sources.main.periods,
        events=events.tables,
    )
    return content, (*montage_notes(electrodes), *events.notes, *_notes(sources, electrodes, units))


def _raw_sources(sources: Sources, electrodes: Sequence[Electrode]) -> tuple[VoltageSource, ...]:
    made = []
    for recording in sources.electrode_recordings:
        columns, rows = columns_and_rows(recording, electrodes)
        if columns:
            made.append(voltage_source(recording, columns, rows))
    return tuple(made)


def _analog_sources(sources: Sources, is_deidentified: bool) -> tuple[VoltageSource, ...]:
    made = []
    for recording in sources.recordings:
        if recording.settings.role == "analog":
            source = voltage_source(recording, range(len(recording.raw.channels)), ())
            made.append(deidentify_analog(source, recording.raw.channels) if is_deidentified else source)
    return tuple(made)


def _notes(sources: Sources, electrodes: Sequence[Electrode], units: SessionUnits) -> tuple[str, ...]:
    notes = list(units.notes)
    notes += describe_clocks(sources.clock_maps, [(one.settings, one.raw) for one in sources.recordings])
    for recording in sources.recordings:
        file = recording.settings.file
        if recording.dropped_s:
            notes.append(
                f"{file}: {len(recording.dropped_s)} blocks shorter than {SHORTEST_BLOCK_S:g} s left out, "
                f"{sum(recording.dropped_s):.3g} s in all"
            )
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


def _identifier(settings: SessionSettings, digests: Sequence[str]) -> str:
    """The same sources, settings and version of the program give the same identifier."""
    version = nwb_spikeinference.__version__
    digest = sha256_json({"settings": settings.model_dump(mode="json"), "files": list(digests), "version": version})
    return str(uuid.uuid5(_NAMESPACE, digest))


def _require_replaceable(target: Path, overwrite: bool) -> None:
    if overwrite or not target.exists() or own_identifier(target) is not None:
        return
    if is_damaged(target):
        raise ExistsError(
            f"{target}: exists and is damaged (truncated?), so it does not say who made it; move it away, or add "
            f"--overwrite to replace it"
        )
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
        try:
            located = locate_raw(path, content)
            with ThreadPoolExecutor(1) as comparing:
                comparison = comparing.submit(require_identical, path, located)
                found = require_valid(path)
                comparison.result()
        except InputError as error:  # names a file that is about to be removed
            raise InputError(str(error).replace(str(path), str(target))) from error
        # the temporary name has another ending
        findings.extend(str(finding) for finding in found if finding.rule != "check_file_extension")

    with replace_atomically(target, check) as temporary:
        write_session(temporary, content)
    return tuple(findings)


def _report(
    path: Path,
    content: SessionContent,
    sources: Sources,
    status: Status,
    notes: tuple[str, ...],
    findings: tuple[str, ...] = (),
) -> ConversionReport:
    periods = np.array(sources.main.periods)
    return ConversionReport(
        path=path,
        status=status,
        units=len(content.units),
        channels=len({row for source in content.raw for row in source.electrode_rows}),
        seconds=float(np.sum(periods[:, 1] - periods[:, 0])),
        blocks=len(periods),
        gaps=tuple(gap for recording in sources.recordings for gap in recording.gaps()),
        findings=findings,
        notes=notes,
    )
