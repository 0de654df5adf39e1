"""
Neuralynx continuous recordings: a folder of .ncs files, one per wire.

Built on neo's reader, one file at a time: neo refuses a folder whose wires differ in range or filter.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from neo.rawio import NeuralynxRawIO

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.session_config import RecordingSettings
from nwb_spikeinference_converters.clock import place_blocks
from nwb_spikeinference_converters.neo_files import NEO_ERRORS, close_files, describe
from nwb_spikeinference_converters.neuralynx_header import number_of, read_header
from nwb_spikeinference_converters.protocol import RawChannel

_RECORD_BYTES = 1044  # 20 of header and 512 samples
_GAP_TOLERANCE_MS = 1.0  # time stamps are rounded to microseconds; recorders drop whole records of 16 ms


class NeuralynxConverter:
    """Opens folders of .ncs files, single ones, or those that a pattern such as ``raw/CSC*.ncs`` names."""

    def open(self, file: Path, settings: RecordingSettings) -> "NeuralynxRecording":
        """Open all wires; see `RawConverter.open`."""
        return NeuralynxRecording(_list_files(file), file)


def _list_files(file: Path) -> tuple[Path, ...]:
    if file.is_file():
        return (file,)
    if file.is_dir():
        found = [path for path in file.iterdir() if path.suffix.lower() == ".ncs"]
    elif "*" in file.name and file.parent.is_dir():
        found = [path for path in file.parent.glob(file.name) if path.suffix.lower() == ".ncs"]
    else:
        raise InputError(f"{file}: no such file or folder")
    if not found:
        raise InputError(f"{file}: holds no .ncs file")
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wire:
    """One .ncs file."""

    path: Path
    reader: Any
    channel: RawChannel
    rate_hz: float
    starts_s: tuple[float, ...]
    lengths: tuple[int, ...]


class NeuralynxRecording:
    """All wires of one recording; see `RawRecording`."""

    def __init__(self, paths: tuple[Path, ...], source: Path) -> None:
        wires = [_open_wire(path) for path in paths]
        first = wires[0]
        for wire in wires[1:]:
            if (wire.rate_hz, wire.starts_s, wire.lengths) != (first.rate_hz, first.starts_s, first.lengths):
                raise InputError(
                    f"{wire.path}: rate, start or gaps differ from {first.path.name}; give each group of wires its own "
                    f"entry under 'recordings', e.g. file: raw/CSC*.ncs"
                )
        wires.sort(key=lambda wire: wire.channel.number)
        numbers = [wire.channel.number for wire in wires]
        if len(set(numbers)) != len(numbers):
            twice = next(number for number in numbers if numbers.count(number) > 1)
            raise InputError(f"{source}: channel {twice} stands in two .ncs files; name one of them")
        self._wires = wires
        self.files = tuple(wire.path for wire in wires)
        self.channels = tuple(wire.channel for wire in wires)
        self.rate_hz = first.rate_hz
        self.blocks, self.clock_offsets_s = place_blocks(first.starts_s, first.lengths, first.rate_hz)

    def read(self, block: int, start: int, stop: int) -> IntArray:
        """Samples as int16 of shape (stop - start, n_channels)."""
        columns = [
            wire.reader.get_analogsignal_chunk(
                block_index=0, seg_index=block, i_start=start, i_stop=stop, stream_index=0
            )[:, 0]
            for wire in self._wires
        ]
        return np.stack(columns, axis=1).astype(np.int16, copy=False)

    def close(self) -> None:
        """Release the files."""
        for wire in self._wires:
            close_files(wire.reader)


def _open_wire(path: Path) -> _Wire:
    entries = read_header(path, _RECORD_BYTES)
    # InputInverted is told by the sign: the samples stay as they are
    sign = -1 if entries.get("inputinverted", "").lower() == "true" else 1
    gain = sign * number_of(entries, "ADBitVolts", path)
    number = int(number_of(entries, "ADChannel", path))
    try:
        reader = NeuralynxRawIO(
            dirname=str(path.parent),
            include_filenames=[path.name],
            keep_original_times=True,
            gap_tolerance_ms=_GAP_TOLERANCE_MS,
        )
        reader.parse_header()
        n_blocks = reader.segment_count(0)
        return _Wire(
            path=path,
            reader=reader,
            channel=RawChannel(number=number, label=entries.get("acqentname") or path.stem, gain=gain),
            rate_hz=float(reader.get_signal_sampling_rate(0)),
            starts_s=tuple(float(reader.get_signal_t_start(0, block, 0)) for block in range(n_blocks)),
            lengths=tuple(int(reader.get_signal_size(0, block, 0)) for block in range(n_blocks)),
        )
    except NEO_ERRORS as error:
        raise InputError(
            f"{path}: truncated or damaged ({describe(error)}); copy the file from the recorder again"
        ) from error
