"""
Results that are written back into NWB files, as plain data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.bands import Band
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.records import FoldRecord, LoboRecord, ModelRecord, Protocol, TransferRecord, UnitRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class InferredStretch:
    """From when to when one model inferred one unit, known by its row; seconds on the session's clock."""

    unit_row: int
    fold: int
    model: str  # `ModelProvenance.name`
    start_s: float
    stop_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeProbabilities:
    """
    What the models of one kind inferred of one session, by one protocol.

    Attributes
    ----------
    probabilities : ndarray of shape (n_bins, n_units), float32
        NaN where nothing was inferred.
    start_s : float
        Start of the first bin, in seconds on the session's clock.
    unit_rows : tuple of int
        Row of the file's units table, per column.
    stretches : tuple of InferredStretch
        Every unit has at least one.
    """

    protocol: Protocol
    model: str
    probabilities: NDArray[np.float32]
    rate_hz: float
    start_s: float
    unit_rows: tuple[int, ...]
    stretches: tuple[InferredStretch, ...]

    def __post_init__(self) -> None:
        shape = self.probabilities.shape
        if len(shape) != 2 or shape[1] != len(self.unit_rows):
            raise InputError(
                f"probabilities of shape {shape} for {len(self.unit_rows)} units; one column per unit is needed"
            )
        if not self.unit_rows or not shape[0]:
            raise InputError(f"probabilities of shape {shape} hold nothing to write")
        if {stretch.unit_row for stretch in self.stretches} != set(self.unit_rows):
            raise InputError("stretches of other units than the probabilities; every unit needs its model and fold")

    def folds_of(self, unit_row: int) -> frozenset[int]:
        """Folds in which a unit was held out; several where its recording was cut into them."""
        return frozenset(stretch.fold for stretch in self.stretches if stretch.unit_row == unit_row)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProvenance:
    """One trained model; protocol and fold are None for one trained on everything."""

    name: str  # of its object in the file
    model: str
    protocol: Protocol | None
    fold: int | None
    architecture: str
    settings: Mapping[str, Any]
    weights_sha256: str
    versions: Mapping[str, str]  # program -> version
    training_participants: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultTables:
    """Tables of the study; `units` are those of the file, the others are over all participants."""

    bands: Sequence[Band] = ()
    folds: Sequence[FoldRecord] = ()
    units: Sequence[UnitRecord] = ()
    models: Sequence[ModelRecord] = ()
    lobo: Sequence[LoboRecord] = ()
    transfer: Sequence[TransferRecord] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResults:
    """
    Everything that a session's file is given.

    Attributes
    ----------
    source_sha256 : str
        Digest of the file that the study read.
    within_session : SpikeProbabilities, optional
        The other protocol, where both were run.
    """

    study: str
    participant: str
    session: str
    source_sha256: str
    main: SpikeProbabilities
    within_session: SpikeProbabilities | None = None
    models: tuple[ModelProvenance, ...]
    tables: ResultTables

    @property
    def series(self) -> tuple[SpikeProbabilities, ...]:
        """Probabilities of every protocol, the main one first."""
        return (self.main,) if self.within_session is None else (self.main, self.within_session)


class StudyFacts(NamedTuple):
    """Which study wrote results into a file, and about whom; participant and session are empty for all."""

    study_name: str
    participant: str = ""
    session: str = ""
    source_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortResults:
    """Everything that the file of all participants is given."""

    study: str
    started: str  # ISO 8601
    models: tuple[ModelProvenance, ...]
    tables: ResultTables
