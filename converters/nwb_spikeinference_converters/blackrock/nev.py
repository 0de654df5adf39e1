"""
Blackrock .nev files: spikes, waveforms, digital words and comments.

Read by the file specification (2.1, 2.2, 2.3, 3.0); the whole file is mapped, never loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.files import reading
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference_converters.blackrock.nsx_header import WIDE_STAMPS, read_nsx_header, read_time_origin
from nwb_spikeinference_converters.recorder_files import list_parts
from nwb_spikeinference_converters.timing.clock import RecorderClock

UNSORTED, NOISE = 0, 255  # classes that are no units
_LAST_CLASS = 16  # 17-254 are reserved
_DIGITAL, _COMMENT = 0, 0xFFFF  # packet ids
_CHANGED, _SERIAL = 0x01, 0x80  # bits of the reason why a digital packet was written
_UTF16 = 1  # character set of a comment; all others are one byte per character
_COLOUR_BYTES = 4  # before the text of a comment
_SPIKE_IDS = (1, 10240)  # packet ids of electrodes
_SAME_START_S = 5.0  # files of one recording begin within milliseconds
_MOST_PACKET_BYTES = 4096  # the specifications allow 256
_OVERFLOWN_FACTOR, _ANALOG_FACTOR_NV = 21516, 152592.547  # the true factor of analog inputs does not fit in 16 bits

_HEADER = np.dtype(
    [
        ("file_type", "S8"), ("major", "u1"), ("minor", "u1"), ("flags", "<u2"), ("header_bytes", "<u4"),
        ("packet_bytes", "<u4"), ("ticks_hz", "<u4"), ("waveform_hz", "<u4"), ("time_origin", "<u2", (8,)),
        ("application", "S32"), ("comment", "S256"), ("n_extended", "<u4"),
    ]
)  # fmt: skip
_EXTENDED = np.dtype([("kind", "S8"), ("electrode", "<u2"), ("connector", "u1"), ("pin", "u1"), ("factor_nv", "<u2"),
                      ("energy", "<u2"), ("high", "<i2"), ("low", "<i2"), ("n_units", "u1"), ("sample_bytes", "u1"),
                      ("rest", "V10")])  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NevFile:
    """An opened .nev file, or several parts of one recording; arrays are in file order."""

    path: Path  # the first part
    files: tuple[Path, ...]
    started: datetime | None  # UTC, by the recorder's computer
    ticks_hz: float
    waveform_hz: float
    volts_per_step: dict[int, float]  # by electrode
    sample_bytes: dict[int, int]
    packets: NDArray[np.void]  # fields ticks, id, klass, and body
    part_starts: tuple[int, ...] = (0,)  # the first packet of each part

    def find_spikes(self) -> IntArray:
        """Rows of the packets that are spikes, sorted or not."""
        number = self.packets["id"]
        return np.flatnonzero((number >= _SPIKE_IDS[0]) & (number <= _SPIKE_IDS[1]))

    def seconds(self, clock: RecorderClock) -> FloatArray:
        """
        Time of every packet, in seconds on the recorder's clock; NaN where it may be of either side of a reset.

        All packets together show where the clock was set back, which a few words far apart may hide. Comments may be
        stamped with an earlier time than that of the packets around them, so they take no part in that.

        Raises
        ------
        InputError
            If the file is of another session than the continuous recording.
        """
        self._require_same_session(clock.files)
        ticks = self.packets["ticks"].astype(np.int64)
        others = np.flatnonzero(self.packets["id"] != _COMMENT)
        neighbours = ticks
        if len(others):
            nearest = np.searchsorted(others, np.arange(len(ticks)), side="right") - 1
            neighbours = ticks[others[np.maximum(nearest, 0)]]
        parts = list(zip(self.part_starts, self.files, strict=True))
        seconds = clock.unroll(neighbours, self.ticks_hz, str(self.path), parts)
        return seconds + (ticks - neighbours) / self.ticks_hz

    def _require_same_session(self, recording: Sequence[Path]) -> None:
        continuous = [path for path in recording if path.suffix.lower().startswith(".ns")]
        starts = [start for path in continuous if (start := read_nsx_header(path).started) is not None]
        if self.started is None or not starts:
            return
        apart_s = min(abs((self.started - start).total_seconds()) for start in starts)
        if apart_s > _SAME_START_S:
            raise InputError(
                f"{self.path}: began {apart_s:.0f} s before or after {continuous[0].name}, so they are of different "
                f"recordings; give the .nev that was recorded beside it"
            )

    def waveforms(self, spikes: NDArray[np.void], electrode: int) -> FloatArray:
        """Waveforms of spikes of one electrode, shape (n_spikes, n_samples), in volts."""
        dtype = np.dtype(f"<i{self.sample_bytes.get(electrode, 2)}")
        body = np.ascontiguousarray(spikes["body"])
        n_samples = body.shape[1] // dtype.itemsize
        raw = body[:, : n_samples * dtype.itemsize].copy().view(dtype)
        return raw * self.volts_per_step.get(electrode, np.nan)

    def find_words(self, *, serial: bool = False) -> IntArray:
        """Rows of the packets that are words on the digital input: of its parallel port, or of its serial one."""
        rows = np.flatnonzero(self.packets["id"] == _DIGITAL)
        reason = self.packets["klass"][rows]
        found: IntArray = rows[(reason & _CHANGED > 0) & ((reason & _SERIAL > 0) == serial)]
        return found

    def words(self, rows: IntArray) -> IntArray:
        """Values of digital words, 0 to 65535."""
        return self.packets["body"][rows, :2].copy().view("<u2")[:, 0].astype(np.int64)

    def find_comments(self) -> IntArray:
        """Rows of the packets that are comments."""
        return np.flatnonzero(self.packets["id"] == _COMMENT)

    def comments(self, rows: IntArray) -> tuple[str, ...]:
        """Texts of comments."""
        return tuple(
            _decode(self.packets["body"][row, _COLOUR_BYTES:].tobytes(), int(self.packets["klass"][row]))
            for row in rows
        )


def is_unit_class(klass: int) -> bool:
    """Whether a class of a .nev file is a sorted unit: neither unsorted, nor noise, nor reserved."""
    return UNSORTED < klass <= _LAST_CLASS


def read_nev(path: Path) -> NevFile:
    """
    Open a .nev file, or the parts of one recording that a pattern such as ``raw-*.nev`` names.

    Raises
    ------
    InputError
        If it is missing, truncated, or no .nev file.
    """
    first, *others = [_read_part(part) for part in list_parts(path)]
    for other in others:
        if (other.ticks_hz, other.packets.dtype) != (first.ticks_hz, first.packets.dtype):
            raise InputError(
                f"{other.path}: clock or packets differ from {first.path.name}; give it an entry of its own"
            )
    if not others:
        return first
    lengths = [len(part.packets) for part in (first, *others)]
    return replace(
        first,
        files=tuple(part.path for part in (first, *others)),
        packets=np.concatenate([part.packets for part in (first, *others)]),
        part_starts=(0, *np.cumsum(lengths[:-1]).tolist()),
    )


def _read_part(path: Path) -> NevFile:
    with reading(path):
        size = path.stat().st_size
        header = np.fromfile(path, dtype=_HEADER, count=1)
    if not len(header) or header[0]["file_type"] not in (b"NEURALEV", b"BREVENTS"):
        raise InputError(f"{path}: not a Blackrock .nev file (its first bytes are others)")
    head = header[0]
    header_bytes, packet_bytes = int(head["header_bytes"]), int(head["packet_bytes"])
    n_extended = int(head["n_extended"])
    is_whole = header_bytes == _HEADER.itemsize + n_extended * _EXTENDED.itemsize and header_bytes <= size
    if not is_whole or not 20 <= packet_bytes <= _MOST_PACKET_BYTES:
        raise InputError(f"{path}: damaged header; copy the file from the recorder again")
    if head["ticks_hz"] == 0 or head["waveform_hz"] == 0:
        raise InputError(f"{path}: damaged header (clock of 0 Hz); copy the file from the recorder again")
    if (size - header_bytes) % packet_bytes:
        raise InputError(
            f"{path}: ends in the middle of a packet ({(size - header_bytes) % packet_bytes} of {packet_bytes} bytes); "
            f"copy the file from the recorder again"
        )
    extended = np.fromfile(path, dtype=_EXTENDED, count=n_extended, offset=_HEADER.itemsize)
    waves = extended[extended["kind"] == b"NEUEVWAV"]
    return NevFile(
        path=path,
        files=(path,),
        started=read_time_origin(head["time_origin"]),
        ticks_hz=float(head["ticks_hz"]),
        waveform_hz=float(head["waveform_hz"]),
        volts_per_step={int(wave["electrode"]): _volts_per_step(int(wave["factor_nv"])) for wave in waves},
        sample_bytes={int(wave["electrode"]): _sample_bytes(path, int(wave["sample_bytes"])) for wave in waves},
        packets=_map_packets(path, head, (size - header_bytes) // packet_bytes),
    )


def _decode(text: bytes, character_set: int) -> str:
    if character_set == _UTF16:
        return text[: len(text) // 2 * 2].decode("utf-16-le", errors="replace").split("\0")[0].strip()
    return text.split(b"\0")[0].decode("cp1252", errors="replace").strip()


def _sample_bytes(path: Path, value: int) -> int:
    size = max(1, value)  # 0 stands for 1
    if size not in (1, 2, 4):
        raise InputError(
            f"{path}: damaged header (waveform samples of {size} bytes); copy the file from the recorder again"
        )
    return size


def _volts_per_step(factor_nv: int) -> float:
    return (_ANALOG_FACTOR_NV if factor_nv == _OVERFLOWN_FACTOR else factor_nv) * 1e-9


def _map_packets(path: Path, head: np.void, n_packets: int) -> NDArray[np.void]:
    wide = (head["file_type"] == b"BREVENTS") and (int(head["major"]), int(head["minor"])) >= WIDE_STAMPS
    stamp = "<u8" if wide else "<u4"
    prefix = np.dtype(stamp).itemsize + 4
    body = ("body", "u1", (int(head["packet_bytes"]) - prefix,))
    dtype = np.dtype([("ticks", stamp), ("id", "<u2"), ("klass", "u1"), ("reserved", "u1"), body])
    if not n_packets:
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r", offset=int(head["header_bytes"]), shape=(n_packets,))
