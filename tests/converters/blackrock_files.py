"""
Blackrock files as the format's documentation describes them, with contents that a test knows.

References
----------
.. [1] Blackrock Neurotech, File formats: NEV and NSx, LB-0023 (specifications 2.1 to 3.0).
.. [2] Blackrock Neurotech, PTP Data Alignment. https://support.blackrockneurotech.com/portal/en/kb/articles/ptp-alignment
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

Spec = tuple[int, int]
STARTED = datetime(2021, 3, 4, 10, 20, 30, 400_000, tzinfo=UTC)
PTP_HZ = 1_000_000_000
PTP_START_NS = 1_614_853_230_400_000_000  # the same moment, as nanoseconds since 1970
WAVEFORM_SAMPLES = 48
COMMENT = 0xFFFF


def make_samples(n_samples: int, n_channels: int, seed: int = 0) -> np.ndarray:
    """Any int16 values, the extreme ones among them."""
    samples = np.random.default_rng(seed).integers(-32768, 32768, (n_samples, n_channels), dtype=np.int16)
    samples[0, 0], samples[-1, -1] = -32768, 32767
    return samples


def ptp_stamps(n_samples: int, *, start_ns: int = PTP_START_NS, rate_hz: float = 30000.0) -> np.ndarray:
    """Time stamps of samples taken at a steady rate."""
    return start_ns + np.rint(np.arange(n_samples) * (PTP_HZ / rate_hz)).astype(np.int64)


def write_nsx(
    path: Path,
    packets: Sequence[tuple[int, np.ndarray]],
    *,
    spec: Spec = (2, 3),
    channels: Sequence[int] | None = None,
    rate_hz: float = 30000,
    ticks_hz: int = 30000,
    started: datetime = STARTED,
    unit: bytes = b"uV",
) -> Path:
    """Write packets of (time stamp, samples); a step is a quarter of a microvolt."""
    channels = channels or range(1, packets[0][1].shape[1] + 1)
    body = b"".join(
        struct.pack("<BQI" if spec >= (3, 0) else "<BII", 1, int(ticks), len(samples)) + samples.astype("<i2").tobytes()
        for ticks, samples in packets
    )
    path.write_bytes(_nsx_headers(spec, channels, rate_hz, ticks_hz, started, unit) + body)
    return path


def write_ptp_nsx(
    path: Path,
    stamps_ns: np.ndarray,
    samples: np.ndarray,
    *,
    channels: Sequence[int] | None = None,
    rate_hz: float = 30000,
    started: datetime = STARTED,
) -> Path:
    """Write a packet of its own for each sample, as recorders on a PTP network do."""
    n_channels = samples.shape[1]
    kind = np.dtype([("flag", "u1"), ("stamp", "<u8"), ("n", "<u4"), ("samples", "<i2", (n_channels,))])
    body = np.zeros(len(samples), dtype=kind)
    body["flag"], body["stamp"], body["n"], body["samples"] = 1, stamps_ns, 1, samples
    headers = _nsx_headers((3, 0), channels or range(1, n_channels + 1), rate_hz, PTP_HZ, started, b"uV")
    path.write_bytes(headers + body.tobytes())
    return path


def write_nsx_2_1(path: Path, samples: np.ndarray, channels: Sequence[int], *, rate_hz: float = 30000) -> Path:
    """Write a file of the old kind: no time stamps, no scale."""
    header = struct.pack("<8s16sII", b"NEURALSG", b"old", round(30000 / rate_hz), len(channels))
    path.write_bytes(header + np.array(channels, "<u4").tobytes() + samples.astype("<i2").tobytes())
    return path


def _nsx_headers(
    spec: Spec, channels: Sequence[int], rate_hz: float, ticks_hz: int, started: datetime, unit: bytes
) -> bytes:
    basic = struct.pack(
        "<8sBBI16s256sII16sI",
        b"BRSMPGRP" if spec >= (3, 0) else b"NEURALCD",
        *spec,
        314 + 66 * len(channels),
        b"test",
        b"Patient Jane Doe",
        round(30000 / rate_hz),
        ticks_hz,
        _time_origin(started),
        len(channels),
    )
    extended = b"".join(
        struct.pack(
            "<2sH16sBBhhhh16sIIHIIH",
            *(b"CC", channel, f"wire{channel}".encode(), 1, channel % 32, -32764, 32764, -8191, 8191, unit),
            *(300, 1, 1, 7_500_000, 3, 1),
        )
        for channel in channels
    )
    return basic + extended


def write_nev(
    path: Path,
    packets: Sequence[tuple[int, int, int, bytes]] = (),
    *,
    spec: Spec = (2, 3),
    channels: Sequence[int] = (1,),
    ticks_hz: int = 30000,
    started: datetime = STARTED,
) -> Path:
    """
    Write packets of (time stamp, id, class or reason, body), in the given order.

    A spike's id is its electrode, and its class the unit; `digital` and `comment` make the other kinds.
    """
    wide = spec >= (3, 0)
    packet_bytes = (12 if wide else 8) + 2 * WAVEFORM_SAMPLES
    basic = struct.pack(
        "<8sBBHIIII16s32s256sI",
        b"BREVENTS" if wide else b"NEURALEV",
        *spec,
        1,
        336 + 32 * len(channels),
        packet_bytes,
        ticks_hz,
        30000,
        _time_origin(started),
        b"test",
        b"Patient Jane Doe",
        len(channels),
    )
    extended = b"".join(
        struct.pack("<8sHBBHHhhBBH8s", b"NEUEVWAV", channel, 1, 1, 250, 0, 0, -100, 1, 2, WAVEFORM_SAMPLES, b"")
        for channel in channels
    )
    body = b"".join(
        (struct.pack("<QHBB" if wide else "<IHBB", int(ticks), number, klass, 0) + content).ljust(packet_bytes, b"\0")
        for ticks, number, klass, content in packets
    )
    path.write_bytes(basic + extended + body)
    return path


def spike(ticks: int, channel: int = 1, klass: int = 1) -> tuple[int, int, int, bytes]:
    """A packet of a spike with a trough of 50 microvolts."""
    waveform = np.zeros(WAVEFORM_SAMPLES, dtype="<i2")
    waveform[10:14] = (-100, -200, -100, 60)
    return ticks, channel, klass, waveform.tobytes()


def digital(ticks: int, value: int) -> tuple[int, int, int, bytes]:
    """A packet of a changed digital input."""
    return ticks, 0, 1, struct.pack("<H", value)


def comment(ticks: int, text: str) -> tuple[int, int, int, bytes]:
    """A packet of a comment: one byte per character, and a colour before the text."""
    return ticks, COMMENT, 0, struct.pack("<I", 255) + text.encode("latin-1")


def _time_origin(started: datetime) -> bytes:
    weekday = (started.weekday() + 1) % 7  # Sunday is 0
    return struct.pack(
        "<8H",
        *(started.year, started.month, weekday, started.day),
        *(started.hour, started.minute, started.second, started.microsecond // 1000),
    )
