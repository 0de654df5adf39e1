"""The writer of Blackrock files of spikes and digital events (.nev, file specification 2.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.simulate.nsx_writer import CHANNELS_PER_BANK, TIME_ORIGIN

WAVEFORM_SAMPLES = 48

_BASIC_HEADER = np.dtype(
    [
        ("file_type", "S8"),
        ("version", "u1", 2),
        ("flags", "<u2"),
        ("bytes_in_headers", "<u4"),
        ("bytes_in_packets", "<u4"),
        ("clock_hz", "<u4"),
        ("waveform_hz", "<u4"),
        ("time_origin", "<u2", 8),
        ("application", "S32"),
        ("comment", "S256"),
        ("n_extended_headers", "<u4"),
    ]
)
_WAVEFORM_HEADER = np.dtype(
    [
        ("type", "S8"),
        ("channel", "<u2"),
        ("connector", "u1"),
        ("pin", "u1"),
        ("nanovolts_per_bit", "<u2"),
        ("energy_threshold", "<u2"),
        ("high_threshold", "<i2"),
        ("low_threshold", "<i2"),
        ("n_classes", "u1"),
        ("bytes_per_sample", "u1"),
        ("n_samples", "<u2"),
        ("reserved", "V8"),
    ]
)
_LABEL_HEADER = np.dtype([("type", "S8"), ("channel", "<u2"), ("label", "S16"), ("reserved", "V6")])
_SPIKE_PACKET = np.dtype(
    [
        ("timestamp", "<u4"),
        ("channel", "<u2"),
        ("unit_class", "u1"),
        ("reserved", "u1"),
        ("waveform", "<i2", WAVEFORM_SAMPLES),
    ]
)
_DIGITAL_PACKET = np.dtype(
    [
        ("timestamp", "<u4"),
        ("packet_id", "<u2"),
        ("reason", "u1"),
        ("reserved", "u1"),
        ("value", "<u2"),
        ("filler", "V94"),
    ]
)
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
    spike_packets = np.zeros(len(spikes.samples), dtype=_SPIKE_PACKET)
    spike_packets["timestamp"] = spikes.samples
    spike_packets["channel"] = spikes.channels
    spike_packets["unit_class"] = spikes.classes
    spike_packets["waveform"] = spikes.waveforms
    digital_packets = np.zeros(len(digital.samples), dtype=_DIGITAL_PACKET)
    digital_packets["timestamp"] = digital.samples
    digital_packets["reason"] = _DIGITAL_CHANGE
    digital_packets["value"] = digital.values
    packets = np.concatenate([digital_packets.view(_SPIKE_PACKET), spike_packets])
    packets = packets[np.argsort(packets["timestamp"], kind="stable")]
    n_classes = [len(np.unique(spikes.classes[(spikes.channels == c) & (spikes.classes > 0)])) for c in channels]
    extended = (
        _waveform_headers(channels, n_classes, resolution_uv).tobytes() + _label_headers(channels, labels).tobytes()
    )
    basic = np.zeros(1, dtype=_BASIC_HEADER)
    basic["file_type"] = b"NEURALEV"
    basic["version"] = (2, 3)
    basic["flags"] = _ALL_WAVEFORMS_16_BIT
    basic["bytes_in_headers"] = _BASIC_HEADER.itemsize + len(extended)
    basic["bytes_in_packets"] = _SPIKE_PACKET.itemsize
    basic["clock_hz"] = 30_000
    basic["waveform_hz"] = 30_000
    basic["time_origin"] = TIME_ORIGIN
    basic["application"] = b"nwb-spikeinference"
    basic["comment"] = b"simulated"
    basic["n_extended_headers"] = 2 * len(channels)
    path.write_bytes(basic.tobytes() + extended + packets.tobytes())


def _waveform_headers(channels: Sequence[int], n_classes: Sequence[int], resolution_uv: float) -> NDArray[np.void]:
    headers = np.zeros(len(channels), dtype=_WAVEFORM_HEADER)
    headers["type"] = b"NEUEVWAV"
    headers["channel"] = channels
    headers["connector"] = [1 + (channel - 1) // CHANNELS_PER_BANK for channel in channels]
    headers["pin"] = [1 + (channel - 1) % CHANNELS_PER_BANK for channel in channels]
    headers["nanovolts_per_bit"] = round(resolution_uv * 1e3)
    headers["low_threshold"] = round(-40 / resolution_uv)  # 5 times the noise
    headers["n_classes"] = n_classes
    headers["bytes_per_sample"] = 2
    headers["n_samples"] = WAVEFORM_SAMPLES
    return headers


def _label_headers(channels: Sequence[int], labels: Sequence[str]) -> NDArray[np.void]:
    headers = np.zeros(len(channels), dtype=_LABEL_HEADER)
    headers["type"] = b"NEUEVLBL"
    headers["channel"] = channels
    headers["label"] = [label.encode("ascii") for label in labels]
    return headers
