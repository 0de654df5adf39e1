"""
Observed time: when the spikes of a session were looked for. LFP beyond that would be taken for silence of all neurons.

Files that others wrote keep LFP from before and after the sorted stretch (DANDI 000623: 10 s on either side).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil, floor

import numpy as np

from nwb_spikeinference.pipeline.sessions.periods import Period, merge_periods
from nwb_spikeinference.recordings import Session, SignalBlock, Unit

_GAP_S = 1.0  # a shorter one between two observations is none
_TOLERANCE_S = 1.0  # observation that ends less than this before the signal is the same stretch
_SILENCE_S = 3.0  # at either end, of all units
_SILENCES = 10.0  # and as many times their longest common silence between


def within_observed(session: Session) -> Session:
    """The session without signal from when no unit was observed, with a note; maybe without any."""
    periods = _observed(session.units, session.blocks)
    if not periods:
        return session
    blocks = tuple(piece for block in session.blocks for piece in _cut(block, periods))
    if blocks == session.blocks:
        return session
    kept, all_s = (_seconds(found) for found in (blocks, session.blocks))
    text = ", ".join(f"{start:.1f} to {stop:.1f} s" for start, stop in periods[:3])
    note = f"{all_s - kept:.1f} s of signal left out: spikes were looked for from {text}"
    return replace(session, blocks=blocks, notes=(*session.notes, note + (", ..." if len(periods) > 3 else "")))


def why_no_signal(held: Session, session: Session) -> str | None:
    """
    What keeps a session from having signal to predict from; None if there is some.

    Parameters
    ----------
    held : Session
        As the file holds it.
    session : Session
        What `within_observed` leaves of it.
    """
    if not held.blocks:
        return "no continuous signal"
    if session.blocks:
        return None
    observed = _observed(held.units, held.blocks)
    signal = [(block.start_s, block.stop_s) for block in held.blocks]
    spans = [f"{min(one)[0]:.10g} to {max(stop for _, stop in one):.10g} s" for one in (observed, signal)]
    return f"no signal while the units were observed (obs_intervals {spans[0]}, signal {spans[1]})"


def _observed(units: Sequence[Unit], blocks: Sequence[SignalBlock]) -> list[Period]:
    """Stretches in which any unit was observed: as the file says of all of them, else without silence at the ends."""
    if units and all(unit.observed_s for unit in units):
        return merge_periods([period for unit in units for period in unit.observed_s], gap_s=_GAP_S)
    spikes_s = np.sort(np.concatenate([unit.spike_times_s for unit in units])) if units else np.empty(0)
    if len(spikes_s) < 2 or not blocks:
        return []
    longest_s = float(np.max(np.diff(spikes_s)))
    too_long_s = max(_SILENCE_S, _SILENCES * longest_s)
    start_s, stop_s = min(block.start_s for block in blocks), max(block.stop_s for block in blocks)
    if spikes_s[0] > stop_s or spikes_s[-1] < start_s:  # another clock, which is no silence
        return []
    if float(spikes_s[0]) - start_s > too_long_s:
        start_s = float(spikes_s[0]) - longest_s
    if stop_s - float(spikes_s[-1]) > too_long_s:
        stop_s = float(spikes_s[-1]) + longest_s
    return [(start_s, stop_s)]


def _cut(block: SignalBlock, periods: Sequence[Period]) -> Iterator[SignalBlock]:
    for start_s, stop_s in periods:
        first = ceil((start_s - block.start_s) * block.rate_hz) if start_s > block.start_s + _TOLERANCE_S else 0
        last = block.n_samples
        if stop_s < block.stop_s - _TOLERANCE_S:
            last = floor((stop_s - block.start_s) * block.rate_hz)
        if first < last:
            yield replace(
                block,
                start_s=block.start_s + first / block.rate_hz,
                first_sample=block.first_sample + first,
                n_samples=last - first,
            )


def _seconds(blocks: Sequence[SignalBlock]) -> float:
    """Seconds that some block covers."""
    return sum(stop - start for start, stop in merge_periods([(block.start_s, block.stop_s) for block in blocks]))
