"""
Count-matched scores: inhibitory units with no more spikes than excitatory ones.

More spikes train a better model, so the raw comparison of cell types favours fast units. Matching must therefore thin
the spikes that a model is *trained* on. Thinning the test spikes alone changes nothing but noise: a ROC-AUC is a mean
over spikes, and the mean over a random part of them has the same expectation.
"""

import numpy as np

from nwb_spikeinference.inputs import BoolArray
from nwb_spikeinference.recordings import IntArray


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
