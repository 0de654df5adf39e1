"""
Remove action potentials from raw voltage before it becomes LFP.

At each spike of a wire the unit's mean waveform is subtracted. Nothing is interpolated: a smooth gap where spikes were
would itself tell a model where they were.

References
----------
.. [1] Zanos, Mineault & Pack (2011), J. Neurophysiol. 105, 474-486.
.. [2] Waldert, Lemon & Kraskov (2013), J. Physiol. 591, 5291-5303.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfiltfilt
from scipy.signal.windows import tukey
from scipy.stats import norm

from nwb_spikeinference.recordings import FloatArray, IntArray

BEFORE_S = 0.001
AFTER_S = 0.002
SPIKE_BAND_HZ = (100.0, 3000.0)
CROSSTALK_BAND_HZ = (300.0, 3000.0)
MARGIN_S = 0.03  # read around a spike so that the filter has settled at the waveform
_TAPER = 0.25  # share of the window in which it rises from and falls to 0

ReadSamples = Callable[[int, int], FloatArray]  # (start, stop) -> (n, n_wires) volts


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeTemplate:
    """Mean waveform of one unit on one wire, and when it occurred."""

    wire: int  # column of the signal
    spike_samples: IntArray  # (n_spikes,) sample indices of the spikes
    waveform: FloatArray  # (n_samples,) volts, from `before` samples before the spike
    before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggeredSums:
    """Raw signal around spikes, summed per unit; sums of several blocks add up."""

    total: FloatArray  # (n_units, n_window, n_wires) volts
    n_spikes: IntArray  # (n_units,)

    def __add__(self, other: "TriggeredSums") -> "TriggeredSums":
        return TriggeredSums(total=self.total + other.total, n_spikes=self.n_spikes + other.n_spikes)

    def mean(self, unit: int) -> FloatArray:
        """Average around one unit's spikes, shape (n_window, n_wires); zeros without spikes."""
        mean: FloatArray = self.total[unit] / max(1, int(self.n_spikes[unit]))
        return mean


def sum_around_spikes(
    read: ReadSamples, n_samples: int, rate_hz: float, units: Sequence[IntArray], block_s: float = 10.0
) -> TriggeredSums:
    """
    Sum the raw signal around the spikes of all units, in one pass.

    Parameters
    ----------
    read : callable
        Gives samples ``start`` to ``stop`` as an ndarray of shape (n, n_wires), in volts.
    units : sequence of ndarray of shape (n_spikes,)
        Sample indices of each unit's spikes. Those closer than 33 ms to an end of the signal are left out.

    Returns
    -------
    TriggeredSums
        Windows from 31 ms before to 32 ms after the spike.
    """
    before, after = round((MARGIN_S + BEFORE_S) * rate_hz), round((MARGIN_S + AFTER_S) * rate_hz)
    usable = [np.sort(spikes[(spikes >= before) & (spikes + after <= n_samples)]) for spikes in units]
    total = np.zeros((len(units), before + after, read(0, 1).shape[1]))
    block = round(block_s * rate_hz)
    for first in range(0, n_samples, block):
        start = max(0, first - before)
        signal = read(start, min(n_samples, first + block + after))
        for unit, spikes in enumerate(usable):
            here = spikes[(spikes >= first) & (spikes < first + block)]
            for sample in here - before - start:
                total[unit] += signal[sample : sample + before + after]
    return TriggeredSums(total=total, n_spikes=np.array([len(spikes) for spikes in usable]))


def filter_mean(mean: FloatArray, rate_hz: float, band_hz: tuple[float, float]) -> FloatArray:
    """
    Band-pass an average and cut it to -1...+2 ms.

    Filtering is linear, so the filtered average is the average of the filtered signal, at a thousandth of the cost.
    """
    sos = butter(2, (band_hz[0], min(band_hz[1], 0.45 * rate_hz)), btype="bandpass", fs=rate_hz, output="sos")
    filtered = sosfiltfilt(sos, mean, axis=0)
    margin = round(MARGIN_S * rate_hz)
    return filtered[margin : margin + round(BEFORE_S * rate_hz) + round(AFTER_S * rate_hz)]


