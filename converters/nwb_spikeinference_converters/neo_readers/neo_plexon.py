"""
Plexon .plx recordings, by neo's reader where it is right.

neo 0.14 misplaces blocks that are shorter than others, reads the last one as zeros, takes the resolution of the spikes
for that of the continuous channels, fills in what a truncated file lacks, and ignores when each block was recorded.

References
----------
.. [1] Plexon Inc., Plexon.h and the description of PLX files in the Offline Files SDK.
       https://plexon.com/software-downloads
"""

from pathlib import Path
from typing import Any

import numpy as np
from neo.rawio import PlexonRawIO
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference_converters.neo_readers.neo_stretches import StreamTimes, make_stretches

_MAGIC = b"PLEX"
_VERSION_AT, _BITS_AT = 4, 202  # bytes; bits of a spike's sample, then of a continuous one
_BITS_FROM_VERSION = 103  # earlier files were always of 12 bits, as neo has it
_CONTINUOUS = 5  # type of a data block


class WholePlexonRawIO(PlexonRawIO):  # type: ignore[misc]
    """neo's Plexon reader, the place of its blocks and its scale corrected."""

    def _parse_header(self) -> None:
        path = Path(self.filename)
        with path.open("rb") as stream:
            head = stream.read(_BITS_AT + 2)
        if not head.startswith(_MAGIC):
            raise InputError(f"{path}: not a Plexon .plx file (its first bytes are others)")
        super()._parse_header()
        for blocks in (blocks for channels in self._data_blocks.values() for blocks in channels.values()):
            if len(blocks) and blocks["pos"][-1] + blocks["size"][-1] > self._memmap.size:
                raise InputError(f"{path}: truncated in its last data block; copy the file from the recorder again")
        for blocks in self._data_blocks[_CONTINUOUS].values():
            n_samples = blocks["size"] // 2
            blocks["cumsum"] = np.cumsum(n_samples) - n_samples  # before each block
        if int.from_bytes(head[_VERSION_AT : _VERSION_AT + 4], "little") >= _BITS_FROM_VERSION:
            self.header["signal_channels"]["gain"] *= 2.0 ** (head[_BITS_AT] - head[_BITS_AT + 1])

    def _get_analogsignal_chunk(
        self, block_index: int, seg_index: int, i_start: int, i_stop: int, stream_index: int, channel_indexes: Any
    ) -> IntArray:
        channels = list_blocks(self, stream_index)
        samples = np.empty((i_stop - i_start, len(channels)), dtype=np.int16)
        for column, blocks in enumerate(channels):
            first = int(np.searchsorted(blocks["cumsum"], i_start, side="right")) - 1
            last = int(np.searchsorted(blocks["cumsum"], i_stop, side="left"))
            for block in blocks[first:last]:
                held = self._memmap[block["pos"] : block["pos"] + block["size"]].view("<i2")
                at = int(block["cumsum"])
                low, high = max(i_start, at), min(i_stop, at + len(held))
                samples[low - i_start : high - i_start, column] = held[low - at : high - at]
        return samples if channel_indexes is None else samples[:, channel_indexes]


def list_blocks(reader: Any, stream: int) -> list[NDArray[np.void]]:
    """Data blocks of each channel of a stream: fields pos and size (bytes), timestamp (ticks), cumsum (samples)."""
    channels = reader.header["signal_channels"]
    held = channels["stream_id"] == reader.header["signal_streams"]["id"][stream]
    return [reader._data_blocks[_CONTINUOUS][int(number)] for number in channels["id"][held]]


def times_of_plexon(reader: Any, stream: int) -> StreamTimes:
    """
    Stretches by the time stamps of the data blocks.

    Raises
    ------
    InputError
        If the channels of the stream were not recorded together.
    """
    ticks_hz, rate_hz = float(reader._global_ssampling_rate), float(reader.get_signal_sampling_rate(stream))
    channels = [_find_runs(blocks, ticks_hz / rate_hz) for blocks in list_blocks(reader, stream)]
    if any(other != channels[0] for other in channels):
        names = reader.header["signal_streams"]["name"]
        raise InputError(
            f"{reader.filename}: the channels of stream {str(names[stream])!r} start or pause at different times; "
            f"export the recording again"
        )
    firsts, ticks = channels[0]
    starts_s = [tick / ticks_hz for tick in ticks]
    return rate_hz, make_stretches(firsts, int(reader.get_signal_size(0, 0, stream)), starts_s)


def _find_runs(blocks: NDArray[np.void], ticks_per_sample: float) -> tuple[list[int], list[int]]:
    """First sample and time stamp of each run of blocks that follow one another without a pause."""
    expected = blocks["timestamp"] + blocks["size"] // 2 * ticks_per_sample
    rounding = 0.0 if float(ticks_per_sample).is_integer() else 1.0
    late = np.abs(blocks["timestamp"][1:] - expected[:-1]) > max(ticks_per_sample / 2, rounding)
    firsts = np.concatenate([[0], np.flatnonzero(late) + 1])
    return blocks["cumsum"][firsts].tolist(), blocks["timestamp"][firsts].tolist()
