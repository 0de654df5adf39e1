"""
Continuous stretches of the signal of a neo reader, and their starts.

neo tells most pauses as segments. It does not tell samples that Open Ephys lost, refuses Intan recordings with a gap,
and starts both Intan and Plexon at zero whatever their time stamps say; here the time stamps are read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from neo.rawio import IntanRawIO

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import IntArray

_INTAN_MAGIC = (0xC6912702, 0xD69127AC)  # of .rhd and .rhs
_STAMPS_AT_ONCE = 2**20
_MOST_JUMPS = 10_000  # a file with more is damaged; each would become a series of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class NeoStretch:
    """Samples `first` to `first + n_samples` of one segment; `start_s` on the recorder's clock."""

    part: int = 0  # which of the files, where a recording has several
    segment: int
    first: int
    n_samples: int
    start_s: float


StreamTimes = tuple[float, list[NeoStretch]]  # rate and continuous stretches of a stream, as they were recorded
FindTimes = Callable[[Any, int], StreamTimes]  # (neo reader, index of the stream)


class GappyIntanRawIO(IntanRawIO):  # type: ignore[misc]
    """neo's Intan reader; it knows a foreign file, and allows gaps, for which neo loads all time stamps at once."""

    def _parse_header(self) -> None:
        path = Path(self.filename)
        with path.open("rb") as stream:
            if int.from_bytes(stream.read(4), "little") not in _INTAN_MAGIC:
                raise InputError(f"{path}: not an Intan recording (its first bytes are others)")
        super()._parse_header()

    def _assert_timestamp_continuity(self) -> None:
        pass


def times_by_segments(reader: Any, stream: int) -> StreamTimes:
    """
    Each segment is continuous and starts where neo says.

    Raises
    ------
    InputError
        If the file holds several of what neo calls blocks, whose clocks neo does not compare.
    """
    if reader.block_count() > 1:
        raise InputError(f"{reader.source_name()}: holds {reader.block_count()} recordings; save each as its own file")
    return float(reader.get_signal_sampling_rate(stream)), [
        NeoStretch(
            segment=segment,
            first=0,
            n_samples=int(reader.get_signal_size(0, segment, stream)),
            start_s=float(reader.get_signal_t_start(0, segment, stream)),
        )
        for segment in range(reader.segment_count(0))
    ]


def times_of_intan(reader: Any, stream: int) -> StreamTimes:
    """
    Stretches by the time stamps, which count samples of the amplifier from where the recording was triggered.

    References
    ----------
    .. [1] Intan Technologies, RHD2000 application note: data file formats. https://intantech.com/downloads.html
    """
    stamps = reader._raw_data["timestamp"]
    stamps = stamps[0] if isinstance(stamps, list) else stamps  # one file per channel
    amplifier_hz = float(reader._global_info["sampling_rate"])
    n_samples = int(reader.get_signal_size(0, 0, stream))
    return _times_by_counter(stamps, n_samples, amplifier_hz, segment=0, source=Path(reader.filename))


def times_of_open_ephys(reader: Any, stream: int) -> StreamTimes:
    """
    Stretches by the sample numbers that stand beside the signal of each recording.

    Raises
    ------
    InputError
        If there are several experiments: each has a clock of its own.

    References
    ----------
    .. [1] Open Ephys GUI documentation, Binary Format.
           https://open-ephys.github.io/gui-docs/User-Manual/Recording-data/Binary-format.html
    """
    if reader.block_count() > 1:
        raise InputError(
            f"{reader.dirname}: holds {reader.block_count()} experiments, each with its own clock; give the folder of "
            f"one of them, e.g. file: {Path(reader.dirname).name}/experiment1"
        )
    buffer = int(reader.header["signal_streams"]["buffer_id"][stream])
    stretches: list[NeoStretch] = []
    rate_hz = float(reader.get_signal_sampling_rate(stream))
    for segment in range(reader.segment_count(0)):
        info = reader._sig_streams[0][segment][buffer]
        folder = Path(info["raw_filename"]).parent
        n_samples = int(reader.get_signal_size(0, segment, stream))
        numbers = folder / "sample_numbers.npy"  # before version 0.6 of the GUI they were called time stamps
        stamps = np.load(numbers if numbers.exists() else folder / "timestamps.npy", mmap_mode="r")
        if stamps.dtype.kind != "i":
            raise InputError(f"{folder}: sample_numbers.npy is missing; copy the folder from the recorder again")
        if float(info["sample_rate"]) != rate_hz:
            raise InputError(
                f"{folder}: sampled at {info['sample_rate']:g} Hz, the recordings before it at {rate_hz:g} Hz; give "
                f"each its own entry under 'recordings'"
            )
        stretches += _times_by_counter(stamps, n_samples, rate_hz, segment=segment, source=folder)[1]
    return rate_hz, stretches