def make_template(mean: FloatArray, rate_hz: float, wire: int, spike_samples: IntArray) -> SpikeTemplate:
    """
    Mean waveform (100-3000 Hz, tapered to 0 at its ends) of a unit on its own wire.

    Parameters
    ----------
    mean : ndarray of shape (n_window, n_wires)
        Average around the unit's spikes; see `TriggeredSums.mean`.
    """
    waveform = filter_mean(mean[:, wire], rate_hz, SPIKE_BAND_HZ)
    return SpikeTemplate(
        wire=wire,
        spike_samples=np.sort(spike_samples),
        waveform=waveform * tukey(len(waveform), _TAPER),
        before=round(BEFORE_S * rate_hz),
    )


def subtract_templates(signal: FloatArray, first_sample: int, templates: Sequence[SpikeTemplate]) -> FloatArray:
    """
    Subtract each unit's mean waveform at each of its spikes.

    Parameters
    ----------
    signal : ndarray of shape (n_samples, n_wires)
        Volts; the input is left as it is.
    first_sample : int
        Index of the first row on the clock of the templates' spikes. Waveforms that reach over the ends are cut there,
        so successive blocks together equal the whole.
    """
    cleaned = np.array(signal, dtype=np.float64)
    for template in templates:
        length = len(template.waveform)
        starts = template.spike_samples - template.before - first_sample
        for start in starts[(starts > -length) & (starts < len(cleaned))]:
            low, high = max(0, start), min(len(cleaned), start + length)
            cleaned[low:high, template.wire] -= template.waveform[low - start : high - start]
    return cleaned


def wires_showing_unit(mean: FloatArray, n_spikes: int, rate_hz: float, spike_band_sd_v: FloatArray) -> np.ndarray:
    """
    Wires on which a unit's action potential is visible.

    Parameters
    ----------
    mean : ndarray of shape (n_window, n_wires)
        Average around the unit's spikes; see `TriggeredSums.mean`.
    spike_band_sd_v : ndarray of shape (n_wires,)
        Standard deviation of each wire in 300-3000 Hz, volts; see `spike_band_sd`.

    Returns
    -------
    ndarray of bool, shape (n_wires,)
        True where the spike-triggered mean (300-3000 Hz) exceeds what chance explains: 3 standard errors, raised for
        the number of samples looked at (Bonferroni), so that at most 1 wire in 370 is excluded by chance.
    """
    shown = filter_mean(mean, rate_hz, CROSSTALK_BAND_HZ)
    standard_error = spike_band_sd_v / np.sqrt(max(1, n_spikes))
    limit = norm.isf(norm.sf(3.0) / len(shown))
    return np.asarray(np.max(np.abs(shown), axis=0) > limit * standard_error)


def spike_band_sd(read: ReadSamples, n_samples: int, rate_hz: float, seconds: float = 10.0) -> FloatArray:
    """
    Standard deviation of each wire in 300-3000 Hz, from the middle of the recording; shape (n_wires,), volts.

    Not a robust one: the spikes of other units are noise to a spike-triggered mean. Zeros for a recording below 30 ms,
    in which no spike has a whole window either.
    """
    length = min(n_samples, round(seconds * rate_hz))
    start = (n_samples - length) // 2
    signal = read(start, start + length)
    if length < MARGIN_S * rate_hz:  # shorter than the filter takes to settle
        return np.zeros(signal.shape[1])
    high_hz = min(CROSSTALK_BAND_HZ[1], 0.45 * rate_hz)
    sos = butter(2, (CROSSTALK_BAND_HZ[0], high_hz), btype="bandpass", fs=rate_hz, output="sos")
    return np.asarray(np.std(sosfiltfilt(sos, signal, axis=0), axis=0))
