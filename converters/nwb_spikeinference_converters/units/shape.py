"""
The one shape of sorted units, whatever sorter they come from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import DEFAULT_SPIKE_RESOLUTION_S, FloatArray, IntArray
from nwb_spikeinference.session_config import UnitsClock, UnitsSettings
from nwb_spikeinference_converters.timing.clock import RecorderClock

_LARGEST_VOLTS = 1.0  # of a waveform; beyond it a file is damaged, or its waveforms are in another unit
_NOISE_LABELS = frozenset({"noise", "artifact", "artefact"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedUnit:
    """One unit as its file gives it."""

    channel: int
    cluster_id: int
    spike_times_s: FloatArray  # ascending
    sorter: str
    waveform_mean: FloatArray | None = None  # (n_samples,), volts
    waveform_sd: FloatArray | None = None  # (n_samples,), volts, over spikes
    waveform_rate_hz: float | None = None
    noise_sd: float | None = None  # volts, of single waveforms around their mean
    label: str | None = None  # the sorter's verdict, e.g. good or mua
    quality: Mapping[str, float | str] = field(default_factory=dict)  # the sorter's own measures, by its names


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadContext:
    """What a reader may need to know of the recording that was sorted."""

    clock: RecorderClock = field(default_factory=RecorderClock)  # of the recorder whose units they are
    channels: tuple[int, ...] = ()  # the recorder's channels of contacts, in file order


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsFile:
    """
    All units of one file, or folder.

    `clock` says what zero and the passing of time are: `recorder`, the recorder's own time stamps; `session`, seconds
    from the first sample of the recording that has the unit's channel, pauses counted; `recorded`, seconds of signal
    from that sample, pauses left out.
    `counts_samples` says that times were sample numbers, so that it matters whether pauses were counted; `rate_hz` is
    the rate that the file itself says they were sampled at.
    """

    units: tuple[SortedUnit, ...]
    clock: UnitsClock
    resolution_s: float = DEFAULT_SPIKE_RESOLUTION_S
    counts_samples: bool = False
    rate_hz: float | None = None
    files: tuple[Path, ...] = ()  # all that was read
    notes: tuple[str, ...] = ()  # what was left out or assumed


class ReadUnits(Protocol):
    """A reader of one format."""

    def __call__(self, path: Path, settings: UnitsSettings, context: ReadContext) -> UnitsFile:
        """Read one file or folder; `settings.clock` and `settings.time_unit` win over what the format says."""


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
    label: str | None = None,
    quality: Mapping[str, float | str] | None = None,
    source: str,
) -> SortedUnit:
    """
    One unit from its spikes, which need not be in order.

    Parameters
    ----------
    waveforms : ndarray of shape (n_spikes, n_samples), optional
        In volts; left out where damaged, or sampled at 0 Hz.
    """
    if not np.all(np.isfinite(spike_times_s)):
        raise InputError(f"{source}: unit {cluster_id} of channel {channel} has spike times that are no numbers")
    mean: FloatArray | None = None
    sd: FloatArray | None = None
    has_rate = waveform_rate_hz is None or waveform_rate_hz > 0
    if waveforms is not None and len(waveforms) and has_rate and np.all(np.abs(waveforms) <= _LARGEST_VOLTS):
        mean = np.asarray(np.mean(waveforms, axis=0, dtype=np.float64))
        sd = np.asarray(np.std(waveforms, axis=0, dtype=np.float64)) if len(waveforms) > 1 else None
    return SortedUnit(
        channel=channel,
        cluster_id=cluster_id,
        spike_times_s=np.sort(np.asarray(spike_times_s, dtype=np.float64)),
        sorter=sorter,
        waveform_mean=mean,
        waveform_sd=sd,
        waveform_rate_hz=waveform_rate_hz if mean is not None else None,
        noise_sd=None if sd is None else float(np.sqrt(np.mean(sd**2))),
        label=label,
        quality={} if quality is None else quality,
    )


def is_kept_label(label: str | None, settings: UnitsSettings) -> bool:
    """Whether a unit with this label of the sorter is wanted: those that session.yaml lists, or all but noise."""
    if settings.labels is not None:
        return label in settings.labels
    return (label or "").lower() not in _NOISE_LABELS
