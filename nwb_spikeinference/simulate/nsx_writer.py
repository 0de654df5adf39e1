"""The writer of Blackrock files of continuous signal (.ns6, file specification 2.3)."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError

MAX_DIGITAL = 32764

_BASIC_BYTES = 314  # of the header
_CHANNEL_BYTES = 66  # of the header of each channel
_DATA_BYTES = 9  # before the samples

TIME_ORIGIN = (2000, 1, 6, 1, 0, 0, 0, 0)  # Saturday, 1 January 2000: year, month, weekday, day, then the time
_CHANNELS_PER_BANK = 32


def signal_offset(n_channels: int) -> int:
    """Bytes before the first sample of a file with one data packet."""
    return _BASIC_BYTES + n_channels * _CHANNEL_BYTES + _DATA_BYTES


def make_rows(n_rows: int, *columns: tuple[str, str, Any]) -> NDArray[np.void]:
    """Rows of a table in a file: name, type and values of each column, one value per row or one for all."""
    rows = np.zeros(n_rows, dtype=[(name, kind) for name, kind, _ in columns])
    for name, _, values in columns:
        rows[name] = values
    return rows


def channel_places(channels: Sequence[int]) -> tuple[tuple[str, str, Any], ...]:
    """Columns that say where each channel is plugged in."""
    banks, pins = np.divmod(np.asarray(channels) - 1, _CHANNELS_PER_BANK)
    return ("connector", "u1", 1 + banks), ("pin", "u1", 1 + pins)


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
    basic = make_rows(
        1,
        ("file_type", "S8", b"NEURALCD"),
        ("version", "(2,)u1", (2, 3)),
        ("bytes_in_headers", "<u4", signal_offset(len(channels)) - _DATA_BYTES),
        ("label", "S16", b"raw"),
        ("comment", "S256", b"simulated"),
        ("period", "<u4", 1),
        ("clock_hz", "<u4", 30_000),
        ("time_origin", "(8,)<u2", TIME_ORIGIN),
        ("n_channels", "<u4", len(channels)),
    )
    packet = make_rows(1, ("flag", "u1", 1), ("timestamp", "<u4", 0), ("n_samples", "<u4", n_samples))
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
    return make_rows(
        len(channels),
        ("type", "S2", b"CC"),
        ("channel", "<u2", channels),
        ("label", "S16", [label.encode("ascii") for label in labels]),
        *channel_places(channels),
        ("min_digital", "<i2", -MAX_DIGITAL),
        ("max_digital", "<i2", MAX_DIGITAL),
        ("min_analog", "<i2", -round(MAX_DIGITAL * resolution_uv)),
        ("max_analog", "<i2", round(MAX_DIGITAL * resolution_uv)),
        ("unit", "S16", b"uV"),
        ("high_pass_mhz", "<u4", 300),  # 0.3 Hz, first order, Butterworth
        ("high_pass_order", "<u4", 1),
        ("high_pass_type", "<u2", 1),
        ("low_pass_mhz", "<u4", 7_500_000),
        ("low_pass_order", "<u4", 3),
        ("low_pass_type", "<u2", 1),
    )
