"""
Type and quality of a unit, from its mean waveform and spike train.

The firing rate takes no part in the cell type: it would make "inhibitory units are better predicted" circular.
"""

import numpy as np
from scipy.interpolate import CubicSpline

from nwb_spikeinference.recordings import FloatArray

REFRACTORY_S = 0.002
_UPSAMPLING = 10
_ROUNDING = 1e-9  # of a waveform's height: less noise than this is none


def trough_to_peak_ms(waveform: FloatArray, rate_hz: float) -> float | None:
    """
    Time from the trough to the following peak.

    A waveform that rises further above its median than it falls below it was stored peak-up, and is turned over first.

    Parameters
    ----------
    waveform : ndarray of shape (n_samples,)
        Mean waveform, any unit, filtered without phase delay, either way up.

    Returns
    -------
    float or None
        Milliseconds, read from the waveform up-sampled tenfold; None if it never recovers inside the window.
    """
    samples = np.asarray(waveform, dtype=np.float64)
    if len(samples) < 4 or not np.all(np.isfinite(samples)) or np.ptp(samples) == 0:
        return None
    baseline = np.median(samples)
    if samples.max() - baseline > baseline - samples.min():
        samples = -samples
    fine = np.linspace(0, len(samples) - 1, (len(samples) - 1) * _UPSAMPLING + 1)
    smooth = CubicSpline(np.arange(len(samples)), samples)(fine)
    trough = int(np.argmin(smooth))
    after = smooth[trough:]
    peak = int(np.argmax(after))
    if peak == len(after) - 1:  # still rising where the window ends, or nothing but the trough
        return None
    return float(peak / _UPSAMPLING / rate_hz * 1e3)


def isi_violation_share(spike_times_s: FloatArray) -> float:
    """Share of inter-spike intervals below the refractory period; 0 with fewer than two spikes."""
    if len(spike_times_s) < 2:
        return 0.0
    return float(np.mean(np.diff(np.sort(spike_times_s)) < REFRACTORY_S))


def waveform_snr(waveform_mean: FloatArray, noise_sd: float) -> float | None:
    """Largest deviation of the mean waveform over the noise's standard deviation, same units; None without noise."""
    if not len(waveform_mean):
        return None
    height = float(np.max(np.abs(waveform_mean - np.median(waveform_mean))))
    return height / noise_sd if noise_sd > _ROUNDING * height else None
