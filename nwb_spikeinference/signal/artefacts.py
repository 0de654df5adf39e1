"""Artefacts: channels and stretches that hold no brain signal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nwb_spikeinference.recordings import FloatArray

MAX_CLIPPED_SHARE = 0.01
FLAT_S = 0.02  # brain signal with a recorder's noise does not stay the same for that long,
FLAT_SAMPLES = 20  # nor for that many samples
_LOOKS = 8  # samples of a flat stretch that are compared before all are
_RUN = 3  # successive samples at the same extreme count as clipped


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRun:
    """Samples `start` to `stop` of a channel hold no voltage of the brain."""

    start: int
    stop: int
    why: str


def fault_runs(signal: FloatArray, rate_hz: float, *, first_sample: int = 0) -> tuple[FaultRun, ...]:
    """
    Stretches of a channel that hold no brain signal, to the sample.

    NaN and infinite values; 20 ms or more (and 20 samples) without any change; and, where more than 1 % of a piece
    sits at its extremes, every moment at them.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
        A piece of a channel, any unit. Successive pieces that overlap by 20 ms miss no stretch; see `join_runs`.
    first_sample : int
        Index of the piece's first sample; counted from in the answer.

    Returns
    -------
    tuple of FaultRun
        Ascending; they do not overlap.
    """
    if not len(signal):
        return ()
    missing = ~np.isfinite(signal)
    known = np.where(missing, 0.0, signal) if missing.any() else signal
    flat = _same_as_next(known, max(FLAT_SAMPLES, round(FLAT_S * rate_hz))) & ~missing
    clipped = _clipped(signal, missing)
    runs = []
    for bad, name in ((missing, "NaN or infinite"), (flat & ~clipped, "constant"), (clipped, "saturated")):
        for start, stop in _runs(bad):
            why = name if name == "NaN or infinite" else f"{name} at {float(signal[start]):g}"
            runs.append(FaultRun(start=first_sample + start, stop=first_sample + stop, why=why))
    return tuple(sorted(runs, key=lambda run: run.start))


def join_runs(runs: Iterable[FaultRun]) -> tuple[FaultRun, ...]:
    """Runs of one channel from several pieces, those that touch or overlap made one, named as the first of them."""
    joined: list[FaultRun] = []
    for run in sorted(runs, key=lambda run: run.start):
        if joined and run.start <= joined[-1].stop:
            joined[-1] = replace(joined[-1], stop=max(joined[-1].stop, run.stop))
        else:
            joined.append(run)
    return tuple(joined)


def bridge_runs(signal: FloatArray, runs: Sequence[FaultRun], *, first_sample: int = 0) -> FloatArray:
    """
    A copy of a channel with a straight line across each run; a run at an end keeps the value beside it.

    Filters spread a jump, and NaN spoils all that they reach: what lies beside a fault is to stay usable.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
    first_sample : int
        Index of the first sample as the runs count.

    Returns
    -------
    ndarray of shape (n_samples,)
        Zeros if nothing is left outside the runs.
    """
    bad = np.zeros(len(signal), bool)
    for run in runs:
        bad[max(0, run.start - first_sample) : max(0, run.stop - first_sample)] = True
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
    """Samples in runs of at least `_RUN` at the smallest or the largest value."""
    at_extremes = np.zeros(len(signal), bool)
    for extreme in (signal.min(), signal.max()):
        at_one = signal == extreme
        if np.count_nonzero(at_one) >= _RUN:
            for start, stop in _runs(at_one, _RUN):
                at_extremes[start:stop] = True
    return at_extremes


def _same_as_next(signal: FloatArray, n_samples: int) -> np.ndarray:
    """Samples in runs of at least `n_samples` equal values."""
    same = np.zeros(len(signal), bool)
    some = signal[:: n_samples // _LOOKS]
    if not _runs(some[1:] == some[:-1], _LOOKS - 1):  # a run would hold as many of them; spares looking at the others
        return same
    for start, stop in _runs(signal[1:] == signal[:-1], n_samples - 1):
        same[start : stop + 1] = True
    return same


def _runs(flags: np.ndarray, at_least: int = 1) -> list[tuple[int, int]]:
    """First and last plus one of successive True, of so many."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    first, stop = edges[::2], edges[1::2]
    long = stop - first >= at_least
    return list(zip(first[long].tolist(), stop[long].tolist(), strict=True))
