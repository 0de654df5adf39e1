"""Artefacts: channels and stretches that hold no brain signal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nwb_spikeinference.recordings import FloatArray

MAX_CLIPPED_SHARE = 0.01
FLAT_S = 0.02  # brain signal with a recorder's noise does not stay the same for that long,
FLAT_SAMPLES = 20  # nor for that many samples
_LOOKS = 8  # samples of a flat stretch that are compared before all are
_SHORTEST = 3  # successive samples at the same extreme count as clipped


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultStretch:
    """Samples `start` to `stop` of a channel hold no voltage of the brain."""

    start: int
    stop: int
    why: str


def find_faults(signal: FloatArray, rate_hz: float, *, first_sample: int = 0) -> tuple[FaultStretch, ...]:
    """
    Stretches of a channel that hold no brain signal, to the sample.

    NaN and infinite values; 20 ms or more (and 20 samples) without any change; and, where more than 1 % of a piece
    sits at its extremes, every moment at them.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
        A piece of a channel, any unit. Successive pieces that overlap by 20 ms miss no stretch; see `join_faults`.
    first_sample : int
        Index of the piece's first sample; counted from in the answer.

    Returns
    -------
    tuple of FaultStretch
        Ascending; they do not overlap.
    """
    if not len(signal):
        return ()
    missing = ~np.isfinite(signal)
    known = np.where(missing, 0.0, signal) if missing.any() else signal
    flat = _same_as_next(known, max(FLAT_SAMPLES, round(FLAT_S * rate_hz))) & ~missing
    clipped = _clipped(signal, missing)
    stretches = []
    for bad, name in ((missing, "NaN or infinite"), (flat & ~clipped, "constant"), (clipped, "saturated")):
        for start, stop in _stretches(bad):
            why = name if name == "NaN or infinite" else f"{name} at {float(signal[start]):g}"
            stretches.append(FaultStretch(start=first_sample + start, stop=first_sample + stop, why=why))
    return tuple(sorted(stretches, key=lambda stretch: stretch.start))


def join_faults(stretches: Iterable[FaultStretch]) -> tuple[FaultStretch, ...]:
    """Runs of one channel from several pieces, those that touch or overlap made one, named as the first of them."""
    joined: list[FaultStretch] = []
    for stretch in sorted(stretches, key=lambda stretch: stretch.start):
        if joined and stretch.start <= joined[-1].stop:
            joined[-1] = replace(joined[-1], stop=max(joined[-1].stop, stretch.stop))
        else:
            joined.append(stretch)
    return tuple(joined)


def bridge_faults(signal: FloatArray, stretches: Sequence[FaultStretch], *, first_sample: int = 0) -> FloatArray:
    """
    A copy of a channel with a straight line across each stretch; a stretch at an end keeps the value beside it.

    Filters spread a jump, and NaN spoils all that they reach: what lies beside a fault is to stay usable.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
    first_sample : int
        Index of the first sample as the stretches count.

    Returns
    -------
    ndarray of shape (n_samples,)
        Zeros if nothing is left outside the stretches.
    """
    bad = np.zeros(len(signal), bool)
    for stretch in stretches:
        bad[max(0, stretch.start - first_sample) : max(0, stretch.stop - first_sample)] = True
    if not bad.any():
        return signal.copy()
    if bad.all():
        return np.zeros_like(signal)
    bridged = signal.copy()
    bridged[bad] = np.interp(np.flatnonzero(bad), np.flatnonzero(~bad), signal[~bad])
    return bridged


def _clipped(signal: FloatArray, missing: np.ndarray) -> np.ndarray:
    """Samples at the extremes of a piece that sits there for more than chance."""
    clipped = np.zeros(len(signal), bool)
    known = signal[~missing] if missing.any() else signal
    if not len(known) or known.min() == known.max():
        return clipped
    at_extremes = _at_extremes(known)
    if at_extremes.mean() > MAX_CLIPPED_SHARE:
        clipped[~missing] = at_extremes
    return clipped


def _at_extremes(signal: FloatArray) -> np.ndarray:
    """Samples in stretches of at least `_SHORTEST` at the smallest or the largest value."""
    at_extremes = np.zeros(len(signal), bool)
    for extreme in (signal.min(), signal.max()):
        at_one = signal == extreme
        if np.count_nonzero(at_one) >= _SHORTEST:
            for start, stop in _stretches(at_one, _SHORTEST):
                at_extremes[start:stop] = True
    return at_extremes


def _same_as_next(signal: FloatArray, n_samples: int) -> np.ndarray:
    """Samples in stretches of at least `n_samples` equal values."""
    same = np.zeros(len(signal), bool)
    some = signal[:: n_samples // _LOOKS]
    if not _stretches(some[1:] == some[:-1], _LOOKS - 1):
        return same  # a stretch would hold as many of them: spares looking at the others
    for start, stop in _stretches(signal[1:] == signal[:-1], n_samples - 1):
        same[start : stop + 1] = True
    return same


def _stretches(flags: np.ndarray, at_least: int = 1) -> list[tuple[int, int]]:
    """First and last plus one of successive True, of so many."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    first, stop = edges[::2], edges[1::2]
    long = stop - first >= at_least
    return list(zip(first[long].tolist(), stop[long].tolist(), strict=True))
