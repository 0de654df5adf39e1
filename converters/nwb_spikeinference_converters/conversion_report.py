"""
The report of a conversion: plain data, quick to import, so that a process which only collects reports stays small.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["written", "up to date", "would be written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time without signal, between two stretches that are kept; on the session's clock."""

    file: str
    start_s: float
    stop_s: float
    seconds: float | None  # None: the recorder's clock was set back in it, so nobody knows

    def __str__(self) -> str:
        if self.seconds is None:
            return f"{self.file}: gap of unknown length at {self.start_s:.6f} s, where the clock was set back"
        return f"{self.file}: gap of {self.seconds:.6g} s from {self.start_s:.6f} to {self.stop_s:.6f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionReport:
    """What was converted."""

    path: Path
    status: Status
    units: int
    channels: int  # recorded contacts
    seconds: float  # of signal, without pauses
    blocks: int
    gaps: tuple[Gap, ...]
    findings: tuple[str, ...] = ()  # of the inspector, none of them fatal
    notes: tuple[str, ...] = ()  # what was left out or assumed
