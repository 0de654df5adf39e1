"""
Interictal epileptiform discharges in a trace of LFP.

The envelope in 10-60 Hz of background activity is close to log-normal; a discharge stands out of the distribution that
the seconds around it have.

References
----------
.. [1] Janca, Jezdik, Cmejla et al. (2015), Brain Topogr. 28, 172-183.
"""

from collections.abc import Sequence

import numpy as np

from nwb_spikeinference.bands import Band
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.signal.filter_bank import BLOCK_SAMPLES, FilterBank, ReadTrace, bandpass_gain

DISCHARGE_BAND = Band(name="discharges", low_hz=10, high_hz=60)
THRESHOLD = 3.65  # times mode plus median of the envelope's distribution
WINDOW_S = 5.0  # from which the distribution is taken
STEP_S = 1.0  # between windows: 80 % overlap
POLYSPIKE_S = 0.12  # maxima closer than this are one discharge
MARGIN_S = 1.0  # left out on either side of a discharge
_SILENCE_V = 1e-9  # an envelope below is no activity and says nothing of its distribution


def find_discharges(
    read: ReadTrace, n_samples: int, rate_hz: float, *, block_samples: int = BLOCK_SAMPLES
) -> FloatArray:
    """
    Times of interictal discharges in one continuous stretch.

    Parameters
    ----------
    read : callable
        Gives samples ``start`` to ``stop`` of the trace as an ndarray of shape (n,), in volts; what the wires of a
        bundle have in common (their median) shows discharges and not the action potentials of one wire.
    block_samples : int
        Samples held at a time; changes nothing but memory and speed.

    Returns
    -------
    ndarray of shape (n_discharges,)
        Seconds from the first sample to each largest envelope, ascending.

    Raises
    ------
    BandError
        If 60 Hz reaches the Nyquist frequency.
    InputError
        If the trace holds NaN or infinite values.

    Notes
    -----
    The threshold is 6.4 standard deviations of Gaussian activity in the band: none in an hour of noise whose power
    falls as 1/f^2, with or without action potentials. Bursts of a rhythm pass it as well: where gamma comes and goes
    log-normally, tens in a minute. A recording of which little would be left holds more than discharges.
    """
    bank = FilterBank([bandpass_gain(DISCHARGE_BAND, rate_hz)], rate_hz, analytic=True)
    found: list[IntArray] = [np.zeros(0, np.int64)]
    overlap = round(WINDOW_S * rate_hz)  # a sample's threshold comes from windows that lie within 3.5 s of it
    for piece in bank.filter(read, n_samples, overlap=overlap, block_samples=block_samples):
        envelope = np.abs(piece.output(0))
        limit = _threshold(envelope, piece.first, n_samples, rate_hz)
        peaks = piece.first + _join_maxima(envelope, _maxima_above(envelope, limit), rate_hz)
        found.append(peaks[(peaks >= piece.start) & (peaks < piece.stop)])
    return np.asarray(np.concatenate(found) / rate_hz)


def _threshold(envelope: FloatArray, first: int, n_samples: int, rate_hz: float) -> FloatArray:
    """
    What the envelope of a piece has to exceed, sample by sample.

    Windows lie on one grid from the start of the recording and inside it. The threshold is linear between their middles
    and constant beyond the first and last; beside a window that is silent for half of its time nothing exceeds it.
    """
    length, step = min(round(WINDOW_S * rate_hz), n_samples), round(STEP_S * rate_hz)
    starts = np.append(np.arange(0, n_samples - length, step), n_samples - length)
    starts = starts[(starts >= first) & (starts + length <= first + len(envelope))] - first
    active = envelope > _SILENCE_V
    logarithm = np.log(envelope, out=np.zeros_like(envelope), where=active)
    count, total, squares = (
        _sums(values, starts, length) for values in (active.astype(np.float64), logarithm, logarithm**2)
    )
    mu = total / np.maximum(count, 1)
    variance = np.maximum(squares / np.maximum(count, 1) - mu**2, 0.0)
    limit = THRESHOLD * (np.exp(mu - variance) + np.exp(mu))
    samples, middles = np.arange(len(envelope)), starts + length / 2
    silent = np.interp(samples, middles, count <= length / 2) > 0
    return np.where(silent, np.inf, np.interp(samples, middles, limit))


def _sums(values: FloatArray, starts: IntArray, length: int) -> FloatArray:
    total = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(total[starts + length] - total[starts])


def _maxima_above(envelope: FloatArray, limit: FloatArray) -> IntArray:
    inner = envelope[1:-1]
    peaks = (inner > limit[1:-1]) & (inner >= envelope[:-2]) & (inner > envelope[2:])
    return np.asarray(np.flatnonzero(peaks) + 1)


def _join_maxima(envelope: FloatArray, peaks: IntArray, rate_hz: float) -> IntArray:
    """The largest of maxima that follow one another closely."""
    if not len(peaks):
        return peaks
    groups: Sequence[IntArray] = np.split(peaks, np.flatnonzero(np.diff(peaks) > POLYSPIKE_S * rate_hz) + 1)
    return np.array([group[np.argmax(envelope[group])] for group in groups])
