"""
The bins of a session, and which of them count.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nwb_spikeinference.inputs import BoolArray
from nwb_spikeinference.pipeline.sessions.bundle_signal import BundleSignal, LfpSegment
from nwb_spikeinference.pipeline.sessions.periods import Period, merge_periods
from nwb_spikeinference.pipeline.sessions.wire_faults import FAULT_MARGIN_S
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.signal.discharges import MARGIN_S

EDGE_S = 0.5  # at each end of a continuous stretch, where filters have not settled
MIN_SEGMENT_S = 3.0
MAX_DISCHARGE_SHARE = 0.2  # a detector that takes more finds something else: bursts of a rhythm


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Bins of a session."""

    start_s: float
    bin_s: float
    n_bins: int

    def bins_inside(self, start_s: float, stop_s: float) -> slice:
        """Bins that lie wholly inside a stretch of time."""
        first = math.ceil((start_s - self.start_s) / self.bin_s - 1e-6)
        stop = math.floor((stop_s - self.start_s) / self.bin_s + 1e-6)
        first = min(max(0, first), self.n_bins)
        return slice(first, min(self.n_bins, max(first, stop)))


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBins:
    """Bins of a bundle's inputs."""

    valid: BoolArray  # (n_bins,) to train and score on
    discharge: BoolArray  # (n_bins,) not valid for a discharge alone
    share_of_discharges: float  # of the bins that would be valid


class Recorded(Protocol):
    """A continuous piece of a recording."""

    @property
    def start_s(self) -> float:
        """Time of the first sample."""

    @property
    def stop_s(self) -> float:
        """Time after the last sample."""


def make_grid(recorded: Sequence[Recorded], bin_s: float) -> Grid:
    """Bins from the first to the last sample of any of these."""
    start = min(one.start_s for one in recorded)
    stop = max(one.stop_s for one in recorded)
    return Grid(start_s=start, bin_s=bin_s, n_bins=math.floor((stop - start) / bin_s + 1e-6))


def long_segments(grid: Grid, signal: BundleSignal) -> Iterator[tuple[LfpSegment, slice]]:
    """Segments with whole bins for at least 3 s, and these bins; the others have no features."""
    for segment in signal.segments:
        bins = grid.bins_inside(segment.start_s, segment.stop_s)
        if (bins.stop - bins.start) * grid.bin_s >= MIN_SEGMENT_S:
            yield segment, bins


def covered_bins(grid: Grid, signal: BundleSignal | None) -> BoolArray:
    """Bins in which a bundle was recorded, in stretches of at least 3 s."""
    covered = np.zeros(grid.n_bins, dtype=bool)
    for _, bins in long_segments(grid, signal) if signal is not None else ():
        covered[bins] = True
    return covered


def observed_bins(grid: Grid, observed_s: Sequence[Period]) -> BoolArray:
    """Bins in which spikes of a unit were looked for: all of them where its file does not say it."""
    if not observed_s:
        return np.ones(grid.n_bins, dtype=bool)
    observed = np.zeros(grid.n_bins, dtype=bool)
    for start_s, stop_s in merge_periods(observed_s, gap_s=grid.bin_s):
        observed[grid.bins_inside(start_s, stop_s)] = True
    return observed


def judge_bins(grid: Grid, signal: BundleSignal, *, leave_discharges_out: bool) -> JudgedBins:
    """
    Bins of a bundle that count: recorded, away from edges and from stretches in which a wire failed.

    Discharges are left out with a second on either side, unless they would take more than a fifth.
    """
    valid = np.zeros(grid.n_bins, dtype=bool)
    for segment, _ in long_segments(grid, signal):
        valid[grid.bins_inside(segment.start_s + EDGE_S, segment.stop_s - EDGE_S)] = True
    for start_s, stop_s in signal.bad_s:
        valid[grid.bins_inside(start_s - FAULT_MARGIN_S, stop_s + FAULT_MARGIN_S)] = False
    discharge = np.zeros(grid.n_bins, dtype=bool)
    around = ((time_s - MARGIN_S, time_s + MARGIN_S) for time_s in signal.discharges_s)
    for start_s, stop_s in merge_periods(around):
        discharge[grid.bins_inside(start_s, stop_s)] = True
    discharge &= valid
    share = float(discharge.sum() / max(1, valid.sum()))
    if not leave_discharges_out or share > MAX_DISCHARGE_SHARE:
        discharge[:] = False
    return JudgedBins(valid=valid & ~discharge, discharge=discharge, share_of_discharges=share)


def samples_of(grid: Grid, segment: LfpSegment, bins: slice, per_bin: int) -> IntArray:
    """
    Samples of a segment at evenly spaced times of each bin: the centres of its `per_bin` equal parts.

    Returns
    -------
    ndarray of int, shape (n_bins, per_bin)
        Of one per bin, the sample at its centre. Where a bin lasts just `per_bin` samples, each sample occurs once.
    """
    part_s = grid.bin_s / per_bin
    times_s = grid.start_s + (np.arange(bins.start * per_bin, bins.stop * per_bin) + 0.5) * part_s
    # A time between two samples always takes the earlier one: rounding to even would make them jitter.
    samples = np.floor((times_s - segment.start_s) * segment.rate_hz + 1e-6).astype(np.int64)
    return np.minimum(samples, len(segment.despiked) - 1).reshape(-1, per_bin)
