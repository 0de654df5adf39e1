"""
Units of a session, from those that sorters wrote: one clock, one montage, quality and putative type.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nwb_spikeinference.cell_types import cell_type_from_width
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.raw.raw_records import TIME_ROUNDING_S, VoltageSource
from nwb_spikeinference.recordings import DEFAULT_SPIKE_RESOLUTION_S, Electrode, FloatArray, Unit
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference.signal.waveforms import isi_violation_share, trough_to_peak_ms, waveform_snr
from nwb_spikeinference_converters.montage.electrode_table import row_of_channel
from nwb_spikeinference_converters.protocol import RawBlock, may_be_one
from nwb_spikeinference_converters.sessions.measured_waveforms import measure_waveforms
from nwb_spikeinference_converters.sessions.opened_recordings import OpenedRecording, Sources
from nwb_spikeinference_converters.timing.clock import whole_extent
from nwb_spikeinference_converters.units import read_units
from nwb_spikeinference_converters.units.shape import ReadContext, SortedUnit, UnitsFile

_LARGEST_SHARE_OUTSIDE = 0.5
_LARGEST_RATE_ERROR = 1e-3  # a clock's, not another signal's
_SMALLEST_SHARE_COVERED = 0.1  # of the recording by all spikes of a file
_ENOUGH_SPIKES = 20  # to say so
_STAMPED_FORMAT = "nev"  # its packets stand in the order they were recorded, which shows where a clock was set back


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionUnits:
    """All units, the resolution of their clock, and what was done to them."""

    units: tuple[Unit, ...]
    resolution_s: float
    files: tuple[Path, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A sorted unit on the session's clock and montage."""

    unit: SortedUnit
    row: int
    recording: OpenedRecording  # of its contact


def collect_units(
    settings: Sequence[UnitsSettings],
    folder: Path,
    sources: Sources,
    electrodes: Sequence[Electrode],
    raw: Sequence[VoltageSource],
) -> SessionUnits:
    """
    Read all units of a session.

    Raises
    ------
    InputError
        If a file is missing or damaged, its times may mean two moments, or most of its spikes lie outside the
        recording.
    MontageError
        If a unit is on a channel that no bundle has.
    SettingsError
        If a file does not say which of several recorders wrote it, and that matters.
    """
    placed: list[_Placed] = []
    notes: list[str] = []
    files: list[Path] = []
    resolutions_s: list[float] = []
    for entry in settings:
        clock = sources.clock(entry.nsp)
        if entry.format == _STAMPED_FORMAT and len(clock.offsets_s) > 1:
            sources.require_recorder(entry.nsp, f"units of {entry.file}")
        recordings = [one for one in sources.electrode_recordings if may_be_one(entry.nsp, one.settings.nsp)]
        channels = tuple(number for recording in recordings for number in recording.numbers)
        content = read_units(folder / entry.file, entry, ReadContext(clock=clock, channels=channels))
        files.extend(content.files)
        resolutions_s.append(content.resolution_s)
        here = [_place(unit, content, sources, electrodes, entry) for unit in content.units]
        kept, file_notes = _keep_recorded(here, sources.origin_s, entry.file)
        placed.extend(kept)
        notes.extend((*(f"{entry.file}: {note}" for note in content.notes), *file_notes))
        notes.extend(_describe_rates(here, content, entry))
        has_pauses = any(len(item.recording.raw.blocks) > 1 for item in here)
        if content.counts_samples and entry.clock is None and content.clock == "session" and has_pauses:
            notes.append(
                f"{entry.file}: sample numbers are taken to count pauses; where the sorter saw recorded samples only, "
                f"write 'clock: recorded'"
            )
    measured = _measure_missing(placed, raw)
    units = [_finish(number, item) for number, item in enumerate(measured)]
    units, rate_notes = _one_waveform_rate(units)
    return SessionUnits(
        units=tuple(units),
        resolution_s=max(resolutions_s, default=DEFAULT_SPIKE_RESOLUTION_S),
        files=tuple(files),
        notes=(*notes, *rate_notes),
    )


def _describe_rates(placed: Sequence[_Placed], content: UnitsFile, entry: UnitsSettings) -> Iterator[str]:
    """Say where sample numbers are counted at another rate than the recording's, as after resampling only."""
    if not content.counts_samples or entry.rate_hz is None:
        return
    rates = {item.recording.settings.file: item.recording.raw.rate_hz for item in placed}
    for file, rate_hz in rates.items():
        if abs(entry.rate_hz / rate_hz - 1) > _LARGEST_RATE_ERROR:
            yield (
                f"{entry.file}: its sample numbers are counted at {entry.rate_hz:g} Hz, as 'rate_hz' says, but {file} "
                f"was sampled at {rate_hz:g} Hz: right only if the signal was resampled before sorting"
            )


