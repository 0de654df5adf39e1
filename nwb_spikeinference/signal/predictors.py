"""
Which LFP a unit is predicted from.

`neighbour` is the result that counts: nothing of the unit's own wire, nor of a wire that shows its action potential.
"""

import numpy as np

from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.recordings import FloatArray


def neighbour_median(lfp: FloatArray, own_wire: int, excluded: np.ndarray) -> FloatArray:
    """
    Median over the other wires of a bundle.

    Parameters
    ----------
    lfp : ndarray of shape (n_samples, n_wires)
        The bundle's wires, volts.
    own_wire : int
        Column of the unit's own wire.
    excluded : ndarray of bool, shape (n_wires,)
        Wires that show the unit's waveform, or have no usable signal.

    Returns
    -------
    ndarray of shape (n_samples,)

    Raises
    ------
    NoSignalError
        If no wire is left.
    """
    usable = ~np.asarray(excluded, dtype=bool)
    usable[own_wire] = False
    if not usable.any():
        raise NoSignalError(
            f"no neighbouring wire is left out of {lfp.shape[1]} (the others show the unit's waveform or carry "
            f"no signal); use predictor: own-despiked, or macro"
        )
    return np.median(lfp[:, usable], axis=1)
