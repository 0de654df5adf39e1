"""
Inspection of NWB files: what they hold, and whether a study can use them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path

from nwb_spikeinference.archive.address import is_address, parse_address
from nwb_spikeinference.archive.client import open_archive
from nwb_spikeinference.archive.connection import NetworkSettings
from nwb_spikeinference.archive.listing import list_assets
from nwb_spikeinference.archive.stream import RemoteFile
from nwb_spikeinference.cell_types import cell_type_from_width
from nwb_spikeinference.config import ArchiveSettings, StudySettings
from nwb_spikeinference.errors import InputError, ResourceError, SettingsError
from nwb_spikeinference.pipeline.sessions.observed_time import why_no_signal, within_observed
from nwb_spikeinference.pipeline.sessions.periods import merge_periods
from nwb_spikeinference.pipeline.sessions.reading import read_as_study
from nwb_spikeinference.pipeline.sessions.session_files import list_files
from nwb_spikeinference.recordings import Session, Unit

_USUAL_ARCHIVE = ArchiveSettings()
_USUAL_NETWORK = NetworkSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSummary:
    """One continuous stretch."""

    place: str
    kind: str
    rate_hz: float
    seconds: float
    electrodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSummary:
    """One NWB file."""

    path: Path
    participant: str | None = None
    session: str | None = None
    electrodes: dict[str, int]  # place and kind -> contacts
    signals: tuple[SignalSummary, ...] = ()
    units: dict[str, int]  # place -> units
    cell_types: dict[str, int]
    n_units: int = 0
    n_spikes: int = 0
    overlap_s: float = 0.0  # during which both signal and spikes exist
    notes: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()  # what study.yaml could say of a layout that was not understood
    reason: str | None = None  # why a study cannot use it

    @property
    def readable(self) -> bool:
        """Whether the file could be read; otherwise nothing is known but the reason."""
        return self.participant is not None

    @property
    def usable(self) -> bool:
        """Whether a study can use the file."""
        return self.reason is None


def inspect_files(
    paths: Sequence[str | Path],
    *,
    archive: ArchiveSettings = _USUAL_ARCHIVE,
    network: NetworkSettings = _USUAL_NETWORK,
    study: StudySettings | None = None,
) -> tuple[FileSummary, ...]:
    """
    One summary per file; a file that cannot be read has the reason.

    Parameters
    ----------
    paths : sequence of str or Path
        Files, globs, folders with NWB files at any depth, and datasets such as ``DANDI:000574``, whose files are read
        where they are, only as far as is needed.
    archive : ArchiveSettings
        Which server, and by `glob` which files of a dataset.
    study : StudySettings, optional
        Files are read by the layout, the spellings of regions and the aliases of this study.

    Raises
    ------
    InputError
        If a dataset cannot be had.
    ResourceError
        If its archive does not answer.
    SettingsError
        If one of `paths` is neither a path nor a dataset.
    """
    if "" in paths:
        raise SettingsError("'' is no path; name NWB files, folders, globs or datasets such as DANDI:000574")
    found: list[FileSummary] = []
    for path in paths:
        if is_address(str(path)):
            found += _inspect_dataset(str(path), archive, network, study)
        else:
            found += [_inspect(one, study) for one in list_files([path])]
    return tuple(found)


def _inspect_dataset(
    text: str, settings: ArchiveSettings, network: NetworkSettings, study: StudySettings | None
) -> Iterator[FileSummary]:
    with open_archive(settings.server, network) as archive:
        listing = list_assets(archive, parse_address(text), settings.glob)
        for asset in listing.assets:
            with RemoteFile(archive, listing.address, asset) as stream:
                yield _inspect(Path(stream.name), study, stream)


def _inspect(path: Path, study: StudySettings | None, stream: RawIOBase | None = None) -> FileSummary:
    try:
        if path.is_dir():
            raise InputError("holds no NWB file")
        held = read_as_study(path, study, stream)
    except (InputError, ResourceError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        return FileSummary(path=path, electrodes={}, units={}, cell_types={}, reason=reason)
    session = within_observed(held)
    return FileSummary(
        path=path,
        participant=session.participant,
        session=session.session_id,
        electrodes=dict(Counter(_place(session, e.row, with_kind=True) for e in session.electrodes)),
        signals=tuple(
            SignalSummary(
                place=block.path,
                kind=block.kind,
                rate_hz=block.rate_hz,
                seconds=block.n_samples / block.rate_hz,
                electrodes=sum(row >= 0 for row in block.electrode_rows),  # others are read elsewhere
            )
            for block in held.blocks
        ),
        units=dict(Counter(_unit_place(session, unit) for unit in session.units)),
        cell_types=dict(Counter(_cell_type(unit) for unit in session.units)),
        n_units=len(session.units),
        n_spikes=sum(len(unit.spike_times_s) for unit in session.units),
        overlap_s=_overlap_s(session),
        notes=session.notes,
        advice=session.advice,
        reason=_why_unusable(held, session, reads_macro=study is not None and study.signal.predictor == "macro"),
    )


def _place(session: Session, row: int, *, with_kind: bool = False) -> str:
    electrode = session.electrode(row)
    words = [electrode.hemisphere, electrode.region or "unknown region", electrode.kind if with_kind else None]
    return " ".join(word for word in words if word)


def _unit_place(session: Session, unit: Unit) -> str:
    return _place(session, unit.electrode_rows[0]) if unit.electrode_rows else "not linked to an electrode"


def _cell_type(unit: Unit) -> str:
    return unit.cell_type if unit.cell_type != "unclassified" else cell_type_from_width(unit.trough_to_peak_ms)


def _overlap_s(session: Session) -> float:
    spikes = [unit.spike_times_s for unit in session.units if len(unit.spike_times_s)]
    if not spikes:
        return 0.0
    first, last = min(float(one.min()) for one in spikes), max(float(one.max()) for one in spikes)
    merged = merge_periods([(block.start_s, block.stop_s) for block in session.blocks])
    return sum(max(0.0, min(stop, last) - max(start, first)) for start, stop in merged)


def _why_unusable(held: Session, session: Session, *, reads_macro: bool) -> str | None:
    if missing := why_no_signal(held, session):
        return missing if session.units else f"{missing}, no units"
    if not session.units:
        return "no units; 'nsi predict' reads LFP alone"
    if not _overlap_s(session):
        return "spikes and signal do not overlap in time"
    return _why_unlinked(session, reads_macro=reads_macro)


def _why_unlinked(session: Session, *, reads_macro: bool) -> str | None:
    """What keeps every unit from having a signal of its bundle."""
    electrodes = {electrode.row: electrode for electrode in session.electrodes}
    rows = {row for unit in session.units for row in unit.electrode_rows}
    if not rows:
        return "its units name no electrodes"
    recorded = {row for block in session.blocks for row in block.electrode_rows} & electrodes.keys()
    bundles = {electrodes[row].bundle for row in rows & electrodes.keys()}
    kinds = {electrodes[row].kind for row in recorded if electrodes[row].bundle in bundles}
    if ("macro" if reads_macro else "micro") in kinds:
        return None
    if "macro" in kinds:
        return "LFP of macro contacts alone; set signal.predictor: macro, or give the file to 'nsi predict'"
    return "no unit lies in a bundle with a continuous signal"


def describe_summary(summary: FileSummary) -> str:
    """A few lines for people."""
    if not summary.readable:
        return f"{summary.path}: cannot be read: {summary.reason}"
    lines = [
        str(summary.path),
        f"  participant {summary.participant}, session {summary.session}",
        f"  electrodes: {_list(summary.electrodes)}",
        *(
            f"  {one.kind}: {one.electrodes} electrodes, {one.rate_hz:g} Hz, {one.seconds:.1f} s at {one.place}"
            for one in summary.signals
        ),
        f"  units: {summary.n_units} ({_list(summary.units)}), {summary.n_spikes} spikes",
        f"  putative types: {_list(summary.cell_types)}",
        f"  signal and spikes overlap for {summary.overlap_s:.1f} s",
        *(f"  note: {note}" for note in summary.notes if note not in summary.advice),
        *(f"  advice: {one}" for one in summary.advice),
        "  usable" if summary.usable else f"  not usable: {summary.reason}",
    ]
    return "\n".join(lines)


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "none"


def describe_table(summaries: Sequence[FileSummary]) -> str:
    """One line per file, for people who look at many."""
    head = ("file", "participant", "session", "electrodes", "signal", "units", "overlap", "usable")
    rows = [head, *(_cells(one) for one in summaries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _cells(summary: FileSummary) -> tuple[str, ...]:
    verdict = "yes" if summary.reason is None else f"no: {summary.reason}"
    if summary.participant is None:
        return str(summary.path), *["-"] * 6, verdict
    signals = Counter(f"{one.kind} {one.rate_hz:g} Hz, {one.electrodes} electrodes" for one in summary.signals)
    types = f" ({_list(summary.cell_types)})" if summary.n_units else ""
    return (
        str(summary.path),
        summary.participant,
        str(summary.session),
        _list(summary.electrodes),
        "; ".join(f"{n} x {name}" if n > 1 else name for name, n in signals.items()) or "none",
        f"{summary.n_units}{types}",
        f"{summary.overlap_s:.1f} s",
        verdict,
    )
