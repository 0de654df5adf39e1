"""The writer of Blackrock files of spikes and digital events (.nev, file specification 2.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.simulate.nsx_writer import TIME_ORIGIN, channel_places, make_rows

WAVEFORM_SAMPLES = 48

_BASIC_BYTES = 336  # of the header
_ALL_WAVEFORMS_16_BIT = 1
_DIGITAL_CHANGE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeEvents:
    """Threshold crossings, in any order; class 0 is unsorted."""

    samples: IntArray  # (n_spikes,), on the 30 kHz clock
    channels: IntArray  # (n_spikes,)
    classes: IntArray  # (n_spikes,)
    waveforms: NDArray[np.int16]  # (n_spikes, 48)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalEvents:
    """Values seen at the recorder's digital input."""

    samples: IntArray  # (n_events,), on the 30 kHz clock
    values: IntArray  # (n_events,), 16 bit


def write_nev(
    path: Path,
    spikes: SpikeEvents,
    digital: DigitalEvents,
    *,
    channels: Sequence[int],
    labels: Sequence[str],
    resolution_uv: float,
) -> None:
    """Write all events in the order of their time; of equal times, digital events come first."""
    packets = _packets(spikes, digital)
    extended = _extended_headers(spikes, channels, labels, resolution_uv)
    basic = make_rows(
        1,
        ("file_type", "S8", b"NEURALEV"),
        ("version", "(2,)u1", (2, 3)),
        ("flags", "<u2", _ALL_WAVEFORMS_16_BIT),
        ("bytes_in_headers", "<u4", _BASIC_BYTES + len(extended)),
        ("bytes_in_packets", "<u4", packets.itemsize),
        ("clock_hz", "<u4", 30_000),
        ("waveform_hz", "<u4", 30_000),
        ("time_origin", "(8,)<u2", TIME_ORIGIN),
        ("application", "S32", b"nwb-spikeinference"),
        ("comment", "S256", b"simulated"),
        ("n_extended_headers", "<u4", 2 * len(channels)),
    )
    path.write_bytes(basic.tobytes() + extended + packets.tobytes())


def _packets(spikes: SpikeEvents, digital: DigitalEvents) -> NDArray[np.void]:
    spike_packets = make_rows(
        len(spikes.samples),
        ("timestamp", "<u4", spikes.samples),
        ("channel", "<u2", spikes.channels),
        ("unit_class", "u1", spikes.classes),
        ("reserved", "u1", 0),
        ("waveform", f"({WAVEFORM_SAMPLES},)<i2", spikes.waveforms),
    )
    digital_packets = make_rows(
        len(digital.samples),
        ("timestamp", "<u4", digital.samples),
        ("packet_id", "<u2", 0),
        ("reason", "u1", _DIGITAL_CHANGE),
        ("reserved", "u1", 0),
        ("value", "<u2", digital.values),
        ("filler", "V94", b""),
    )
    packets = np.concatenate([digital_packets.view(spike_packets.dtype), spike_packets])
    return packets[np.argsort(packets["timestamp"], kind="stable")]


def _extended_headers(
    spikes: SpikeEvents, channels: Sequence[int], labels: Sequence[str], resolution_uv: float
) -> bytes:
    """Of each channel, how its waveforms are stored, then what it is called."""
    n_classes = [len(np.unique(spikes.classes[(spikes.channels == c) & (spikes.classes > 0)])) for c in channels]
    waveforms = make_rows(
        len(channels),
        ("type", "S8", b"NEUEVWAV"),
        ("channel", "<u2", channels),
        *channel_places(channels),
        ("nanovolts_per_bit", "<u2", round(resolution_uv * 1e3)),
        ("energy_threshold", "<u2", 0),
        ("high_threshold", "<i2", 0),
        ("low_threshold", "<i2", round(-40 / resolution_uv)),  # 5 times the noise
        ("n_classes", "u1", n_classes),
        ("bytes_per_sample", "u1", 2),
        ("n_samples", "<u2", WAVEFORM_SAMPLES),
        ("reserved", "V8", b""),
    )
    names = make_rows(
        len(channels),
        ("type", "S8", b"NEUEVLBL"),
        ("channel", "<u2", channels),
        ("label", "S16", [label.encode("ascii") for label in labels]),
        ("reserved", "V6", b""),
    )
    return waveforms.tobytes() + names.tobytes()
