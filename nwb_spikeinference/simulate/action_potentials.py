"""Action potentials at 30 kHz."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from nwb_spikeinference.recordings import CellType, FloatArray, IntArray
from nwb_spikeinference.simulate.spikes import RAW_RATE_HZ

TROUGH_TO_PEAK_MS: dict[CellType, float] = {"excitatory": 0.65, "inhibitory": 0.28}
PEAK_RATIO = 0.4  # height of the peak over the depth of the trough
BEFORE = 30  # samples of the action potential before its trough
AFTER = 60
SNIPPET_BEFORE = 16  # of the 48 samples that are stored with each spike
SNIPPET_SAMPLES = 48
HIGHPASS_HZ = 250.0  # of stored waveforms, as recorders have it
_MARGIN = 450  # read on both sides of a waveform, so that the filter has settled
_SPIKES_AT_A_TIME = 1000


def action_potential(cell_type: CellType, amplitude_uv: float) -> NDArray[np.float32]:
    """
    Shape a unit's action potential: a narrow trough and a wider peak.

    Returns
    -------
    ndarray of shape (90,)
        Microvolts at 30 kHz; the trough, `amplitude_uv` deep, is at index 30.
    """
    width_ms = TROUGH_TO_PEAK_MS[cell_type]
    time_ms = np.arange(-BEFORE, AFTER) / RAW_RATE_HZ * 1e3
    trough_sd_ms, peak_sd_ms = 0.2 * width_ms, 0.4 * width_ms  # the trough has ended where the peak is highest
    trough = -np.exp(-(time_ms**2) / (2 * trough_sd_ms**2))
    peak = PEAK_RATIO * np.exp(-((time_ms - width_ms) ** 2) / (2 * peak_sd_ms**2))
    waveform = trough + peak
    return np.asarray(amplitude_uv * waveform / np.abs(waveform).max(), np.float32)


def draw_scales(
    rng: np.random.Generator, spike_samples: IntArray, n_samples: int, *, jitter: float, drift: float
) -> NDArray[np.float32]:
    """
    Draw how large each action potential of a unit is, relative to the unit's mean waveform.

    Parameters
    ----------
    jitter : float
        Standard deviation of the logarithm from spike to spike.
    drift : float
        Share of the mean by which amplitudes change from the recording's start to its end, up or down by chance: an
        electrode that moves comes closer to some neurons and leaves others.

    Returns
    -------
    ndarray of shape (n_spikes,)
        All 1 without jitter and drift.
    """
    trend = 1 + drift * rng.choice((-1, 1)) * (spike_samples / n_samples - 0.5)
    spread = np.exp(jitter * rng.standard_normal(len(spike_samples)) - jitter**2 / 2)
    return np.asarray(trend * spread, np.float32)


def add_action_potentials(
    signal: NDArray[np.float32],
    first_sample: int,
    spike_samples: IntArray,
    waveform: NDArray[np.float32],
    scales: NDArray[np.float32],
) -> None:
    """
    Add a unit's action potentials to a block of one wire, in place.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
        Its first value is sample `first_sample` of the recording. Waveforms that reach over an end are cut there, so
        successive blocks together hold all of each.
    scales : ndarray of shape (n_spikes,)
        Factor on the waveform of each spike.
    """
    low, high = np.searchsorted(spike_samples, [first_sample - AFTER, first_sample + len(signal) + BEFORE])
    index = (spike_samples[low:high, None] - first_sample - BEFORE + np.arange(len(waveform))).ravel()
    inside = (index >= 0) & (index < len(signal))
    np.add.at(signal, index[inside], np.outer(scales[low:high], waveform).ravel()[inside])


def cut_waveforms(wire: NDArray[np.int16], spike_samples: IntArray) -> FloatArray:
    """
    Cut high-passed waveforms out of one wire's raw signal.

    Parameters
    ----------
    wire : ndarray of shape (n_samples,)
        At 30 kHz; only the surroundings of the spikes are read.

    Returns
    -------
    ndarray of shape (n_spikes, 48)
        In the unit of `wire`, filtered without phase delay; the spike's sample is at index 16.
    """
    offsets = np.arange(-SNIPPET_BEFORE - _MARGIN, SNIPPET_SAMPLES - SNIPPET_BEFORE + _MARGIN)
    sos = butter(2, HIGHPASS_HZ, btype="highpass", fs=RAW_RATE_HZ, output="sos")
    waveforms = np.empty((len(spike_samples), SNIPPET_SAMPLES))
    for first in range(0, len(spike_samples), _SPIKES_AT_A_TIME):
        chosen = slice(first, first + _SPIKES_AT_A_TIME)
        index = np.clip(spike_samples[chosen, None] + offsets, 0, len(wire) - 1)
        filtered = sosfiltfilt(sos, wire[index].astype(np.float64), axis=1)
        waveforms[chosen] = filtered[:, _MARGIN : _MARGIN + SNIPPET_SAMPLES]
    return waveforms
