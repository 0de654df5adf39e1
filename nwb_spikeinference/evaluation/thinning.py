"""
Count-matched scores: inhibitory units with no more spikes than excitatory ones.

More spikes train a better model, so the raw comparison of cell types favours fast units. Matching must therefore thin
the spikes that a model is *trained* on. Thinning the test spikes alone changes nothing but noise: a ROC-AUC is a mean
over spikes, and the mean over a random part of them has the same expectation.
"""

import numpy as np

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.evaluation.metrics import BoolArray, roc_auc
from nwb_spikeinference.recordings import FloatArray, IntArray

DRAWS = 20


def draw_targets(excitatory_counts: IntArray, n_units: int, n_draws: int, rng: np.random.Generator) -> IntArray:
    """
    Spike counts to thin to, resampled from the excitatory units'.

    Resampling, not matching by quantile: quantiles would keep the fastest inhibitory units fast.

    Parameters
    ----------
    excitatory_counts : ndarray of shape (n_excitatory,)
        Spikes of each excitatory unit in the stretch to be thinned.

    Returns
    -------
    ndarray of shape (n_draws, n_units)
        One target per draw and inhibitory unit.

    Raises
    ------
    SettingsError
        If there is no excitatory unit.
    """
    if len(excitatory_counts) == 0:
        raise SettingsError(
            "no excitatory unit to match spike counts with; the count-matched comparison needs both types"
        )
    return rng.choice(np.asarray(excitatory_counts), size=(n_draws, n_units))


def thin_counts(counts: IntArray, target: int, rng: np.random.Generator) -> tuple[IntArray, BoolArray]:
    """
    Remove spikes at random until `target` are left; a unit with fewer keeps all.

    Returns
    -------
    thinned : ndarray of shape (n_bins,)
        Spikes left in each bin.
    keep : ndarray of bool, shape (n_bins,)
        Bins to train and score on. A bin that lost all its spikes is neither a spike nor silence, and is left out;
        the silent bins stay the same.
    """
    counts = np.asarray(counts)
    spikes = np.repeat(np.arange(counts.size), counts)
    left = rng.choice(spikes, size=min(target, spikes.size), replace=False)
    thinned = np.bincount(left, minlength=counts.size)
    return thinned, (thinned > 0) | (counts == 0)


def thinned_aucs(scores: FloatArray, counts: IntArray, targets: IntArray, rng: np.random.Generator) -> FloatArray:
    """
    ROC-AUC of one inhibitory unit, thinned to each of several counts.

    Parameters
    ----------
    scores : ndarray of shape (n_draws, n_bins)
        Per draw, the predictions of the model trained on spikes thinned in that draw.
    counts : ndarray of shape (n_bins,)
        The unit's spikes in the test stretch, before thinning.
    targets : ndarray of shape (n_draws,)
        Spikes left per draw.

    Returns
    -------
    ndarray of shape (n_scored,)
        One value per draw that left both classes; its mean is the unit's count-matched score.

    Raises
    ------
    SettingsError
        If scores and targets differ in their number of draws.
    """
    if len(scores) != len(targets):
        raise SettingsError(f"{len(scores)} rows of scores for {len(targets)} thinned counts; give one row per draw")
    aucs = []
    for row, target in zip(scores, targets, strict=True):
        thinned, keep = thin_counts(counts, int(target), rng)
        auc = roc_auc(row[keep], thinned[keep])
        if auc is not None:
            aucs.append(auc)
    return np.array(aucs)
