import numpy as np
import pytest

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.evaluation.metrics import roc_auc
from nwb_spikeinference.evaluation.thinning import draw_targets, thin_counts, thinned_aucs


def test_thinning_leaves_the_target_number_of_spikes() -> None:
    counts = np.random.default_rng(0).poisson(0.3, 2000)
    thinned, _ = thin_counts(counts, 40, np.random.default_rng(1))
    assert thinned.sum() == 40
    assert (thinned <= counts).all()


def test_silent_bins_stay_and_bins_that_lost_their_spikes_go() -> None:
    counts = np.array([0, 1, 2, 0, 1, 3])
    thinned, keep = thin_counts(counts, 2, np.random.default_rng(2))
    np.testing.assert_array_equal(keep, (counts == 0) | (thinned > 0))


def test_a_unit_with_fewer_spikes_keeps_all() -> None:
    counts = np.array([0, 1, 2])
    thinned, keep = thin_counts(counts, 10, np.random.default_rng(3))
    np.testing.assert_array_equal(thinned, counts)
    assert keep.all()


def test_targets_are_counts_of_excitatory_units() -> None:
    targets = draw_targets(np.array([12, 40]), n_units=5, n_draws=20, rng=np.random.default_rng(4))
    assert targets.shape == (20, 5)
    assert set(targets.ravel().tolist()) == {12, 40}


def test_without_excitatory_units_there_is_nothing_to_match() -> None:
    with pytest.raises(SettingsError, match="no excitatory unit"):
        draw_targets(np.empty(0, int), 3, 20, np.random.default_rng(0))


def test_thinning_only_the_test_spikes_changes_nothing_but_noise() -> None:
    rng = np.random.default_rng(5)
    scores = rng.standard_normal(4000)
    counts = (rng.random(4000) < 0.05 * np.exp(0.7 * scores)).astype(int)
    aucs = thinned_aucs(np.tile(scores, (500, 1)), counts, np.full(500, 20), rng)
    assert aucs.mean() == pytest.approx(roc_auc(scores, counts), abs=0.01)


def test_each_draw_is_scored_by_its_own_model() -> None:
    counts = np.array([0, 1, 0, 1, 0])
    right, wrong = counts.astype(float), -counts.astype(float)
    found = thinned_aucs(np.stack([right, wrong]), counts, np.array([2, 2]), np.random.default_rng(6))
    np.testing.assert_array_equal(found, [1.0, 0.0])


def test_a_draw_without_spikes_is_not_scored() -> None:
    found = thinned_aucs(np.zeros((2, 3)), np.array([0, 1, 0]), np.array([0, 1]), np.random.default_rng(7))
    assert found.size == 1


def test_scores_and_targets_must_have_the_same_draws() -> None:
    with pytest.raises(SettingsError, match="3 rows of scores for 2 thinned counts"):
        thinned_aucs(np.zeros((3, 4)), np.array([0, 1, 0, 0]), np.array([1, 1]), np.random.default_rng(0))
