"""
The one shape of sorted units, whatever sorter they come from.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import DEFAULT_SPIKE_RESOLUTION_S, FloatArray, IntArray
from nwb_spikeinference.session_config import UnitsClock, UnitsSettings
from nwb_spikeinference_converters.timing.clock import RecorderClock

_LARGEST_VOLTS = 1.0  # of a waveform; beyond it a file is damaged, or its waveforms are in another unit
_NOISE_LABELS = frozenset({"noise", "artifact", "artefact"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveform:
    """Mean waveform of a unit, in volts."""

    mean: FloatArray  # (n_samples,)
    sd: FloatArray | None  # (n_samples,), over spikes
    rate_hz: float
    noise_sd: float | None  # of single waveforms around their mean, or of the wire


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedUnit:
    """One unit as its file gives it."""

    channel: int
    cluster_id: int
    spike_times_s: FloatArray  # ascending
    sorter: str
    waveform: Waveform | None = None
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


# from file or folder, settings and context; `clock` and `time_unit` of the settings win over what the format says
ReadUnits = Callable[[Path, UnitsSettings, ReadContext], UnitsFile]


def group_spikes(channels: IntArray | int, clusters: IntArray) -> Iterator[tuple[int, int, IntArray]]:
    """Channel, cluster, and ascending indices of the spikes of each unit, by channel and then cluster."""
    channels = np.broadcast_to(channels, clusters.shape)
    order = np.lexsort([clusters, channels])
    is_next = (np.diff(channels[order]) != 0) | (np.diff(clusters[order]) != 0)
    for members in np.split(order, np.flatnonzero(is_next) + 1):
        if len(members):  # of no spikes, split makes one part
            yield int(channels[members[0]]), int(clusters[members[0]]), members


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
        In volts; left out where damaged, or without a rate above 0 Hz.
    """
    if not np.all(np.isfinite(spike_times_s)):
        raise InputError(f"{source}: unit {cluster_id} of channel {channel} has spike times that are no numbers")
    waveform: Waveform | None = None
    rate_hz = waveform_rate_hz or 0.0
    if waveforms is not None and len(waveforms) and rate_hz > 0 and np.all(np.abs(waveforms) <= _LARGEST_VOLTS):
        sd = np.asarray(np.std(waveforms, axis=0, dtype=np.float64)) if len(waveforms) > 1 else None
        waveform = Waveform(
            mean=np.asarray(np.mean(waveforms, axis=0, dtype=np.float64)),
            sd=sd,
            rate_hz=rate_hz,
            noise_sd=None if sd is None else float(np.sqrt(np.mean(sd**2))),
        )
    return SortedUnit(
        channel=channel,
        cluster_id=cluster_id,
        spike_times_s=np.sort(np.asarray(spike_times_s, dtype=np.float64)),
        sorter=sorter,
        waveform=waveform,
        label=label,
        quality={} if quality is None else quality,
    )


def is_kept_label(label: str | None, settings: UnitsSettings) -> bool:
    """Whether a unit with this label of the sorter is wanted: those that session.yaml lists, or all but noise."""
    if settings.labels is not None:
        return label in settings.labels
    return (label or "").lower() not in _NOISE_LABELS
