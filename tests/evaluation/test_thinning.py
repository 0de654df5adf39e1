import numpy as np

from nwb_spikeinference.evaluation.thinning import thin_counts


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
