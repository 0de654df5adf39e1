"""
Gaps of recordings.
"""

from itertools import pairwise

from nwb_spikeinference_converters.conversion_report import Gap
from nwb_spikeinference_converters.sessions.opened_recordings import Sources


def list_gaps(sources: Sources) -> tuple[Gap, ...]:
    """Gaps of every recording, in the order of the files and then of time."""
    gaps = []
    for recording in sources.recordings:
        runs = [block.run for block in recording.raw.blocks]
        for before, after in pairwise(recording.stretches):
            start_s, stop_s = before.period.stop_s, after.period.start_s
            seconds = stop_s - start_s if runs[before.block] == runs[after.block] else None
            gaps.append(Gap(file=recording.settings.file, start_s=start_s, stop_s=stop_s, seconds=seconds))
    return tuple(gaps)
