"""Which wires a prediction comes from, and which it holds nothing of."""

import numpy as np
import pytest

from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.predictors import macro_trace, neighbour_trace, own_trace
from nwb_spikeinference.signal.references import Reference

NONE_EXCLUDED = np.zeros(5, dtype=bool)
SOME_EXCLUDED = np.array([True, False, False, False, True])
LFP = np.random.default_rng(0).normal(size=(100, 5))


def with_wire(column: int, value: float) -> FloatArray:
    changed = LFP.copy()
    changed[:, column] = value
    return changed


def test_neighbour_is_the_median_of_the_other_wires() -> None:
    np.testing.assert_array_equal(neighbour_trace(LFP, 2, NONE_EXCLUDED), np.median(LFP[:, [0, 1, 3, 4]], axis=1))


def test_neighbour_leaves_out_excluded_wires() -> None:
    np.testing.assert_array_equal(neighbour_trace(LFP, 2, SOME_EXCLUDED), np.median(LFP[:, [1, 3]], axis=1))


def test_bipolar_neighbour_is_the_median_of_the_differences_between_other_wires() -> None:
    differences = np.stack([LFP[:, 0] - LFP[:, 1], LFP[:, 1] - LFP[:, 3], LFP[:, 3] - LFP[:, 4]], axis=1)
    np.testing.assert_array_equal(neighbour_trace(LFP, 2, NONE_EXCLUDED, "bipolar"), np.median(differences, axis=1))


@pytest.mark.parametrize("reference", ["none", "bipolar"])
@pytest.mark.parametrize("column", [0, 2, 4])
def test_neighbour_holds_nothing_of_the_own_wire_nor_of_excluded_ones(reference: Reference, column: int) -> None:
    np.testing.assert_array_equal(
        neighbour_trace(with_wire(column, 1e9), 2, SOME_EXCLUDED, reference),
        neighbour_trace(LFP, 2, SOME_EXCLUDED, reference),
    )


@pytest.mark.parametrize("reference", ["bundle-median", "bipolar"])
@pytest.mark.parametrize("column", [0, 4])
def test_the_own_wires_reference_holds_nothing_of_excluded_wires(reference: Reference, column: int) -> None:
    np.testing.assert_array_equal(
        own_trace(with_wire(column, 1e9), 2, SOME_EXCLUDED, reference), own_trace(LFP, 2, SOME_EXCLUDED, reference)
    )


def test_own_wire_as_recorded_is_that_wire() -> None:
    np.testing.assert_array_equal(own_trace(LFP, 2, SOME_EXCLUDED), LFP[:, 2])


def test_own_wire_against_the_bundle_is_measured_against_the_median_of_the_others() -> None:
    expected = LFP[:, 2] - np.median(LFP[:, [0, 1, 3, 4]], axis=1)
    np.testing.assert_array_equal(own_trace(LFP, 2, NONE_EXCLUDED, "bundle-median"), expected)


@pytest.mark.parametrize(("own_wire", "against"), [(2, 3), (4, 3), (0, 1)])
def test_own_wire_in_bipolar_is_measured_against_the_wire_beside_it(own_wire: int, against: int) -> None:
    excluded = NONE_EXCLUDED.copy()
    np.testing.assert_array_equal(own_trace(LFP, own_wire, excluded, "bipolar"), LFP[:, own_wire] - LFP[:, against])


def test_macro_is_the_median_of_the_usable_contacts() -> None:
    usable = np.array([True, False, True, True, False])
    np.testing.assert_array_equal(macro_trace(LFP, usable), np.median(LFP[:, [0, 2, 3]], axis=1))


def test_exclusions_are_left_as_they_were() -> None:
    neighbour_trace(LFP, 2, NONE_EXCLUDED)
    assert not NONE_EXCLUDED.any()


def test_pieces_together_are_the_whole() -> None:
    pieces = [neighbour_trace(LFP[start : start + 33], 2, NONE_EXCLUDED) for start in range(0, 100, 33)]
    np.testing.assert_array_equal(np.concatenate(pieces), neighbour_trace(LFP, 2, NONE_EXCLUDED))


def test_neighbour_without_another_wire_is_refused() -> None:
    excluded = np.array([True, True, False, True, True])
    with pytest.raises(NoSignalError, match=r"no neighbouring wire is left out of 5 .* use predictor: own-despiked"):
        neighbour_trace(LFP, 2, excluded)


def test_neighbour_in_a_bundle_of_one_wire_is_refused() -> None:
    with pytest.raises(NoSignalError, match=r"no neighbouring wire is left out of 1 .* use predictor: own-despiked"):
        neighbour_trace(LFP[:, :1], 0, np.array([False]))


def test_neighbour_against_the_bundles_median_is_refused_for_it_is_0() -> None:
    with pytest.raises(NoSignalError, match=r"against that same median is 0; use signal.reference: none or bipolar"):
        neighbour_trace(LFP, 2, NONE_EXCLUDED, "bundle-median")


def test_bipolar_neighbour_of_two_wires_is_refused() -> None:
    with pytest.raises(NoSignalError, match="a single wire is left, a bipolar reference needs two"):
        neighbour_trace(LFP[:, :2], 0, np.zeros(2, dtype=bool), "bipolar")


@pytest.mark.parametrize("reference", ["bundle-median", "bipolar"])
def test_own_wire_without_another_to_measure_it_against_is_refused(reference: Reference) -> None:
    with pytest.raises(NoSignalError, match=r"can serve as .*reference.*; use signal.reference: none"):
        own_trace(LFP[:, :1], 0, np.array([False]), reference)


def test_macro_without_a_usable_contact_is_refused() -> None:
    with pytest.raises(NoSignalError, match="none of 5 macro contacts carries a signal; use predictor: neighbour"):
        macro_trace(LFP, ~np.ones(5, dtype=bool))
