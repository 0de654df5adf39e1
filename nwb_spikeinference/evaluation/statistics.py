"""
Intervals and p values with participants as the sampling unit.

Every mean is a mean over units. The hierarchical bootstrap draws participants with replacement, then units within each
drawn participant [1]_. It is expressed as weights per unit, so that every statistic is one matrix product.

Percentiles of a bootstrap over a dozen participants are too narrow where participants differ more than their units do:
drawing from n has (n - 1) / n of the variance, and normal tails [2]_. They are also too narrow where one participant
has most units: the mean follows that participant, whose deviation from it then looks small. Each draw is therefore
moved out to where a t distribution over participants has its quantile, if that lies farther out. Its standard error is
the jackknife's, from the statistic without one participant at a time [3]_. Among participants with equally many units
this is the error of a t test over their means: no interval is narrower than that of the test, no p value smaller.

References
----------
.. [1] Saravanan, Berman & Sober (2020), Neurons Behav. Data Anal. Theory 3(5).
.. [2] Hesterberg (2015), The American Statistician 69(4), 371-386.
.. [3] Bell & McCaffrey (2002), Survey Methodology 28(2), 169-181.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import false_discovery_control
from scipy.stats import t as student_t

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.inputs import BoolArray
from nwb_spikeinference.recordings import FloatArray

DRAWS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over units with its 95 % interval."""

    mean: float
    low: float
    high: float
    n_units: int
    n_participants: int
    draws: FloatArray = field(repr=False, compare=False)  # sorted

    def bounds(self, level: float) -> tuple[float, float]:
        """Percentile interval at another level, e.g. 0.9."""
        return _percentiles(self.draws, level)


def bootstrap_weights(
    participants: Sequence[str], rng: np.random.Generator, n_draws: int = DRAWS, groups: Sequence[str] | None = None
) -> FloatArray:
    """
    How often each unit occurs in each bootstrap draw.

    Parameters
    ----------
    participants : sequence of str, length n_units
        Who each unit belongs to.
    groups : sequence of str, length n_units, optional
        Units are redrawn within participant and group, so that each drawn participant keeps its numbers per group.

    Returns
    -------
    ndarray of shape (n_draws, n_units)
        Whole numbers of occurrences.
    """
    names, who = np.unique(np.asarray(participants), return_inverse=True)
    copies = rng.multinomial(names.size, np.full(names.size, 1 / names.size), size=n_draws)
    kinds = np.unique(np.asarray(groups), return_inverse=True)[1] if groups is not None else np.zeros(who.size, int)
    weights = np.zeros((n_draws, who.size))
    for person in range(names.size):
        for kind in np.unique(kinds[who == person]):
            cell = np.flatnonzero((who == person) & (kinds == kind))
            weights[:, cell] = rng.multinomial(copies[:, person] * cell.size, np.full(cell.size, 1 / cell.size))
    return weights


def bootstrap_mean(
    values: Sequence[float] | FloatArray, participants: Sequence[str], rng: np.random.Generator, n_draws: int = DRAWS
) -> Interval:
    """
    Mean over units with its hierarchical bootstrap interval.

    Raises
    ------
    SettingsError
        If there are no values, or their number differs from that of the participants.
    """
    numbers = _checked(values, participants)
    weights = bootstrap_weights(participants, rng, n_draws)
    draws = weights @ numbers / weights.sum(axis=1)
    mean = float(numbers.mean())
    shifts = _shifts_left_out(numbers, participants)
    return _interval(mean, _widen(draws, mean, shifts, shifts.size - 1), numbers.size, participants)


def bootstrap_difference(
    values: Sequence[float] | FloatArray,
    participants: Sequence[str],
    first: Sequence[bool] | BoolArray,
    rng: np.random.Generator,
    n_draws: int = DRAWS,
) -> Interval:
    """
    Mean over the first group's units minus mean over the others', participants redrawn jointly.

    A draw that holds no unit of one of the groups has no difference and is left out.

    Raises
    ------
    SettingsError
        If a group is empty.
    """
    numbers = _checked(values, participants)
    chosen = np.asarray(first, dtype=bool)
    if chosen.all() or not chosen.any():
        raise SettingsError("a difference needs units in both groups; one of the groups is empty")
    weights = bootstrap_weights(participants, rng, n_draws, groups=[str(one) for one in chosen])
    sizes = np.column_stack([weights[:, chosen].sum(axis=1), weights[:, ~chosen].sum(axis=1)])
    weights, sizes = weights[(sizes > 0).all(axis=1)], sizes[(sizes > 0).all(axis=1)]
    draws = weights[:, chosen] @ numbers[chosen] / sizes[:, 0] - weights[:, ~chosen] @ numbers[~chosen] / sizes[:, 1]
    means = numbers[chosen].mean(), numbers[~chosen].mean()
    mean = float(means[0] - means[1])
    names = np.asarray(participants)
    freedom = min(np.unique(names[chosen]).size, np.unique(names[~chosen]).size) - 1
    shifts = _shifts_left_out(numbers, participants, chosen) - _shifts_left_out(numbers, participants, ~chosen)
    return _interval(mean, _widen(draws, mean, shifts, freedom), numbers.size, participants)


