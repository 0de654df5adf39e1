import numpy as np
import pytest

from nwb_spikeinference.evaluation.duplicates import (
    MIN_EXCESS_SD,
    MIN_SHARE,
    Duplicate,
    coincidence_excess,
    find_duplicates,
)
from nwb_spikeinference.recordings import FloatArray, Unit

SECONDS = 120.0


def poisson_train(rng: np.random.Generator, rate_hz: float) -> FloatArray:
    return np.sort(rng.uniform(0, SECONDS, rng.poisson(rate_hz * SECONDS)))


def make_unit(unit_id: int, wire: int, times_s: FloatArray, snr: float) -> Unit:
    return Unit(row=unit_id, unit_id=unit_id, electrode_rows=(wire,), spike_times_s=times_s, snr=snr)


def test_a_planted_duplicate_is_found_and_the_better_isolated_unit_kept() -> None:
    rng = np.random.default_rng(0)
    times = poisson_train(rng, 5)
    seen = np.sort(rng.choice(times, times.size // 2, replace=False) + rng.normal(0, 1e-4, times.size // 2))
    units = [make_unit(1, 0, times, 4.0), make_unit(2, 1, seen, 8.0), make_unit(3, 2, poisson_train(rng, 5), 9.0)]
    (found,) = find_duplicates(units)
    assert (found.kept_row, found.dropped_row) == (2, 1)
    assert found.share > 0.95


def test_independent_trains_are_no_duplicates() -> None:
    rng = np.random.default_rng(1)
    assert find_duplicates([make_unit(index, index, poisson_train(rng, 20), 5.0) for index in range(6)]) == ()


def test_trains_that_share_only_bursts_slower_than_the_jitter_are_no_duplicates() -> None:
    rng = np.random.default_rng(2)
    bursts = np.repeat(rng.uniform(0, SECONDS, 60), 40)
    first, second = (np.sort(bursts + rng.uniform(-0.1, 0.1, bursts.size)) for _ in range(2))
    n_coincident, excess = coincidence_excess(first, second)
    assert n_coincident > MIN_SHARE * first.size
    assert excess < MIN_EXCESS_SD


def test_units_of_one_wire_are_not_compared() -> None:
    times = poisson_train(np.random.default_rng(3), 5)
    assert find_duplicates([make_unit(1, 0, times, 5.0), make_unit(2, 0, times, 4.0)]) == ()


def test_a_unit_of_unknown_isolation_gives_way() -> None:
    times = poisson_train(np.random.default_rng(6), 5)
    unknown = Unit(row=1, unit_id=1, electrode_rows=(0,), spike_times_s=times)
    (found,) = find_duplicates([unknown, make_unit(2, 1, times, 0.0)])
    assert (found.kept_row, found.dropped_row) == (2, 1)


def test_three_copies_leave_one() -> None:
    times = poisson_train(np.random.default_rng(4), 5)
    found = find_duplicates([make_unit(index, index, times, float(index)) for index in range(3)])
    assert [(one.kept_row, one.dropped_row) for one in found] == [(2, 0), (2, 1)]


def test_two_chance_coincidences_of_a_sparse_unit_are_no_duplicate() -> None:
    sparse = np.array([1.0, 20.0, 40.0])
    assert (
        find_duplicates([make_unit(1, 0, sparse, 5.0), make_unit(2, 1, np.array([1.0, 20.0, 70.0, 80.0]), 5.0)]) == ()
    )


def test_empty_trains_are_no_duplicates() -> None:
    assert find_duplicates([make_unit(1, 0, np.empty(0), 5.0), make_unit(2, 1, np.empty(0), 5.0)]) == ()


def test_the_closed_form_is_the_limit_of_many_jitters() -> None:
    rng = np.random.default_rng(5)
    first, second = poisson_train(rng, 8), poisson_train(rng, 30)
    n_coincident, excess = coincidence_excess(first, second)
    jittered = []
    for _ in range(3000):
        moved = first + rng.uniform(-0.02, 0.02, first.size)
        after = np.clip(np.searchsorted(second, moved), 1, second.size - 1)
        nearest = np.minimum(np.abs(moved - second[after]), np.abs(moved - second[after - 1]))
        jittered.append(np.count_nonzero(nearest <= 0.5e-3))
    expected = (n_coincident - np.mean(jittered)) / np.std(jittered)
    assert excess == pytest.approx(expected, abs=0.1)


def test_a_duplicate_says_how_much_is_shared() -> None:
    times = np.arange(1.0, 41.0)
    assert find_duplicates([make_unit(1, 0, times, 5.0), make_unit(2, 1, times[:20], 4.0)])[0] == Duplicate(
        kept_row=1,
        kept_id=1,
        dropped_row=2,
        dropped_id=2,
        share=1.0,
        excess_sd=pytest.approx((20 - 0.5) / np.sqrt(20 * 0.025 * 0.975)),
    )
