"""One clock for a recorder that was paused or set back."""

import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference_converters.protocol import RawBlock
from nwb_spikeinference_converters.timing.clock import RecorderClock, measure_rates, place_blocks


def place(starts_s: list[float], lengths: list[int], rate_hz: float) -> tuple[tuple[RawBlock, ...], tuple[float, ...]]:
    unplaced = [RawBlock(start_s=start_s, n_samples=n) for start_s, n in zip(starts_s, lengths, strict=True)]
    return place_blocks(unplaced, rate_hz)


def test_a_pause_keeps_the_recorders_clock() -> None:
    blocks, offsets = place([0.0, 31.0], [4000, 4000], 1000.0)
    assert [block.start_s for block in blocks] == [0.0, 31.0]
    assert offsets == (0.0,)


def test_a_clock_that_was_set_back_goes_on_where_the_previous_block_ended() -> None:
    blocks, offsets = place([0.0, 0.5], [4000, 4000], 1000.0)
    assert [block.start_s for block in blocks] == [0.0, 4.5]
    assert offsets == (0.0, 4.0)


def test_blocks_that_overlap_by_a_sample_of_rounding_are_no_reset() -> None:
    blocks, offsets = place([0.0, 3.9995], [4000, 4000], 1000.0)
    assert [block.start_s for block in blocks] == [0.0, 4.0]
    assert offsets == (0.0,)


def test_packets_after_a_reset_follow_those_before_it() -> None:
    seconds = RecorderClock(offsets_s=(0.0, 4.0)).unroll(np.array([0, 60000, 90000, 15000, 30000]), 30000.0, "a.nev")
    np.testing.assert_allclose(seconds, [0, 2, 3, 4.5, 5])


def test_packets_of_one_buffer_may_be_out_of_order() -> None:
    seconds = RecorderClock(offsets_s=(0.0,)).unroll(np.array([0, 300, 200]), 30000.0, "a.nev")
    np.testing.assert_allclose(seconds, [0, 0.01, 200 / 30000])


def test_more_resets_than_the_recording_had_are_refused() -> None:
    with pytest.raises(InputError, match=r"a\.nev: its clock was set back 1 times, .* 0 times"):
        RecorderClock(offsets_s=(0.0,)).unroll(np.array([90000, 15000]), 30000.0, "a.nev")


def test_packets_of_one_run_of_the_clock_go_to_the_run_that_was_recorded_then() -> None:
    blocks, offsets = place([0.0, 0.001], [300, 300_000], 30000.0)  # a moment, then set back
    clock = RecorderClock(offsets_s=offsets, blocks=blocks, rate_hz=30000.0)
    np.testing.assert_allclose(clock.unroll(np.array([30000, 60000]), 30000.0, "a.nev"), [1.01, 2.01])


def test_times_of_day_in_nanoseconds_keep_a_microsecond() -> None:
    ticks = 1_614_853_230_400_000_000 + np.array([0, 33_333, 1_000_000_000])
    seconds = RecorderClock().unroll(ticks.astype(np.uint64), 1e9, "a.nev")
    np.testing.assert_allclose(seconds - seconds[0], [0, 33.333e-6, 1], atol=0.5e-6)


def test_a_block_that_overlaps_by_drift_is_no_reset() -> None:
    _, offsets = place([0.0, 599.99], [18_000_000, 1000], 30000.0)  # 17 ppm
    assert offsets == (0.0,)


def test_two_stamps_measure_no_rate() -> None:
    assert measure_rates([np.array([0, 30000])], [np.array([0, 30001])], 30000.0, 30000.0, "a.ns6") == [None]


def test_a_straight_line_measures_the_rate() -> None:
    samples = np.arange(0, 3_000_000, 1000)
    ticks = np.rint(samples / 30000.3 * 1e9).astype(np.int64)
    assert measure_rates([samples], [ticks], 1e9, 30000.0, "a.ns6") == pytest.approx([30000.3], abs=1e-4)


def test_blocks_of_one_crystal_share_its_rate() -> None:
    samples = [np.arange(0, n, 150) for n in (600_000, 300_000, 6000)]
    jitter = np.random.default_rng(0)
    ticks = [
        np.rint(start_s * 1e9 + (one / 30000.6) * 1e9 + jitter.integers(-20000, 20000, len(one))).astype(np.int64)
        for start_s, one in zip((0.0, 21.0, 33.0), samples, strict=True)
    ]
    rates = measure_rates(samples, ticks, 1e9, 30000.0, "a.ns6")
    assert len(set(rates)) == 1
    assert rates[0] == pytest.approx(30000.6, abs=0.01)


def test_blocks_know_how_often_the_clock_was_set_back_before_them() -> None:
    blocks, _ = place([0.0, 5.0, 0.0, 0.0], [4000, 4000, 1, 4000], 1000.0)
    assert [block.run for block in blocks] == [0, 0, 1, 1]


def test_a_clock_that_was_set_to_another_time_goes_on_where_the_previous_block_ended() -> None:
    blocks, _ = place([1e9, 1e9 + 1], [4000, 4000], 1000.0)
    assert [block.start_s for block in blocks] == [1e9, 1e9 + 4]


def test_a_short_step_back_shows_where_packets_change_runs() -> None:
    blocks, offsets = place([0.0, 0.0], [9000, 300_000], 30000.0)
    clock = RecorderClock(offsets_s=offsets, blocks=blocks, rate_hz=30000.0)
    seconds = clock.unroll(np.array([3000, 8400, 1500, 8700, 90000]), 30000.0, "a.nev")
    np.testing.assert_allclose(seconds, [0.1, 0.28, 0.35, 0.59, 3.3])
