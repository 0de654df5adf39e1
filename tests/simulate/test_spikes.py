"""Spikes drawn from an intensity."""

import numpy as np
import pytest

from nwb_spikeinference.simulate.spikes import draw_spikes, drift_modulation

CONSTANT = np.full(200_000, 50.0)  # 200 s at 50 per second


def test_no_interval_is_below_two_milliseconds() -> None:
    spikes = draw_spikes(np.random.default_rng(0), CONSTANT)
    assert np.diff(spikes).min() >= 60


def test_rate_is_that_of_a_renewal_process_with_refractory_hazard() -> None:
    rate = len(draw_spikes(np.random.default_rng(0), CONSTANT)) / 200
    lags_s = np.arange(0, 2, 1e-5)
    hazard = 50 * np.where(lags_s < 0.002, 0, 1 - np.exp(-(lags_s - 0.002) / 0.003))
    mean_interval_s = np.exp(-np.cumsum(hazard) * 1e-5).sum() * 1e-5
    assert rate == pytest.approx(1 / mean_interval_s, rel=0.03)


def test_spikes_follow_the_intensity_in_time() -> None:
    intensity = np.zeros(100_000)
    intensity[40_000:60_000] = 5.0
    spikes = draw_spikes(np.random.default_rng(0), intensity)
    assert len(spikes) > 50
    assert spikes.min() >= 40_000 * 30
    assert spikes.max() < 60_000 * 30


def test_a_silent_neuron_has_no_spikes() -> None:
    assert draw_spikes(np.random.default_rng(0), np.zeros(1000)).shape == (0,)


def test_drift_keeps_the_mean_rate() -> None:
    modulation = drift_modulation(10_000, 0.8)
    assert modulation.mean() == pytest.approx(1.0)
    assert np.log(modulation[-1] / modulation[0]) == pytest.approx(1.6)
