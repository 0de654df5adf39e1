"""
Mean waveforms, measured on the raw signal for units whose file brings none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nwb_spikeinference.nwb.raw_records import VoltageSource
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.despike import SPIKE_BAND_HZ, filter_mean, spike_band_sd, sum_around_spikes

_SPIKE_RATE_HZ = 10000  # slower recordings do not show action potentials


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredWaveform:
    """Mean waveform (100-3000 Hz, -1...+2 ms) and the wire's noise (300-3000 Hz), in volts."""

    mean: FloatArray
    rate_hz: float
    noise_sd: float


def measure_waveforms(
    trains: Sequence[tuple[int, FloatArray]], raw: Sequence[VoltageSource]
) -> list[MeasuredWaveform | None]:
    """
    Average the raw signal around spikes, in the longest continuous stretch.

    Parameters
    ----------
    trains : sequence of (electrode row, spike times in seconds)
        Units of one bundle; their wires are read together.

    Returns
    -------
    list of MeasuredWaveform or None
        None where no fast recording has the wire, or no spike lies well inside the stretch.
    """
    measured: list[MeasuredWaveform | None] = [None] * len(trains)
    for source in raw:
        here = [n for n, (row, _) in enumerate(trains) if row in source.electrode_rows and measured[n] is None]
        if not here or source.rate_hz < _SPIKE_RATE_HZ:
            continue
        for n, waveform in zip(here, _measure_on([trains[n] for n in here], source), strict=True):
            measured[n] = waveform
    return measured


def _measure_on(trains: Sequence[tuple[int, FloatArray]], source: VoltageSource) -> list[MeasuredWaveform | None]:
    stretch = int(np.argmax([period.n_samples for period in source.periods]))
    period = source.periods[stretch]
    columns = sorted({source.electrode_rows.index(row) for row, _ in trains})
    gain, offset_v = source.gain[columns], source.offset_v[columns]

    def read(start: int, stop: int) -> FloatArray:
        volts: FloatArray = source.read(stretch, start, stop)[:, columns] * gain + offset_v
        return volts

    samples = [np.rint((times_s - period.start_s) * source.rate_hz).astype(np.int64) for _, times_s in trains]
    inside = [train[(train >= 0) & (train < period.n_samples)] for train in samples]
    sums = sum_around_spikes(read, period.n_samples, source.rate_hz, inside)
    noise_sd = spike_band_sd(read, period.n_samples, source.rate_hz)
    found: list[MeasuredWaveform | None] = []
    for n, (row, _) in enumerate(trains):
        wire = columns.index(source.electrode_rows.index(row))
        mean = filter_mean(sums.mean(n)[:, wire], source.rate_hz, SPIKE_BAND_HZ)
        found.append(
            MeasuredWaveform(mean=mean, rate_hz=source.rate_hz, noise_sd=float(noise_sd[wire]))
            if sums.n_spikes[n]
            else None
        )
    return found
