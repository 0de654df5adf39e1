"""
Features of the whole spectrum: local motor potential, generalised phase, aperiodic slope.

References
----------
.. [1] Mehring et al. (2003), Nat. Neurosci. 6, 1253-1254 (local motor potential).
.. [2] Davis, Muller, Martinez-Trujillo, Sejnowski & Reynolds (2020), Nature 587, 432-436 (generalised phase).
.. [3] Donoghue et al. (2020), Nat. Neurosci. 23, 1655-1665 (aperiodic exponent).
"""

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.interpolate import PchipInterpolator

from nwb_spikeinference.bands import Band
from nwb_spikeinference.recordings import FloatArray, IntArray

WIDE_BAND = ("motor_potential", "phase_cosine", "phase_sine", "aperiodic_offset", "aperiodic_exponent")
MOTOR_POTENTIAL_S = 0.05
PHASE_BAND = Band(name="generalised_phase", low_hz=1, high_hz=50)
APERIODIC_S = 1.0
APERIODIC_STEP_S = 0.2  # between windows; values between them lie on a straight line
APERIODIC_HZ = (3.0, 45.0)  # above what a 1 s window resolves, below the mains
LOOK_AROUND_S = 2.0  # of signal on either side of a sample that its features may depend on, filters apart
_STRETCHED = 3  # times its length that a stretch of backward-running phase is bridged over


def holds_wide_band(rate_hz: float) -> bool:
    """Whether a signal sampled at `rate_hz` holds what these features look at."""
    return PHASE_BAND.high_hz < rate_hz / 2


def motor_potential(signal: FloatArray, centres: IntArray, rate_hz: float) -> FloatArray:
    """
    Mean of the signal over 50 ms around each centre.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
    centres : ndarray of int, shape (n,)
        Samples, at least 25 ms from either end.

    Returns
    -------
    ndarray of shape (n,)
        In the unit of the signal.
    """
    half = round(MOTOR_POTENTIAL_S * rate_hz / 2)
    total = np.concatenate([[0.0], np.cumsum(signal)])
    return np.asarray((total[centres + half + 1] - total[centres - half]) / (2 * half + 1))


def generalised_phase(analytic: np.ndarray, at: IntArray) -> FloatArray:
    """
    Phase of a wide-band signal, made to run forwards.

    Where the instantaneous frequency is negative, a faster and smaller component rides on the one that dominates; the
    phase there, and for twice as long after it, is bridged by a monotone cubic.

    Parameters
    ----------
    analytic : ndarray of complex, shape (n_samples,)
        Analytic signal of the wide band, 1-50 Hz.
    at : ndarray of int, shape (n,)
        Samples to tell the phase of.

    Returns
    -------
    ndarray of shape (n,)
        Radians; the number of whole turns means nothing.
    """
    bridged = _bridged_samples(analytic)
    known = np.flatnonzero(~bridged)
    phase: FloatArray = np.angle(analytic[at])
    asked = bridged[at]
    if len(known) < 2 or not asked.any():
        return phase
    # A cubic between two samples depends on the two known ones before and after it: no other is needed.
    needed = np.zeros(len(known), bool)
    needed[:2] = needed[-2:] = True
    before = np.flatnonzero(np.diff(known) > 1)
    for shift in (-1, 0, 1, 2):
        needed[np.clip(before + shift, 0, len(known) - 1)] = True
    knots = known[needed]
    cubic = PchipInterpolator(knots, np.unwrap(np.angle(analytic[knots])))
    phase[asked] = cubic(np.clip(at[asked], known[0], known[-1]))
    return phase


def _bridged_samples(analytic: np.ndarray) -> np.ndarray:
    """Samples whose phase runs backwards, and twice as many after them; bool, shape (n_samples,)."""
    backward = np.concatenate([[False], (analytic[1:] * np.conj(analytic[:-1])).imag < 0, [False]])
    edges = np.flatnonzero(np.diff(backward.astype(np.int8)))
    first, stop = edges[::2], edges[1::2]
    last = np.minimum(len(analytic), first + _STRETCHED * (stop - first))
    depth = np.bincount(first, minlength=len(analytic) + 1) - np.bincount(last, minlength=len(analytic) + 1)
    return np.asarray(np.cumsum(depth[:-1]) > 0)


def aperiodic_at(
    signal: FloatArray, origin: int, n_samples: int, rate_hz: float, centres: IntArray
) -> tuple[FloatArray, FloatArray]:
    """
    Offset and exponent of the power law under the spectrum, in windows of 1 s around some samples of a recording.

    Parameters
    ----------
    signal : ndarray of shape (n,)
        A piece of the recording, in volts, that reaches 1 s further than the centres where the recording does.
    origin : int
        Sample of the recording that the piece begins with.
    n_samples : int
        Of the recording; windows are moved to lie inside it.
    centres : ndarray of int, shape (n_centres,)
        Samples of the recording, ascending, at least one.

    Returns
    -------
    offset, exponent : ndarray of shape (n_centres,)
        See `aperiodic_fit`; zeros where the recording is shorter than a window.
    """
    length, step = round(APERIODIC_S * rate_hz), max(1, round(APERIODIC_STEP_S * rate_hz))
    if n_samples < length:
        return np.zeros(len(centres)), np.zeros(len(centres))
    middles = step * np.arange(centres[0] // step, -(-centres[-1] // step) + 1)  # wherever a piece begins
    starts = np.clip(middles - length // 2, 0, n_samples - length)
    fitted = aperiodic_fit(sliding_window_view(signal, length)[starts - origin], rate_hz)
    return np.interp(centres, middles, fitted[:, 0]), np.interp(centres, middles, fitted[:, 1])


def aperiodic_fit(windows: FloatArray, rate_hz: float) -> FloatArray:
    """
    Offset and exponent of the power law under each spectrum, by least squares in log-log.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_samples)
        Stretches of 1 s, in volts.

    Returns
    -------
    ndarray of shape (n_windows, 2)
        log10 of the power density at 1 Hz (V^2/Hz), and the exponent: power falls as ``f ** -exponent``.
    """
    waves, frequencies_hz = _tapered_waves(windows.shape[1], rate_hz)
    cosine, sine = np.split(windows @ waves, 2, axis=1)
    log_power = np.log10(np.maximum(cosine**2 + sine**2, np.finfo(float).tiny))
    design = np.stack([np.ones(len(frequencies_hz)), -np.log10(frequencies_hz)], axis=1)
    return np.asarray(log_power @ np.linalg.pinv(design).T)


@lru_cache(maxsize=4)
def _tapered_waves(n_samples: int, rate_hz: float) -> tuple[FloatArray, FloatArray]:
    """
    What a window is multiplied by to give its amplitude density at each frequency: all cosines, then all sines.

    A tenth of a transform's frequencies are needed; so few come cheaper as one matrix product.
    """
    taper = np.hanning(n_samples + 2)[1:-1]
    frequencies_hz = np.fft.rfftfreq(n_samples, 1 / rate_hz)
    frequencies_hz = frequencies_hz[(frequencies_hz >= APERIODIC_HZ[0]) & (frequencies_hz <= APERIODIC_HZ[1])]
    angle = 2 * np.pi * np.outer(np.arange(n_samples) / rate_hz, frequencies_hz)
    waves = taper[:, None] * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    waves -= waves.mean(axis=0)  # takes the mean off the window before the taper
    return waves * np.sqrt(2 / (rate_hz * np.sum(taper**2))), frequencies_hz
