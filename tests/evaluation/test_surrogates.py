import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.stats import kstest

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.evaluation.metrics import roc_auc
from nwb_spikeinference.evaluation.surrogates import clock_auc, p_value, shifted_aucs, swapped_auc
from nwb_spikeinference.recordings import FloatArray


def smooth_noise(rng: np.random.Generator, n_bins: int) -> FloatArray:
    noise = np.asarray(gaussian_filter1d(rng.standard_normal(n_bins), 10, mode="wrap"))
    return noise / noise.std()


def test_a_shifted_auc_is_the_auc_of_rolled_spikes() -> None:
    rng = np.random.default_rng(0)
    scores, counts = rng.integers(0, 9, 60).astype(float), rng.poisson(0.2, 60)
    found = shifted_aucs(scores, counts, 21, 20, np.random.default_rng(1))
    expected = [roc_auc(scores, np.roll(counts, shift)) for shift in range(20, 41)]
    np.testing.assert_allclose(np.sort(found), np.sort(np.array(expected, dtype=float)))


def test_shifts_are_distinct_and_as_many_as_the_stretch_allows() -> None:
    scores, counts = np.arange(50.0), (np.arange(50) == 3).astype(int)
    found = shifted_aucs(scores, counts, 200, 10, np.random.default_rng(0))
    assert len(found) == len(np.unique(found)) == 31


def test_a_stretch_too_short_to_shift_has_no_null_and_p_is_one() -> None:
    null = shifted_aucs(np.arange(10.0), np.arange(10) % 2, 200, 6, np.random.default_rng(0))
    assert null.size == 0
    assert p_value(0.9, null) == 1.0


def test_p_of_unrelated_scores_is_uniform() -> None:
    rng = np.random.default_rng(2)
    ps = []
    for _ in range(400):
        scores = smooth_noise(rng, 2000)
        counts = (rng.random(2000) < 0.02 * np.exp(smooth_noise(rng, 2000))).astype(int)  # bursts of their own
        observed = roc_auc(scores, counts)
        assert observed is not None
        ps.append(p_value(observed, shifted_aucs(scores, counts, 99, 100, rng)))
    assert kstest(ps, "uniform").pvalue > 0.01


def test_p_of_a_true_predictor_is_the_smallest_possible() -> None:
    rng = np.random.default_rng(3)
    scores = smooth_noise(rng, 12000)
    counts = (rng.random(12000) < 0.02 * np.exp(scores)).astype(int)
    observed = roc_auc(scores, counts)
    assert observed is not None
    assert p_value(observed, shifted_aucs(scores, counts, 199, 1000, rng)) == 1 / 200


def test_p_counts_ties_and_the_observed_score() -> None:
    assert p_value(0.6, np.array([0.5, 0.6, 0.7])) == 0.75


def test_scores_of_another_participant_are_cut_to_the_shorter_side() -> None:
    assert swapped_auc(np.array([0.0, 1.0, 9.0, 9.0]), np.array([0, 1])) == 1.0


def test_a_clock_predicts_a_drifting_rate_and_no_steady_one() -> None:
    rng = np.random.default_rng(4)
    drifting = (rng.random(20000) < np.linspace(0, 0.04, 20000)).astype(int)
    steady = (rng.random(20000) < 0.02).astype(int)
    assert clock_auc(drifting) == pytest.approx(2 / 3, abs=0.03)
    assert clock_auc(steady) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("n_shifts", "min_shift_bins"), [(0, 5), (5, 0)])
def test_no_shifts_are_refused(n_shifts: int, min_shift_bins: int) -> None:
    with pytest.raises(SettingsError, match=f"{n_shifts} shifts of {min_shift_bins} bins"):
        shifted_aucs(np.arange(10.0), np.arange(10) % 2, n_shifts, min_shift_bins, np.random.default_rng(0))


@pytest.mark.parametrize("min_shift_bins", [1, 5])  # of ten bins, the latter allows one shift only
def test_a_single_shift_is_a_null(min_shift_bins: int) -> None:
    found = shifted_aucs(np.arange(10.0), np.arange(10) % 2, 1, min_shift_bins, np.random.default_rng(0))
    assert len(found) == 1


def test_a_stretch_without_spikes_has_no_null() -> None:
    assert shifted_aucs(np.arange(10.0), np.zeros(10, int), 5, 2, np.random.default_rng(0)).size == 0
