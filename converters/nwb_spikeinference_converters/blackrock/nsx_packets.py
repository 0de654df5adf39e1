"""
Packets of Blackrock .nsX files: where their samples lie, and when they were taken.

neo's reader is not used here: it drops the last sample of spec 2.1, misses clocks that were set back between PTP
packets, and holds the time stamps of a whole PTP file in memory several times. Tests compare samples with it.

References
----------
.. [1] Blackrock Neurotech, File formats: NEV and NSx, LB-0023.
.. [2] Blackrock Neurotech, PTP Data Alignment. https://support.blackrockneurotech.com/portal/en/kb/articles/ptp-alignment
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.files import reading
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference_converters.blackrock.nsx_header import WIDE_STAMPS, NsxHeader

_MOST_PACKETS = 500_000  # of several samples each
_MOST_LOST = 10_000  # places where packets of single samples are missing
_GRID = 1024  # single-sample packets between two that are looked at first: two crystals drift by 0.1 sample
_CAUGHT_UP = 30  # packets; stamps that are late for longer tell lost samples, for shorter a busy recorder
_STAMPS_FOR_RATE = 2000  # of one run, and fewer of a short one
_SAMPLES_PER_STAMP = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class NsxRun:
    """Samples that lie one after the other in a file, without a pause, each `stride` bytes after the previous one."""

    header: NsxHeader
    offset: int  # of the first sample, in bytes
    n_samples: int
    stride: int
    stamped: IntArray  # some samples, the first among them, counted from the start of the run
    ticks: IntArray  # their time stamps

    def read(self, start: int, stop: int) -> IntArray:
        """Samples as int16 of shape (stop - start, n_channels)."""
        path, n_channels = self.header.path, len(self.header.numbers)
        if stop <= start:
            return np.zeros((0, n_channels), np.int16)
        between = self.stride - self.header.sample_bytes
        n_bytes = (stop - start) * self.stride - between
        with reading(path):
            content = np.fromfile(path, dtype=np.uint8, count=n_bytes, offset=self.offset + start * self.stride)
        if len(content) != n_bytes:
            raise InputError(f"{path}: became shorter while it was read; keep it as it is until the end")
        return np.ndarray((stop - start, n_channels), "<i2", content, strides=(self.stride, 2))


def list_runs(header: NsxHeader) -> list[NsxRun]:
    """
    Everything that a file holds, in file order.

    Raises
    ------
    InputError
        If the file ends too early, or holds something else between its packets.
    """
    with reading(header.path), header.path.open("rb") as stream:
        if header.spec < (2, 2):
            return [_whole_file(header)]
        if _has_single_samples(header, stream):
            return _list_single_samples(header, stream)
        return list(_list_packets(header, stream))


def _whole_file(header: NsxHeader) -> NsxRun:
    n_samples, rest = divmod(header.size - header.data_offset, header.sample_bytes)
    if rest:
        raise _truncated(header, f"{rest} bytes beyond sample {n_samples}")
    return _make_run(header, header.data_offset, n_samples, 0)


def _make_run(header: NsxHeader, offset: int, n_samples: int, ticks: int) -> NsxRun:
    return NsxRun(
        header=header,
        offset=offset,
        n_samples=n_samples,
        stride=header.sample_bytes,
        stamped=np.zeros(1, np.int64),
        ticks=np.array([ticks], np.uint64).astype(np.int64),
    )


def _truncated(header: NsxHeader, what: str) -> InputError:
    return InputError(f"{header.path}: truncated or damaged ({what}); copy the file from the recorder again")


def _list_packets(header: NsxHeader, stream: BinaryIO) -> Iterator[NsxRun]:
    """One run per packet; empty ones are left out."""
    kind, offset = header.packet_header, header.data_offset
    for number in range(_MOST_PACKETS + 1):
        if offset == header.size:
            return
        stream.seek(offset)
        head = stream.read(kind.itemsize)
        if len(head) < kind.itemsize or head[0] != 1:
            raise _truncated(header, f"no data packet at byte {offset} of {header.size}")
        packet = np.frombuffer(head, kind)[0]
        n_samples, offset = int(packet["n"]), offset + kind.itemsize
        held = (header.size - offset) // header.sample_bytes
        if n_samples > held:
            raise _truncated(header, f"packet {number + 1} should hold {n_samples} samples, the file ends after {held}")
        if n_samples:
            yield _make_run(header, offset, n_samples, int(packet["ticks"]))
        offset += n_samples * header.sample_bytes
    raise InputError(f"{header.path}: damaged: more than {_MOST_PACKETS} packets; copy the file again")


def _single_packet(header: NsxHeader) -> np.dtype[np.void]:
    return np.dtype([*header.packet_header.descr, ("samples", "<i2", (len(header.numbers),))])


def _has_single_samples(header: NsxHeader, stream: BinaryIO) -> bool:
    """Whether each sample is a packet with its own time stamp (PTP), as the first two packets tell."""
    if header.spec < WIDE_STAMPS:
        return False
    kind = _single_packet(header)
    stream.seek(header.data_offset)
    content = stream.read(2 * kind.itemsize)
    packets = np.frombuffer(content, kind, len(content) // kind.itemsize)
    return len(packets) > 0 and bool(np.all((packets["flag"] == 1) & (packets["n"] == 1)))


def _list_single_samples(header: NsxHeader, stream: BinaryIO) -> list[NsxRun]:
    kind = _single_packet(header)
    n_packets, rest = divmod(header.size - header.data_offset, kind.itemsize)
    if rest:
        raise _truncated(header, f"{rest} bytes beyond sample {n_packets}")
    grid = np.append(np.arange(0, n_packets - 1, _GRID), n_packets - 1)
    ticks = np.array([_read_stamps(header, stream, int(at), 1)[0] for at in grid])
    step = header.ticks_hz / header.rate_hz
    doubtful = np.flatnonzero(np.abs(np.diff(ticks) - np.diff(grid) * step) > 0.5 * step)
    starts = [0]
    for interval in doubtful:
        first, last = int(grid[interval]), int(grid[interval + 1])
        stamps = _read_stamps(header, stream, first, min(last + _CAUGHT_UP, n_packets - 1) - first + 1)
        starts += (first + _find_jumps(stamps, step, last - first)).tolist()
        if len(starts) > _MOST_LOST:
            raise InputError(f"{header.path}: damaged: samples are missing in more than {_MOST_LOST} places")
    return [
        _single_run(header, stream, start, stop - start)
        for start, stop in zip(starts, [*starts[1:], n_packets], strict=True)
    ]


def _read_stamps(header: NsxHeader, stream: BinaryIO, first: int, n: int) -> IntArray:
    """Time stamps of successive packets of one sample each."""
    kind = _single_packet(header)
    stream.seek(header.data_offset + first * kind.itemsize)
    packets = np.frombuffer(stream.read(n * kind.itemsize), kind)
    if np.any((packets["flag"] != 1) | (packets["n"] != 1)):
        raise _truncated(header, f"packets {first + 1} to {first + n} do not all hold one sample as the first one does")
    return packets["ticks"].astype(np.int64)


def _find_jumps(ticks: IntArray, step: float, n: int) -> IntArray:
    """Among the first `n` samples after the first one, those before which samples are missing, or time went back."""
    gaps = np.diff(ticks)[:n]
    candidates = np.flatnonzero((gaps > 1.5 * step) | (gaps < 0.5 * step))[:, None]
    ahead = np.arange(1, _CAUGHT_UP + 1)
    later = np.minimum(candidates + ahead, len(ticks) - 1)
    late = ticks[later] - ticks[candidates] - step * (later - candidates)
    found: IntArray = candidates[np.all(late > 0.5 * step, axis=1) | np.all(late < -0.5 * step, axis=1), 0] + 1
    return found


def _single_run(header: NsxHeader, stream: BinaryIO, first: int, n_samples: int) -> NsxRun:
    kind = _single_packet(header)
    n_stamps = min(_STAMPS_FOR_RATE, 3 + n_samples // _SAMPLES_PER_STAMP)
    stamped = np.unique(np.linspace(0, n_samples - 1, n_stamps).astype(np.int64))
    return NsxRun(
        header=header,
        offset=header.data_offset + first * kind.itemsize + header.packet_header.itemsize,
        n_samples=n_samples,
        stride=kind.itemsize,
        stamped=stamped,
        ticks=np.concatenate([_read_stamps(header, stream, first + int(at), 1) for at in stamped]),
    )
