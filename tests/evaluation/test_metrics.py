from functools import cache

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.evaluation.metrics import (
    bits_per_spike,
    brier_skill,
    calibration_slope,
    choose_threshold,
    mean_scores,
    pr_auc,
    roc_auc,
    score_unit,
    sensitivity_specificity,
)
from nwb_spikeinference.recordings import FloatArray, IntArray

SIGMA = 0.7
RATE = 0.01


@cache
def log_normal_unit(n_bins: int = 1_000_000) -> tuple[FloatArray, IntArray]:
    """Log-odds and spikes of a unit whose log intensity is normal with SD `SIGMA`."""
    rng = np.random.default_rng(7)
    log_intensity = np.log(RATE) + SIGMA * rng.standard_normal(n_bins) - SIGMA**2 / 2
    probability = 1 - np.exp(-np.exp(log_intensity))
    return logit(probability), (rng.random(n_bins) < probability).astype(int)


def test_auc_of_log_normal_intensity_is_its_closed_form() -> None:
    auc = roc_auc(*log_normal_unit())
    assert auc == pytest.approx(norm.cdf(SIGMA / np.sqrt(2)), abs=0.005)


def test_bits_per_spike_of_log_normal_intensity_is_its_closed_form() -> None:
    predicted, counts = log_normal_unit()
    assert bits_per_spike(predicted, counts, RATE) == pytest.approx(SIGMA**2 / (2 * np.log(2)), abs=0.015)


def test_the_true_intensity_is_calibrated() -> None:
    assert calibration_slope(*log_normal_unit()) == pytest.approx(1, abs=0.03)


def test_auc_with_ties_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, counts = rng.integers(0, 5, 500).astype(float), rng.poisson(0.2, 500)
    assert roc_auc(scores, counts) == pytest.approx(roc_auc_score(counts > 0, scores), abs=1e-12)


def test_constant_scores_have_an_auc_of_one_half() -> None:
    assert roc_auc(np.zeros(10), np.arange(10) % 2) == 0.5


def test_auc_below_one_half_is_not_folded() -> None:
    assert roc_auc(np.array([3.0, 2.0, 1.0]), np.array([0, 0, 2])) == 0.0


@pytest.mark.parametrize("counts", [np.zeros(4, int), np.ones(4, int)])
def test_one_class_has_no_auc(counts: IntArray) -> None:
    assert roc_auc(np.arange(4.0), counts) is None


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(SettingsError, match="1 scores are not finite"):
        roc_auc(np.array([0.0, np.nan, 1.0]), np.array([0, 1, 0]))


def test_scores_and_counts_of_different_length_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"shape \(3,\) and counts of shape \(2,\)"):
        roc_auc(np.zeros(3), np.zeros(2, int))


def test_pr_auc_is_average_precision() -> None:
    rng = np.random.default_rng(1)
    scores, counts = rng.standard_normal(300), rng.poisson(0.1, 300)
    assert pr_auc(scores, counts) == pytest.approx(average_precision_score(counts > 0, scores))


def test_the_training_rate_gains_no_bits() -> None:
    counts = np.arange(100) % 10 == 0
    assert bits_per_spike(np.full(100, logit(0.1)), counts.astype(int), 0.1) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("train_rate", [0.0, 1.0])
def test_a_unit_of_one_class_in_training_has_no_bits(train_rate: float) -> None:
    assert bits_per_spike(np.zeros(4), np.array([0, 1, 0, 0]), train_rate) is None


def test_brier_skill_of_certain_and_right_predictions_is_one() -> None:
    counts = np.array([0, 1, 0, 1])
    assert brier_skill(np.where(counts, 50.0, -50.0), counts, 0.5) == pytest.approx(1)


def test_brier_skill_compares_squared_errors_with_those_of_the_training_rate() -> None:
    found = brier_skill(np.array([logit(0.8), logit(0.7)]), np.array([1, 0]), 0.4)
    assert found == pytest.approx(1 - (0.2**2 + 0.7**2) / (0.6**2 + 0.4**2))


def test_a_training_rate_without_an_error_has_no_brier_skill() -> None:
    assert brier_skill(np.array([0.0, 1.0]), np.zeros(2, int), 0.0) is None


def test_bins_that_all_hold_a_spike_have_a_sensitivity_only() -> None:
    assert sensitivity_specificity(np.array([0.0, 1.0]), np.ones(2, int), 0.5) == (0.5, None)


def test_constant_predictions_have_no_calibration_slope() -> None:
    assert calibration_slope(np.full(4, 0.3), np.array([0, 1, 0, 1])) is None


def test_doubled_log_odds_have_half_the_calibration_slope() -> None:
    predicted, counts = log_normal_unit(200_000)
    once = calibration_slope(predicted, counts)
    assert once is not None
    assert calibration_slope(2 * predicted, counts) == pytest.approx(once / 2, rel=1e-6)


@pytest.mark.parametrize("typical", [-2.0, 3.0])  # few bins with a spike, or nearly all
def test_calibration_slope_is_that_of_unpenalised_logistic_regression(typical: float) -> None:
    rng = np.random.default_rng(3)
    predicted = rng.normal(typical, 1, 2000)
    counts = (rng.random(2000) < 1 / (1 + np.exp(-(0.6 * predicted + 0.3)))).astype(int)
    reference = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(predicted[:, None], counts)
    assert calibration_slope(predicted, counts) == pytest.approx(reference.coef_.item(), abs=1e-4)


