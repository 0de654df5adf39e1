"""
Pulses on one channel of a recorder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference_converters.protocol import RawRecording
from nwb_spikeinference_converters.timing.clock import extent

FEWEST_PULSES = 3
_PIECE = 1_000_000  # values read at a time
_LOW, _HIGH = 0.3, 0.7  # of the range: a pulse ends below the one and begins above the other
_EDGE_SAMPLES = 50  # an anti-alias filter spreads an edge over a few


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseTrain:
    """When pulses rose on one recorder, and when it was recording, in seconds on its clock."""

    source: str
    times_s: FloatArray
    periods: tuple[tuple[float, float], ...]
    resolution_s: float


def find_pulses(raw: RawRecording, channel: int, source: str) -> PulseTrain:
    """
    Rising edges on one channel, to a fraction of a sample.

    Raises
    ------
    InputError
        If the recording lacks the channel, or there are fewer than three pulses.
    """
    numbers = [one.number for one in raw.channels]
    if channel not in numbers:
        raise InputError(f"{source}: 'sync' names channel {channel}, which it lacks; it has {_list(numbers)}")
    column = numbers.index(channel)
    pieces = (piece for block in range(len(raw.blocks)) for _, piece in _pieces(raw, block, column))
    ranges = np.array([(piece.min(), piece.max()) for piece in pieces], dtype=np.float64)
    lowest, highest = ranges[:, 0].min(), ranges[:, 1].max()
    times = []
    for index, block in enumerate(raw.blocks):
        edges = _find_edges(_pieces(raw, index, column), lowest, highest)
        times.append(block.start_s + edges / block.rate_or(raw.rate_hz))
    times_s = np.concatenate(times)
    if len(times_s) < FEWEST_PULSES:
        raise InputError(
            f"{source}: channel {channel} shows {len(times_s)} pulses, 'sync' needs {FEWEST_PULSES} or more; "
            f"name the channel that sees them"
        )
    return PulseTrain(
        source=source,
        times_s=times_s,
        periods=tuple(extent(block, raw.rate_hz) for block in raw.blocks),
        resolution_s=1 / raw.rate_hz,
    )


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers[:20]) + (", ..." if len(numbers) > 20 else "")


def _pieces(raw: RawRecording, block: int, column: int) -> Iterator[tuple[int, IntArray]]:
    """First sample and samples of successive pieces of one channel; each begins within the previous one."""
    step = max(2 * _EDGE_SAMPLES, _PIECE // len(raw.channels))
    for start in range(0, raw.blocks[block].n_samples, step):
        first = max(0, start - _EDGE_SAMPLES)
        yield first, raw.read(block, first, min(start + step, raw.blocks[block].n_samples))[:, column]


def _find_edges(pieces: Iterator[tuple[int, IntArray]], lowest: float, highest: float) -> FloatArray:
    """Samples at which the signal rose through the middle of its range, between `lowest` and `highest`."""
    low, middle, high = (lowest + share * (highest - lowest) for share in (_LOW, 0.5, _HIGH))
    edges: list[float] = []
    was_high, done = True, 0  # a pulse that was going on at the start has no edge
    for first, piece in pieces:
        if lowest == highest:
            break
        clear = np.flatnonzero((piece >= high) | (piece <= low))
        clear = clear[clear >= done - first]
        is_high = piece[clear] >= high
        rises = clear[is_high & ~np.concatenate([[was_high], is_high])[:-1]]
        for rise in rises:
            nearest = max(0, int(rise) - _EDGE_SAMPLES)
            under = np.flatnonzero(piece[nearest:rise] < middle)
            if len(under):
                at = nearest + int(under[-1])
                before, after = float(piece[at]), float(piece[at + 1])
                edges.append(first + at + (middle - before) / (after - before))
        was_high = bool(is_high[-1]) if len(is_high) else was_high
        done = first + len(piece)
    return np.array(edges)
