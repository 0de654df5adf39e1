"""
Neuralynx .ncs files: one wire each, in records of up to 512 samples with a time stamp.

neo's reader is not used here: it maps every file for good, so that memory grows with the length of a recording. Tests
compare samples with it.

References
----------
.. [1] Neuralynx, Data File Formats.
   https://support.neuralynx.com/hc/en-us/articles/360040444811-TechTip-Neuralynx-Data-File-Formats
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.files import reading
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference_converters.neuralynx.neuralynx_header import (
    HEADER_BYTES,
    number_of,
    read_header,
    volts_per_step,
)
from nwb_spikeinference_converters.protocol import RawBlock, RawChannel
from nwb_spikeinference_converters.timing.clock import measure_rates

CLOCK_HZ = 1e6
_SAMPLES = 512  # of a full record
_RECORD = np.dtype(
    [("time_us", "<u8"), ("channel", "<u4"), ("rate_hz", "<u4"), ("n_valid", "<u4"), ("samples", "<i2", (_SAMPLES,))]
)
_RECORDS_AT_ONCE = 4096
_GAP_US = 1000  # time stamps are rounded to microseconds and jitter; recorders drop whole records of 16 ms


@dataclass(frozen=True, slots=True)
class NcsBlock:
    """Successive records without a gap."""

    first_record: int
    firsts: IntArray  # number of the first sample of each record, and of the one beyond the last
    block: RawBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class NcsFile:
    """One opened file; `channel.gain` is negative where the input was inverted, the samples stay as they are."""

    path: Path
    channel: RawChannel
    rate_hz: float
    blocks: tuple[NcsBlock, ...]

    def read(self, block: int, start: int, stop: int) -> IntArray:
        """Samples of one block as int16 of shape (stop - start,)."""
        firsts = self.blocks[block].firsts
        begin = int(np.searchsorted(firsts, start, side="right")) - 1
        end = int(np.searchsorted(firsts, stop, side="left"))
        records = _read_records(self.path, self.blocks[block].first_record + begin, end - begin)
        valid = np.arange(_SAMPLES) < records["n_valid"][:, None]
        return records["samples"][valid][start - firsts[begin] : stop - firsts[begin]]


def open_ncs(path: Path) -> NcsFile | None:
    """
    Open one file; None if it holds no samples, as those of channels that were switched off.

    Raises
    ------
    InputError
        If it is missing, truncated, damaged, or no Neuralynx file.
    """
    entries = read_header(path, _RECORD.itemsize)
    number = int(number_of(entries, "ADChannel", path))
    rate_hz = number_of(entries, "SamplingFrequency", path)
    if not rate_hz > 0:
        raise InputError(
            f"{path}: damaged header ({rate_hz:g} samples per second); copy the file from the recorder again"
        )
    gain = volts_per_step(entries, path)
    blocks = _find_blocks(path, rate_hz)
    if not blocks:
        return None
    return NcsFile(
        path=path,
        channel=RawChannel(number=number, label=entries.get("acqentname") or path.stem, gain=gain),
        rate_hz=rate_hz,
        blocks=tuple(blocks),
    )


def _find_blocks(path: Path, rate_hz: float) -> list[NcsBlock]:
    times_us, lengths = _read_stamps(path)
    if not len(times_us):
        return []
    if lengths.max() > _SAMPLES:
        raise InputError(f"{path}: damaged: a record claims {lengths.max()} of at most {_SAMPLES} samples")
    ends_us = times_us + lengths * (CLOCK_HZ / rate_hz)
    starts = np.flatnonzero(np.abs(times_us[1:] - ends_us[:-1]) > _GAP_US) + 1
    filled = [records for records in np.split(np.arange(len(times_us)), starts) if np.any(lengths[records])]
    firsts = [np.concatenate([[0], np.cumsum(lengths[records])]) for records in filled]
    stamps = [times_us[records] for records in filled]
    measured = measure_rates([one[:-1] for one in firsts], stamps, CLOCK_HZ, rate_hz, str(path))
    blocks = [
        RawBlock(start_s=float(stamp[0] / CLOCK_HZ), n_samples=int(first[-1]), rate_hz=block_hz)
        for stamp, first, block_hz in zip(stamps, firsts, measured, strict=True)
    ]
    return [
        NcsBlock(int(records[0]), first, block) for records, first, block in zip(filled, firsts, blocks, strict=True)
    ]


def _read_stamps(path: Path) -> tuple[IntArray, IntArray]:
    """Time stamps, in microseconds, and numbers of samples of all records."""
    times_us, lengths = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    n_records = (path.stat().st_size - HEADER_BYTES) // _RECORD.itemsize
    for first in range(0, n_records, _RECORDS_AT_ONCE):
        records = _read_records(path, first, min(_RECORDS_AT_ONCE, n_records - first))
        times_us.append(records["time_us"].astype(np.int64))
        lengths.append(records["n_valid"].astype(np.int64))
    return np.concatenate(times_us), np.concatenate(lengths)


def _read_records(path: Path, first: int, n: int) -> np.ndarray:
    with reading(path):
        records = np.fromfile(path, _RECORD, n, offset=HEADER_BYTES + first * _RECORD.itemsize)
    if len(records) != n:
        raise InputError(f"{path}: became shorter while it was read; keep it as it is until the end")
    return records