def test_calibration_slope_is_found_where_whole_newton_steps_overshoot() -> None:
    silent = [1.3, -0.6, 2.9, 0.8, -0.5, -1.2, 0.1, -0.1, 0.3, -2.9, 0.1, 0.2, -1.2, -17, 5.4, 1, -0.9, 1.9]
    predicted, counts = np.array([-17.7, -1.2, *silent]), np.array([1, 1, *[0] * 18])
    reference = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(predicted[:, None], counts)
    assert calibration_slope(predicted, counts) == pytest.approx(reference.coef_.item(), abs=1e-4)


def test_separated_classes_have_no_calibration_slope() -> None:
    assert calibration_slope(np.arange(20.0), (np.arange(20) >= 10).astype(int)) is None


def test_the_chosen_threshold_has_the_best_balanced_accuracy() -> None:
    rng = np.random.default_rng(5)
    counts = rng.poisson(0.3, 400)
    scores = np.round(rng.standard_normal(400) + (counts > 0), 1)

    def balanced(threshold: float | None) -> float:
        sensitivity, specificity = sensitivity_specificity(scores, counts, threshold)
        assert sensitivity is not None
        assert specificity is not None
        return sensitivity + specificity

    assert balanced(choose_threshold(scores, counts)) == pytest.approx(
        max(balanced(value) for value in np.unique(scores))
    )


def test_never_predicting_a_spike_is_as_accurate_as_the_majority() -> None:
    counts = (np.arange(1000) % 50 == 0).astype(int)
    scores = score_unit(np.linspace(-3, -2, 1000), counts, train_rate_per_bin=0.02, threshold=0.0)
    assert (scores.accuracy, scores.majority_accuracy, scores.balanced_accuracy) == (0.98, 0.98, 0.5)


def test_a_unit_has_every_score_that_its_predictions_have() -> None:
    rng = np.random.default_rng(6)
    counts = rng.poisson(0.3, 300)
    predicted = np.round(rng.normal(-1, 1, 300) + (counts > 0), 1)
    scores = score_unit(predicted, counts, train_rate_per_bin=0.3, threshold=-0.4)  # which some bins reach exactly
    assert (scores.sensitivity, scores.specificity) == sensitivity_specificity(predicted, counts, -0.4)
    assert (scores.n_bins, scores.n_spikes, scores.base_rate) == (300, counts.sum(), np.mean(counts > 0))
    assert scores.roc_auc == roc_auc(predicted, counts)
    assert scores.bits_per_spike == bits_per_spike(predicted, counts, 0.3)
    assert scores.pr_auc == pr_auc(predicted, counts)
    assert scores.accuracy == np.mean((predicted >= -0.4) == (counts > 0))
    assert scores.calibration_slope == calibration_slope(predicted, counts)
    assert scores.brier_skill == brier_skill(predicted, counts, 0.3)
    assert scores.reason is None


def test_a_stretch_without_bins_has_a_base_rate_of_zero_and_no_scores() -> None:
    scores = score_unit(np.zeros(0), np.zeros(0, int), train_rate_per_bin=0.02, threshold=0.0)
    assert (scores.n_bins, scores.base_rate, scores.reason) == (0, 0.0, "no spike in the test stretch")
    assert (scores.accuracy, scores.majority_accuracy, scores.brier_skill, scores.calibration_slope) == (None,) * 4


def test_a_stretch_full_of_spikes_has_a_reason_of_its_own() -> None:
    scores = score_unit(np.arange(3.0), np.ones(3, int), train_rate_per_bin=0.5, threshold=None)
    assert scores.reason == "a spike in every bin of the test stretch"


def test_a_stretch_without_spikes_has_no_scores_but_a_reason() -> None:
    scores = score_unit(np.linspace(-3, -2, 100), np.zeros(100, int), train_rate_per_bin=0.02, threshold=0.0)
    assert (scores.roc_auc, scores.bits_per_spike, scores.sensitivity) == (None, None, None)
    assert scores.reason == "no spike in the test stretch"


def test_pooling_folds_of_a_drifting_rate_is_biased_and_the_mean_over_folds_is_not() -> None:
    rng = np.random.default_rng(11)
    folds = np.split((rng.random(100_000) < np.linspace(0.002, 0.04, 100_000)).astype(int), 5)
    scored = []
    for index, counts in enumerate(folds):  # the intercept is the rate of the other folds; the rest is noise
        rate = np.mean([fold.mean() for other, fold in enumerate(folds) if other != index])
        scored.append((logit(rate) + 0.1 * rng.standard_normal(counts.size), counts, float(rate)))
    per_fold = mean_scores([score_unit(s, c, train_rate_per_bin=rate, threshold=None) for s, c, rate in scored])
    pooled = roc_auc(np.concatenate([s for s, _, _ in scored]), np.concatenate(folds))
    assert pooled is not None
    assert pooled < 0.4
    assert per_fold.roc_auc == pytest.approx(0.5, abs=0.03)


def test_a_fold_without_spikes_does_not_enter_the_mean() -> None:
    good = score_unit(np.array([0.0, 1.0]), np.array([0, 1]), train_rate_per_bin=0.5, threshold=0.5)
    empty = score_unit(np.array([0.0, 1.0]), np.array([0, 0]), train_rate_per_bin=0.5, threshold=0.5)
    mean = mean_scores([good, empty])
    assert (mean.roc_auc, mean.n_bins, mean.n_spikes, mean.reason) == (1.0, 4, 1, None)


def test_folds_that_all_lack_scores_have_the_reason_of_the_first() -> None:
    silent, full = (
        score_unit(np.arange(2.0), np.full(2, count), train_rate_per_bin=0.5, threshold=None) for count in (0, 1)
    )
    assert mean_scores([silent, full]).reason == "no spike in the test stretch"


def test_no_fold_has_no_mean() -> None:
    with pytest.raises(SettingsError, match="without a scored fold"):
        mean_scores([])
