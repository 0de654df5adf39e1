"""
Channels and stretches that hold no brain signal.
"""

import numpy as np

from nwb_spikeinference.recordings import FloatArray

MAX_CLIPPED_SHARE = 0.01
_RUN = 3  # successive samples at the same extreme count as clipped


def channel_fault(signal: FloatArray) -> str | None:
    """
    Why a channel cannot be used, or None.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
        Any unit.
    """
    if not len(signal):
        return "no samples"
    finite = np.isfinite(signal)
    if not finite.all():
        return f"{np.mean(~finite):.1%} of samples are NaN or infinite"
    low, high = float(signal.min()), float(signal.max())
    if low == high:
        return f"constant at {low:g}"
    share = _share_of_runs(signal == low) + _share_of_runs(signal == high)
    if share > MAX_CLIPPED_SHARE:
        return f"saturated: {share:.1%} of samples sit at the extremes"
    return None


def _share_of_runs(at_extreme: np.ndarray) -> float:
    """Share of samples inside runs of at least `_RUN`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], at_extreme.astype(np.int8), [0]])))
    lengths = edges[1::2] - edges[::2]
    return float(lengths[lengths >= _RUN].sum() / len(at_extreme))