def _place(
    unit: SortedUnit, content: UnitsFile, sources: Sources, electrodes: Sequence[Electrode], entry: UnitsSettings
) -> _Placed:
    row = row_of_channel(electrodes, unit.channel, entry.nsp, entry.file)
    electrode = next(one for one in electrodes if one.row == row)
    recording = sources.recording_of(electrode)
    if content.clock == "recorder" and entry.format != _STAMPED_FORMAT and len(recording.clock.offsets_s) > 1:
        raise InputError(
            f"{entry.file}: the recorder's clock was set back during the session, so its times may mean two moments; "
            f"export them in seconds from the first sample and write 'clock: session'"
        )
    if content.counts_samples and entry.rate_hz is None and recording.holds(electrode):
        _require_rate(content, recording, entry.file)
    times_s = _to_session_clock(unit.spike_times_s, content, sources, recording, recording.settings.nsp or entry.nsp)
    return _Placed(unit=replace(unit, spike_times_s=times_s), row=row, recording=recording)


def _require_rate(content: UnitsFile, recording: OpenedRecording, file: str) -> None:
    """Refuse sample numbers of another signal than the recording's."""
    recorded_hz = recording.raw.rate_hz
    if content.rate_hz is not None and abs(content.rate_hz / recorded_hz - 1) > _LARGEST_RATE_ERROR:
        raise InputError(
            f"{file}: its spikes were sampled at {content.rate_hz:g} Hz, {recording.settings.file} at "
            f"{recorded_hz:g} Hz; add the true rate of the signal that was sorted to this entry of 'units' "
            f"('rate_hz: {content.rate_hz:g}' if it was resampled before sorting)"
        )


def _to_session_clock(
    times_s: FloatArray, content: UnitsFile, sources: Sources, recording: OpenedRecording, nsp: str | None
) -> FloatArray:
    """From the file's clock to the session's; `session` and `recorded` count from the recording's first sample."""
    if content.clock == "recorder":
        return sources.to_session_s(times_s, nsp)
    raw = recording.raw
    if content.clock == "recorded" or (content.counts_samples and len(raw.blocks) == 1):
        return recorded_to_session(times_s, raw.blocks, raw.rate_hz) - sources.origin_s
    own = recording.clock
    if content.counts_samples:  # which passed at the measured rate
        times_s = times_s * (own.rate_hz / own.blocks[0].rate_or(own.rate_hz))
    return sources.to_session_s(own.blocks[0].start_s + times_s, nsp)


def recorded_to_session(times_s: FloatArray, blocks: Sequence[RawBlock], rate_hz: float) -> FloatArray:
    """
    Bring seconds of signal, counted without pauses at the nominal rate, onto the recorder's clock.

    Parameters
    ----------
    times_s : ndarray of shape (n_spikes,)
    rate_hz : float
        Nominal rate of the recording; blocks may have been measured to differ.

    Examples
    --------
    >>> blocks = [RawBlock(start_s=5.0, n_samples=1000), RawBlock(start_s=9.0, n_samples=1000)]
    >>> recorded_to_session(np.array([0.5, 1.5]), blocks, rate_hz=1000.0)
    array([5.5, 9.5])
    """
    ends = np.cumsum([block.n_samples for block in blocks]) / rate_hz
    block_of = np.minimum(np.searchsorted(ends, times_s, side="right"), len(blocks) - 1)
    starts_s = np.array([block.start_s for block in blocks])
    stretch = np.array([rate_hz / block.rate_or(rate_hz) for block in blocks])
    before = ends - np.array([block.n_samples for block in blocks]) / rate_hz
    placed: FloatArray = starts_s[block_of] + (times_s - before[block_of]) * stretch[block_of]
    return placed


