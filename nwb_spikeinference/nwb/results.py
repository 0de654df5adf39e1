"""
What is written back into a session's NWB file, as plain data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.records import FoldRecord, LoboRecord, ModelRecord, Protocol, TransferRecord, UnitRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeProbabilities:
    """
    What one model inferred of one session, by one protocol.

    Attributes
    ----------
    probabilities : ndarray of shape (n_bins, n_units), float32
        NaN where nothing was inferred.
    start_s : float
        Start of the first bin, in seconds on the session's clock.
    folds : tuple
        Fold in which each unit was held out; None where there are no folds.
    """

    protocol: Protocol
    model: str
    probabilities: NDArray[np.float32]
    rate_hz: float
    start_s: float
    unit_ids: tuple[int, ...]
    folds: tuple[int | None, ...]

    def __post_init__(self) -> None:
        shape = self.probabilities.shape
        if len(shape) != 2 or shape[1] != len(self.unit_ids) or len(self.folds) != len(self.unit_ids):
            raise InputError(
                f"probabilities of shape {shape} for {len(self.unit_ids)} units and {len(self.folds)} folds; "
                "one column and one fold per unit are needed"
            )
        if not self.unit_ids or not shape[0]:
            raise InputError(f"probabilities of shape {shape} hold nothing to write")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProvenance:
    """Where the main model's probabilities come from."""

    architecture: str
    settings: Mapping[str, Any]
    weights_sha256: str
    versions: Mapping[str, str]  # program -> version
    training_participants: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResults:
    """Everything that a session's file is given; `within_session` is the other protocol where both were run."""

    main: SpikeProbabilities
    within_session: SpikeProbabilities | None = None
    model: ModelProvenance
    folds: Sequence[FoldRecord] = ()
    units: Sequence[UnitRecord] = ()
    models: Sequence[ModelRecord] = ()
    lobo: Sequence[LoboRecord] = ()
    transfer: Sequence[TransferRecord] = ()
