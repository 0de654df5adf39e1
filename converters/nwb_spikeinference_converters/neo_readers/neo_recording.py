"""
Continuous recordings of any format that neo reads: Intan, Open Ephys, Plexon, and others by the name of neo's reader.

Where neo is not right, `neo_stretches` and `neo_plexon` correct it.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nwb_spikeinference.errors import InputError, describe
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.session_config import RecordingSettings
from nwb_spikeinference_converters.neo_readers.neo_files import NEO_ERRORS, close_files
from nwb_spikeinference_converters.neo_readers.neo_formats import INTAN, OPEN_EPHYS, PLEXON, NeoFormat, format_of
from nwb_spikeinference_converters.neo_readers.neo_stretches import NeoStretch, join_stretches
from nwb_spikeinference_converters.protocol import RawBlock, RawChannel
from nwb_spikeinference_converters.recorder_files import list_parts
from nwb_spikeinference_converters.timing.clock import place_blocks

_HALF_OF_16_BITS = 2**15
_NOT_RECORDED = (".yaml", ".yml", ".csv", ".nwb")  # endings of what people put beside a recording


class NeoConverter:
    """Opens whatever neo reads; the name of the file, or `reader` in session.yaml, tells how."""

    def open(self, file: Path, settings: RecordingSettings) -> "NeoRecording":
        """Open a file, a folder, or the parts that a pattern such as ``raw_*.rhd`` names; see `RawConverter.open`."""
        paths = (file,) if file.is_dir() else list_parts(file)
        return NeoRecording(paths, self.find_format(file, settings), settings)

    def find_format(self, file: Path, settings: RecordingSettings) -> NeoFormat:
        return format_of(file, settings.reader)


class IntanConverter(NeoConverter):
    """Opens Intan recordings: .rhd and .rhs, or the ``info.rhd`` of a folder of .dat files."""

    def find_format(self, file: Path, settings: RecordingSettings) -> NeoFormat:
        if file.suffix.lower() not in (".rhd", ".rhs"):
            raise InputError(f"{file}: not an Intan recording; give the .rhd or .rhs file, or info.rhd of a folder")
        return INTAN


class OpenEphysConverter(NeoConverter):
    """Opens folders of Open Ephys' binary format."""

    def find_format(self, file: Path, settings: RecordingSettings) -> NeoFormat:
        if not file.is_dir() or next(file.rglob("structure.oebin"), None) is None:
            raise InputError(f"{file}: not a folder in Open Ephys' binary format (no structure.oebin in it)")
        return OPEN_EPHYS


class PlexonConverter(NeoConverter):
    """Opens Plexon .plx files."""

    def find_format(self, file: Path, settings: RecordingSettings) -> NeoFormat:
        if file.suffix.lower() != ".plx":
            raise InputError(f"{file}: not a Plexon recording; give a .plx file (PlexUtil exports .pl2 as .plx)")
        return PLEXON


