"""Decimation against closed forms and against SciPy on the whole array."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.signal import oaconvolve

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.decimate import antialias_filter, decimate_stream, decimation_factor

RATE_HZ = 30_000.0
FACTOR = 30
SETTLED = slice(20, -20)  # output samples away from the ends


def decimate(signal: FloatArray, cuts: Sequence[int] = ()) -> FloatArray:
    """One channel through the stream, cut before the samples `cuts`."""
    blocks = np.split(signal[:, None], cuts)
    return np.concatenate(list(decimate_stream(blocks, RATE_HZ)))[:, 0]


def cosine(frequency_hz: float, seconds: float = 1.0, rate_hz: float = RATE_HZ) -> FloatArray:
    return np.cos(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


@pytest.mark.parametrize("frequency_hz", [5, 50, 100, 150, 175, 199])
def test_decimate_keeps_the_pass_band_in_place_and_size(frequency_hz: float) -> None:
    expected = cosine(frequency_hz, rate_hz=1000.0)
    np.testing.assert_allclose(decimate(cosine(frequency_hz))[SETTLED], expected[SETTLED], atol=0.003)


@pytest.mark.parametrize("frequency_hz", [400, 470, 601, 820, 997, 1030, 2970, 14_990])
def test_decimate_stops_what_would_alias_by_40_db(frequency_hz: float) -> None:
    assert np.max(np.abs(decimate(cosine(frequency_hz))[SETTLED])) < 0.01


def test_decimate_puts_an_impulse_at_its_time() -> None:
    impulse = np.zeros(6000)
    impulse[100 * FACTOR] = 1.0
    lfp = decimate(impulse)
    assert np.argmax(lfp) == 100
    np.testing.assert_allclose(
        lfp[:100][::-1], lfp[101:201][:100].tolist() + [0.0] * (100 - len(lfp[101:201])), atol=1e-9
    )


def test_decimate_puts_an_impulse_between_two_outputs_on_both_alike() -> None:
    impulse = np.zeros(6000)
    impulse[100 * FACTOR + FACTOR // 2] = 1.0
    lfp = decimate(impulse)
    assert lfp[100] == pytest.approx(lfp[101], rel=1e-5)


@pytest.mark.parametrize("n_samples", [1, 29, 30, 31, 270, 541, 3000, 3001, 9999])
def test_decimate_gives_one_output_for_every_factor_begun(n_samples: int) -> None:
    assert len(decimate(np.zeros(n_samples))) == -(-n_samples // FACTOR)


@pytest.mark.parametrize("seed", range(20))
def test_decimate_does_not_see_where_blocks_are_cut(seed: int) -> None:
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=int(rng.integers(1, 5000)))
    cuts = np.sort(rng.integers(0, len(signal) + 1, size=rng.integers(1, 30)))  # repeated cuts make empty blocks
    np.testing.assert_array_equal(decimate(signal, cuts), decimate(signal))


def test_decimate_does_not_see_blocks_of_single_samples() -> None:
    signal = np.random.default_rng(1).normal(size=800)
    np.testing.assert_array_equal(decimate(signal, range(1, 800)), decimate(signal))


def test_decimate_equals_scipy_on_the_whole_array() -> None:
    signal = np.cumsum(np.random.default_rng(2).normal(size=20_000)) * 1e-6
    taps = antialias_filter(FACTOR)
    half = len(taps) // 2
    whole = oaconvolve(np.pad(signal, half, mode="edge"), taps, mode="valid")[::FACTOR]
    np.testing.assert_allclose(decimate(signal), whole, rtol=0, atol=1e-6 * np.max(np.abs(whole)))


def test_decimate_treats_channels_apart() -> None:
    signal = np.random.default_rng(3).normal(size=(4000, 3))
    together = np.concatenate(list(decimate_stream([signal], RATE_HZ)))
    np.testing.assert_allclose(together[:, 1], decimate(signal[:, 1]), rtol=0, atol=1e-6)


def test_decimate_accepts_strided_arrays() -> None:
    signal = np.random.default_rng(4).normal(size=(4000, 4))
    strided = np.concatenate(list(decimate_stream([signal[:, ::2]], RATE_HZ)))
    plain = np.concatenate(list(decimate_stream([np.ascontiguousarray(signal[:, ::2])], RATE_HZ)))
    np.testing.assert_array_equal(strided, plain)


@pytest.mark.parametrize("n_samples", [1, 100, 3001])
def test_decimate_keeps_a_constant_up_to_the_ends(n_samples: int) -> None:
    np.testing.assert_allclose(decimate(np.full(n_samples, 2.5)), 2.5, rtol=1e-6)


def test_decimate_passes_a_signal_at_the_target_rate_through() -> None:
    signal = np.random.default_rng(5).normal(size=(50, 2)).astype(np.float32)
    passed = np.concatenate(list(decimate_stream([signal[:20], signal[20:]], 1000.0)))
    np.testing.assert_array_equal(passed, signal)


def test_decimate_of_nothing_is_nothing() -> None:
    assert list(decimate_stream([np.zeros((0, 2))], RATE_HZ)) == []


def test_antialias_filter_has_unit_gain_and_no_phase() -> None:
    taps = antialias_filter(FACTOR)
    assert taps.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-15)


@pytest.mark.parametrize(
    ("rate_hz", "factor"),
    [(30_000, 30), (32_000, 32), (29_999.4, 30), (30_000.6, 30), (24_414.0625, 24), (2000, 2), (1999, 1), (999.98, 1)],
)
def test_decimation_factor_allows_for_the_error_of_a_clock_only(rate_hz: float, factor: int) -> None:
    assert decimation_factor(rate_hz, 1000.0) == factor


def test_decimation_factor_refuses_a_recording_slower_than_the_target() -> None:
    with pytest.raises(
        SettingsError, match=r"sampled at 500 Hz cannot be brought to 1000 Hz; set signal.rate_hz to 500"
    ):
        decimation_factor(500.0, 1000.0)
