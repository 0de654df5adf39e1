"""
From the units that sorters wrote to the units of the session: one clock, one montage, quality and putative type.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nwb_spikeinference.cell_types import cell_type_from_width
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.raw_records import TIME_ROUNDING_S, VoltageSource
from nwb_spikeinference.recordings import Electrode, FloatArray, Unit
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference.signal.waveforms import (
    isi_violation_share,
    trough_to_peak_ms,
    waveform_snr,
)
from nwb_spikeinference_converters.montage import row_of_channel
from nwb_spikeinference_converters.sources import Sources
from nwb_spikeinference_converters.units import read_units
from nwb_spikeinference_converters.units.shape import SortedUnit
from nwb_spikeinference_converters.waveforms import measure_waveforms

_LARGEST_SHARE_OUTSIDE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionUnits:
    """All units, the resolution of their clock, and what was done to them."""

    units: tuple[Unit, ...]
    resolution_s: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A sorted unit on the session's clock and montage."""

    unit: SortedUnit
    row: int


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
        If a file is missing or damaged, or most of its spikes lie outside the recording.
    MontageError
        If a unit is on a channel that no bundle has.
    """
    placed: list[_Placed] = []
    notes: list[str] = []
    resolution_s = 0.0
    for entry in settings:
        path = folder / entry.file
        content = read_units(path, entry, sources.clock_offsets_s(entry.nsp))
        resolution_s = max(resolution_s, content.resolution_s)
        shift_s = -sources.origin_s if content.clock == "recorder" else 0.0
        for unit in content.units:
            row = row_of_channel(electrodes, unit.channel, entry.nsp, entry.file)
            placed.append(_Placed(unit=replace(unit, spike_times_s=unit.spike_times_s + shift_s), row=row))
        kept, file_notes = _keep_recorded(placed[len(placed) - len(content.units) :], sources, entry.file)
        placed[len(placed) - len(content.units) :] = kept
        notes.extend(file_notes)
        if content.counts_samples and any(len(recording.raw.blocks) > 1 for recording in sources.recordings):
            notes.append(
                f"{entry.file}: samples are taken as counted on the session's clock, pauses included; if the sorter "
                f"counted recorded samples only, give times in seconds ('time_s') instead"
            )
    measured = _measure_missing(placed, electrodes, raw)
    units = [_finish(number, item) for number, item in enumerate(measured)]
    units, rate_notes = _one_waveform_rate(units)
    return SessionUnits(units=tuple(units), resolution_s=resolution_s or 1 / 30000, notes=(*notes, *rate_notes))


def _keep_recorded(placed: Sequence[_Placed], sources: Sources, file: str) -> tuple[list[_Placed], list[str]]:
    """Leave out spikes outside the kept periods, and spikes given twice."""
    periods = sources.main.periods
    slack_s = 1 / min(recording.raw.rate_hz for recording in sources.recordings)
    whole = (0.0, max(_recording_end(sources), periods[-1][1]))
    kept, notes = [], []
    n_spikes = n_outside = n_twice = n_empty = 0
    for item in placed:
        times_s = item.unit.spike_times_s
        n_spikes += len(times_s)
        n_outside += int(np.sum((times_s < whole[0] - slack_s) | (times_s > whole[1] + slack_s)))
        inside = times_s[_in_periods(times_s, periods, slack_s)]
        unique = np.unique(np.maximum(inside, 0.0))
        n_twice += len(inside) - len(unique)
        if len(unique):
            kept.append(_Placed(unit=replace(item.unit, spike_times_s=unique), row=item.row))
        else:
            n_empty += 1
    if n_outside > _LARGEST_SHARE_OUTSIDE * n_spikes:
        raise InputError(
            f"{file}: {n_outside} of {n_spikes} spikes lie outside the recording (0 to {whole[1]:g} s); are the times "
            f"in samples, or of another session? 'sample' with 'rate_hz' and 'offset_s' say what the clock is"
        )
    n_gone = n_spikes - n_twice - sum(len(item.unit.spike_times_s) for item in kept)
    if n_gone:
        notes.append(f"{file}: {n_gone} of {n_spikes} spikes outside the kept recording left out")
    if n_twice:
        notes.append(f"{file}: {n_twice} spikes with the same time in the same unit merged")
    if n_empty:
        notes.append(f"{file}: {n_empty} units without a spike in the kept recording left out")
    return kept, notes


def _recording_end(sources: Sources) -> float:
    """End of the longest recording, before any clip, in seconds on the session's clock."""
    last = [(recording.raw.blocks[-1], recording.raw.rate_hz) for recording in sources.recordings]
    return max(block.start_s + block.n_samples / rate_hz for block, rate_hz in last) - sources.origin_s


def _in_periods(times_s: FloatArray, periods: Sequence[tuple[float, float]], slack_s: float) -> np.ndarray:
    inside = np.zeros(len(times_s), dtype=bool)
    for start_s, stop_s in periods:
        inside |= (times_s >= start_s - TIME_ROUNDING_S) & (times_s <= stop_s + slack_s)
    return inside


def _measure_missing(
    placed: Sequence[_Placed], electrodes: Sequence[Electrode], raw: Sequence[VoltageSource]
) -> list[_Placed]:
    """Mean waveforms from the raw signal, bundle by bundle, for units whose file has none."""
    finished = list(placed)
    for bundle in dict.fromkeys(electrode.bundle for electrode in electrodes):
        rows = {electrode.row for electrode in electrodes if electrode.bundle == bundle}
        missing = [n for n, item in enumerate(placed) if item.row in rows and item.unit.waveform_mean is None]
        trains = [(placed[n].row, placed[n].unit.spike_times_s) for n in missing]
        for n, measured in zip(missing, measure_waveforms(trains, raw), strict=True):
            if measured is not None:
                unit = replace(
                    placed[n].unit,
                    waveform_mean=measured.mean,
                    waveform_rate_hz=measured.rate_hz,
                    noise_sd=measured.noise_sd,
                )
                finished[n] = replace(placed[n], unit=unit)
    return finished


def _finish(number: int, item: _Placed) -> Unit:
    unit = item.unit
    waveform, rate_hz, noise_sd = unit.waveform_mean, unit.waveform_rate_hz, unit.noise_sd
    width_ms = None if waveform is None or rate_hz is None else trough_to_peak_ms(waveform, rate_hz)
    return Unit(
        unit_id=number,
        electrode_rows=(item.row,),
        spike_times_s=unit.spike_times_s,
        waveform_mean=waveform,
        waveform_rate_hz=rate_hz,
        trough_to_peak_ms=width_ms,
        snr=None if waveform is None or noise_sd is None else waveform_snr(waveform, noise_sd),
        isi_violations=isi_violation_share(unit.spike_times_s),
        cell_type=cell_type_from_width(width_ms),
        sorter=unit.sorter,
        cluster_id=unit.cluster_id,
    )


def _one_waveform_rate(units: Sequence[Unit]) -> tuple[list[Unit], list[str]]:
    """A table of units has one waveform rate: mean waveforms at another one are left out, what they told stays."""
    rates = [unit.waveform_rate_hz for unit in units if unit.waveform_rate_hz is not None]
    if len(set(rates)) < 2:
        return list(units), []
    common = max(set(rates), key=rates.count)
    kept = [
        unit if unit.waveform_rate_hz in (None, common) else replace(unit, waveform_mean=None, waveform_rate_hz=None)
        for unit in units
    ]
    n_others = sum(rate != common for rate in rates)
    return kept, [f"{n_others} mean waveforms not at {common:g} Hz left out, since the table of units has one rate"]
