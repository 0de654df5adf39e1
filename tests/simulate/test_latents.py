"""Latents: unit variance, and power where it belongs."""

import numpy as np
import pytest

from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.simulate.latents import Latents, make_latents, ornstein_uhlenbeck

N_MS = 120_000


@pytest.fixture(scope="module")
def latents() -> Latents:
    return make_latents(np.random.default_rng(1), N_MS, gamma_centre_hz=45)


def power_share(signal: FloatArray, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(signal)) ** 2
    frequency = np.fft.rfftfreq(len(signal), 1e-3)
    return float(power[(frequency >= low_hz) & (frequency <= high_hz)].sum() / power.sum())


def test_band_limited_latents_have_unit_variance(latents: Latents) -> None:
    for latent in (latents.slow, latents.theta, latents.gamma.real):
        assert np.var(latent) == pytest.approx(1.0)


def test_broadband_latent_has_unit_variance(latents: Latents) -> None:
    assert np.var(latents.broadband) == pytest.approx(1.0, abs=0.05)


def test_slow_latent_lies_between_half_and_four_hertz(latents: Latents) -> None:
    assert power_share(latents.slow, 0.5, 4) == pytest.approx(1.0)


def test_theta_latent_lies_between_five_and_eight_hertz(latents: Latents) -> None:
    assert power_share(latents.theta, 5, 8) == pytest.approx(1.0)


def test_gamma_latent_lies_within_six_hertz_of_its_centre(latents: Latents) -> None:
    assert power_share(latents.gamma.real, 39, 51) == pytest.approx(1.0)


def test_gamma_latent_is_analytic(latents: Latents) -> None:
    spectrum = np.fft.fft(latents.gamma)
    assert np.abs(spectrum[N_MS // 2 + 1 :]).max() < 1e-9 * np.abs(spectrum).max()


def test_latents_are_independent(latents: Latents) -> None:
    together = np.corrcoef([latents.slow, latents.theta, latents.gamma.real, latents.broadband])
    assert np.abs(together - np.eye(4)).max() < 0.1


def test_ornstein_uhlenbeck_correlation_falls_by_e_within_its_time_constant() -> None:
    noise = ornstein_uhlenbeck(np.random.default_rng(2), 400_000, tau_ms=10)
    assert np.mean(noise[:-10] * noise[10:]) == pytest.approx(np.exp(-1), abs=0.02)


def test_ornstein_uhlenbeck_starts_in_its_stationary_state() -> None:
    first = [ornstein_uhlenbeck(np.random.default_rng(seed), 2, tau_ms=100)[0] for seed in range(2000)]
    assert np.var(first) == pytest.approx(1.0, abs=0.1)
