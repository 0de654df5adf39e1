"""
The one shape of sorted units, whatever sorter they come from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.session_config import UnitsSettings

DEFAULT_RESOLUTION_S = 1 / 30000


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedUnit:
    """One unit as its file gives it."""

    channel: int
    cluster_id: int
    spike_times_s: FloatArray  # ascending
    sorter: str
    waveform_mean: FloatArray | None = None  # (n_samples,), volts
    waveform_rate_hz: float | None = None
    noise_sd: float | None = None  # volts, of single waveforms around their mean


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsFile:
    """
    All units of one file.

    `clock` says what zero is: the recorder's own clock, or the first sample of the session. `counts_samples` says that
    times were given as numbers of samples, so that it matters whether pauses were counted.
    """

    units: tuple[SortedUnit, ...]
    clock: Literal["recorder", "session"]
    resolution_s: float = DEFAULT_RESOLUTION_S
    counts_samples: bool = False


class ReadUnits(Protocol):
    """A reader of one format."""

    def __call__(self, path: Path, settings: UnitsSettings, clock_offsets_s: tuple[float, ...]) -> UnitsFile:
        """Read one file; `clock_offsets_s` as `RawRecording` has it."""


def group_spikes(channels: IntArray, clusters: IntArray) -> Iterator[tuple[int, int, IntArray]]:
    """Channel, cluster, and indices of the spikes of each unit, by channel and then cluster."""
    for channel, cluster in np.unique(np.stack([channels, clusters], axis=1), axis=0):
        yield int(channel), int(cluster), np.flatnonzero((channels == channel) & (clusters == cluster))


def make_unit(
    *,
    channel: int,
    cluster_id: int,
    spike_times_s: FloatArray,
    sorter: str,
    waveforms: FloatArray | None = None,
    waveform_rate_hz: float | None = None,
    source: str,
) -> SortedUnit:
    """
    One unit from its spikes, which need not be in order.

    Parameters
    ----------
    waveforms : ndarray of shape (n_spikes, n_samples), optional
        In volts.
    """
    if not np.all(np.isfinite(spike_times_s)):
        raise InputError(f"{source}: unit {cluster_id} of channel {channel} has spike times that are no numbers")
    usable = waveforms is not None and len(waveforms) and np.all(np.isfinite(waveforms))
    mean: FloatArray | None = None
    if waveforms is not None and usable:
        mean = np.asarray(np.mean(waveforms, axis=0, dtype=np.float64))
    return SortedUnit(
        channel=channel,
        cluster_id=cluster_id,
        spike_times_s=np.sort(np.asarray(spike_times_s, dtype=np.float64)),
        sorter=sorter,
        waveform_mean=mean,
        waveform_rate_hz=waveform_rate_hz if mean is not None else None,
        noise_sd=float(np.std(waveforms - mean))
        if waveforms is not None and mean is not None and len(waveforms) > 1
        else None,
    )
