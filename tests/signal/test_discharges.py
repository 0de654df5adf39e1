"""Discharges planted in noise, and noise without any."""

import numpy as np
import pytest

from nwb_spikeinference.errors import BandError
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.discharges import find_discharges

RATE_HZ = 1000.0
SPIKE_S = 0.014  # standard deviation of the planted spike: 70 ms wide


def brown_noise(seconds: float, seed: int = 0) -> FloatArray:
    """30 uV of noise whose power falls as 1/f^2 above 0.3 Hz, and 3 uV of white noise."""
    n_samples = round(seconds * RATE_HZ)
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(size=n_samples)) / np.maximum(np.fft.rfftfreq(n_samples, 1 / RATE_HZ), 0.3)
    slow = np.fft.irfft(spectrum, n_samples)
    return 30e-6 * slow / slow.std() + 3e-6 * rng.normal(size=n_samples)


def discharge(amplitude_v: float) -> FloatArray:
    """A spike and the slow wave after it."""
    time_s = np.arange(-0.2, 0.6, 1 / RATE_HZ)
    spike = np.exp(-(time_s**2) / (2 * SPIKE_S**2))
    return amplitude_v * (spike - 0.5 * np.exp(-((time_s - 0.17) ** 2) / (2 * 0.06**2)))


def plant(signal: FloatArray, times_s: FloatArray, amplitude_v: float) -> FloatArray:
    planted = signal.copy()
    for sample in np.round(times_s * RATE_HZ).astype(int):
        planted[sample - 200 : sample + 600] += discharge(amplitude_v)
    return planted


def find(signal: FloatArray, block_samples: int = 10**6) -> FloatArray:
    return find_discharges(lambda start, stop: signal[start:stop], len(signal), RATE_HZ, block_samples=block_samples)


def planted_times(seconds: float) -> FloatArray:
    times_s = np.arange(4.0, seconds - 2, 7.3)
    return np.round(times_s + np.random.default_rng(1).uniform(-1, 1, len(times_s)), 3)


@pytest.mark.parametrize("amplitude_uv", [100, 150, 300])
def test_nine_of_ten_planted_discharges_are_found(amplitude_uv: int) -> None:
    times_s = planted_times(300)
    found = find(plant(brown_noise(300), times_s, amplitude_uv * 1e-6))
    hits = np.abs(found[:, None] - times_s).min(axis=0) < 0.05
    assert hits.mean() >= 0.9


def test_a_discharge_is_found_once_and_where_it_is() -> None:
    times_s = planted_times(300)
    found = find(plant(brown_noise(300), times_s, 150e-6))
    np.testing.assert_allclose(found, times_s, atol=0.02)


def test_a_discharge_downwards_is_one_as_well() -> None:
    times_s = planted_times(300)
    np.testing.assert_allclose(find(plant(brown_noise(300), times_s, -150e-6)), times_s, atol=0.02)


def test_noise_with_action_potentials_has_none() -> None:
    signal = brown_noise(600, seed=2)
    signal[np.random.default_rng(3).choice(600_000, 3000, replace=False)] -= 8e-6
    assert not len(find(signal))


def test_spikes_of_one_discharge_are_one() -> None:
    signal = plant(brown_noise(60), np.array([30.0, 30.07, 30.14]), 300e-6)
    (found,) = find(signal)
    assert found == pytest.approx(30.07, abs=0.1)


def test_blocks_change_nothing() -> None:
    times_s = planted_times(300)
    signal = plant(brown_noise(300), times_s, 150e-6)
    np.testing.assert_array_equal(find(signal, block_samples=1), find(signal))


def test_a_background_that_grows_raises_what_counts_as_discharge() -> None:
    growing = brown_noise(120) * np.repeat([1.0, 20.0], 60_000)
    found = find(plant(growing, np.array([20.0, 100.0]), 150e-6))
    assert np.abs(found - 20.0).min() < 0.02
    assert not np.any(found > 66)


def test_silence_has_none() -> None:
    assert not len(find(np.zeros(20_000)))


def test_a_signal_that_falls_silent_has_none_around() -> None:
    signal = brown_noise(60) * np.interp(np.arange(60_000), [19_900, 20_000, 40_000, 40_100], [1, 0, 0, 1])
    assert not len(find(signal))


def test_blocks_change_nothing_around_silence() -> None:
    signal = plant(brown_noise(60), np.array([10.0, 50.0]), 150e-6)
    signal[15_000:40_000] = 0.0
    np.testing.assert_array_equal(find(signal, block_samples=1), find(signal))


@pytest.mark.parametrize("n_samples", [0, 1, 2, 3, 900, 5001])
def test_f38_short_signals_have_none(n_samples: int) -> None:
    assert find(brown_noise(10)[:n_samples]).shape == (0,)


def test_a_signal_that_does_not_hold_60_hz_is_refused() -> None:
    with pytest.raises(BandError, match="band 'discharges' ends at 60 Hz"):
        find_discharges(lambda start, stop: np.zeros(stop - start), 1000, 100.0)
