"""
Blackrock .nev files: spikes, waveforms and digital events.

Read by the file specification (2.1, 2.2, 2.3, 3.0); the whole file is mapped, never loaded.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray, IntArray

UNSORTED, NOISE = 0, 255  # classes that are no units
_LAST_CLASS = 16  # 17-254 are reserved
_DIGITAL, _PARALLEL_PORT = 0, 1  # packet id, and reason why it was written
_SPIKE_IDS = (1, 10240)  # packet ids of electrodes
_WIDE_STAMPS = (3, 0)  # this and later specifications may hold 64-bit time stamps
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
    """An opened .nev file; arrays are views of the mapped file, in file order."""

    path: Path
    ticks_hz: float
    waveform_hz: float
    volts_per_step: dict[int, float]  # by electrode
    sample_bytes: dict[int, int]
    packets: NDArray[np.void]  # fields ticks, id, klass, and body

    @property
    def spikes(self) -> NDArray[np.void]:
        """Packets that are spikes, sorted or not."""
        number = self.packets["id"]
        return self.packets[(number >= _SPIKE_IDS[0]) & (number <= _SPIKE_IDS[1])]

    def waveforms(self, spikes: NDArray[np.void], electrode: int) -> FloatArray:
        """Waveforms of spikes of one electrode, shape (n_spikes, n_samples), in volts."""
        dtype = np.dtype(f"<i{self.sample_bytes.get(electrode, 2)}")
        body = np.ascontiguousarray(spikes["body"])
        n_samples = body.shape[1] // dtype.itemsize
        raw = body[:, : n_samples * dtype.itemsize].copy().view(dtype)
        return raw * self.volts_per_step.get(electrode, np.nan)

    def digital_events(self) -> tuple[IntArray, IntArray]:
        """Time stamps and values of changes of the parallel digital input."""
        packets = self.packets[self.packets["id"] == _DIGITAL]
        packets = packets[packets["klass"] == _PARALLEL_PORT]
        return packets["ticks"], packets["body"][:, :2].copy().view("<u2")[:, 0]


def is_unit_class(klass: int) -> bool:
    """Whether a class of a .nev file is a sorted unit: neither unsorted, nor noise, nor reserved."""
    return UNSORTED < klass <= _LAST_CLASS


def read_nev(path: Path) -> NevFile:
    """
    Open a .nev file.

    Raises
    ------
    InputError
        If it is missing, truncated, or no .nev file.
    """
    try:
        size = path.stat().st_size
        header = np.fromfile(path, dtype=_HEADER, count=1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not len(header) or header[0]["file_type"] not in (b"NEURALEV", b"BREVENTS"):
        raise InputError(f"{path}: not a Blackrock .nev file (its first bytes are others)")
    head = header[0]
    header_bytes, packet_bytes = int(head["header_bytes"]), int(head["packet_bytes"])
    n_extended = int(head["n_extended"])
    if header_bytes != _HEADER.itemsize + n_extended * _EXTENDED.itemsize or header_bytes > size or packet_bytes < 20:
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
        ticks_hz=float(head["ticks_hz"]),
        waveform_hz=float(head["waveform_hz"]),
        volts_per_step={int(wave["electrode"]): _volts_per_step(int(wave["factor_nv"])) for wave in waves},
        sample_bytes={int(wave["electrode"]): _sample_bytes(path, int(wave["sample_bytes"])) for wave in waves},
        packets=_map_packets(path, head, (size - header_bytes) // packet_bytes),
    )


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
    wide = (head["file_type"] == b"BREVENTS") and (int(head["major"]), int(head["minor"])) >= _WIDE_STAMPS
    stamp = "<u8" if wide else "<u4"
    prefix = np.dtype(stamp).itemsize + 4
    body = ("body", "u1", (int(head["packet_bytes"]) - prefix,))
    dtype = np.dtype([("ticks", stamp), ("id", "<u2"), ("klass", "u1"), ("reserved", "u1"), body])
    if not n_packets:
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r", offset=int(head["header_bytes"]), shape=(n_packets,))
