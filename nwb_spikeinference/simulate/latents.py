"""Latents, which drive the neurons of a bundle together: noise of unit variance in four ranges of frequency."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from nwb_spikeinference.recordings import FloatArray

ComplexArray = NDArray[np.complexfloating]

RATE_HZ = 1000.0  # of latents, intensities and LFP
SLOW_HZ = (0.5, 4.0)
THETA_HZ = (5.0, 8.0)
GAMMA_CENTRE_HZ = (38.0, 52.0)  # one centre per participant
GAMMA_HALF_WIDTH_HZ = 6.0
BROADBAND_TAU_MS = 10.0
PRIVATE_TAU_MS = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latents:
    """Shared drives of one bundle at 1 kHz, each of shape (n_samples,); real parts have unit variance."""

    slow: FloatArray
    theta: FloatArray
    gamma: ComplexArray  # analytic
    broadband: FloatArray


def analytic_noise(rng: np.random.Generator, n_samples: int, low_hz: float, high_hz: float) -> ComplexArray:
    """
    Analytic Gaussian noise, flat between two frequencies and nothing outside.

    Returns
    -------
    ndarray of shape (n_samples,)
        At 1 kHz; its real part has unit variance over the stretch.
    """
    frequency = np.fft.fftfreq(n_samples, 1 / RATE_HZ)
    inside = (frequency >= low_hz) & (frequency <= high_hz)
    spectrum = np.zeros(n_samples, dtype=np.complex128)
    spectrum[inside] = rng.standard_normal(inside.sum()) + 1j * rng.standard_normal(inside.sum())
    noise = np.fft.ifft(spectrum)
    return np.asarray(noise / np.std(noise.real))


def ornstein_uhlenbeck(rng: np.random.Generator, n_samples: int, tau_ms: float) -> FloatArray:
    """Stationary Ornstein-Uhlenbeck noise at 1 kHz: unit variance, correlation falling by e in `tau_ms`."""
    keep = np.exp(-1e3 / RATE_HZ / tau_ms)
    innovations = rng.standard_normal(n_samples) * np.sqrt(1 - keep**2)
    innovations[0] /= np.sqrt(1 - keep**2)  # starts in the stationary state
    return np.asarray(lfilter([1.0], [1.0, -keep], innovations))


def draw_gamma_centre_hz(rng: np.random.Generator) -> float:
    """Draw a participant's gamma frequency."""
    return float(rng.uniform(*GAMMA_CENTRE_HZ))


def make_latents(rng: np.random.Generator, n_samples: int, gamma_centre_hz: float) -> Latents:
    """Draw the shared drives of one bundle."""
    gamma_hz = gamma_centre_hz - GAMMA_HALF_WIDTH_HZ, gamma_centre_hz + GAMMA_HALF_WIDTH_HZ
    return Latents(
        slow=analytic_noise(rng, n_samples, *SLOW_HZ).real,
        theta=analytic_noise(rng, n_samples, *THETA_HZ).real,
        gamma=analytic_noise(rng, n_samples, *gamma_hz),
        broadband=ornstein_uhlenbeck(rng, n_samples, BROADBAND_TAU_MS),
    )
