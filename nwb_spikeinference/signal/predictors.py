"""
Predictors: which LFP a unit is predicted from.

`neighbour` is the result that counts: nothing of the unit's own wire, nor of a wire that shows its action potential.
"""

from collections.abc import Callable

import numpy as np

from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.references import (
    Reference,
    check_bipolar,
    check_bundle_median,
    make_bipolar,
    median_over_wires,
    remove_bundle_median,
)

# What an own wire is measured against, where it is not left as recorded; and the check of each.
_REFERENCES: dict[Reference, Callable[[FloatArray, np.ndarray], FloatArray]] = {
    "bundle-median": remove_bundle_median,
    "bipolar": make_bipolar,
}
_CHECKS: dict[Reference, Callable[[np.ndarray], None]] = {
    "bundle-median": check_bundle_median,
    "bipolar": check_bipolar,
}


def neighbour_trace(lfp: FloatArray, own_wire: int, excluded: np.ndarray, reference: Reference = "none") -> FloatArray:
    """
    Median over the other wires of a bundle, or over the differences between those that follow one another.

    Parameters
    ----------
    lfp : ndarray of shape (n_samples, n_wires)
        The bundle's wires, volts; any piece of a recording.
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
        If too few wires are left, or none can be: what is left of a median once it is subtracted is nothing.
    """
    check_neighbour(own_wire, excluded, reference)
    return _COMMON[reference](lfp[:, _others(own_wire, excluded)])


def own_trace(lfp: FloatArray, own_wire: int, excluded: np.ndarray, reference: Reference = "none") -> FloatArray:
    """
    The unit's own wire, against wires that do not show the unit.

    Parameters
    ----------
    lfp, own_wire, excluded
        As for `neighbour_trace`.

    Returns
    -------
    ndarray of shape (n_samples,)

    Raises
    ------
    NoSignalError
        If no wire is left to be the reference.
    """
    if reference == "none":
        return lfp[:, own_wire]
    return _REFERENCES[reference](lfp, _others(own_wire, excluded))[:, own_wire]


def macro_trace(lfp: FloatArray, usable: np.ndarray, reference: Reference = "none") -> FloatArray:
    """
    Median over the macro contacts of an electrode, or over the differences between those that follow one another.

    Parameters
    ----------
    lfp : ndarray of shape (n_samples, n_contacts)
        Volts; any piece of a recording.
    usable : ndarray of bool, shape (n_contacts,)

    Returns
    -------
    ndarray of shape (n_samples,)

    Raises
    ------
    NoSignalError
        If too few contacts are usable.
    """
    check_macro(usable, reference)
    return _COMMON[reference](lfp[:, usable])


def check_neighbour(own_wire: int, excluded: np.ndarray, reference: Reference) -> None:
    """Refuse what `neighbour_trace` cannot make, as that does."""
    usable = _others(own_wire, excluded)
    if not usable.any():
        raise NoSignalError(
            f"no neighbouring wire is left out of {len(usable)} (the others show the unit's waveform or carry "
            f"no signal); use predictor: own-despiked, or macro"
        )
    _check_common(int(usable.sum()), reference)


def check_own(own_wire: int, excluded: np.ndarray, reference: Reference) -> None:
    """Refuse what `own_trace` cannot make, as that does."""
    if reference != "none":
        _CHECKS[reference](_others(own_wire, excluded))


def check_macro(usable: np.ndarray, reference: Reference) -> None:
    """Refuse what `macro_trace` cannot make, as that does."""
    if not np.any(usable):
        raise NoSignalError(f"none of {len(usable)} macro contacts carries a signal; use predictor: neighbour")
    _check_common(int(np.sum(usable)), reference)


def _check_common(n_wires: int, reference: Reference) -> None:
    if reference == "bundle-median":
        raise NoSignalError(
            f"the median of {n_wires} wires measured against that same median is 0; use signal.reference: none or "
            f"bipolar, or predictor: own-despiked"
        )
    if reference == "bipolar" and n_wires < 2:
        raise NoSignalError("a single wire is left, a bipolar reference needs two; use signal.reference: none")


def _others(own_wire: int, excluded: np.ndarray) -> np.ndarray:
    usable = ~np.asarray(excluded, dtype=bool)
    usable[own_wire] = False
    return usable


def _median_of_pairs(lfp: FloatArray) -> FloatArray:
    pairs = make_bipolar(lfp, np.ones(lfp.shape[1], bool))
    return median_over_wires(pairs[:, :-1])  # the last repeats the pair before it


_COMMON: dict[Reference, Callable[[FloatArray], FloatArray]] = {"none": median_over_wires, "bipolar": _median_of_pairs}
