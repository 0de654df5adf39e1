"""Channels that hold no brain signal, and one that does."""

import numpy as np
import pytest

from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.artefacts import FaultStretch, bridge_faults, find_faults, join_faults


@pytest.fixture
def noise() -> FloatArray:
    return np.random.default_rng(0).normal(0, 30e-6, size=30_000)


def stretches_of(signal: FloatArray, rate_hz: float = 30_000.0) -> list[tuple[int, int, str]]:
    return [(stretch.start, stretch.stop, stretch.why) for stretch in find_faults(signal, rate_hz)]


def test_a_sine_that_touches_its_extremes_has_no_fault_runs() -> None:
    assert stretches_of(np.sin(2 * np.pi * 7 * np.arange(30_000) / 30_000)) == []


def test_noise_has_no_fault_runs(noise: FloatArray) -> None:
    assert stretches_of(np.round(noise / 0.25e-6)) == []


def test_f28_values_that_are_no_numbers_are_found_to_the_sample(noise: FloatArray) -> None:
    noise[500] = np.nan
    noise[700:900] = np.inf
    assert stretches_of(noise) == [(500, 501, "NaN or infinite"), (700, 900, "NaN or infinite")]


def test_f28_a_stretch_without_change_is_found_to_the_sample(noise: FloatArray) -> None:
    noise[1000:1700] = 3e-6
    assert stretches_of(noise) == [(1000, 1700, "constant at 3e-06")]


@pytest.mark.parametrize(("length", "found"), [(599, 0), (600, 1)])
def test_f28_20_ms_without_change_are_too_long(noise: FloatArray, length: int, found: int) -> None:
    noise[1001 : 1001 + length] = 3e-6
    assert len(stretches_of(noise)) == found


@pytest.mark.parametrize(("length", "found"), [(19, 0), (20, 1)])
def test_f28_so_are_20_samples_of_a_slow_recording(noise: FloatArray, length: int, found: int) -> None:
    noise[1001 : 1001 + length] = 3e-6
    assert len(stretches_of(noise, 250.0)) == found


def test_f28_saturated_moments_are_found_to_the_sample(noise: FloatArray) -> None:
    noise[1000:1400] = noise.max() + 1e-6  # 1.3 %
    noise[2000:2005] = noise[1000]
    value = f"saturated at {noise[1000]:g}"
    assert stretches_of(noise) == [(1000, 1400, value), (2000, 2005, value)]


def test_f28_a_long_saturated_stretch_is_not_called_constant_as_well(noise: FloatArray) -> None:
    noise[1000:3000] = noise.max() + 1e-6
    assert stretches_of(noise) == [(1000, 3000, f"saturated at {noise[1000]:g}")]


def test_f28_a_constant_channel_is_one_run() -> None:
    assert stretches_of(np.full(1000, 0.25)) == [(0, 1000, "constant at 0.25")]


def test_f28_faults_beside_each_other_do_not_overlap(noise: FloatArray) -> None:
    noise[1000:2000] = 3e-6
    noise[1500:1600] = np.nan
    assert [stretch[:2] for stretch in stretches_of(noise, 1000.0)] == [(1000, 1500), (1500, 1600), (1600, 2000)]


@pytest.mark.parametrize("n_samples", [0, 1, 2])
def test_f38_a_few_samples_have_no_runs(n_samples: int) -> None:
    assert stretches_of(np.ones(n_samples)) == []


def test_f38_a_strided_channel_has_the_runs_of_its_copy(noise: FloatArray) -> None:
    noise[1000:3000] = 3e-6
    wide = np.stack([noise] * 3, axis=1)
    assert stretches_of(wide[::2, 1]) == stretches_of(noise[::2].copy()) == [(500, 1500, "constant at 3e-06")]


def test_runs_of_whole_numbers_are_found_as_well(noise: FloatArray) -> None:
    steps = np.round(noise / 0.25e-6).astype(np.int16)
    steps[1000:2000] = 7
    assert stretches_of(steps) == [(1000, 2000, "constant at 7")]


def test_runs_count_from_the_first_sample(noise: FloatArray) -> None:
    noise[500] = np.nan
    (stretch,) = find_faults(noise, 30_000.0, first_sample=60_000)
    assert (stretch.start, stretch.stop) == (60_500, 60_501)


def test_runs_of_pieces_that_overlap_are_joined_to_those_of_the_whole(noise: FloatArray) -> None:
    noise[9700:10_400] = 3e-6
    pieces = [
        stretch
        for start in range(0, 30_000, 10_000)
        for stretch in find_faults(
            noise[max(0, start - 600) : start + 10_000], 30_000.0, first_sample=max(0, start - 600)
        )
    ]
    assert join_faults(pieces) == find_faults(noise, 30_000.0)


def test_runs_apart_are_not_joined() -> None:
    apart = (FaultStretch(start=0, stop=5, why="a"), FaultStretch(start=6, stop=8, why="b"))
    assert join_faults(reversed(apart)) == apart


def test_runs_that_touch_take_the_name_of_the_first() -> None:
    touching = (FaultStretch(start=0, stop=5, why="a"), FaultStretch(start=5, stop=8, why="b"))
    assert join_faults(touching) == (FaultStretch(start=0, stop=8, why="a"),)


def test_a_bridge_is_a_straight_line() -> None:
    signal = np.array([0.0, 1.0, np.nan, np.nan, 4.0, 5.0])
    bridged = bridge_faults(signal, (FaultStretch(start=102, stop=104, why="NaN"),), first_sample=100)
    np.testing.assert_allclose(bridged, [0, 1, 2, 3, 4, 5])


def test_a_bridge_at_an_end_keeps_the_value_beside_it() -> None:
    stretches = (FaultStretch(start=0, stop=2, why="a"), FaultStretch(start=4, stop=9, why="b"))
    np.testing.assert_array_equal(bridge_faults(np.array([9.0, 9, 1, 2, 9, 9]), stretches), [1, 1, 1, 2, 2, 2])


def test_a_bridge_over_everything_is_0() -> None:
    stretches = (FaultStretch(start=0, stop=9, why="NaN"),)
    np.testing.assert_array_equal(bridge_faults(np.full(4, np.nan), stretches), np.zeros(4))


def test_bridging_leaves_the_channel_as_it_was() -> None:
    signal = np.array([0.0, 7.0, 2.0])
    bridge_faults(signal, (FaultStretch(start=1, stop=2, why="a"),))
    np.testing.assert_array_equal(signal, [0, 7, 2])
