"""Log-normal intensities, and spikes drawn from them."""

import math

import numpy as np

from nwb_spikeinference.recordings import CellType, FloatArray, IntArray
from nwb_spikeinference.simulate.latents import RATE_HZ, Latents
from nwb_spikeinference.simulate.worlds import PRIVATE_WEIGHT, World

RAW_RATE_HZ = 30_000.0
SAMPLES_PER_MS = round(RAW_RATE_HZ / RATE_HZ)
REFRACTORY_MS = 2.0
RECOVERY_MS = 3.0


def shared_intensity(latents: Latents, world: World, cell_type: CellType, rate_hz: float) -> FloatArray:
    """
    Intensity of a neuron that follows only what its bundle shares.

    Returns
    -------
    ndarray of shape (n_samples,)
        Spikes per second, at 1 kHz, log-normal with mean `rate_hz` (where gamma is not gated by theta).
    """
    coupling = world.coupling(cell_type)
    gamma = (latents.gamma * np.exp(-1j * coupling.gamma_phase_rad)).real
    gating = (1 + world.gate * latents.theta) / math.sqrt(1 + world.gate**2)
    drive = (
        coupling.slow * latents.slow
        + coupling.theta * latents.theta
        + coupling.broadband * latents.broadband
        + coupling.gamma * gamma * gating
    )
    return np.asarray(rate_hz * np.exp(world.gain * drive - world.gain**2 * coupling.variance / 2))


def private_modulation(private: FloatArray) -> FloatArray:
    """Factor of mean 1 that a unit's own drive, of unit variance, puts on its intensity."""
    return np.asarray(np.exp(PRIVATE_WEIGHT * private - PRIVATE_WEIGHT**2 / 2))


def drift_modulation(n_samples: int, drift: float) -> FloatArray:
    """Factor of mean 1 whose logarithm runs evenly over `2 * drift`; negative falls."""
    ramp = np.exp(drift * np.linspace(-1, 1, n_samples))
    return np.asarray(ramp / ramp.mean())


def draw_spikes(rng: np.random.Generator, intensity_hz: FloatArray) -> IntArray:
    """
    Spikes of a neuron that cannot fire for 2 ms after a spike and recovers within some 3 ms.

    Candidates are drawn from the intensity as a Poisson process, then thinned by the hazard
    ``1 - exp(-(t - 2 ms) / 3 ms)`` at time t after the last accepted spike.

    Parameters
    ----------
    intensity_hz : ndarray of shape (n_ms,)
        Spikes per second without refractoriness, one value per millisecond.

    Returns
    -------
    ndarray of shape (n_spikes,), int64
        Increasing sample indices at 30 kHz.
    """
    counts = rng.poisson(intensity_hz / RATE_HZ)
    milliseconds = np.repeat(np.arange(len(intensity_hz)), counts)
    candidates = np.sort(milliseconds * SAMPLES_PER_MS + rng.integers(0, SAMPLES_PER_MS, len(milliseconds)))
    chances = rng.random(len(candidates))
    refractory, recovery = REFRACTORY_MS * SAMPLES_PER_MS, RECOVERY_MS * SAMPLES_PER_MS
    accepted: list[int] = []
    last = -math.inf
    for sample, chance in zip(candidates.tolist(), chances.tolist(), strict=True):
        since = sample - last - refractory
        if since >= 0 and chance < 1 - math.exp(-since / recovery):
            accepted.append(sample)
            last = sample
    return np.array(accepted, dtype=np.int64)