def _keep_recorded(placed: Sequence[_Placed], origin_s: float, file: str) -> tuple[list[_Placed], list[str]]:
    """Leave out spikes outside the kept periods of the unit's own recording, and spikes given twice."""
    kept, notes = [], []
    n_spikes = n_outside = n_twice = n_empty = 0
    for item in placed:
        times_s = item.unit.spike_times_s
        slack_s = 1 / item.recording.raw.rate_hz
        start_s, stop_s = (edge_s - origin_s for edge_s in whole_extent(item.recording.raw))
        n_spikes += len(times_s)
        n_outside += int(np.sum((times_s < start_s - slack_s) | (times_s > stop_s + slack_s)))
        inside = times_s[_in_periods(times_s, item.recording.periods, slack_s)]
        unique = np.unique(np.maximum(inside, 0.0))
        n_twice += len(inside) - len(unique)
        if len(unique):
            kept.append(replace(item, unit=replace(item.unit, spike_times_s=unique)))
        else:
            n_empty += 1
    if n_outside > _LARGEST_SHARE_OUTSIDE * n_spikes:
        starts_s, stops_s = zip(*(whole_extent(item.recording.raw) for item in placed), strict=True)
        raise InputError(
            f"{file}: {n_outside} of {n_spikes} spikes lie outside the recording ({min(starts_s) - origin_s:g} to "
            f"{max(stops_s) - origin_s:g} s); are the times in samples, or of another session? 'sample' with 'rate_hz' "
            f"and 'offset_s' say what the clock is"
        )
    n_gone = n_spikes - n_twice - sum(len(item.unit.spike_times_s) for item in kept)
    if n_gone:
        notes.append(f"{file}: {n_gone} of {n_spikes} spikes outside the kept recording left out")
    if n_twice:
        notes.append(f"{file}: {n_twice} spikes with the same time in the same unit merged")
    if n_empty:
        notes.append(f"{file}: {n_empty} units without a spike in the kept recording left out")
    return kept, [*notes, *_describe_coverage(kept, file)]


def _describe_coverage(kept: Sequence[_Placed], file: str) -> Iterator[str]:
    """Say where spikes fill so little of a recording that their times may be in another unit."""
    trains = [item.unit.spike_times_s for item in kept]
    if sum(map(len, trains)) < _ENOUGH_SPIKES:
        return
    covered_s = max(train[-1] for train in trains) - min(train[0] for train in trains)
    whole_s = max(periods[-1][1] - periods[0][0] for periods in (item.recording.periods for item in kept))
    if covered_s < _SMALLEST_SHARE_COVERED * whole_s:
        yield (
            f"{file}: all spikes lie within {covered_s:.3g} s of a recording of {whole_s:.3g} s; is 'time_unit' right?"
        )


def _in_periods(times_s: FloatArray, periods: Sequence[tuple[float, float]], slack_s: float) -> np.ndarray:
    inside = np.zeros(len(times_s), dtype=bool)
    for start_s, stop_s in periods:
        inside |= (times_s >= start_s - TIME_ROUNDING_S) & (times_s <= stop_s + slack_s)
    return inside


def _measure_missing(placed: Sequence[_Placed], raw: Sequence[VoltageSource]) -> list[_Placed]:
    """Mean waveforms from the raw signal, for units whose file has none."""
    finished = list(placed)
    missing = [n for n, item in enumerate(placed) if item.unit.waveform is None]
    trains = [(placed[n].row, placed[n].unit.spike_times_s) for n in missing]
    for n, measured in zip(missing, measure_waveforms(trains, raw), strict=True):
        finished[n] = replace(placed[n], unit=replace(placed[n].unit, waveform=measured))
    return finished


def _finish(number: int, item: _Placed) -> Unit:
    waveform = item.unit.waveform
    unit = Unit(
        row=number,
        unit_id=number,
        electrode_rows=(item.row,),
        spike_times_s=item.unit.spike_times_s,
        isi_violations=isi_violation_share(item.unit.spike_times_s),
        sorter=item.unit.sorter,
        cluster_id=item.unit.cluster_id,
        label=item.unit.label,
        quality=item.unit.quality,
        observed_s=item.recording.periods,
    )
    if waveform is None:
        return unit
    width_ms = trough_to_peak_ms(waveform.mean, waveform.rate_hz)
    return replace(
        unit,
        waveform_mean=waveform.mean,
        waveform_sd=waveform.sd,
        waveform_rate_hz=waveform.rate_hz,
        trough_to_peak_ms=width_ms,
        snr=None if waveform.noise_sd is None else waveform_snr(waveform.mean, waveform.noise_sd),
        cell_type=cell_type_from_width(width_ms),
    )


def _one_waveform_rate(units: Sequence[Unit]) -> tuple[list[Unit], list[str]]:
    """A table of units has one waveform rate: mean waveforms at another one are left out, what they told stays."""
    rates = [unit.waveform_rate_hz for unit in units if unit.waveform_rate_hz is not None]
    if len(set(rates)) < 2:
        return list(units), []
    common = max(set(rates), key=rates.count)
    kept = [
        unit
        if unit.waveform_rate_hz in (None, common)
        else replace(unit, waveform_mean=None, waveform_sd=None, waveform_rate_hz=None)
        for unit in units
    ]
    n_others = sum(rate != common for rate in rates)
    return kept, [f"{n_others} mean waveforms not at {common:g} Hz left out, since the table of units has one rate"]
