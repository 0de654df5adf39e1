"""
Removal of action potentials from raw voltage before it becomes LFP.

At each spike of a wire the unit's mean waveform is subtracted. Nothing is interpolated: a smooth gap where spikes were
would itself tell a model where they were.

What of the average around a unit's spikes is its waveform, and what the LFP that its spikes go with? The latter is
smooth: a cubic through 2 ms on either side of the waveform carries it across. A band-pass from 100 Hz instead, as is
common, leaves a third of the waveform in the LFP at 50 Hz, and takes away twice as much of an LFP of 120 Hz.

References
----------
.. [1] Zanos, Mineault & Pack (2011), J. Neurophysiol. 105, 474-486.
.. [2] Waldert, Lemon & Kraskov (2013), J. Physiol. 591, 5291-5303.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial
from scipy.signal import butter, sosfiltfilt
from scipy.signal.windows import tukey
from scipy.stats import norm

from nwb_spikeinference.recordings import FloatArray, IntArray

BEFORE_S = 0.001
AFTER_S = 0.002
SPIKE_BAND_HZ = (100.0, 3000.0)  # of waveforms that are stored; what is subtracted has no lower edge
FLANK_S = 0.002  # on either side of the waveform, from which the LFP below it is known
CROSSTALK_BAND_HZ = (300.0, 3000.0)
MARGIN_S = 0.03  # read around a spike so that filters have settled at the waveform
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
    n_whole: IntArray  # (n_units, n_wires) windows without NaN, which alone are summed

    def __add__(self, other: "TriggeredSums") -> "TriggeredSums":
        return TriggeredSums(
            total=self.total + other.total,
            n_spikes=self.n_spikes + other.n_spikes,
            n_whole=self.n_whole + other.n_whole,
        )

    def mean(self, unit: int) -> FloatArray:
        """Average around one unit's spikes, shape (n_window, n_wires); zeros without spikes."""
        return np.asarray(self.total[unit] / np.maximum(1, self.n_whole[unit]))


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
    n_wires = read(0, 1).shape[1]
    total = np.zeros((len(units), before + after, n_wires))
    n_whole = np.zeros((len(units), n_wires), np.int64)
    block = round(block_s * rate_hz)
    for first in range(0, n_samples, block):
        start = max(0, first - before)
        signal = read(start, min(n_samples, first + block + after))
        whole = np.isfinite(signal).all()
        for unit, spikes in enumerate(usable):
            here = spikes[(spikes >= first) & (spikes < first + block)]
            for sample in here - before - start:
                window = signal[sample : sample + before + after]
                usable_wires = np.ones(n_wires, bool) if whole else np.isfinite(window).all(axis=0)
                total[unit] += window if whole else np.where(usable_wires, window, 0.0)
                n_whole[unit] += usable_wires
    return TriggeredSums(total=total, n_spikes=np.array([len(spikes) for spikes in usable]), n_whole=n_whole)


def filter_mean(mean: FloatArray, rate_hz: float, band_hz: tuple[float, float]) -> FloatArray:
    """
    Band-pass an average and cut it to -1...+2 ms.

    Filtering is linear, so the filtered average is the average of the filtered signal, at a thousandth of the cost.
    """
    return _band_pass(mean, rate_hz, band_hz)[waveform_window(rate_hz)]


def waveform_window(rate_hz: float) -> slice:
    """Samples -1...+2 ms around the spike, of an average such as `TriggeredSums.mean`."""
    margin = round(MARGIN_S * rate_hz)
    return slice(margin, margin + round(BEFORE_S * rate_hz) + round(AFTER_S * rate_hz))


def make_template(mean: FloatArray, rate_hz: float, wire: int, spike_samples: IntArray) -> SpikeTemplate:
    """
    Mean waveform of a unit on its own wire: below 3000 Hz, without the LFP, tapered to 0 at its ends.

    Parameters
    ----------
    mean : ndarray of shape (n_window, n_wires)
        Average around the unit's spikes; see `TriggeredSums.mean`.
    """
    sos = butter(2, min(SPIKE_BAND_HZ[1], 0.45 * rate_hz), fs=rate_hz, output="sos")
    smooth = sosfiltfilt(sos, mean[:, wire])
    window = waveform_window(rate_hz)
    flank = round(FLANK_S * rate_hz)
    around = np.r_[window.start - flank : window.start, window.stop : window.stop + flank]
    lfp = Polynomial.fit(around, smooth[around], deg=3)
    waveform = smooth[window] - lfp(np.arange(window.start, window.stop))
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
        Volts; the input is left as it is, and so is its type if it is a floating one.
    first_sample : int
        Index of the first row on the clock of the templates' spikes. Waveforms that reach over the ends are cut there,
        so successive blocks together equal the whole.
    """
    cleaned = np.array(signal, dtype=np.result_type(signal, np.float32))
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
        As for `make_template`.
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
    signal = read_middle(read, n_samples, round(seconds * rate_hz))
    if len(signal) < MARGIN_S * rate_hz:  # shorter than the filter takes to settle
        return np.zeros(signal.shape[1])
    return np.asarray(np.std(_band_pass(signal, rate_hz, CROSSTALK_BAND_HZ), axis=0))


def read_middle(read: ReadSamples, n_samples: int, n_wanted: int) -> FloatArray:
    """Samples from the middle of a recording, all of a shorter one; 0 where it holds NaN."""
    length = min(n_samples, n_wanted)
    start = (n_samples - length) // 2
    return np.asarray(np.nan_to_num(read(start, start + length)))


def _band_pass(signal: FloatArray, rate_hz: float, band_hz: tuple[float, float]) -> FloatArray:
    sos = butter(2, (band_hz[0], min(band_hz[1], 0.45 * rate_hz)), btype="bandpass", fs=rate_hz, output="sos")
    return np.asarray(sosfiltfilt(sos, signal, axis=0))
