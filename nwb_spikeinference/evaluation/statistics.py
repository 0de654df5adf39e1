"""
Intervals and p values with participants as the sampling unit.

Every mean is a mean over units. The hierarchical bootstrap draws participants with replacement, then units within each
drawn participant [1]_. It is expressed as weights per unit, so that every statistic is one matrix product.

Percentiles of a bootstrap over a dozen participants are too narrow where participants differ more than their units do:
drawing from n has (n - 1) / n of the variance, and normal tails [2]_. Each draw is therefore moved out to where a t
distribution over participants has its quantile, if that lies farther out; no interval is narrower than that of a t test
over participants, and no p value smaller.

References
----------
.. [1] Saravanan, Berman & Sober (2020), Neurons Behav. Data Anal. Theory 3(5).
.. [2] Hesterberg (2015), The American Statistician 69(4), 371-386.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import false_discovery_control
from scipy.stats import t as student_t

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.evaluation.metrics import BoolArray
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
    widened = _widen(draws, mean, (numbers - mean) / numbers.size, participants, len(set(participants)) - 1)
    return _interval(mean, widened, numbers.size, participants)


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
    influence = np.where(chosen, (numbers - means[0]) / chosen.sum(), (means[1] - numbers) / (~chosen).sum())
    names = np.asarray(participants)
    freedom = min(np.unique(names[chosen]).size, np.unique(names[~chosen]).size) - 1
    return _interval(mean, _widen(draws, mean, influence, participants, freedom), numbers.size, participants)


def p_greater(draws: FloatArray, bound: float = 0.0) -> float:
    """One-sided bootstrap p of lying above `bound`."""
    return float((1 + np.count_nonzero(draws <= bound)) / (1 + len(draws)))


def p_less(draws: FloatArray, bound: float = 0.0) -> float:
    """One-sided bootstrap p of lying below `bound`."""
    return float((1 + np.count_nonzero(draws >= bound)) / (1 + len(draws)))


def p_two_sided(draws: FloatArray, bound: float = 0.0) -> float:
    """Two-sided bootstrap p of differing from `bound`."""
    return min(1.0, 2 * min(p_greater(draws, bound), p_less(draws, bound)))


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


def benjamini_hochberg(ps: Sequence[float]) -> tuple[float, ...]:
    """Adjust p values to control the false discovery rate, in the order given."""
    return tuple(np.asarray(false_discovery_control(np.asarray(ps, dtype=float))).tolist()) if len(ps) else ()


def _widen(
    draws: FloatArray, mean: float, influence: FloatArray, participants: Sequence[str], freedom: int
) -> FloatArray:
    """
    Move draws out to the quantiles of a t distribution over participants, where those lie farther from the mean.

    Parameters
    ----------
    influence : ndarray of shape (n_units,)
        What each unit adds to the statistic's deviation from its expected value.
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
    who = np.unique(np.asarray(participants), return_inverse=True)[1]
    of_person = np.bincount(who, weights=influence)
    error = float(np.sqrt(of_person.size / (of_person.size - 1) * (of_person**2).sum()))
    levels = (np.arange(ordered.size) + 0.5) / ordered.size
    reach = mean + error * student_t.ppf(levels, freedom)
    widened: FloatArray = np.where(levels < 0.5, np.minimum(ordered, reach), np.maximum(ordered, reach))
    return widened


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
