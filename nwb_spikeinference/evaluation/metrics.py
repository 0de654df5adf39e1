"""
Scores of one unit on one test stretch.

The target is whether a bin holds a spike (count > 0). Arrays hold the valid bins of one unit and one fold, time on
axis 0; averaging over folds and units comes afterwards. A score that does not exist is None.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.special import expit, logit
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_curve

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.inputs import BoolArray
from nwb_spikeinference.recordings import FloatArray, IntArray

_NEWTON_STEPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitScores:
    """Everything that one unit's predictions are worth; None where a score does not exist, with the reason."""

    n_bins: int
    n_spikes: int
    base_rate: float  # share of bins with a spike
    roc_auc: float | None = None
    bits_per_spike: float | None = None
    pr_auc: float | None = None
    sensitivity: float | None = None
    specificity: float | None = None
    balanced_accuracy: float | None = None
    accuracy: float | None = None
    majority_accuracy: float | None = None
    calibration_slope: float | None = None
    brier_skill: float | None = None
    reason: str | None = None


def score_unit(
    predicted_logit: FloatArray, counts: IntArray, *, train_rate_per_bin: float, threshold: float | None
) -> UnitScores:
    """
    Score one unit on one test stretch.

    Parameters
    ----------
    predicted_logit : ndarray of shape (n_bins,)
        Log-odds of a spike in the bin.
    counts : ndarray of shape (n_bins,)
        Spikes in the bin.
    train_rate_per_bin : float
        Share of training bins with a spike: what a constant prediction knows.
    threshold : float or None
        Log-odds from which a bin counts as predicted, fixed on training data.
    """
    spiked = _spiked(predicted_logit, counts)
    base_rate = float(spiked.mean()) if spiked.size else 0.0
    sensitivity, specificity = sensitivity_specificity(predicted_logit, counts, threshold)
    hits = None if threshold is None else (predicted_logit >= threshold) == spiked
    return UnitScores(
        n_bins=spiked.size,
        n_spikes=int(np.sum(counts)),
        base_rate=base_rate,
        roc_auc=roc_auc(predicted_logit, counts),
        bits_per_spike=bits_per_spike(predicted_logit, counts, train_rate_per_bin),
        pr_auc=pr_auc(predicted_logit, counts),
        sensitivity=sensitivity,
        specificity=specificity,
        balanced_accuracy=None if sensitivity is None or specificity is None else (sensitivity + specificity) / 2,
        accuracy=None if hits is None or not spiked.size else float(hits.mean()),
        majority_accuracy=max(base_rate, 1 - base_rate) if spiked.size else None,
        calibration_slope=calibration_slope(predicted_logit, counts),
        brier_skill=brier_skill(predicted_logit, counts, train_rate_per_bin),
        reason=_single_class_reason(spiked),
    )


def mean_scores(scores: Sequence[UnitScores]) -> UnitScores:
    """
    Mean over the folds of one unit; folds that lack a score do not count for it.

    Raises
    ------
    SettingsError
        If there is no fold.
    """
    if not scores:
        raise SettingsError("a unit without a scored fold has no mean; list it with its reason instead")
    means: dict[str, Any] = {}
    for name in {field.name for field in fields(UnitScores)} - {"n_bins", "n_spikes", "reason"}:
        values = [value for fold in scores if (value := getattr(fold, name)) is not None]
        means[name] = float(np.mean(values)) if values else None
    reasons = [fold.reason for fold in scores if fold.reason]
    return UnitScores(
        n_bins=sum(fold.n_bins for fold in scores),
        n_spikes=sum(fold.n_spikes for fold in scores),
        reason=reasons[0] if len(reasons) == len(scores) else None,
        **means,
    )


def roc_auc(scores: FloatArray, counts: IntArray) -> float | None:
    """
    Probability that a bin with a spike outscores one without, ties counting half.

    Below 0.5 means that the scores run the wrong way round; it is never folded to 1 - AUC.

    Returns
    -------
    float or None
        None if all bins are of one class.
    """
    spiked = _spiked(scores, counts)
    if _single_class_reason(spiked):
        return None
    return auc_from_rank_sum(float(rankdata(scores)[spiked].sum()), int(spiked.sum()), spiked.size)


def auc_from_rank_sum(rank_sum: float, n_spiked: int, n_bins: int) -> float:
    """Turn a sum of ranks (1 = lowest score) over the bins with a spike into the AUC."""
    return (rank_sum - n_spiked * (n_spiked + 1) / 2) / (n_spiked * (n_bins - n_spiked))


def pr_auc(scores: FloatArray, counts: IntArray) -> float | None:
    """Average precision; worth nothing without the base rate, which is what chance reaches."""
    spiked = _spiked(scores, counts)
    return None if _single_class_reason(spiked) else float(average_precision_score(spiked, scores))


