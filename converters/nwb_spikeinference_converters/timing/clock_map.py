"""
The map from one recorder's clock to another's, by pulses that both saw.

Nothing but the intervals between pulses tells which pulse is which, so regular pulses are refused where they leave a
choice.
"""

from dataclasses import dataclass

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference_converters.timing.pulses import FEWEST_PULSES, PulseTrain

_LARGEST_DRIFT = 2e-4  # of one crystal against another
_TRUSTED = 3  # times the tolerance over the span of what was matched: how far a slope may be wrong
_GROWTH = 4
_SMALLEST_SHARE = 0.9  # of the pulses that both should have seen
_ANCHORS = 25
_ENOUGH_ANCHORS = 3
_RIVAL_MISSES = 2  # an alignment that misses so many more is no rival


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMap:
    """From one recorder's clock to the first recorder's: a straight line."""

    own_s: float = 0.0
    reference_s: float = 0.0  # at `own_s`
    scale: float = 1.0  # seconds of the first recorder per second of this one
    n_pulses: int = 0
    largest_error_s: float = 0.0

    def to_reference(self, times_s: FloatArray) -> FloatArray:
        """Times on the first recorder's clock."""
        return self.reference_s + (times_s - self.own_s) * self.scale


def match_pulses(own: PulseTrain, reference: PulseTrain) -> ClockMap:
    """
    The straight line that brings the pulses of one recorder onto those of the first.

    Raises
    ------
    InputError
        If no line, or more than one, brings nine of ten pulses together that both recorders should have seen.
    """
    tolerance_s = 2 * max(own.resolution_s, reference.resolution_s)
    found: list[tuple[int, ClockMap]] = []  # pulses that were missed
    n_useful = 0
    order = np.unique(np.linspace(0, len(own.times_s) - 3, _ANCHORS).astype(int))
    for anchor in (order[len(order) // 2], *order):
        alignments = [
            alignment
            for candidate in _find_candidates(own.times_s, reference.times_s, int(anchor), tolerance_s)
            if (alignment := _align(own, reference, int(anchor), candidate, tolerance_s)) is not None
        ]
        found += alignments
        n_useful += bool(alignments)
        if n_useful > _ENOUGH_ANCHORS:
            break
    if not found:
        raise InputError(
            f"{own.source}: its {len(own.times_s)} pulses have no part in common with the {len(reference.times_s)} of "
            f"{reference.source}; check 'sync' in session.yaml"
        )
    fewest, best = min(found, key=lambda one: (one[0], -one[1].n_pulses))
    middle_s = own.times_s[[len(own.times_s) // 2]]
    for n_missed, rival in found:
        apart_s = abs(rival.to_reference(middle_s) - best.to_reference(middle_s)).item()
        if apart_s > 2 * tolerance_s and n_missed < fewest + _RIVAL_MISSES:
            raise InputError(
                f"{own.source}: its pulses are so regular that they fit those of {reference.source} in more than one "
                f"way, {apart_s:.3f} s apart; leave out 'sync', or this recorder"
            )
    return best


def _find_candidates(own_s: FloatArray, reference_s: FloatArray, anchor: int, tolerance_s: float) -> IntArray:
    """Pulses of the reference that may be pulse `anchor`: the two intervals that follow are alike."""
    intervals = np.diff(own_s)[anchor : anchor + 2]
    others = np.diff(reference_s)
    slack = tolerance_s + _LARGEST_DRIFT * intervals
    alike = (np.abs(others[:-1] - intervals[0]) <= slack[0]) & (np.abs(others[1:] - intervals[1]) <= slack[1])
    return np.flatnonzero(alike)


def _align(
    own: PulseTrain, reference: PulseTrain, anchor: int, candidate: int, tolerance_s: float
) -> tuple[int, ClockMap] | None:
    """Begin with one pair of pulses and go on matching further away, as the slope becomes known; None: few match."""
    own_s, reference_s = own.times_s - own.times_s[anchor], reference.times_s - reference.times_s[candidate]
    slope, shift, doubt = 1.0, 0.0, _LARGEST_DRIFT
    longest = float(np.max(np.abs(own_s)))
    reach_s = float(own_s[anchor + 2])
    while True:
        near = np.flatnonzero(np.abs(own_s) <= reach_s)
        mine, theirs = _pair(own_s[near], reference_s, slope, shift, tolerance_s + doubt * np.abs(own_s[near]))
        if len(mine) >= FEWEST_PULSES:
            fitted = np.polyfit(mine, theirs, 1)
            if abs(fitted[0] - 1) <= _LARGEST_DRIFT:
                slope, shift = float(fitted[0]), float(fitted[1])
                doubt = min(_LARGEST_DRIFT, _TRUSTED * tolerance_s / max(float(np.ptp(mine)), tolerance_s))
        if reach_s >= longest:
            break
        reach_s *= _GROWTH
    mine, theirs = _pair(own_s, reference_s, slope, shift, np.full(len(own_s), tolerance_s))
    missed = _count_missed(own_s * slope + shift + reference.times_s[candidate], reference, len(mine), tolerance_s)
    missed += _count_missed((reference_s - shift) / slope + own.times_s[anchor], own, len(mine), tolerance_s)
    if len(mine) < FEWEST_PULSES or len(mine) / (len(mine) + missed / 2) < _SMALLEST_SHARE:
        return None
    resolution_s = max(own.resolution_s, reference.resolution_s)
    return missed, _fit(mine, theirs, float(own.times_s[anchor]), float(reference.times_s[candidate]), resolution_s)


def _pair(
    own_s: FloatArray, reference_s: FloatArray, slope: float, shift: float, limit_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Pulses that lie within a limit of each other once the line is applied."""
    expected = own_s * slope + shift
    right = np.clip(np.searchsorted(reference_s, expected), 1, len(reference_s) - 1)
    nearest = np.where(expected - reference_s[right - 1] < reference_s[right] - expected, right - 1, right)
    matched = np.abs(reference_s[nearest] - expected) <= limit_s
    return own_s[matched], reference_s[nearest[matched]]


def _count_missed(times_s: FloatArray, other: PulseTrain, n_matched: int, tolerance_s: float) -> int:
    """Pulses that the other recorder should have seen, since it was recording, and did not."""
    seen = np.zeros(len(times_s), dtype=bool)
    for start_s, stop_s in other.periods:
        seen |= (times_s > start_s + tolerance_s) & (times_s < stop_s - tolerance_s)
    return max(0, int(np.sum(seen)) - n_matched)


def _fit(
    own_s: FloatArray, reference_s: FloatArray, own_zero_s: float, reference_zero_s: float, resolution_s: float
) -> ClockMap:
    """A line through matched pulses; its slope is 1 unless it differs by more than is uncertain."""
    slope, shift = (float(value) for value in np.polyfit(own_s, reference_s, 1))
    errors = reference_s - (own_s * slope + shift)
    if abs(slope - 1) <= max(float(np.ptp(errors)), resolution_s) / float(np.ptp(own_s)):
        slope, shift = 1.0, float(np.mean(reference_s - own_s))
        errors = reference_s - own_s - shift
    return ClockMap(
        own_s=own_zero_s,
        reference_s=reference_zero_s + shift,
        scale=slope,
        n_pulses=len(own_s),
        largest_error_s=float(np.max(np.abs(errors))),
    )
