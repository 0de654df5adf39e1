"""What is left of known wires when others are subtracted."""

from collections.abc import Callable

import numpy as np
import pytest

from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.references import make_bipolar, median_over_wires, remove_bundle_median

LFP = np.random.default_rng(0).normal(size=(200, 5))
ALL = np.ones(5, dtype=bool)


@pytest.mark.parametrize("n_wires", [1, 2, 3, 4, 7, 8, 16, 17, 30])
def test_median_over_wires_is_numpys(n_wires: int) -> None:
    lfp = np.random.default_rng(n_wires).normal(size=(300, n_wires)).astype(np.float32)
    np.testing.assert_array_equal(median_over_wires(lfp), np.median(lfp, axis=1))


@pytest.mark.parametrize("n_wires", [3, 20])
def test_median_over_wires_is_nan_where_a_wire_is(n_wires: int) -> None:
    lfp = np.ones((4, n_wires))
    lfp[2, 1] = np.nan
    np.testing.assert_array_equal(np.isnan(median_over_wires(lfp)), [False, False, True, False])


@pytest.mark.parametrize("n_wires", [1, 3, 20])
def test_f38_median_over_wires_of_no_sample_is_empty(n_wires: int) -> None:
    assert median_over_wires(np.empty((0, n_wires))).shape == (0,)


def test_bundle_median_takes_away_what_all_wires_share() -> None:
    drive = np.sin(np.arange(200) / 9)[:, None]
    np.testing.assert_allclose(remove_bundle_median(LFP + drive, ALL), remove_bundle_median(LFP, ALL), atol=1e-12)


def test_bundle_median_leaves_no_median() -> None:
    np.testing.assert_array_equal(np.median(remove_bundle_median(LFP, ALL), axis=1), 0.0)


def test_bundle_median_holds_nothing_of_a_wire_that_is_not_usable() -> None:
    usable = np.array([True, True, False, True, True])
    changed = LFP.copy()
    changed[:, 2] = 1e9
    kept = [0, 1, 3, 4]
    np.testing.assert_array_equal(
        remove_bundle_median(changed, usable)[:, kept], remove_bundle_median(LFP, usable)[:, kept]
    )


def test_bundle_median_without_a_usable_wire_is_refused() -> None:
    with pytest.raises(NoSignalError, match=r"none of 5 wires can serve as reference; use signal.reference: none"):
        remove_bundle_median(LFP, ~ALL)


def test_bipolar_measures_each_wire_against_the_next_and_the_last_against_the_one_before() -> None:
    against = LFP[:, [1, 2, 3, 4, 3]]
    np.testing.assert_array_equal(make_bipolar(LFP, ALL), LFP - against)


def test_bipolar_passes_over_wires_that_are_not_usable() -> None:
    usable = np.array([True, False, False, True, False])
    np.testing.assert_array_equal(make_bipolar(LFP, usable), LFP - LFP[:, [3, 3, 3, 0, 3]])


def test_bipolar_of_a_single_wire_is_refused() -> None:
    with pytest.raises(NoSignalError, match=r"no other of 1 wires can serve as bipolar reference"):
        make_bipolar(LFP[:, :1], ALL[:1])


@pytest.mark.parametrize("rereference", [remove_bundle_median, make_bipolar])
def test_pieces_together_are_the_whole(rereference: Callable[..., FloatArray]) -> None:
    pieces = [rereference(LFP[start : start + 64], ALL) for start in range(0, 200, 64)]
    np.testing.assert_array_equal(np.concatenate(pieces), rereference(LFP, ALL))
