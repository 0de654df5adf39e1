"""
Choice of the series that is read for a contact, and the clock on which it lies.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import h5py

from nwb_spikeinference.nwb.storage.open_file import decode, neurodata_type
from nwb_spikeinference.recordings import SignalBlock

UNUSED = -1  # in place of a column's electrode, where another series is read for it
_FILTERED = "FilteredEphys"
_RANKS = {"LFP": 0, _FILTERED: 2}  # of containers; 1: any other
_SAME_RATE = 1e-3  # measured rates of one recorder differ by far less
# What DANDI 000623 writes of its LFP, which begins ten seconds before the spikes' clock does.
_SESSION_STARTS = re.compile(r"session starts at (\d+(?:\.\d+)?) s", re.IGNORECASE)


def clock_shift_s(series: h5py.Group, given_s: float | None) -> float:
    """Seconds to add to a series' clock to get that of the spikes: as given, else as its description says, else 0."""
    if given_s is not None:
        return given_s
    said = _SESSION_STARTS.search(decode(series.attrs.get("description", "")))
    return -float(said[1]) if said else 0.0


def leave_out_repeats(
    file: h5py.File, blocks: Sequence[SignalBlock]
) -> tuple[tuple[SignalBlock, ...], tuple[str, ...]]:
    """
    Blocks in which no contact stands twice at the same time and rate, and what was left out.

    Of several series the unfiltered one is read, else that of an LFP container, else the first. Series of different
    rates stay: which one serves depends on the contacts that are asked for.
    """
    containers = {path: neurodata_type(file[path].parent) for path in {block.path for block in blocks}}
    order = sorted(blocks, key=lambda block: (_RANKS.get(containers[block.path], 1), block.path, block.start_s))
    kept: list[SignalBlock] = []
    notes: dict[str, None] = {}
    for block in order:
        rivals = [other for other in kept if _are_rivals(other, block, containers)]
        taken = {row for rival in rivals for row in rival.electrode_rows} & set(block.electrode_rows) - {UNUSED}
        if taken:
            note = (
                f"{block.path}: {len(taken)} of its contacts are read from {rivals[0].path}; to read this one instead, "
                f"add to study.yaml: layout: {{lfp: {block.path.strip('/')}}}"
            )
            notes[note] = None
        rows = tuple(UNUSED if row in taken else row for row in block.electrode_rows)
        if set(rows) != {UNUSED}:
            kept.append(replace(block, electrode_rows=rows))
    places = {(block.path, block.first_sample): number for number, block in enumerate(blocks)}
    return tuple(sorted(kept, key=lambda block: places[block.path, block.first_sample])), tuple(notes)


def _are_rivals(one: SignalBlock, other: SignalBlock, containers: Mapping[str, str]) -> bool:
    """Whether two stretches of different series hold the same voltage, filtered or not."""
    together = one.start_s < other.stop_s and other.start_s < one.stop_s
    alike = abs(one.rate_hz - other.rate_hz) <= _SAME_RATE * one.rate_hz
    filtered = [containers[block.path] == _FILTERED for block in (one, other)]
    return one.path != other.path and one.kind == other.kind and together and (alike or filtered[0] != filtered[1])
