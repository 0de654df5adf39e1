"""
Gaps of recordings.
"""

from collections.abc import Iterator
from itertools import pairwise

from nwb_spikeinference_converters.conversion_report import Gap
from nwb_spikeinference_converters.sessions.opened_recordings import OpenedRecording, Sources


def list_gaps(sources: Sources) -> tuple[Gap, ...]:
    """Gaps of every recording, in the order of the files and then of time."""
    return tuple(gap for recording in sources.recordings for gap in _list(recording))


def _list(recording: OpenedRecording) -> Iterator[Gap]:
    runs = [block.run for block in recording.raw.blocks]
    for before, after in pairwise(recording.stretches):
        start_s, stop_s = before.period.stop_s, after.period.start_s
        is_known = runs[before.block] == runs[after.block]
        yield Gap(
            file=recording.settings.file, start_s=start_s, stop_s=stop_s, seconds=stop_s - start_s if is_known else None
        )
