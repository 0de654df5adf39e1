"""
Where recordings have gaps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from nwb_spikeinference_converters.sources import OpenedRecording, Sources


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


def list_gaps(sources: Sources) -> tuple[Gap, ...]:
    """Gaps of every recording, in the order of the files and then of time."""
    return tuple(gap for recording in sources.recordings for gap in _list(recording))


def _list(recording: OpenedRecording) -> Iterator[Gap]:
    runs = [block.run for block in recording.raw.blocks]
    for before, after in pairwise(recording.stretches):
        start_s, stop_s = before.period.stop_s, after.period.start_s
        is_known = runs[before.block] == runs[after.block]
        yield Gap(
            file=recording.settings.file,
            start_s=start_s,
            stop_s=stop_s,
            seconds=stop_s - start_s if is_known else None,
        )
