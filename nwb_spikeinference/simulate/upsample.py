"""Upsampling from 1 kHz to 30 kHz, block by block."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin

_HALF_LENGTH = 12  # input samples on either side of each output sample


def _phases(factor: int) -> NDArray[np.float32]:
    """Interpolation filter split into its phases, shape (2 * half length, factor); each sums to 1."""
    taps = firwin(2 * _HALF_LENGTH * factor + 1, 1 / factor, window=("kaiser", 5.0))[:-1]
    phases = taps.reshape(2 * _HALF_LENGTH, factor)[::-1]
    return np.asarray(phases / phases.sum(axis=0), np.float32)


def upsample(signal: NDArray[np.float32], start: int, stop: int, factor: int) -> NDArray[np.float32]:
    """
    Interpolate samples `start` to `stop` of a band-limited signal, without delay.

    Parameters
    ----------
    signal : ndarray of shape (n_samples, n_channels)
        Held constant beyond its ends.

    Returns
    -------
    ndarray of shape ((stop - start) * factor, n_channels)
        Value ``k * factor`` stands at the time of input sample ``start + k``. Blocks together equal the whole.
    """
    index = np.arange(start - _HALF_LENGTH + 1, stop + _HALF_LENGTH)
    padded = signal[np.clip(index, 0, len(signal) - 1)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _HALF_LENGTH, axis=0)
    n_channels = signal.shape[1]
    fine = np.empty(((stop - start) * factor, n_channels), dtype=np.float32)
    phases = _phases(factor)
    for channel in range(n_channels):
        fine[:, channel] = (np.ascontiguousarray(windows[:, channel]) @ phases).ravel()
    return fine
