"""
Mean waveforms, measured on the raw signal for units whose file brings none.
"""

from collections.abc import Sequence

import numpy as np

from nwb_spikeinference.nwb.raw.raw_records import VoltageSource
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.signal.despike import AFTER_S, BEFORE_S, MARGIN_S, SPIKE_BAND_HZ, filter_mean, spike_band_sd
from nwb_spikeinference_converters.units.shape import Waveform

_SPIKE_RATE_HZ = 10000  # slower recordings do not show action potentials
_MOST_SPIKES = 1000  # of one unit that are averaged, spread evenly: the mean is then known to 3 % of the noise
_PIECE_S = 2.0


def measure_waveforms(trains: Sequence[tuple[int, FloatArray]], raw: Sequence[VoltageSource]) -> list[Waveform | None]:
    """
    Average the band-passed raw signal around spikes, at most 1000 of each unit, in one pass over each recording.

    Parameters
    ----------
    trains : sequence of (electrode row, spike times in seconds)
        Units; the unit's own wire is read.

    Returns
    -------
    list of Waveform or None
        Mean and SD of 100-3000 Hz from 1 ms before to 2 ms after the spikes; the noise is that of the wire,
        300-3000 Hz. None where no fast recording has the wire, or no spike lies 33 ms inside a continuous stretch.
    """
    measured: list[Waveform | None] = [None] * len(trains)
    for source in raw:
        here = [n for n, (row, _) in enumerate(trains) if row in source.electrode_rows and measured[n] is None]
        if not here or source.rate_hz < _SPIKE_RATE_HZ:
            continue
        columns = [source.electrode_rows.index(trains[n][0]) for n in here]
        totals, squares, n_spikes = _sum_waveforms(source, columns, [trains[n][1] for n in here])
        noise_sd = _noise_sd(source)
        for place in np.flatnonzero(n_spikes):
            mean = totals[place] / n_spikes[place]
            sd = np.sqrt(np.maximum(squares[place] / n_spikes[place] - mean**2, 0.0))
            noise = float(noise_sd[columns[place]])
            measured[here[place]] = Waveform(mean=mean, sd=sd, rate_hz=source.rate_hz, noise_sd=noise)
    return measured


def _sum_waveforms(
    source: VoltageSource, columns: Sequence[int], trains: Sequence[FloatArray]
) -> tuple[FloatArray, FloatArray, IntArray]:
    """
    Sums of waveforms and of their squares, (n_units, n_samples), and how many spikes of each unit they are of.

    The recording is read where there are spikes, in order.
    """
    rate_hz = source.rate_hz
    length = round(BEFORE_S * rate_hz) + round(AFTER_S * rate_hz)
    totals, squares = np.zeros((len(trains), length)), np.zeros((len(trains), length))
    n_spikes = np.zeros(len(trains), np.int64)
    before, after = round((MARGIN_S + BEFORE_S) * rate_hz), round((MARGIN_S + AFTER_S) * rate_hz)
    window = np.arange(-before, after)
    step = round(_PIECE_S * rate_hz)
    for stretch, chosen in enumerate(_choose_spikes(source, trains, before, after)):
        for first in sorted({int(spike) // step * step for spikes in chosen for spike in spikes}):
            start = max(0, first - before)
            piece = source.read(stretch, start, min(source.periods[stretch].n_samples, first + step + after))
            for unit, spikes in enumerate(chosen):
                inside = spikes[(spikes >= first) & (spikes < first + step)] - start
                if len(inside):
                    cut = piece[inside[:, None] + window, columns[unit]] * source.gain[columns[unit]]
                    waveforms = filter_mean(cut.T, rate_hz, SPIKE_BAND_HZ).T
                    totals[unit] += waveforms.sum(axis=0)
                    squares[unit] += np.square(waveforms).sum(axis=0)
                    n_spikes[unit] += len(inside)
    return totals, squares, n_spikes


def _choose_spikes(
    source: VoltageSource, trains: Sequence[FloatArray], before: int, after: int
) -> list[list[IntArray]]:
    """For each stretch and unit, the sample indices of the spikes that are averaged."""
    usable = []
    for period in source.periods:
        samples = [np.rint((times_s - period.start_s) * period.rate_hz).astype(np.int64) for times_s in trains]
        usable.append([train[(train >= before) & (train + after <= period.n_samples)] for train in samples])
    totals = [sum(len(stretch[unit]) for stretch in usable) for unit in range(len(trains))]
    steps = [max(1, -(-total // _MOST_SPIKES)) for total in totals]
    return [[train[::every] for train, every in zip(stretch, steps, strict=True)] for stretch in usable]


def _noise_sd(source: VoltageSource) -> FloatArray:
    """Of each column, from the middle of the longest stretch."""
    stretch = int(np.argmax([period.n_samples for period in source.periods]))

    def read(start: int, stop: int) -> FloatArray:
        return source.read(stretch, start, stop) * source.gain

    return spike_band_sd(read, source.periods[stretch].n_samples, source.rate_hz, seconds=_PIECE_S)
