"""
The protocol of a converter of raw recordings, and the search for one by name.

A laboratory adds its own format by a package that declares an entry point in the group
``nwb_spikeinference.converters``, naming a class with the method `RawConverter.open`.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.session_config import RecordingSettings

GROUP = "nwb_spikeinference.converters"
VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6, "nV": 1e-9}  # by the names of units in recorder files

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawChannel:
    """One digitised channel; volts = steps * gain + offset_v."""

    number: int  # the recorder's
    label: str
    gain: float
    offset_v: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBlock:
    """One continuous stretch, on the recorder's clock."""

    start_s: float
    n_samples: int
    rate_hz: float | None = None  # measured against the recorder's clock; None: the recording's nominal rate
    run: int = 0  # which of `clock_offsets_s` its start contains: how often the clock was set back before it

    def rate_or(self, nominal_hz: float) -> float:
        """Samples per second: as measured, or `nominal_hz` where nobody measured."""
        return nominal_hz if self.rate_hz is None else self.rate_hz


class RawRecording(Protocol):
    """One opened recording of int16 voltages; never written to."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold it."""

    @property
    def rate_hz(self) -> float:
        """Samples per second and channel, as the recorder names them."""

    @property
    def channels(self) -> tuple[RawChannel, ...]:
        """Channels, in the order of the columns that `read` gives."""

    @property
    def blocks(self) -> tuple[RawBlock, ...]:
        """Continuous stretches, in time order, none overlapping another."""

    @property
    def clock_offsets_s(self) -> tuple[float, ...]:
        """
        Seconds added to the recorder's clock, one for each time it was started.

        ``(0.0,)`` unless the clock was set back during the recording. `blocks` contain them already.
        """

    def read(self, block: int, start: int, stop: int) -> IntArray:
        """Samples of one block as int16 of shape (stop - start, n_channels), unchanged."""

    def close(self) -> None:
        """Release the files."""


@runtime_checkable
class RecordedInParts(Protocol):
    """What a recording of several files may know beside: when each of them was recorded."""

    def runs_of_files(self) -> Mapping[Path, tuple[int, int]]:
        """First and last run of the clock that each file holds, in file order."""


class RawConverter(Protocol):
    """Opens recordings of one format."""

    def open(self, file: Path, settings: RecordingSettings) -> RawRecording:
        """
        Open a recording and check that it is complete.

        Raises
        ------
        InputError
            If it is missing, damaged or of another format.
        """


def find_converter(name: str) -> RawConverter:
    """
    The converter of a format.

    Raises
    ------
    SettingsError
        If nobody has registered it; names the known ones.
    """
    entry = choose(name, {entry.name: entry for entry in entry_points(group=GROUP)}, "recording format")
    converter: RawConverter = entry.load()()
    return converter


def may_be_one(nsp: str | None, other: str | None) -> bool:
    """Whether two entries of session.yaml may mean one recorder: they are compared only where both name theirs."""
    return nsp is None or other is None or nsp == other


def choose(name: str, known: Mapping[str, Choice], what: str) -> Choice:
    """
    What is known under a name that somebody wrote.

    Raises
    ------
    SettingsError
        If nothing is; names what is alike, and all that is known.
    """
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise SettingsError(f"{what} {name!r} is unknown; {hint}known: {', '.join(sorted(known))}")
