"""
A prepared session: what becomes of one NWB file before anything is trained, and how that is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.config import Predictor
from nwb_spikeinference.evaluation.duplicates import Duplicate
from nwb_spikeinference.inputs import BoolArray, LfpInput, stretches_of
from nwb_spikeinference.pipeline.sessions.bins import Grid
from nwb_spikeinference.pipeline.tasks.plain_data import WITH_ARRAYS, from_plain, to_plain
from nwb_spikeinference.pipeline.tasks.store import Stored
from nwb_spikeinference.recordings import CellType, FloatArray, IntArray, UnitKey, name_unit
from nwb_spikeinference.regions import Hemisphere


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedUnit:
    """One unit of a session, usable or not."""

    row: int
    unit_id: int
    bundle: str | None
    region: str | None
    hemisphere: Hemisphere | None
    n_spikes: int
    rate_hz: float
    trough_to_peak_ms: float | None
    snr: float | None
    isi_violations: float
    excluded_reason: str | None

    @property
    def name(self) -> str:
        """How people are told of it."""
        return name_unit(self.unit_id, self.row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What tells people apart beside their id."""

    sex: str | None = None
    age_years: float | None = None
    points: tuple[tuple[float, float, float], ...] = ()  # of contacts: nobody else's lie at the very same


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleDischarges:
    """Interictal discharges of one bundle."""

    bundle: str
    n: int
    share_of_time: float  # around them, of the time that could be used


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedInputs:
    """
    LFP inputs of a session for one predictor.

    Attributes
    ----------
    of_unit : ndarray of int, shape (n_units,)
        The unit's input, or -1.
    features : ndarray of shape (n_inputs, n_bins, n_features), float32
        On disk, as are `stopped` and `raw`.
    trace_uv : ndarray of shape (n_inputs, n_bins)
        The LFP at the centres of bins, in microvolts; NaN where nothing was recorded.
    valid, discharge, covered : ndarray of bool, shape (n_inputs, n_bins)
        See `LfpInput`; covered: recorded in stretches of at least 3 s.
    stopped : ndarray of shape (n_inputs, n_bins, n_pairs * 3), optional
    raw : ndarray of shape (n_inputs, n_bins, samples_per_bin), optional
    """

    __pydantic_config__: ClassVar = WITH_ARRAYS
    of_unit: IntArray
    features: FloatArray
    trace_uv: FloatArray
    valid: BoolArray
    discharge: BoolArray
    covered: BoolArray
    stopped: FloatArray | None = None
    raw: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSession:
    """
    Features and spike counts of one session.

    Attributes
    ----------
    file : str
        Name without folders.
    features : tuple of str
        Columns of the inputs' features.
    samples_per_bin : int
        Of the stored trace, or 0.
    wires, bundles : int
        Microwires, and electrodes that have some.
    units : tuple of PreparedUnit
        All of the file, in its order.
    counts : ndarray of shape (n_bins, n_units), uint8
        Spikes per bin.
    inputs : mapping
        Those of the study's predictor and, as a control, of ``own``.
    """

    __pydantic_config__: ClassVar = WITH_ARRAYS
    participant: str
    session: str
    file: str
    subject: Subject
    grid: Grid
    features: tuple[str, ...]
    samples_per_bin: int
    bundles: int
    wires: int
    units: tuple[PreparedUnit, ...]
    duplicates: tuple[Duplicate, ...]
    discharges: tuple[BundleDischarges, ...]
    notes: tuple[str, ...]
    counts: NDArray[np.uint8]
    inputs: Mapping[Predictor, PreparedInputs]

    @property
    def name(self) -> tuple[str, str]:
        """Whose session, and which."""
        return self.participant, self.session

    @property
    def span_s(self) -> float:
        """Seconds from the first bin to the last."""
        return self.grid.n_bins * self.grid.bin_s

    def key(self, unit: PreparedUnit) -> UnitKey:
        """Which unit of the study one of these is."""
        return UnitKey(self.participant, self.session, unit.row)

    def lfp_inputs(self, predictor: Predictor, cell_types: Mapping[UnitKey, CellType]) -> tuple[LfpInput, ...]:
        """
        The LFP inputs, each with the units that hang on it.

        Parameters
        ----------
        cell_types : mapping
            Unit -> putative type; units that are not in it are left out.
        """
        held = self.inputs[predictor]
        session_valid = np.logical_or.reduce(held.valid)
        found = []
        for number, features in enumerate(held.features):
            members = [k for k in np.flatnonzero(held.of_unit == number) if self.key(self.units[k]) in cell_types]
            if not members:
                continue
            first = self.units[members[0]]
            assert first.bundle is not None, "a unit without one has no input"
            found.append(
                LfpInput(
                    participant=self.participant,
                    session=self.session,
                    bundle=first.bundle,
                    region=first.region,
                    hemisphere=first.hemisphere,
                    bin_s=self.grid.bin_s,
                    features=np.asarray(features),
                    valid=held.valid[number],
                    discharge=held.discharge[number],
                    segments=stretches_of(held.covered[number]),
                    counts=self.counts[:, members],
                    unit_rows=tuple(self.units[k].row for k in members),
                    cell_types=tuple(cell_types[self.key(self.units[k])] for k in members),
                    stopped=None if held.stopped is None else np.asarray(held.stopped[number]),
                    raw=None if held.raw is None else np.asarray(held.raw[number]),
                    session_valid=session_valid,
                )
            )
        return tuple(found)

    def save(self) -> Stored:
        """What is stored of it."""
        arrays = {
            f"{predictor}.{field.name}": array
            for predictor, held in self.inputs.items()
            for field in fields(held)
            if (array := getattr(held, field.name)) is not None
        }
        values = to_plain(self, without=("counts", "inputs")) | {"predictors": list(self.inputs)}
        return Stored(arrays={"counts": self.counts, **arrays}, values=values)

    @classmethod
    def load(cls, stored: Stored) -> Self:
        """The session that was saved."""
        inputs: dict[str, dict[str, np.ndarray]] = {predictor: {} for predictor in stored.values["predictors"]}
        for name, array in stored.arrays.items():
            predictor, _, part = name.rpartition(".")
            if predictor:
                inputs[predictor][part] = array
        plain = {name: value for name, value in stored.values.items() if name != "predictors"}
        return from_plain(cls, plain | {"counts": stored.arrays["counts"], "inputs": inputs})
