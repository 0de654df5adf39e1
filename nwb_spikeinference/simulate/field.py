"""
The LFP of a bundle: what populations of neurons around each wire make of their spikes, and what else a wire picks up.

All voltages here are in microvolts, at 1 kHz, as float32.

References
----------
.. [1] Telenczuk, Telenczuk & Destexhe (2020), J. Neurosci. Methods 344, 108871 (unitary fields).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from nwb_spikeinference.recordings import CellType, FloatArray
from nwb_spikeinference.simulate.latents import RATE_HZ, Latents
from nwb_spikeinference.simulate.spikes import shared_intensity
from nwb_spikeinference.simulate.worlds import World

FieldArray = NDArray[np.float32]

RING_DISTANCES_MM = np.linspace(0.02, 0.5, 12)
SPACE_CONSTANT_MM = 0.2
SPEED_MM_PER_MS = 0.2
PEAK_DELAY_MS = 10.4  # of the field after the spike
BACKGROUND_UV = 30.0
BACKGROUND_SHARED = 0.6  # of the background's variance
BACKGROUND_CORNER_HZ = 0.3  # below it the recorder's high-pass filter keeps the background from growing
WHITE_UV = 3.0
MAINS_UV = 4.0  # of the fundamental; harmonic h has 4 / h
MAINS_HARMONICS = 4
_BLOCK_MS = 60_000  # of spike counts held at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The neurons of one type within half a millimetre of a wire."""

    cell_type: CellType
    n_cells: int
    rate_hz: float
    amplitude_uv: float  # of one spike's field, at no distance
    width_ms: float  # standard deviation of the field's Gaussian in time


POPULATIONS = (
    Population(cell_type="excitatory", n_cells=4000, rate_hz=1.5, amplitude_uv=0.48, width_ms=3.15),
    Population(cell_type="inhibitory", n_cells=1000, rate_hz=8.0, amplitude_uv=3.0, width_ms=2.1),
)


def cells_per_ring(n_cells: int) -> FloatArray:
    """Share out a population over the rings, in proportion to their area; shape (12,), sums to `n_cells`."""
    return np.asarray(n_cells * RING_DISTANCES_MM / RING_DISTANCES_MM.sum())


def unitary_field(population: Population) -> FloatArray:
    """
    Field of one spike in each ring.

    Returns
    -------
    ndarray of shape (n_lags, 12)
        Microvolts, one row per millisecond from the spike on.
    """
    latest = PEAK_DELAY_MS + RING_DISTANCES_MM[-1] / SPEED_MM_PER_MS + 4 * population.width_ms
    time_ms = np.arange(np.ceil(latest) + 1)[:, None]
    peak_ms = PEAK_DELAY_MS + RING_DISTANCES_MM / SPEED_MM_PER_MS
    shape = np.exp(-((time_ms - peak_ms) ** 2) / (2 * population.width_ms**2))
    return np.asarray(population.amplitude_uv * np.exp(-RING_DISTANCES_MM / SPACE_CONSTANT_MM) * shape)


def population_field(
    rng: np.random.Generator, intensity_hz: FloatArray, population: Population, n_wires: int
) -> FieldArray:
    """
    Field of a population around each wire.

    Wires stand too far apart to share neurons: their populations follow the same intensity but spike independently.

    Parameters
    ----------
    intensity_hz : ndarray of shape (n_samples,)
        Of one neuron, spikes per second.

    Returns
    -------
    ndarray of shape (n_samples, n_wires)
        Mean removed, as an AC-coupled recorder does.
    """
    kernel = unitary_field(population).astype(np.float32)
    cells = cells_per_ring(population.n_cells)
    field = np.zeros((len(intensity_hz) + len(kernel) - 1, n_wires), dtype=np.float32)
    for start in range(0, len(intensity_hz), _BLOCK_MS):
        expected = intensity_hz[start : start + _BLOCK_MS, None] / RATE_HZ * cells
        for wire in range(n_wires):
            counts = rng.poisson(expected).astype(np.float32)
            response = oaconvolve(counts, kernel, axes=0).sum(axis=1)
            field[start : start + len(response), wire] += response
    field = field[: len(intensity_hz)]
    field -= field.mean(axis=0)
    return field


def background(rng: np.random.Generator, n_samples: int, n_wires: int) -> FieldArray:
    """
    Noise with a spectrum falling as 1/f^2 above 0.3 Hz, partly common to the bundle.

    Returns
    -------
    ndarray of shape (n_samples, n_wires)
        30 uV rms on each wire, 60 % of the variance shared.
    """
    frequency = np.fft.rfftfreq(n_samples, 1 / RATE_HZ)
    amplitude = 1 / np.maximum(frequency, BACKGROUND_CORNER_HZ)
    amplitude[0] = 0
    amplitude *= np.sqrt(n_samples / 2 / np.sum(amplitude**2))
    noise = np.empty((n_samples, n_wires + 1), dtype=np.float32)
    for column in range(n_wires + 1):
        noise[:, column] = np.fft.irfft(np.fft.rfft(rng.standard_normal(n_samples)) * amplitude, n_samples)
    shared, private = noise[:, :1], noise[:, 1:]
    mixed = np.sqrt(BACKGROUND_SHARED) * shared + np.sqrt(1 - BACKGROUND_SHARED) * private
    return np.asarray(BACKGROUND_UV * mixed, np.float32)


def mains(rng: np.random.Generator, n_samples: int, line_hz: float) -> FieldArray:
    """Mains hum and its harmonics, the same on all wires; shape (n_samples, 1)."""
    time_s = np.arange(n_samples)[:, None] / RATE_HZ
    order = np.arange(1, MAINS_HARMONICS + 1)
    phase = rng.uniform(0, 2 * np.pi, MAINS_HARMONICS)
    harmonics = MAINS_UV / order * np.sin(2 * np.pi * line_hz * order * time_s + phase)
    return np.asarray(harmonics.sum(axis=1, keepdims=True, dtype=np.float32))


def bundle_lfp(
    rng: np.random.Generator, latents: Latents, world: World, *, polarity: float, n_wires: int, line_hz: float
) -> FieldArray:
    """
    LFP of one bundle, without the recorded units' own action potentials.

    Parameters
    ----------
    polarity : float
        1, or -1 for a bundle on the other side of the populations' current sources.

    Returns
    -------
    ndarray of shape (n_samples, n_wires)
    """
    n_samples = len(latents.slow)
    lfp = background(rng, n_samples, n_wires) + mains(rng, n_samples, line_hz)
    lfp += WHITE_UV * rng.standard_normal(lfp.shape, dtype=np.float32)
    for population in POPULATIONS:
        intensity = shared_intensity(latents, world, population.cell_type, population.rate_hz)
        lfp += polarity * population_field(rng, intensity, population, n_wires)
    return lfp
