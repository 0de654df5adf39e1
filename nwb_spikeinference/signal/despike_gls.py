"""
Waveforms by generalised least squares, for removing action potentials from raw voltage.

The raw signal of a wire is taken to be ``y = S b + w``: the unit's waveform b at each of its spikes (S), and noise w,
the LFP above all, whose covariance C follows from its power spectrum. Then ``b = (S' C^-1 S)^-1 S' C^-1 y``. C^-1 acts
as a filter, so the second factor is the average around the spikes, filtered; the first also holds the pairs of spikes
close to each other, which a mean waveform mistakes for each other's surroundings. What of the LFP goes with spikes is
known from around the waveform, and stays.

References
----------
.. [1] Zanos, Mineault & Pack (2011), J. Neurophysiol. 105, 474-486.
"""

from collections.abc import Sequence

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal.windows import hann

from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.signal.despike import (
    AFTER_S,
    BEFORE_S,
    CROSSTALK_BAND_HZ,
    MARGIN_S,
    ReadSamples,
    SpikeTemplate,
    read_middle,
    waveform_window,
)

_FLOOR = 0.1  # of the median power in 300-3000 Hz: where a recorder's low-pass leaves none there is nothing to learn
_NOISE_S = 10.0  # from which the noise's spectrum is taken
_REACH_S = 0.015  # of the whitening filter on either side; half of what an average shows around the waveform


def noise_power(read: ReadSamples, n_samples: int, rate_hz: float) -> FloatArray:
    """
    Power spectrum of each wire, from the middle of the recording.

    The median over windows, so that spikes, which most windows lack, hardly count.

    Parameters
    ----------
    read : callable
        Gives samples ``start`` to ``stop`` as an ndarray of shape (n, n_wires), in volts.

    Returns
    -------
    ndarray of shape (n_frequencies, n_wires)
        Relative to each other, at the frequencies of `numpy.fft.rfft` for as many samples as averages have. All 1 for a
        recording shorter than that, in which no spike has a whole window either.
    """
    signal = read_middle(read, n_samples, round(_NOISE_S * rate_hz))
    n_window = _window_samples(rate_hz)
    if len(signal) < n_window:
        return np.ones((n_window // 2 + 1, signal.shape[1]))
    taper = hann(n_window, sym=False)
    power = np.empty((n_window // 2 + 1, signal.shape[1]))
    for wire in range(signal.shape[1]):
        windows = np.lib.stride_tricks.sliding_window_view(signal[:, wire], n_window)[:: n_window // 2]
        centred = windows - windows.mean(axis=1, keepdims=True)
        power[:, wire] = np.median(np.abs(np.fft.rfft(centred * taper, axis=1)) ** 2, axis=0)
    return power


def make_gls_template(
    mean: FloatArray, rate_hz: float, wire: int, spike_samples: IntArray, power: FloatArray, trains: Sequence[IntArray]
) -> SpikeTemplate:
    """
    Waveform of a unit on its own wire by generalised least squares.

    Parameters
    ----------
    mean : ndarray of shape (n_window, n_wires)
        Average around the unit's spikes; see `despike.TriggeredSums.mean`.
    spike_samples : ndarray of shape (n_spikes,)
        Where the waveform is to be subtracted.
    power : ndarray of shape (n_frequencies, n_wires)
        See `noise_power`.
    trains : sequence of ndarray of shape (n_spikes,)
        The unit's spikes in each block that `mean` was taken from.
    """
    window = waveform_window(rate_hz)
    length = window.stop - window.start
    inverse = _inverse_covariance(power[:, wire], rate_hz)
    reach = len(inverse) // 2
    around = mean[window.start - reach : window.stop + reach, wire]
    whitened = np.convolve(around - around.mean(), inverse, mode="valid")
    pairs = _pairs_per_spike(trains, reach + length)
    between = np.convolve(np.concatenate([pairs[:0:-1], [1.0], pairs[1:]]), inverse)
    centre = len(between) // 2
    return SpikeTemplate(
        wire=wire,
        spike_samples=np.sort(spike_samples),
        waveform=solve_toeplitz(between[centre : centre + length], whitened),
        before=round(BEFORE_S * rate_hz),
    )


def _window_samples(rate_hz: float) -> int:
    """Samples of an average around spikes, as `despike.sum_around_spikes` cuts them."""
    return round((MARGIN_S + BEFORE_S) * rate_hz) + round((MARGIN_S + AFTER_S) * rate_hz)


def _inverse_covariance(power: FloatArray, rate_hz: float) -> FloatArray:
    """Filter that takes the noise's spectrum twice away: C^-1; symmetric, of odd length, fading to 0 at its ends."""
    n_window = _window_samples(rate_hz)
    frequencies_hz = np.fft.rfftfreq(n_window, 1 / rate_hz)
    spikes = (frequencies_hz >= CROSSTALK_BAND_HZ[0]) & (frequencies_hz <= CROSSTALK_BAND_HZ[1])
    floor = _FLOOR * float(np.median(power[spikes])) or 1.0  # a dead wire has none
    floored = np.maximum(power, floor)
    floored[0] = floored[1]  # each window's mean was taken away
    reach = round(_REACH_S * rate_hz)
    kernel = np.fft.irfft(floor / floored, n_window)
    return np.asarray(np.concatenate([kernel[-reach:], kernel[: reach + 1]]) * hann(2 * reach + 3)[1:-1])


def _pairs_per_spike(trains: Sequence[IntArray], n_lags: int) -> FloatArray:
    """How many spikes follow a spike after 0, 1, ... samples; shape (n_lags,). None follows after 0."""
    pairs = np.zeros(n_lags)
    for train in trains:
        spikes = np.sort(train)
        for apart in range(1, len(spikes)):
            lags = spikes[apart:] - spikes[:-apart]
            near = lags[lags < n_lags]
            if not len(near):
                break
            pairs += np.bincount(near, minlength=n_lags)
    pairs[0] = 0.0
    return pairs / max(1, sum(len(train) for train in trains))
