"""
Features of an LFP trace: what the models see.

Per band the filtered trace and its Hilbert quadrature (the waveform's shape) and the log envelope (the amplitude), all
read at the centre of each bin. Reading rather than averaging keeps the phase of bands above the bins' Nyquist
frequency.
"""

from collections.abc import Sequence

import numpy as np

from nwb_spikeinference.bands import Band
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.filters import analytic_signal, bandpass

PER_BAND = ("trace", "quadrature", "log_envelope")
CLIP = 5.0  # robust standard deviations
_MAD_TO_SD = 1.4826


def feature_names(bands: Sequence[Band]) -> tuple[str, ...]:
    """Names of the feature columns, e.g. ``low_gamma:trace``."""
    return tuple(f"{band.name}:{kind}" for band in bands for kind in PER_BAND)


def columns_of_band(names: Sequence[str], band_name: str) -> tuple[int, ...]:
    """Columns that a band fills."""
    return tuple(column for column, name in enumerate(names) if name.rpartition(":")[0] == band_name)


def band_features(lfp: FloatArray, rate_hz: float, bands: Sequence[Band], centres: np.ndarray) -> FloatArray:
    """
    Features of one continuous LFP trace, one row per bin.

    Parameters
    ----------
    lfp : ndarray of shape (n_samples,)
        Volts, at `rate_hz`.
    centres : ndarray of int, shape (n_bins,)
        Sample at the centre of each bin.

    Returns
    -------
    ndarray of shape (n_bins, 3 * n_bands), float32
        Volts, and log10 volts for envelopes; not yet standardised.
    """
    columns = []
    for band in bands:
        analytic = analytic_signal(bandpass(lfp, rate_hz, band))[centres]
        envelope = np.log10(np.maximum(np.abs(analytic), 1e-12))
        columns += [analytic.real, analytic.imag, envelope]
    return np.stack(columns, axis=1).astype(np.float32)


def robust_standardise(features: FloatArray, valid: np.ndarray) -> FloatArray:
    """
    Subtract the median, divide by the median absolute deviation, clip at 5; unsupervised, per recording.

    Parameters
    ----------
    features : ndarray of shape (n_bins, n_features)
    valid : ndarray of bool, shape (n_bins,)
        Bins that the statistics are taken from; the others become 0, the median.

    Returns
    -------
    ndarray of shape (n_bins, n_features), float32
    """
    kept = features[valid]
    if not len(kept):
        return np.zeros_like(features, dtype=np.float32)
    centre = np.median(kept, axis=0)
    spread = _MAD_TO_SD * np.median(np.abs(kept - centre), axis=0)
    scaled = (features - centre) / np.where(spread > 0, spread, 1.0)
    scaled[~valid] = 0.0
    clipped: FloatArray = np.clip(scaled, -CLIP, CLIP).astype(np.float32)
    return clipped
