"""
Exports of Offline Sorter, written from the descriptions of their formats.

References
----------
.. [1] Plexon Inc., Plexon.h, Offline Files SDK, https://plexon.com/software-downloads
.. [2] Nex Technologies, NexFile.h and Nex5File.h, https://www.neuroexplorer.com/docs/guides/readwritefiles.html
"""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TICKS_HZ = 40000
Waveform = Sequence[int]
Spike = tuple[int, int, int, Waveform]  # tick, channel, unit, steps

PLX_HEADERS = 7504 + 2 * 1020 + 296 + 296  # two spike channels, one for events, one slow
SPIKE, EVENT, SLOW = 1, 4, 5


def plx_block(kind: int, tick: int, channel: int, unit: int, samples: Sequence[int] = ()) -> bytes:
    """One data block; its time has five bytes."""
    header = struct.pack(
        "<hHIhhhh", kind, tick >> 32, tick & 0xFFFFFFFF, channel, unit, min(len(samples), 1), len(samples)
    )
    return header + struct.pack(f"<{len(samples)}h", *samples)


def write_plx(
    path: Path, blocks: Sequence[bytes], *, version: int = 106, gain: int = 4, waveform_hz: int = TICKS_HZ
) -> Path:
    """Write a file of spike channels 3 and 4, event channel 2 and slow channel 0."""
    header = struct.pack("<Ii128s", 0x58454C50, version, b"comment")
    header += struct.pack("<14id", TICKS_HZ, 2, 1, 1, 8, 2, 2020, 1, 2, 3, 4, 5, 0, waveform_hz, 0.0)
    header += struct.pack("<4B3H", 1, 1, 12, 12, 3000, 5000, 500)
    content = header.ljust(7504, b"\0")
    for channel in (3, 4):
        name = f"sig{channel:03d}".encode()
        content += struct.pack("<32s32s5i", name, name, channel, 0, channel, 0, gain).ljust(1020, b"\0")
    content += struct.pack("<32si", b"Event002", 2).ljust(296, b"\0")
    content += struct.pack("<32s5i", b"AD01", 0, 1000, 1, 1, 1).ljust(296, b"\0")
    path.write_bytes(content + b"".join(blocks))
    return path


def write_nex(path: Path, variables: Sequence[tuple[int, str, Sequence[int], NDArray[np.int16] | None]]) -> Path:
    """Write (type, name, ticks, waveforms of shape (n_spikes, n_samples)); steps of 0.01 mV from -0.5 mV on."""
    start, headers, data = 544 + 208 * len(variables), b"", b""
    for kind, name, ticks, waveforms in variables:
        place = (start + len(data), len(ticks), 0, 0, 0, 0, 0.0, 0.0, float(TICKS_HZ), 0.01)
        n_samples = 0 if waveforms is None else waveforms.shape[1]
        header = struct.pack("<2i64s6i4d", kind, 102, name.encode(), *place)
        headers += (header + struct.pack("<3i2d", n_samples, 0, 0, -0.5, 0.0)).ljust(208, b"\0")
        data += np.asarray(ticks, dtype="<i4").tobytes() + (b"" if waveforms is None else waveforms.tobytes())
    header = struct.pack("<4si256sd3i", b"NEX1", 106, b"", TICKS_HZ, 0, 10**6, len(variables)).ljust(544, b"\0")
    path.write_bytes(header + headers + data)
    return path


def write_nex5(path: Path, variables: Sequence[tuple[int, str, Sequence[int], NDArray[np.float32] | None]]) -> Path:
    """Write (type, name, ticks of 64 bits, waveforms of shape (n_spikes, n_samples) in millivolts)."""
    start, headers, data = 356 + 244 * len(variables), b"", b""
    for kind, name, ticks, waveforms in variables:
        n_samples = 0 if waveforms is None else waveforms.shape[1]
        header = struct.pack("<2i64s2Q2id", kind, 502, name.encode(), start + len(data), len(ticks), 1, 1, TICKS_HZ)
        header += struct.pack("<32s2dQd4i", b"mV", 1.0, 0.0, n_samples, 0.0, 0, 0, 0, 0)
        headers += header.ljust(244, b"\0")
        data += np.asarray(ticks, dtype="<i8").tobytes() + (b"" if waveforms is None else waveforms.tobytes())
    header = struct.pack("<4si256sdqiQq", b"NEX5", 502, b"", TICKS_HZ, 0, len(variables), 0, 10**6).ljust(356, b"\0")
    path.write_bytes(header + headers + data)
    return path
