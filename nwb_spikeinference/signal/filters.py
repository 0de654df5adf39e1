"""
Zero-phase filters for LFP.

Plain arrays in, plain arrays out, time on axis 0. Knows nothing of NWB or Keras.
"""

import numpy as np
from scipy.signal import butter, hilbert, iirnotch, sosfiltfilt, tf2sos

from nwb_spikeinference.bands import Band
from nwb_spikeinference.errors import BandError
from nwb_spikeinference.recordings import FloatArray

BUTTERWORTH_ORDER = 4  # of one pass; filtering runs both ways
NOTCH_WIDTH_HZ = 2.0  # -3 dB width of one pass
PADDING_S = 1.0  # odd reflection at either end


def bandpass(signal: FloatArray, rate_hz: float, band: Band) -> FloatArray:
    """
    Keep one frequency band, without phase delay.

    Parameters
    ----------
    signal : ndarray of shape (n_samples, n_channels) or (n_samples,)
        Sampled at `rate_hz`.

    Returns
    -------
    ndarray of the same shape
        In the input's unit.

    Raises
    ------
    BandError
        If the band reaches the Nyquist frequency.
    """
    if band.high_hz >= rate_hz / 2:
        raise BandError(
            f"band {band.name!r} ends at {band.high_hz:g} Hz, but a signal sampled at {rate_hz:g} Hz holds nothing "
            f"above {rate_hz / 2:g} Hz; lower the edge or use a faster recording"
        )
    sos = butter(BUTTERWORTH_ORDER // 2, (band.low_hz, band.high_hz), btype="bandpass", fs=rate_hz, output="sos")
    return _filter_both_ways(sos, signal, rate_hz)


def remove_line_noise(signal: FloatArray, rate_hz: float, line_hz: float) -> FloatArray:
    """
    Notch out the mains and its harmonics below the Nyquist frequency, without phase delay.

    Parameters
    ----------
    signal : ndarray of shape (n_samples, n_channels) or (n_samples,)
    """
    harmonics = np.arange(line_hz, rate_hz / 2 - NOTCH_WIDTH_HZ, line_hz)
    for frequency_hz in harmonics:
        b, a = iirnotch(frequency_hz, frequency_hz / NOTCH_WIDTH_HZ, fs=rate_hz)
        signal = _filter_both_ways(tf2sos(b, a), signal, rate_hz)
    return signal


def analytic_signal(signal: FloatArray) -> np.ndarray:
    """Complex analytic signal along axis 0: its real part is the input, its modulus the envelope."""
    return np.asarray(hilbert(signal, axis=0))


def _filter_both_ways(sos: FloatArray, signal: FloatArray, rate_hz: float) -> FloatArray:
    if not len(signal):
        return signal
    padding = min(round(PADDING_S * rate_hz), len(signal) - 1)
    return sosfiltfilt(sos, signal, axis=0, padlen=padding)
