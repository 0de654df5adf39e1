"""
Duplicates: the same neuron recorded on two wires.

Two units of a session whose spikes coincide far more often than slow common modulation explains count as one neuron;
the better isolated one is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nwb_spikeinference.recordings import FloatArray, Unit, name_unit

COINCIDENCE_S = 0.5e-3
JITTER_S = 20e-3
MIN_SHARE = 0.15
MIN_EXCESS_SD = 5.0
MIN_COINCIDENCES = 3  # below the 15 spikes that a unit needs, one chance coincidence would pass for a duplicate


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A unit that repeats another one of its session."""

    kept_row: int
    kept_id: int
    dropped_row: int
    dropped_id: int
    share: float  # of the sparser train's spikes
    excess_sd: float

    @property
    def kept(self) -> str:
        """How people are told of the unit that is kept."""
        return name_unit(self.kept_id, self.kept_row)

    @property
    def dropped(self) -> str:
        """How people are told of the unit that repeats it."""
        return name_unit(self.dropped_id, self.dropped_row)


def find_duplicates(units: Sequence[Unit]) -> tuple[Duplicate, ...]:
    """
    Units of one session that repeat a better isolated one.

    Units with the higher signal-to-noise ratio are kept (then: more spikes, then the lower row). Two units of the same
    wire are different by the sorter's decision and are not compared.
    """
    kept: list[Unit] = []
    found: list[Duplicate] = []
    for unit in sorted(units, key=_isolation):
        duplicate = next((match for other in kept if (match := _compare(other, unit)) is not None), None)
        if duplicate is None:
            kept.append(unit)
        else:
            found.append(duplicate)
    return tuple(sorted(found, key=lambda duplicate: duplicate.dropped_row))


def coincidence_excess(first_s: FloatArray, second_s: FloatArray) -> tuple[int, float]:
    """
    Spikes of the first train that the second one repeats, and their excess over jitter.

    If each spike of the first train moved uniformly within +-20 ms, it would coincide with the second train in the
    share of that window which lies within 0.5 ms of a spike. Mean and variance over all jitters follow in closed form.

    Parameters
    ----------
    first_s, second_s : ndarray of shape (n_spikes,)
        Spike times, in seconds, ascending.

    Returns
    -------
    n_coincident : int
        Spikes of the first train within 0.5 ms of one of the second.
    excess_sd : float
        Coincidences beyond the jittered mean, in jittered standard deviations.
    """
    if len(first_s) == 0 or len(second_s) == 0:
        return 0, 0.0
    after = np.searchsorted(second_s, first_s)
    nearest = np.minimum(
        np.abs(first_s - second_s[np.minimum(after, len(second_s) - 1)]),
        np.abs(first_s - second_s[np.maximum(after - 1, 0)]),
    )
    n_coincident = int(np.count_nonzero(nearest <= COINCIDENCE_S + 1e-9))
    chance = (_covered(first_s + JITTER_S, second_s) - _covered(first_s - JITTER_S, second_s)) / (2 * JITTER_S)
    spread = float(np.sqrt(np.sum(chance * (1 - chance))))
    return n_coincident, float((n_coincident - chance.sum()) / spread) if spread > 0 else 0.0


def _covered(until_s: FloatArray, spikes_s: FloatArray) -> FloatArray:
    """Time before each `until_s` that lies within 0.5 ms of a spike, in seconds."""
    stops = spikes_s + COINCIDENCE_S
    starts = spikes_s - COINCIDENCE_S
    starts[1:] = np.maximum(starts[1:], stops[:-1])
    total = np.cumsum(stops - starts)
    edges = np.column_stack([starts, stops]).ravel()
    heights = np.column_stack([total - (stops - starts), total]).ravel()
    return np.asarray(np.interp(until_s, edges, heights))


def _isolation(unit: Unit) -> tuple[float, int, int]:
    """Order from the best isolated unit on; a unit of unknown signal-to-noise ratio comes last."""
    return (np.inf if unit.snr is None else -unit.snr, -len(unit.spike_times_s), unit.row)


def _compare(kept: Unit, other: Unit) -> Duplicate | None:
    if set(kept.electrode_rows) & set(other.electrode_rows):
        return None
    sparser, denser = sorted((kept, other), key=lambda unit: len(unit.spike_times_s))
    n_coincident, excess = coincidence_excess(np.sort(sparser.spike_times_s), np.sort(denser.spike_times_s))
    share = n_coincident / max(1, len(sparser.spike_times_s))
    if n_coincident < MIN_COINCIDENCES or excess <= MIN_EXCESS_SD or share <= MIN_SHARE:
        return None
    return Duplicate(
        kept_row=kept.row,
        kept_id=kept.unit_id,
        dropped_row=other.row,
        dropped_id=other.unit_id,
        share=share,
        excess_sd=excess,
    )
