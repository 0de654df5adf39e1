"""
What NWB files hold, and whether a study can use them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nwb_spikeinference.cell_types import cell_type_from_width
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.read import read_session
from nwb_spikeinference.recordings import Session, Unit


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
    reason: str | None = None  # why a study cannot use it

    @property
    def usable(self) -> bool:
        """Whether a study can use the file."""
        return self.reason is None


def inspect_files(paths: Sequence[Path]) -> tuple[FileSummary, ...]:
    """One summary per file; a file that cannot be read has the reason."""
    return tuple(_inspect(Path(path)) for path in paths)


def _inspect(path: Path) -> FileSummary:
    try:
        session = read_session(path)
    except InputError as error:
        return FileSummary(path=path, electrodes={}, units={}, cell_types={}, reason=str(error))
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
                electrodes=len(block.electrode_rows),
            )
            for block in session.blocks
        ),
        units=dict(Counter(_unit_place(session, unit) for unit in session.units)),
        cell_types=dict(Counter(_cell_type(unit) for unit in session.units)),
        n_units=len(session.units),
        n_spikes=sum(len(unit.spike_times_s) for unit in session.units),
        overlap_s=_overlap_s(session),
        notes=session.notes,
        reason=_why_unusable(session),
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
    covered = {(block.start_s, block.stop_s) for block in session.blocks}
    merged: list[tuple[float, float]] = []
    for start, stop in sorted(covered):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return sum(max(0.0, min(stop, last) - max(start, first)) for start, stop in merged)


def _why_unusable(session: Session) -> str | None:
    lacking = []
    if not session.blocks:
        lacking.append("no continuous signal")
    if not session.units:
        lacking.append("no units")
    elif session.blocks and not _overlap_s(session):
        lacking.append("spikes and signal do not overlap in time")
    return ", ".join(lacking) or None


def describe_summary(summary: FileSummary) -> str:
    """A few lines for people."""
    if summary.participant is None:
        return f"{summary.path}\n  cannot be read: {summary.reason}"
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
        *(f"  note: {note}" for note in summary.notes),
        "  usable" if summary.usable else f"  not usable: {summary.reason}",
    ]
    return "\n".join(lines)


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "none"
