"""
One clock for a recorder whose own clock was paused, set back, or runs at a rate of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference_converters.protocol import RawBlock, RawRecording

JUST_STARTED_S = 10.0  # a clock that shows less was set to zero, one that shows more was set to another time
LONGEST_PAUSE_S = 7 * 86400.0  # a clock that jumps further was set: nobody pauses for a week
_RESET_S = 0.5  # packets of one buffer may be milliseconds out of order; a clock that is set back jumps further
_OUT_OF_ORDER_S = 0.05
_ROUNDING_SAMPLES = 2
_LARGEST_DRIFT = 1e-4  # between two crystals; twenty millionths are usual
_LARGEST_RATE_ERROR = 1e-3
_LARGEST_DOUBTFUL_SHARE = 0.5
_STEP_BACK = 0.5  # what a step back within one run costs, in packets


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderClock:
    """How to read the time stamps of one recorder; `blocks` are on its clock, with `offsets_s` added."""

    offsets_s: tuple[float, ...] = (0.0,)  # one for each time the clock was started: each run of it
    blocks: tuple[RawBlock, ...] = ()
    rate_hz: float = 1.0  # of blocks that were not measured
    files: tuple[Path, ...] = ()  # of the continuous recording
    runs_of_files: Mapping[Path, tuple[int, int]] = field(default_factory=dict)  # first and last run, where known

    def unroll(
        self, ticks: IntArray, ticks_hz: float, source: str, parts: Sequence[tuple[int, Path]] = ()
    ) -> FloatArray:
        """
        Seconds of packets in the order they were written, over resets of the clock.

        Packets are given to successive runs of the clock so that as many as possible were recorded in theirs, and time
        steps back within a run as rarely as possible.

        Parameters
        ----------
        ticks : ndarray of shape (n_packets,)
            The recorder's time stamps, in file order.
        parts : sequence of (int, Path)
            Where packets of several files were joined, the first packet of each file.

        Returns
        -------
        ndarray of shape (n_packets,)
            NaN where a packet may as well be of another run: a few words far apart do not show a reset.

        Raises
        ------
        InputError
            If the clock was set back more often here than in the continuous signal, or most packets may be of either
            side of a reset.
        """
        seconds: FloatArray = ticks.astype(np.int64) / ticks_hz
        steps = np.diff(seconds)
        is_reset = (steps < -_RESET_S) | (steps > LONGEST_PAUSE_S)
        n_resets = int(np.sum(is_reset))
        if n_resets >= len(self.offsets_s):
            raise InputError(
                f"{source}: its clock was set back {n_resets} times, that of the continuous recording "
                f"{len(self.offsets_s) - 1} times; are they of the same session?"
            )
        if len(self.offsets_s) == 1 or not len(seconds):
            return seconds + self.offsets_s[0]
        forbidden = self._find_forbidden(parts, len(seconds))
        recorded = np.array([self._is_recorded(seconds, run) for run in range(len(self.offsets_s))])
        is_new = is_reset | (steps < -_OUT_OF_ORDER_S)
        for told in (*forbidden, *recorded):
            is_new |= told[1:] != told[:-1]
        firsts = np.concatenate([[0], np.flatnonzero(is_new) + 1])  # of groups of packets that are all alike
        sizes = np.diff([*firsts, len(seconds)])
        cost = np.zeros(len(firsts))
        cost[1:] = np.where(is_reset, 2.0 * len(seconds), _STEP_BACK * (steps < -_OUT_OF_ORDER_S))[firsts[1:] - 1]
        gain = (recorded[:, firsts] - 2.0 * len(seconds) * forbidden[:, firsts]) * sizes
        earliest, latest = (np.repeat(runs, sizes) for runs in _assign_runs(gain, cost))
        offsets = np.array(self.offsets_s)
        is_doubtful = offsets[earliest] != offsets[latest]
        if np.mean(is_doubtful) > _LARGEST_DOUBTFUL_SHARE:
            raise InputError(
                f"{source}: {int(np.sum(is_doubtful))} of its {len(seconds)} packets may be from before or after the "
                f"recorder's clock was set back; give all parts of the recording together (e.g. raw-*.nev), or times "
                f"in seconds from the first sample"
            )
        return np.where(is_doubtful, np.nan, seconds + offsets[latest])

    def _is_recorded(self, seconds: FloatArray, run: int) -> np.ndarray:
        """Whether each packet, taken to be of a run, lies in a block of it."""
        extents = [extent(block, self.rate_hz) for block in self.blocks if block.run == run]
        if not extents:
            return np.zeros(len(seconds), dtype=bool)
        starts_s, stops_s = np.array(extents).T - self.offsets_s[run]
        at = np.searchsorted(starts_s, seconds, side="right") - 1
        inside: np.ndarray = (at >= 0) & (seconds <= stops_s[np.maximum(at, 0)])
        return inside

    def _find_forbidden(self, parts: Sequence[tuple[int, Path]], n_packets: int) -> np.ndarray:
        """For each run and packet, whether the file that holds the packet has another part of the recording."""
        forbidden = np.zeros((len(self.offsets_s), n_packets), dtype=bool)
        recorded = list(self.runs_of_files.items())
        stops = [*(first for first, _ in parts), n_packets][1:]
        for place, ((first, path), stop) in enumerate(zip(parts, stops, strict=True)):
            alike = [runs for file, runs in recorded if file.stem.lower() == path.stem.lower()]
            if len(alike) != 1 and len(parts) == len(recorded):
                alike = [recorded[place][1]]
            if len(alike) == 1:
                forbidden[: alike[0][0], first:stop] = True
                forbidden[alike[0][1] + 1 :, first:stop] = True
        return forbidden


def _assign_runs(gain: FloatArray, cost: FloatArray) -> tuple[IntArray, IntArray]:
    """
    Runs of successive groups of packets, never going back, of the highest total.

    Parameters
    ----------
    gain : ndarray of shape (n_runs, n_groups)
        What it is worth to give a group to a run.
    cost : ndarray of shape (n_groups,)
        What it costs to give a group to the same run as the previous one.

    Returns
    -------
    earliest, latest : ndarray of shape (n_groups,)
        Where several assignments are the best, the one with the lowest runs, and that with the highest.
    """
    n_runs, n_groups = gain.shape
    best = np.empty((n_runs, n_groups))
    best[:, 0] = gain[:, 0]
    for group in range(1, n_groups):
        from_earlier = np.concatenate([[-np.inf], np.maximum.accumulate(best[:-1, group - 1])])
        best[:, group] = gain[:, group] + np.maximum(best[:, group - 1] - cost[group], from_earlier)
    chosen = []
    for pick in (0, -1):
        runs = np.empty(n_groups, dtype=np.int64)
        value = best[:, -1]
        for group in range(n_groups - 1, -1, -1):
            runs[group] = np.flatnonzero(value == value.max())[pick]
            if group:
                value = best[: runs[group] + 1, group - 1].copy()
                value[-1] -= cost[group]
        chosen.append(runs)
    return chosen[0], chosen[1]


def describe_doubtful(n: int, what: str) -> tuple[str, ...]:
    """Note on packets whose run of the clock is not known."""
    return (f"{n} {what} left out, as they may be from before or after the clock was set back",) if n else ()


def extent(block: RawBlock, rate_hz: float) -> tuple[float, float]:
    """Start and end of a block, in seconds; `rate_hz` where it was not measured."""
    return block.start_s, block.start_s + block.n_samples / block.rate_or(rate_hz)


def restart_offset(end_s: float, shown_s: float) -> float:
    """Seconds to add to a clock that was set when what it shows is `end_s`; `shown_s`: its first time afterwards."""
    return end_s - (shown_s if shown_s > JUST_STARTED_S else 0.0)


def whole_extent(raw: RawRecording) -> tuple[float, float]:
    """Start of the first block and end of the last, in seconds."""
    return raw.blocks[0].start_s, extent(raw.blocks[-1], raw.rate_hz)[1]


def place_blocks(unplaced: Sequence[RawBlock], rate_hz: float) -> tuple[tuple[RawBlock, ...], tuple[float, ...]]:
    """
    Put the blocks of a recording in line.

    Where a block starts before the previous one ended, the recorder's clock was set back: from there on, zero of its
    clock is taken to be the end of what was recorded before, or if it was set to another time than zero, that time. The
    true length of that gap is not known. The same holds where it jumps by more than a week.

    Parameters
    ----------
    unplaced : sequence of RawBlock
        In the order of the file; each starts when the recorder's clock said.

    Returns
    -------
    blocks : tuple of RawBlock
        None overlapping another.
    clock_offsets_s : tuple of float
        Seconds to add to the recorder's clock, one per start of the clock.
    """
    blocks: list[RawBlock] = []
    offsets = [0.0]
    end_s, slack_s = -np.inf, 0.0
    for block in unplaced:
        start_s = block.start_s + offsets[-1]
        if blocks and not end_s - slack_s <= start_s <= end_s + LONGEST_PAUSE_S:
            offsets.append(restart_offset(end_s, block.start_s))
            start_s = block.start_s + offsets[-1]
        blocks.append(replace(block, start_s=max(start_s, end_s), run=len(offsets) - 1))
        end_s = extent(blocks[-1], rate_hz)[1]
        slack_s = max(_ROUNDING_SAMPLES, _LARGEST_DRIFT * block.n_samples) / rate_hz
    return tuple(blocks), tuple(offsets)


def measure_rates(
    samples: Sequence[IntArray], ticks: Sequence[IntArray], ticks_hz: float, nominal_hz: float, source: str
) -> list[float | None]:
    """
    Samples per second of the clock that stamped them, one for each continuous block.

    Blocks between two settings of the clock share one rate, since one crystal made them and a short block tells little.

    Parameters
    ----------
    samples, ticks : sequence of ndarray of shape (n_stamps,)
        Of each block: numbers of some samples, and their time stamps.

    Returns
    -------
    list of float or None
        None where the nominal rate lies within what is uncertain.

    Raises
    ------
    InputError
        If the stamps tell another rate altogether.
    """
    pause = LONGEST_PAUSE_S * ticks_hz
    starts = [
        place
        for place, (before, after) in enumerate(pairwise(ticks), start=1)
        if not before[-1] <= after[0] <= before[-1] + pause
    ]
    rates: list[float | None] = []
    for first, stop in pairwise([0, *starts, len(ticks)]):
        rate_hz = _measure_rate(samples[first:stop], ticks[first:stop], ticks_hz, nominal_hz, source)
        rates += [rate_hz] * (stop - first)
    return rates


def _measure_rate(
    samples: Sequence[IntArray], ticks: Sequence[IntArray], ticks_hz: float, nominal_hz: float, source: str
) -> float | None:
    """
    Slope of straight lines through the stamps of all blocks.

    It is uncertain by the scatter of the stamps around their lines over the time they span; within that it is nominal.
    """
    at, seconds = (
        np.concatenate([(one - one[0]) - np.mean(one - one[0]) for one in both]) for both in (samples, ticks)
    )
    seconds = seconds / ticks_hz
    span_s = float(np.sqrt(sum(float(one[-1] - one[0]) ** 2 for one in ticks))) / ticks_hz
    if len(at) < 3 or not span_s > 0:
        return None
    slope = float(at @ seconds / (at @ at))
    if not slope > 0:
        return None
    scatter_s = float(np.ptp(seconds - slope * at)) + 1 / ticks_hz
    share = 1 / (slope * nominal_hz) - 1
    if abs(share) <= scatter_s / span_s:
        return None
    if abs(share) > _LARGEST_RATE_ERROR:
        raise InputError(
            f"{source}: its header says {nominal_hz:g} Hz, its time stamps {1 / slope:g} Hz; "
            f"copy the file from the recorder again"
        )
    return 1 / slope