def p_greater(draws: FloatArray, bound: float = 0.0) -> float:
    """One-sided bootstrap p of lying above `bound`."""
    return float((1 + np.count_nonzero(draws <= bound)) / (1 + len(draws)))


def p_less(draws: FloatArray, bound: float = 0.0) -> float:
    """One-sided bootstrap p of lying below `bound`."""
    return float((1 + np.count_nonzero(draws >= bound)) / (1 + len(draws)))


def p_two_sided(draws: FloatArray) -> float:
    """Two-sided bootstrap p of differing from 0."""
    return min(1.0, 2 * min(p_greater(draws), p_less(draws)))


def is_equivalent(interval: Interval, margin: float) -> bool:
    """Whether the 90 % interval lies within +-`margin`: two one-sided tests at 5 % (TOST)."""
    low, high = interval.bounds(0.9)
    return -margin < low and high < margin


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p values, in the order given."""
    values = np.asarray(ps, dtype=float)
    order = np.argsort(values, kind="stable")
    adjusted = np.minimum(1, np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1)))
    result = np.empty(values.size)
    result[order] = adjusted
    return tuple(result.tolist())


def lie_below_zero(intervals: Sequence[Interval], level: float = 0.05) -> tuple[bool, ...]:
    """Which means lie below 0, two-sided, after Holm's correction over all of them; in the order given."""
    ps = holm([p_two_sided(interval.draws) for interval in intervals])
    return tuple(p < level and interval.mean < 0 for p, interval in zip(ps, intervals, strict=True))


def benjamini_hochberg(ps: Sequence[float]) -> tuple[float, ...]:
    """Adjust p values to control the false discovery rate, in the order given."""
    return tuple(np.asarray(false_discovery_control(np.asarray(ps, dtype=float))).tolist()) if len(ps) else ()


def _shifts_left_out(numbers: FloatArray, participants: Sequence[str], members: BoolArray | None = None) -> FloatArray:
    """
    By how much the mean over units moves where one participant is left out.

    Parameters
    ----------
    members : ndarray of shape (n_units,), optional
        Units that the mean is over; all, if not given.

    Returns
    -------
    ndarray of shape (n_participants,)
        0 for a participant without units in the mean, or with all of them.
    """
    names, who = np.unique(np.asarray(participants), return_inverse=True)
    counted = np.ones(numbers.size, dtype=bool) if members is None else members
    beyond = np.bincount(who[counted], weights=numbers[counted] - numbers[counted].mean(), minlength=names.size)
    left = counted.sum() - np.bincount(who[counted], minlength=names.size)
    return np.asarray(-beyond / np.maximum(left, 1))


def _widen(draws: FloatArray, mean: float, shifts: FloatArray, freedom: int) -> FloatArray:
    """
    Move draws out to the quantiles of a t distribution over participants, where those lie farther from the mean.

    Parameters
    ----------
    shifts : ndarray of shape (n_participants,)
        By how much the statistic moves where one participant is left out.
    freedom : int
        Degrees of freedom; without any, nothing is known of the spread, and the draws stay.

    Returns
    -------
    ndarray of shape (n_draws,)
        Sorted.
    """
    ordered = np.sort(draws)
    if freedom < 1:
        return ordered
    error = float(np.sqrt((shifts.size - 1) / shifts.size * (shifts**2).sum()))
    levels = (np.arange(ordered.size) + 0.5) / ordered.size
    reach = mean + error * student_t.ppf(levels, freedom)
    return np.where(levels < 0.5, np.minimum(ordered, reach), np.maximum(ordered, reach))


def _interval(mean: float, draws: FloatArray, n_units: int, participants: Sequence[str]) -> Interval:
    low, high = _percentiles(draws, 0.95)
    return Interval(mean=mean, low=low, high=high, n_units=n_units, n_participants=len(set(participants)), draws=draws)


def _percentiles(draws: FloatArray, level: float) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _checked(values: Sequence[float] | FloatArray, participants: Sequence[str]) -> FloatArray:
    numbers = np.asarray(values, dtype=float)
    if numbers.size == 0 or numbers.size != len(participants) or not np.isfinite(numbers).all():
        raise SettingsError(
            f"{numbers.size} values for {len(participants)} units; give one finite value per unit, and at least one"
        )
    return numbers
