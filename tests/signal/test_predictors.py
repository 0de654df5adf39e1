"""The neighbours' median, with and without excluded wires."""

import numpy as np
import pytest

from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.signal.predictors import neighbour_median

NONE_EXCLUDED = np.zeros(5, dtype=bool)
LFP = np.random.default_rng(0).normal(size=(100, 5))


def test_neighbour_median_is_that_of_the_other_wires() -> None:
    np.testing.assert_array_equal(neighbour_median(LFP, 2, NONE_EXCLUDED), np.median(LFP[:, [0, 1, 3, 4]], axis=1))


def test_neighbour_median_holds_nothing_of_the_own_wire() -> None:
    changed = LFP.copy()
    changed[:, 2] = 1e9
    np.testing.assert_array_equal(neighbour_median(changed, 2, NONE_EXCLUDED), neighbour_median(LFP, 2, NONE_EXCLUDED))


def test_neighbour_median_holds_nothing_of_excluded_wires() -> None:
    excluded = np.array([True, False, False, False, True])
    np.testing.assert_array_equal(neighbour_median(LFP, 2, excluded), np.median(LFP[:, [1, 3]], axis=1))


def test_neighbour_median_leaves_the_exclusions_as_they_were() -> None:
    neighbour_median(LFP, 2, NONE_EXCLUDED)
    assert not NONE_EXCLUDED.any()


def test_neighbour_median_refuses_when_every_other_wire_is_excluded() -> None:
    excluded = np.array([True, True, False, True, True])
    with pytest.raises(NoSignalError, match=r"no neighbouring wire is left out of 5 .* use predictor: own-despiked"):
        neighbour_median(LFP, 2, excluded)


def test_neighbour_median_refuses_a_bundle_of_one_wire() -> None:
    with pytest.raises(NoSignalError, match="no neighbouring wire is left out of 1"):
        neighbour_median(LFP[:, :1], 0, np.array([False]))
