"""
Null distributions: what a score is worth when LFP and spikes do not belong together.

Circular shifts keep the autocorrelation of both sides; LFP of another participant also keeps slow trends, which shifts
alone do not control [1]_; the clock asks how far the rate alone drifts.

References
----------
.. [1] Harris (2020), Nonsense correlations in neuroscience, bioRxiv 2020.11.29.402719.
"""

import numpy as np
from scipy.stats import rankdata

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.evaluation.metrics import auc_from_rank_sum, roc_auc
from nwb_spikeinference.recordings import FloatArray, IntArray


def shifted_aucs(
    scores: FloatArray, counts: IntArray, n_shifts: int, min_shift_bins: int, rng: np.random.Generator
) -> FloatArray:
    """
    ROC-AUC after circular shifts of the spikes against the scores.

    Parameters
    ----------
    scores : ndarray of shape (n_bins,)
        Predictions for the valid bins of one test stretch.
    counts : ndarray of shape (n_bins,)
        Spikes in the same bins.
    n_shifts : int
        Distinct shifts to draw at random.
    min_shift_bins : int
        Smallest shift, forwards or backwards, in bins.

    Returns
    -------
    ndarray of shape (n_shifts,)
        Fewer where the stretch does not allow that many; none for a single class or a stretch that is too short.
    """
    if n_shifts < 1 or min_shift_bins < 1:
        raise SettingsError(f"{n_shifts} shifts of {min_shift_bins} bins make no null; both must be at least 1")
    n_bins = len(scores)
    allowed = np.arange(min_shift_bins, n_bins - min_shift_bins + 1)
    if roc_auc(scores, counts) is None or allowed.size == 0:
        return np.empty(0)
    shifts = rng.choice(allowed, size=min(n_shifts, allowed.size), replace=False)
    ranks = rankdata(scores)
    spiked = np.flatnonzero(np.asarray(counts) > 0)
    sums = [float(ranks[(spiked + shift) % n_bins].sum()) for shift in shifts]
    return np.array([auc_from_rank_sum(total, spiked.size, n_bins) for total in sums])


def swapped_auc(other_scores: FloatArray, counts: IntArray) -> float | None:
    """
    ROC-AUC of predictions from another participant's LFP; the longer side is cut to the shorter.

    Returns
    -------
    float or None
        None if the bins in common are of one class.
    """
    n_bins = min(len(other_scores), len(counts))
    return roc_auc(other_scores[:n_bins], counts[:n_bins])


def clock_auc(counts: IntArray) -> float | None:
    """
    ROC-AUC of the time of day: how well the bin's index alone tells where the spikes are.

    0.5 for a steady rate; far from it, anything that drifts looks like a predictor.
    """
    return roc_auc(np.arange(len(counts), dtype=float), counts)


def p_value(observed: float, null: FloatArray) -> float:
    """One-sided p of a score against its null, counting the observed score as one of the draws."""
    return float((1 + np.count_nonzero(np.asarray(null) >= observed)) / (1 + len(null)))
