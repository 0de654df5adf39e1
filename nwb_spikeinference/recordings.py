"""
Records of what a recording session holds.

These records pass between the folders: readers and converters make them, the signal chain and the pipeline use them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.regions import Hemisphere

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]

ElectrodeKind = Literal["micro", "macro", "scalp", "reference"]
CellType = Literal["excitatory", "inhibitory", "unclassified"]

DEFAULT_SPIKE_RESOLUTION_S = 1 / 30_000  # where nothing says it: one sample of most recorders


@dataclass(frozen=True, slots=True, kw_only=True)
class Electrode:
    """One contact. `row` is its row in the file's electrodes table."""

    row: int
    label: str
    bundle: str
    region: str | None
    hemisphere: Hemisphere | None
    wire: int | None = None
    channel: int | None = None  # the recorder's channel id
    kind: ElectrodeKind = "micro"
    kind_is_named: bool = True  # or taken for granted: no text of the file names one
    nsp: str | None = None
    xyz: tuple[float, float, float] | None = None


class UnitKey(NamedTuple):
    """Which unit of a study: known by its row in its file, never by the number that the file calls it."""

    participant: str
    session: str
    row: int


def name_unit(unit_id: int, row: int) -> str:
    """How people are told of a unit: by its id and, as ids may repeat, by its row where that is another number."""
    return f"unit {unit_id}" if unit_id == row else f"unit {unit_id} (row {row})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One sorted unit; spike times in seconds on the session's clock. `row` is its row in the file's units table."""

    row: int
    unit_id: int  # what the file calls it; may repeat
    electrode_rows: tuple[int, ...]  # empty: the file does not link it
    spike_times_s: FloatArray
    waveform_mean: FloatArray | None = None  # (n_samples,), volts
    waveform_sd: FloatArray | None = None  # (n_samples,), volts
    waveform_rate_hz: float | None = None
    trough_to_peak_ms: float | None = None
    snr: float | None = None
    isi_violations: float | None = None  # share of intervals below 2 ms
    cell_type: CellType = "unclassified"
    sorter: str | None = None
    cluster_id: int | None = None
    label: str | None = None  # the sorter's verdict, e.g. good or mua
    quality: Mapping[str, float | str] = field(default_factory=dict)  # the sorter's own measures, by its names
    observed_s: tuple[tuple[float, float], ...] = ()  # when its contact was recorded; empty: when the session was


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalBlock:
    """One continuous stretch of voltage in a file; `path` is the object's place inside it."""

    path: str
    kind: Literal["raw", "lfp"]
    rate_hz: float
    start_s: float
    n_samples: int
    electrode_rows: tuple[int, ...]  # per column of the data; -1: this contact is read from another series
    first_sample: int = 0  # of the dataset; above 0 where gaps in its time stamps make several blocks of it

    @property
    def stop_s(self) -> float:
        """End of the last sample, in seconds on the session's clock."""
        return self.start_s + self.n_samples / self.rate_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One NWB file as the study sees it."""

    path: Path
    participant: str
    session_id: str
    electrodes: tuple[Electrode, ...] = ()
    units: tuple[Unit, ...] = ()
    blocks: tuple[SignalBlock, ...] = ()
    notes: tuple[str, ...] = field(default=())  # what the reader had to assume
    advice: tuple[str, ...] = ()  # what study.yaml could say about a layout that was not understood
    sex: str | None = None
    age_years: float | None = None

    def electrode(self, row: int) -> Electrode:
        """The electrode in a row of the file's table."""
        return next(electrode for electrode in self.electrodes if electrode.row == row)
