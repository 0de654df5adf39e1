"""Bins of spikes."""

import numpy as np

from nwb_spikeinference.recordings import FloatArray


def bin_spikes(spike_times_s: FloatArray, start_s: float, bin_s: float, n_bins: int) -> np.ndarray:
    """
    Count spikes per bin.

    Parameters
    ----------
    spike_times_s : ndarray of shape (n_spikes,)
        Seconds, any order; spikes outside the bins are ignored.
    start_s : float
        Left edge of the first bin.

    Returns
    -------
    ndarray of shape (n_bins,), uint8
        Counts, at most 255.
    """
    # The small shift keeps a spike that lies on an edge, up to rounding, in the bin that begins there.
    index = np.floor((np.asarray(spike_times_s, dtype=np.float64) - start_s) / bin_s + 1e-6)
    inside = index[(index >= 0) & (index < n_bins)].astype(np.int64)
    return np.minimum(np.bincount(inside, minlength=n_bins), 255).astype(np.uint8)