def _times_by_counter(
    stamps: IntArray, n_samples: int, counter_hz: float, *, segment: int, source: Path
) -> StreamTimes:
    """Stretches of a stream whose samples were counted; slower streams have one sample for every few counts."""
    if n_samples == 0:
        return counter_hz, []
    step, rest = divmod(stamps.size, n_samples)
    if rest or step == 0:
        raise InputError(
            f"{source}: holds {stamps.size} time stamps for {n_samples} samples, so the end of one is missing; "
            f"copy it from the recorder again"
        )
    firsts, counts = _find_runs(stamps, source)
    if any(first % step for first in firsts):
        raise InputError(
            f"{source}: its time stamps jump between two samples of a slower stream; leave that stream out"
        )
    starts_s = [count / counter_hz for count in counts]
    return counter_hz / step, make_stretches([first // step for first in firsts], n_samples, starts_s, segment)


def make_stretches(firsts: list[int], n_samples: int, starts_s: list[float], segment: int = 0) -> list[NeoStretch]:
    """Stretches of a segment of `n_samples` samples, from the first sample of each, and when it was taken."""
    return [
        NeoStretch(segment=segment, first=first, n_samples=stop - first, start_s=start_s)
        for first, stop, start_s in zip(firsts, [*firsts[1:], n_samples], starts_s, strict=True)
    ]


def _find_runs(stamps: IntArray, source: Path) -> tuple[list[int], list[int]]:
    """Where each run of successive numbers begins, and its first number."""
    firsts, counts, previous, at = [], [], None, 0
    for piece in _pieces(stamps):
        jumps = np.flatnonzero(np.diff(piece) != 1) + 1
        starts = jumps.tolist() if previous is not None and piece[0] == previous + 1 else [0, *jumps.tolist()]
        firsts += [at + start for start in starts]
        counts += [int(piece[start]) for start in starts]
        previous, at = int(piece[-1]), at + len(piece)
        if len(firsts) > _MOST_JUMPS:
            raise InputError(f"{source}: its time stamps jump more than {_MOST_JUMPS} times, so they are damaged")
    return firsts, counts


def _pieces(stamps: IntArray) -> Iterator[IntArray]:
    """Successive stretches of the stamps, flat; each row is one data block of the file."""
    rows = max(1, _STAMPS_AT_ONCE // max(1, stamps.size // len(stamps)))
    for row in range(0, len(stamps), rows):
        yield stamps[row : row + rows].astype(np.int64).ravel()


def join_stretches(stretches: Sequence[NeoStretch], rate_hz: float) -> list[list[NeoStretch]]:
    """Stretches that follow one another without a pause, as where a recorder begins a new file every minute."""
    joined: list[list[NeoStretch]] = []
    for stretch in stretches:
        if stretch.n_samples == 0:
            continue
        last = joined[-1][-1] if joined else None
        if last is not None and abs(last.start_s + last.n_samples / rate_hz - stretch.start_s) < 0.5 / rate_hz:
            joined[-1].append(stretch)
        else:
            joined.append([stretch])
    return joined