class NeoRecording:
    """One stream of one recording, which may be cut into several files; see `RawRecording`."""

    def __init__(self, paths: Sequence[Path], neo_format: NeoFormat, settings: RecordingSettings) -> None:
        self._paths = paths
        self._format = neo_format
        self.files = tuple(file for path in paths for file in _list_files(path, neo_format.has_siblings))
        self._parts: list[tuple[Any, int]] = []  # neo reader, and index of the stream in it
        try:
            for path in paths:
                reader = neo_format.make(path)
                self._parts.append((reader, 0))
                reader.parse_header()
                self._parts[-1] = (reader, choose_stream(reader, neo_format, settings, path))
            self._lay_out()
        except (*NEO_ERRORS, ImportError, InputError) as error:
            self.close()
            if isinstance(error, InputError):
                raise
            hint = "install the package that neo asks for" if isinstance(error, ImportError) else "copy it again"
            raise InputError(
                f"{paths[0]}: truncated, damaged or not read by neo ({describe(error)}); {hint}"
            ) from error

    def _lay_out(self) -> None:
        """Channels, and the stretches of all files on one clock."""
        times = [self._format.find_times(*part) for part in self._parts]
        self.rate_hz = times[0][0]
        if not 0 < self.rate_hz < np.inf:
            raise InputError(f"{self._paths[0]}: damaged header (sampled at {self.rate_hz:g} Hz)")
        stretches = [replace(stretch, part=part) for part, (_, found) in enumerate(times) for stretch in found]
        self._blocks = join_stretches(stretches, self.rate_hz)
        if not self._blocks:
            raise InputError(f"{self._paths[0]}: holds no samples")
        # a file that was cut, or whose samples are of another kind, fails here, before anything is written
        ends = [self._read_raw(last, last.n_samples - 1, last.n_samples) for last in stretches if last.n_samples]
        for end in ends:
            to_int16(end, self._paths[0])
        self._was_unsigned = any(_is_unsigned(end) for end in ends)
        self.channels = self._list_channels(0)
        for part, path in enumerate(self._paths):
            if times[part][0] != self.rate_hz or self._list_channels(part) != self.channels:
                raise InputError(
                    f"{path}: rate, channels or scale differ from {self._paths[0].name}; give each recording its own "
                    f"entry under 'recordings'"
                )
        unplaced = [
            RawBlock(start_s=block[0].start_s, n_samples=sum(stretch.n_samples for stretch in block))
            for block in self._blocks
        ]
        self.blocks, self.clock_offsets_s = place_blocks(unplaced, self.rate_hz)

    def _list_channels(self, part: int) -> tuple[RawChannel, ...]:
        reader, stream = self._parts[part]
        held = reader.header["signal_channels"]["stream_id"] == reader.header["signal_streams"]["id"][stream]
        rows = reader.header["signal_channels"][held]
        numbers = number_channels([str(row[self._format.numbered_by]) for row in rows])
        return tuple(self._read_channel(row, number) for row, number in zip(rows, numbers, strict=True))

    def _read_channel(self, row: Any, number: int) -> RawChannel:
        label, units = str(row["name"] if str(row["id"]).isdigit() else row["id"]), str(row["units"])
        if units not in self._format.volts:
            raise InputError(f"{self._paths[0]}: channel {label!r} is in {units or 'no unit'!r}, not in volts")
        gain, offset = float(row["gain"]), float(row["offset"])
        if not np.isfinite(gain) or gain == 0:
            raise InputError(f"{self._paths[0]}: channel {label!r} has the scale {gain:g}; its header is damaged")
        if self._was_unsigned:  # `to_int16` takes half the range away
            offset += _HALF_OF_16_BITS * gain
        volts = self._format.volts[units]
        return RawChannel(number=number, label=label, gain=gain * volts, offset_v=offset * volts)

    def read(self, block: int, start: int, stop: int) -> IntArray:
        """Samples as int16 of shape (stop - start, n_channels)."""
        pieces, at = [], 0
        for stretch in self._blocks[block]:
            low, high = max(start - at, 0), min(stop - at, stretch.n_samples)
            if low < high:
                pieces.append(to_int16(self._read_raw(stretch, low, high), self._paths[stretch.part]))
            at += stretch.n_samples
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _read_raw(self, stretch: NeoStretch, start: int, stop: int) -> IntArray:
        reader, stream = self._parts[stretch.part]
        raw: IntArray = reader.get_analogsignal_chunk(
            block_index=0,
            seg_index=stretch.segment,
            i_start=stretch.first + start,
            i_stop=stretch.first + stop,
            stream_index=stream,
        )
        if len(raw) != stop - start:
            raise InputError(f"{self._paths[stretch.part]}: truncated; copy it from the recorder again")
        return raw

    def close(self) -> None:
        """Release the files."""
        for reader, _ in self._parts:
            close_files(reader)
        self._parts = []


def to_int16(samples: IntArray, source: Path) -> IntArray:
    """
    The same samples as int16; unsigned ones of 16 bits are moved down by half their range.

    Raises
    ------
    InputError
        If int16 cannot hold them all.
    """
    if _is_unsigned(samples):
        shifted = samples.astype("<u2") ^ np.uint16(_HALF_OF_16_BITS)
        return shifted.view(np.int16)
    if not np.can_cast(samples.dtype, np.int16, "safe"):
        raise InputError(f"{source}: its samples are {samples.dtype}, which 16-bit integers cannot hold without loss")
    return samples.astype(np.int16, copy=False)


def _is_unsigned(samples: IntArray) -> bool:
    return samples.dtype.newbyteorder("=") == np.uint16


def choose_stream(reader: Any, neo_format: NeoFormat, settings: RecordingSettings, source: Path) -> int:
    """
    Index of the stream that the settings mean.

    Raises
    ------
    InputError
        If there is none, or if several could be meant.
    """
    names = [str(name) for name in reader.header["signal_streams"]["name"]]
    if not names:
        raise InputError(f"{source}: holds no continuous signal")
    patterns = neo_format.electrodes if settings.role == "electrodes" else neo_format.analog
    if settings.stream is not None:
        patterns = (re.escape(settings.stream),)
    for pattern in patterns:
        fitting = [index for index, name in enumerate(names) if re.fullmatch(pattern, name)]
        if fitting:
            break
    if len(fitting) == 1:
        return fitting[0]
    meant = f"a stream {settings.stream!r}" if settings.stream is not None else f"one stream of role {settings.role}"
    among = [names[index] for index in fitting] or names
    raise InputError(
        f"{source}: does not hold {meant}, but {', '.join(map(repr, among))}; name one as 'stream' of this recording"
    )


def number_channels(labels: Sequence[str]) -> list[int]:
    """Numbers at the end of the labels; 1, 2, 3, ... where these are missing or stand twice, as with several ports."""
    found = [re.search(r"\d+$", label.strip()) for label in labels]
    numbers = [int(match[0]) for match in found if match is not None]
    return numbers if len(set(numbers)) == len(labels) else list(range(1, len(labels) + 1))


def _list_files(path: Path, has_siblings: bool) -> list[Path]:
    """All files that hold a part of a recording."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    if path.name in ("info.rhd", "info.rhs"):  # the header of Intan files that hold one signal each
        return [path, *sorted(path.parent.glob("*.dat"))]
    if not has_siblings:
        return [path]
    alike = [file for file in path.parent.iterdir() if file.stem == path.stem and file.is_file()]
    return sorted(file for file in alike if file == path or file.suffix.lower() not in _NOT_RECORDED)
