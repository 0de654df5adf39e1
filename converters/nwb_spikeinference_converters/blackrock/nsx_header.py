"""
The headers of Blackrock .nsX files: specifications 2.1, 2.2, 2.3 and 3.0.

References
----------
.. [1] Blackrock Neurotech, File formats: NEV and NSx, LB-0023.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.files import reading

PERIODS_HZ = 30000  # the unit of a file's sampling period, whatever its time stamps count
WIDE_STAMPS = (3, 0)  # this and later specifications have 64-bit time stamps
_SPECS = ((2, 2), (2, 3), (3, 0))  # and 2.1, which has a header of its own
_MOST_CHANNELS = 1024

_HEADER_2_1 = np.dtype([("file_type", "S8"), ("label", "S16"), ("period", "<u4"), ("n_channels", "<u4")])
_HEADER = np.dtype(
    [
        ("file_type", "S8"), ("spec", "u1", (2,)), ("header_bytes", "<u4"), ("label", "S16"), ("comment", "S256"),
        ("period", "<u4"), ("ticks_hz", "<u4"), ("time_origin", "<u2", (8,)), ("n_channels", "<u4"),
    ]
)  # fmt: skip
_CHANNEL = np.dtype(
    [
        ("kind", "S2"), ("number", "<u2"), ("label", "S16"), ("connector", "u1"), ("pin", "u1"),
        ("min_digital", "<i2"), ("max_digital", "<i2"), ("min_analog", "<i2"), ("max_analog", "<i2"),
        ("unit", "S16"), ("filters", "V20"),
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NsxHeader:
    """What the headers of one file say."""

    path: Path
    size: int
    spec: tuple[int, int]
    rate_hz: float
    ticks_hz: float
    started: datetime | None  # UTC, by the recorder's computer
    numbers: tuple[int, ...]  # of electrodes
    channels: NDArray[np.void] | None  # labels and scales, which spec 2.1 does not have
    data_offset: int

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return 2 * len(self.numbers)

    @property
    def packet_header(self) -> np.dtype[np.void]:
        """What stands before the samples of a packet."""
        return np.dtype([("flag", "u1"), ("ticks", "<u8" if self.spec >= WIDE_STAMPS else "<u4"), ("n", "<u4")])


def read_nsx_header(path: Path) -> NsxHeader:
    """
    Read the headers of one file.

    Raises
    ------
    InputError
        If it is missing, damaged, or no .nsX file.
    """
    with reading(path), path.open("rb") as stream:
        head = stream.read(_HEADER.itemsize)
        size = path.stat().st_size
        if head[:8] == b"NEURALSG":
            return _read_old_header(path, size, stream)
        if head[:8] not in (b"NEURALCD", b"BRSMPGRP"):
            raise InputError(f"{path}: not a continuous Blackrock recording (its first bytes are others)")
        if len(head) < _HEADER.itemsize:
            raise InputError(f"{path}: truncated within its header; copy the file from the recorder again")
        basic = np.frombuffer(head, _HEADER)[0]
        n_channels = _check_count(path, int(basic["n_channels"]), int(basic["period"]), size)
        channels = np.fromfile(stream, _CHANNEL, n_channels)
    spec = (int(basic["spec"][0]), int(basic["spec"][1]))
    if spec not in _SPECS:
        raise InputError(f"{path}: file specification {spec[0]}.{spec[1]} is unknown; known: 2.1, 2.2, 2.3, 3.0")
    data_offset = int(basic["header_bytes"])
    if len(channels) != n_channels or data_offset < _HEADER.itemsize + channels.nbytes or basic["ticks_hz"] == 0:
        raise InputError(f"{path}: damaged header; copy the file from the recorder again")
    if np.any(channels["kind"] != b"CC"):
        raise InputError(f"{path}: damaged header of a channel; copy the file from the recorder again")
    return NsxHeader(
        path=path,
        size=size,
        spec=spec,
        rate_hz=PERIODS_HZ / int(basic["period"]),
        ticks_hz=float(basic["ticks_hz"]),
        started=read_time_origin(basic["time_origin"]),
        numbers=_check_numbers(path, channels["number"].tolist()),
        channels=channels,
        data_offset=data_offset,
    )


def _read_old_header(path: Path, size: int, stream: BinaryIO) -> NsxHeader:
    stream.seek(0)
    basic = np.frombuffer(stream.read(_HEADER_2_1.itemsize).ljust(_HEADER_2_1.itemsize, b"\0"), _HEADER_2_1)[0]
    n_channels = _check_count(path, int(basic["n_channels"]), int(basic["period"]), size)
    numbers = np.fromfile(stream, "<u4", n_channels).tolist()
    if len(numbers) != n_channels:
        raise InputError(f"{path}: truncated within its header; copy the file from the recorder again")
    return NsxHeader(
        path=path,
        size=size,
        spec=(2, 1),
        rate_hz=PERIODS_HZ / int(basic["period"]),
        ticks_hz=PERIODS_HZ,
        started=None,
        numbers=_check_numbers(path, numbers),
        channels=None,
        data_offset=_HEADER_2_1.itemsize + 4 * n_channels,
    )


def read_time_origin(fields: NDArray[np.uint16]) -> datetime | None:
    """The computer's time, as year, month, weekday, day, hour, minute, second, millisecond; None if it is blank."""
    year, month, _, day, hour, minute, second, millisecond = (int(field) for field in fields)
    try:
        return datetime(year, month, day, hour, minute, second, millisecond * 1000)
    except ValueError:
        return None


def _check_count(path: Path, n_channels: int, period: int, size: int) -> int:
    if not 0 < n_channels <= _MOST_CHANNELS or n_channels * 2 > size:
        raise InputError(f"{path}: damaged header ({n_channels} channels); copy the file from the recorder again")
    if period == 0:
        raise InputError(f"{path}: damaged header (sampling period 0); copy the file from the recorder again")
    return n_channels


def _check_numbers(path: Path, numbers: list[int]) -> tuple[int, ...]:
    if len(set(numbers)) != len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise InputError(f"{path}: damaged header (channel {twice} stands there twice); copy the file again")
    return tuple(numbers)
