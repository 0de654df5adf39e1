"""
Plexon ``.plx`` files: their spikes; the continuous signal is skipped.

References
----------
Layout: ``Plexon.h`` of Plexon's offline files SDK, https://plexon.com/software-downloads (file versions 100 to 107).
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference_converters.recorder_files import refusing
from nwb_spikeinference_converters.units.plexon.plexon_trains import PlexonContent, PlexonTrain, layout
from nwb_spikeinference_converters.units.shape import group_spikes

_MAGIC = 0x58454C50  # "PLEX"
_FILE_HEADER = layout(
    [
        ("magic", "<u4", 0), ("version", "<i4", 4), ("ticks_hz", "<i4", 136), ("n_spike_channels", "<i4", 140),
        ("n_event_channels", "<i4", 144), ("n_slow_channels", "<i4", 148), ("waveform_hz", "<i4", 188),
        ("bits", "u1", 202), ("max_mv", "<u2", 204), ("preamp_gain", "<u2", 208),
    ],
    7504,
)  # fmt: skip
_CHANNEL_HEADER = layout([("channel", "<i4", 64), ("gain", "<i4", 80)], 1020)
_OTHER_HEADER_BYTES = 296  # of event channels, and of slow ones
_BLOCK = struct.Struct("<hHIhhhh")  # type, upper byte of time, time, channel, unit, waveforms, words in each
_SPIKE = 1
_LARGEST_TYPE = 5


def read_plx(path: Path) -> PlexonContent:
    """
    Read all spikes of a file.

    Raises
    ------
    InputError
        If it is no ``.plx`` file, or truncated.
    """
    header, gains, start = _read_headers(path)
    blocks = _find_spikes(path, start)
    samples = np.memmap(path, dtype="<i2", mode="r", shape=(path.stat().st_size // 2,))
    trains = []
    for channel, unit, members in group_spikes(blocks["channel"], blocks["unit"]):
        mine = blocks[members]
        volts_per_step = _volts_per_step(header, gains.get(channel, 0))
        trains.append(
            PlexonTrain(
                channel=channel,
                unit=unit,
                times=mine["ticks"],
                waveforms=_waveforms(samples, mine, volts_per_step),
                waveform_rate_hz=float(header["waveform_hz"]),
            )
        )
    return PlexonContent(trains=tuple(trains), ticks_hz=float(header["ticks_hz"]))


def _read_headers(path: Path) -> tuple[Any, dict[int, int], int]:
    """File header, gain of each spike channel, and where the data blocks start."""
    with refusing(path, (OSError, ValueError), "not a .plx file"), path.open("rb") as stream:
        header = np.frombuffer(stream.read(_FILE_HEADER.itemsize), _FILE_HEADER, count=1)[0]
        counts = [int(header[f"n_{kind}_channels"]) for kind in ("spike", "event", "slow")]
        spike_bytes = counts[0] * _CHANNEL_HEADER.itemsize
        start = _FILE_HEADER.itemsize + spike_bytes + (counts[1] + counts[2]) * _OTHER_HEADER_BYTES
        if header["magic"] != _MAGIC or min(counts) < 0 or header["ticks_hz"] <= 0:
            raise InputError(f"{path}: not a .plx file, whatever its name says; export it again as .plx")
        if start > path.stat().st_size:
            raise InputError(f"{path}: ends within its headers, which need {start} bytes; copy the file again")
        channels = np.frombuffer(stream.read(spike_bytes), _CHANNEL_HEADER)
    return header, dict(zip(channels["channel"].tolist(), channels["gain"].tolist(), strict=True)), start


def _find_spikes(path: Path, start: int) -> NDArray[Any]:
    """Walk the data blocks, whose lengths stand in their headers only."""
    size, position, spikes = path.stat().st_size, start, []
    fields = [("ticks", "<i8"), ("channel", "<i4"), ("unit", "<i4"), ("first", "<i8"), ("n_samples", "<i4")]
    data: Any = np.memmap(path, dtype="u1", mode="r")
    while position < size:
        stop = position + _BLOCK.size
        if stop <= size:
            kind, upper, ticks, channel, unit, n_waveforms, n_words = _BLOCK.unpack_from(data, position)
            if not 0 < kind <= _LARGEST_TYPE or n_waveforms < 0 or n_words < 0:
                raise InputError(f"{path}: damaged at byte {position}: no data block of type {kind} exists")
            if kind == _SPIKE:
                n_samples = n_words if n_waveforms == 1 else 0
                spikes.append(((upper << 32) + ticks, channel, unit, stop // 2, n_samples))
            stop += 2 * n_waveforms * n_words
        if stop > size:
            raise InputError(f"{path}: truncated: the data block at byte {position} needs {stop - size} more bytes")
        position = stop
    return np.array(spikes, dtype=fields)


def _volts_per_step(header: Any, gain: int) -> float | None:
    """Size of one step of a waveform; what it depends on changed with the version."""
    version, max_mv, steps, preamp_gain = int(header["version"]), 3000, 2048, 1000
    if version >= 103:
        max_mv, steps = int(header["max_mv"]), 2 ** max(int(header["bits"]) - 1, 0)
    if version >= 105:
        preamp_gain = int(header["preamp_gain"])
    return max_mv / 1e3 / (steps * gain * preamp_gain) if gain > 0 and preamp_gain > 0 else None


def _waveforms(samples: IntArray, blocks: NDArray[Any], volts_per_step: float | None) -> FloatArray | None:
    n_samples = int(blocks["n_samples"][0])
    if volts_per_step is None or not n_samples or np.any(blocks["n_samples"] != n_samples):
        return None
    steps = samples[blocks["first"][:, None] + np.arange(n_samples)]
    return steps * volts_per_step
