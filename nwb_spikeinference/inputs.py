"""
LFP inputs, each with the units that hang on it: what a model learns from.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.recordings import CellType, FloatArray, UnitKey
from nwb_spikeinference.regions import Hemisphere

HEADS = ("excitatory", "inhibitory", "any")  # of every model: log-odds of a typical unit of that kind
HEAD_OF_TYPE: dict[CellType, int] = {"excitatory": 0, "inhibitory": 1, "unclassified": 2}
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class LfpInput:
    """
    Features of one LFP trace in one session, and the binned units predicted from it.

    Attributes
    ----------
    bin_s : float
        Width of a bin in seconds.
    features : ndarray of shape (n_bins, n_features), float32
        Standardised; 0 where invalid.
    valid : ndarray of bool, shape (n_bins,)
        Bins to train and score on.
    discharge : ndarray of bool, shape (n_bins,)
        Bins that are not valid for an interictal discharge alone: their features are those of the signal.
    segments : tuple of slice
        Continuous pieces of the recording, in bins. Nothing may be windowed across their edges.
    counts : ndarray of shape (n_bins, n_units), uint8
        Spikes per bin.
    unit_rows : tuple of int
        Rows of the units in the units table of their file.
    stopped : ndarray of shape (n_bins, n_pairs * 3), float32, optional
        Features of bands in which another one is stopped, pair by pair, for leave-one-band-out. Standardised.
    raw : ndarray of shape (n_bins, samples_per_bin), float32, optional
        The trace itself, ``samples_per_bin / bin_s`` samples a second, for models that make their own features.
        Standardised; 0 outside what was recorded. None unless some model of the study reads it.
    session_valid : ndarray of bool, shape (n_bins,), optional
        Bins that are valid in any input of the session: the time that a split within the session cuts, so that it falls
        between the same two bins for all units. None: those of this input, where the session has no other.
    """

    participant: str
    session: str
    bundle: str
    region: str | None
    hemisphere: Hemisphere | None
    bin_s: float
    features: FloatArray
    valid: BoolArray
    discharge: BoolArray
    segments: tuple[slice, ...]
    counts: NDArray[np.uint8]
    unit_rows: tuple[int, ...]
    cell_types: tuple[CellType, ...]
    stopped: FloatArray | None = None
    raw: FloatArray | None = None
    session_valid: BoolArray | None = None

    @property
    def keys(self) -> tuple[UnitKey, ...]:
        """Which units of the study hang on it."""
        return tuple(UnitKey(self.participant, self.session, row) for row in self.unit_rows)

    @property
    def n_bins(self) -> int:
        """Bins of the whole recording."""
        return len(self.features)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingInput:
    """An input and the bins of it that a model may learn from."""

    lfp: LfpInput
    bins: BoolArray  # (n_bins,)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureColumns:
    """
    Feature columns that a model may see.

    Attributes
    ----------
    shown : tuple of int
        Ascending.
    bands : tuple of tuple of int
        Those of each band among them; columns of the whole spectrum belong to no band.
    """

    shown: tuple[int, ...]
    bands: tuple[tuple[int, ...], ...]


def all_columns(lfp: LfpInput) -> FeatureColumns:
    """Every column of an input, none of which belongs to a band."""
    return FeatureColumns(shown=tuple(range(lfp.features.shape[1])), bands=())


def stretches_of(mask: BoolArray) -> tuple[slice, ...]:
    """Stretches of True, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return tuple(slice(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True))


def log_odds_of_rate(counts: NDArray[np.uint8], bins: BoolArray) -> FloatArray:
    """
    Log-odds of a spike in a bin, per unit: the rate intercept of a model.

    Parameters
    ----------
    counts : ndarray of shape (n_bins, n_units)
    bins : ndarray of bool, shape (n_bins,)
        Bins that the rate is taken from.

    Returns
    -------
    ndarray of shape (n_units,)
        With half a spike added to spikes and silence (Jeffreys), so that silent units stay finite.
    """
    spikes = (counts[bins] > 0).sum(axis=0) + 0.5
    silence = int(bins.sum()) - spikes + 1.0
    log_odds: FloatArray = np.log(spikes / silence)
    return log_odds