def bits_per_spike(predicted_logit: FloatArray, counts: IntArray, train_rate_per_bin: float) -> float | None:
    """
    Log-likelihood gained over the training-mean rate, in bits per bin with a spike.

    Returns
    -------
    float or None
        None without a spike, or if the unit's training rate is 0 or 1 per bin.
    """
    spiked = _spiked(predicted_logit, counts)
    if not spiked.any() or not 0 < train_rate_per_bin < 1:
        return None
    constant = np.full(spiked.size, logit(train_rate_per_bin))
    gain = _log_likelihood(predicted_logit, spiked) - _log_likelihood(constant, spiked)
    return float(gain / spiked.sum() / np.log(2))


def brier_skill(predicted_logit: FloatArray, counts: IntArray, train_rate_per_bin: float) -> float | None:
    """1 minus the Brier score over that of the training-mean rate; above 0 is better than the rate alone."""
    spiked = _spiked(predicted_logit, counts)
    if not spiked.size:
        return None
    reference = float(np.mean((train_rate_per_bin - spiked) ** 2))
    return 1 - float(np.mean((expit(predicted_logit) - spiked) ** 2)) / reference if reference > 0 else None


def sensitivity_specificity(
    scores: FloatArray, counts: IntArray, threshold: float | None
) -> tuple[float | None, float | None]:
    """Share of bins with a spike at or above the threshold, and of bins without one below it."""
    spiked = _spiked(scores, counts)
    if threshold is None:
        return None, None
    predicted = np.asarray(scores) >= threshold
    sensitivity = float(predicted[spiked].mean()) if spiked.any() else None
    specificity = float((~predicted[~spiked]).mean()) if (~spiked).any() else None
    return sensitivity, specificity


def choose_threshold(scores: FloatArray, counts: IntArray) -> float | None:
    """
    Choose the score from which a bin counts as a spike: the one with the best balanced accuracy on training bins.

    Returns
    -------
    float or None
        None if all bins are of one class.
    """
    spiked = _spiked(scores, counts)
    if _single_class_reason(spiked):
        return None
    false_rate, true_rate, thresholds = roc_curve(spiked, scores)
    best = 1 + int(np.argmax((true_rate - false_rate)[1:]))  # the first threshold is infinite
    return float(thresholds[best])


def calibration_slope(predicted_logit: FloatArray, counts: IntArray) -> float | None:
    """
    Slope of the logistic regression of the outcome on the predicted log-odds, with a free intercept.

    1 is well calibrated, below 1 overconfident.

    Returns
    -------
    float or None
        None for one class, for constant predictions, and where the predictions separate the classes (no finite slope).
    """
    spiked = _spiked(predicted_logit, counts)
    spread = float(np.std(predicted_logit)) if spiked.size else 0.0
    if _single_class_reason(spiked) or spread < 1e-12:
        return None
    design = np.column_stack([np.ones(spiked.size), (predicted_logit - np.mean(predicted_logit)) / spread])
    weights = np.array([logit(spiked.mean()), 0.0])
    for _ in range(_NEWTON_STEPS):
        fitted = expit(design @ weights)
        hessian = (design * (fitted * (1 - fitted))[:, None]).T @ design
        if np.linalg.cond(hessian) > 1e12:
            return None
        step = np.linalg.solve(hessian, design.T @ (spiked - fitted))
        size = 1.0
        before = _log_likelihood(design @ weights, spiked)
        while size > 1e-6 and _log_likelihood(design @ (weights + size * step), spiked) < before:
            size /= 2
        weights = weights + size * step
        if np.abs(step).max() < 1e-8:
            return float(weights[1] / spread)
    return None


def _log_likelihood(predicted_logit: FloatArray, spiked: BoolArray) -> float:
    return float(np.sum(spiked * predicted_logit - np.logaddexp(0, predicted_logit)))


def _single_class_reason(spiked: BoolArray) -> str | None:
    if not spiked.any():
        return "no spike in the test stretch"
    return "a spike in every bin of the test stretch" if spiked.all() else None


def _spiked(scores: FloatArray, counts: IntArray) -> BoolArray:
    """Bins with a spike, after checking that scores and counts belong together."""
    if np.ndim(scores) != 1 or np.shape(scores) != np.shape(counts):
        raise SettingsError(
            f"scores of shape {np.shape(scores)} and counts of shape {np.shape(counts)} must be one row of equal length"
        )
    if not np.isfinite(scores).all():
        raise SettingsError(
            f"{np.count_nonzero(~np.isfinite(scores))} scores are not finite; leave invalid bins out first"
        )
    return np.asarray(counts) > 0
