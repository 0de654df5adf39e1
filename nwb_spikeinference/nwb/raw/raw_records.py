"""
Records that the NWB file of one recording session is built from, as plain data.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from nwb_spikeinference.recordings import DEFAULT_SPIKE_RESOLUTION_S, Electrode, FloatArray, IntArray, Unit
from nwb_spikeinference.session_config import DeviceSettings, SessionInfo, SubjectSettings

TIME_ROUNDING_S = 1e-6  # what adding and subtracting clock readings may cost

ReadBlock = Callable[[int, int, int], IntArray]  # (block, start, stop) -> int16 (n, n_channels)
FilterBlock = Callable[[Iterable[IntArray]], Iterator[FloatArray]]  # pieces of one block -> float32 volts, in pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One continuous stretch; `start_s` on the session's clock, `rate_hz` as measured against it."""

    start_s: float
    n_samples: int
    rate_hz: float

    @property
    def stop_s(self) -> float:
        """End of the last sample."""
        return self.start_s + self.n_samples / self.rate_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class VoltageSource:
    """Digitised voltages of one recorder file: electrodes, or analog inputs if `electrode_rows` is empty."""

    name: str  # tells recordings apart in the names of the series; empty for the first
    description: str
    rate_hz: float  # nominal
    gain: FloatArray  # (n_channels,) volts per step
    offset_v: FloatArray  # (n_channels,)
    labels: tuple[str, ...]
    electrode_rows: tuple[int, ...]
    periods: tuple[Period, ...]
    read: ReadBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class LfpSource:
    """LFP of the raw source of the same name, computed while that is written."""

    name: str
    description: str
    rate_hz: float
    electrode_rows: tuple[int, ...]
    periods: tuple[Period, ...]
    filter: FilterBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvents:
    """Events of one kind from one recorder, in time order: words on a digital input, or comments."""

    name: str  # of the table
    description: str
    column: str  # what `values` are called
    times_s: FloatArray
    values: IntArray | tuple[str, ...]
    meanings: tuple[tuple[int | str, str], ...] = ()  # every value that may occur, and what it means
    resolution_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionContent:
    """All of one session; rows of `electrodes` are in file order."""

    identifier: str  # the same sources and settings give the same one
    subject: SubjectSettings
    session: SessionInfo
    devices: tuple[DeviceSettings, ...]
    electrodes: tuple[Electrode, ...] = ()
    raw: tuple[VoltageSource, ...] = ()
    analog: tuple[VoltageSource, ...] = ()
    lfp: tuple[LfpSource, ...] = ()
    units: tuple[Unit, ...] = ()
    units_resolution_s: float = DEFAULT_SPIKE_RESOLUTION_S
    recorded_periods: tuple[tuple[float, float], ...] = ()
    events: tuple[RecordedEvents, ...] = ()
