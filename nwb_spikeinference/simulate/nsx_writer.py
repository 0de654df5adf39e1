"""The writer of Blackrock files of continuous signal (.ns6, file specification 2.3)."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError

MAX_DIGITAL = 32764

_BASIC_HEADER = np.dtype(
    [
        ("file_type", "S8"),
        ("version", "u1", 2),
        ("bytes_in_headers", "<u4"),
        ("label", "S16"),
        ("comment", "S256"),
        ("period", "<u4"),
        ("clock_hz", "<u4"),
        ("time_origin", "<u2", 8),
        ("n_channels", "<u4"),
    ]
)
_CHANNEL_HEADER = np.dtype(
    [
        ("type", "S2"),
        ("channel", "<u2"),
        ("label", "S16"),
        ("connector", "u1"),
        ("pin", "u1"),
        ("min_digital", "<i2"),
        ("max_digital", "<i2"),
        ("min_analog", "<i2"),
        ("max_analog", "<i2"),
        ("unit", "S16"),
        ("high_pass_mhz", "<u4"),
        ("high_pass_order", "<u4"),
        ("high_pass_type", "<u2"),
        ("low_pass_mhz", "<u4"),
        ("low_pass_order", "<u4"),
        ("low_pass_type", "<u2"),
    ]
)
_DATA_HEADER = np.dtype([("flag", "u1"), ("timestamp", "<u4"), ("n_samples", "<u4")])

TIME_ORIGIN = (2000, 1, 6, 1, 0, 0, 0, 0)  # Saturday, 1 January 2000: year, month, weekday, day, then the time
CHANNELS_PER_BANK = 32


def signal_offset(n_channels: int) -> int:
    """Bytes before the first sample of a file with one data packet."""
    return _BASIC_HEADER.itemsize + n_channels * _CHANNEL_HEADER.itemsize + _DATA_HEADER.itemsize


def write_nsx(
    path: Path,
    blocks: Iterable[NDArray[np.int16]],
    *,
    n_samples: int,
    channels: Sequence[int],
    labels: Sequence[str],
    resolution_uv: float,
) -> None:
    """
    Write one uninterrupted recording at 30 kHz, block by block.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n, n_channels), int16
        Successive stretches, `n_samples` rows altogether.
    resolution_uv : float
        Microvolts per bit, a multiple of 1 / 32764.

    Raises
    ------
    InputError
        If the blocks do not add up to `n_samples`.
    """
    basic = np.zeros(1, dtype=_BASIC_HEADER)
    basic["file_type"] = b"NEURALCD"
    basic["version"] = (2, 3)
    basic["bytes_in_headers"] = signal_offset(len(channels)) - _DATA_HEADER.itemsize
    basic["label"] = b"raw"
    basic["comment"] = b"simulated"
    basic["period"] = 1
    basic["clock_hz"] = 30_000
    basic["time_origin"] = TIME_ORIGIN
    basic["n_channels"] = len(channels)
    packet = np.array([(1, 0, n_samples)], dtype=_DATA_HEADER)
    written = 0
    with path.open("wb") as stream:
        stream.write(basic.tobytes() + _channel_headers(channels, labels, resolution_uv).tobytes() + packet.tobytes())
        for block in blocks:
            stream.write(np.ascontiguousarray(block, dtype="<i2").tobytes())
            written += len(block)
    if written != n_samples:
        raise InputError(
            f"{path}: {n_samples} samples were announced but {written} came; pass the number that is right"
        )


def _channel_headers(channels: Sequence[int], labels: Sequence[str], resolution_uv: float) -> NDArray[np.void]:
    headers = np.zeros(len(channels), dtype=_CHANNEL_HEADER)
    headers["type"] = b"CC"
    headers["channel"] = channels
    headers["label"] = [label.encode("ascii") for label in labels]
    headers["connector"] = [1 + (channel - 1) // CHANNELS_PER_BANK for channel in channels]
    headers["pin"] = [1 + (channel - 1) % CHANNELS_PER_BANK for channel in channels]
    headers["max_digital"] = MAX_DIGITAL
    headers["min_digital"] = -MAX_DIGITAL
    headers["max_analog"] = round(MAX_DIGITAL * resolution_uv)
    headers["min_analog"] = -round(MAX_DIGITAL * resolution_uv)
    headers["unit"] = b"uV"
    headers["high_pass_mhz"] = 300  # 0.3 Hz, first order, Butterworth
    headers["high_pass_order"] = 1
    headers["high_pass_type"] = 1
    headers["low_pass_mhz"] = 7_500_000
    headers["low_pass_order"] = 3
    headers["low_pass_type"] = 1
    return headers
