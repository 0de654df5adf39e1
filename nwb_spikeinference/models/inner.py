"""
The inner split of a training set, and what it decides: when to stop, and how steep the log-odds are.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import expit

from nwb_spikeinference.inputs import HEAD_OF_TYPE, HEADS, TrainingInput, log_odds_of_rate
from nwb_spikeinference.recordings import FloatArray

_SHARE = 0.2  # of the training participants, or of their time where there are too few
_MIN_PARTICIPANTS = 3
_MIN_SPIKES = 50  # of a head's units, below which its slope stays 1
_STEPS = 20
_SLOPES = (0.25, 2.0)


def split_inner(
    training: Sequence[TrainingInput], gap_bins: int, rng: np.random.Generator
) -> tuple[list[TrainingInput], list[TrainingInput]]:
    """
    Leave a fifth of the participants out; of fewer than three, the last fifth of each recording.

    Parameters
    ----------
    gap_bins : int
        Bins between what trains and what is left out, where time is split.
    """
    participants = sorted({item.lfp.participant for item in training})
    if len(participants) >= _MIN_PARTICIPANTS:
        n_left_out = max(1, round(_SHARE * len(participants)))
        left_out = set(rng.choice(participants, n_left_out, replace=False).tolist())
        return (
            [item for item in training if item.lfp.participant not in left_out],
            [item for item in training if item.lfp.participant in left_out],
        )
    early, late = [], []
    for item in training:
        allowed = np.flatnonzero(item.bins)
        cut = round((1 - _SHARE) * len(allowed))
        early.append(_restrict(item, allowed[: max(1, cut - gap_bins)]))
        late.append(_restrict(item, allowed[cut:]))
    return early, late


def _restrict(item: TrainingInput, places: np.ndarray) -> TrainingInput:
    bins = np.zeros_like(item.bins)
    bins[places] = True
    return replace(item, bins=bins)


def bits_per_spike(watched: Sequence[TrainingInput], predicted: Sequence[FloatArray]) -> float:
    """
    Log-likelihood gained over each unit's mean rate, in bits per bin with a spike; mean over participants.

    Parameters
    ----------
    predicted : sequence of ndarray of shape (n_bins, 3)
        Log-odds above the rate intercept, per input and head.
    """
    gains: dict[str, list[float]] = {}
    for item, log_odds in zip(watched, predicted, strict=True):
        intercepts = log_odds_of_rate(item.lfp.counts, item.bins)
        for unit, cell_type in enumerate(item.lfp.cell_types):
            spiked = item.lfp.counts[item.bins, unit] > 0
            shifted = log_odds[item.bins, HEAD_OF_TYPE[cell_type]] + intercepts[unit]
            gain = _log_likelihood(shifted, spiked) - _log_likelihood(np.full(len(spiked), intercepts[unit]), spiked)
            total = gains.setdefault(item.lfp.participant, [0.0, 0.0])
            total[0] += gain
            total[1] += float(spiked.sum())
    means = [gain / n / np.log(2) for gain, n in gains.values() if n]
    return float(np.mean(means)) if means else 0.0


def head_slopes(watched: Sequence[TrainingInput], predicted: Sequence[FloatArray]) -> FloatArray:
    """
    Factor per head that makes the log-odds of units that did not train as steep as their spikes say.

    Returns
    -------
    ndarray of shape (3,)
        Between 0.25 and 2; 1 for a head with too few spikes to tell.
    """
    slopes = np.ones(len(HEADS), np.float32)
    for head, name in enumerate(HEADS):
        units = [
            (log_odds[item.bins, head].astype(float), item.lfp.counts[item.bins, unit] > 0)
            for item, log_odds in zip(watched, predicted, strict=True)
            for unit, cell_type in enumerate(item.lfp.cell_types)
            if name in ("any", cell_type)
        ]
        if sum(int(spiked.sum()) for _, spiked in units) >= _MIN_SPIKES:
            slopes[head] = np.clip(common_slope(units), *_SLOPES)
    return slopes


def common_slope(units: Sequence[tuple[FloatArray, np.ndarray]]) -> float:
    """
    Slope of a logistic regression of spikes on log-odds, with an intercept for each unit; 1 where there is none.

    Parameters
    ----------
    units : sequence of (ndarray of shape (n_bins,), ndarray of bool of shape (n_bins,))
        Log-odds, and whether there was a spike.
    """
    slope, intercepts = 1.0, [float(np.log((spiked.sum() + 0.5) / (len(spiked) + 0.5))) for _, spiked in units]
    for _ in range(_STEPS):  # Newton; the intercepts are eliminated from each step
        gradient, curvature, by_unit = 0.0, 1e-9, []
        for (log_odds, spiked), intercept in zip(units, intercepts, strict=True):
            p = expit(intercept + slope * log_odds)
            error, weight = spiked - p, p * (1 - p)
            own, mixed, total = error.sum(), (weight * log_odds).sum(), weight.sum() + 1e-9
            gradient += (log_odds * error).sum() - mixed * own / total
            curvature += (weight * log_odds**2).sum() - mixed**2 / total
            by_unit.append((own, mixed, total))
        if curvature < 1e-6:  # the log-odds do not vary
            return 1.0
        step = float(np.clip(gradient / curvature, -0.5, 0.5))
        slope += step
        intercepts = [
            a + (own - mixed * step) / total for a, (own, mixed, total) in zip(intercepts, by_unit, strict=True)
        ]
        if abs(step) < 1e-4:
            break
    return slope


def _log_likelihood(log_odds: FloatArray, spiked: np.ndarray) -> float:
    return float(np.sum(spiked * log_odds - np.logaddexp(0.0, log_odds)))
