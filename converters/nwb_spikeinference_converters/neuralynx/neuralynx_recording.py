"""
Neuralynx continuous recordings: a folder of .ncs files, one per wire.

A folder may hold wires of several rates, such as micro and macro contacts. Each rate is a recording of its own, with an
entry of its own under ``recordings``: `stream` says which one is meant, or a pattern names its files.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.session_config import RecordingSettings
from nwb_spikeinference_converters.neuralynx.ncs_file import NcsFile, open_ncs
from nwb_spikeinference_converters.recorder_files import list_parts
from nwb_spikeinference_converters.timing.clock import place_blocks


class NeuralynxConverter:
    """Opens folders of .ncs files, single ones, or those that a pattern such as ``raw/CSC*.ncs`` names."""

    def open(self, file: Path, settings: RecordingSettings) -> "NeuralynxRecording":
        """Open all wires of one rate; see `RawConverter.open`."""
        opened = [open_ncs(path) for path in _list_files(file)]
        wires = [wire for wire in opened if wire is not None]
        if not wires:
            raise InputError(f"{file}: holds no samples")
        return NeuralynxRecording(_choose_rate(wires, settings.stream, file), file)


def _list_files(file: Path) -> tuple[Path, ...]:
    if file.is_file():
        return (file,)
    listed = file.iterdir() if file.is_dir() else list_parts(file)
    found = [path for path in listed if path.suffix.lower() == ".ncs"]
    if not found:
        raise InputError(f"{file}: holds no .ncs file")
    return tuple(sorted(found))


def _choose_rate(wires: Sequence[NcsFile], stream: str | None, source: Path) -> list[NcsFile]:
    rates = sorted({wire.rate_hz for wire in wires}, reverse=True)
    groups = {f"{rate_hz:g} Hz": [wire for wire in wires if wire.rate_hz == rate_hz] for rate_hz in rates}
    if stream is None and len(groups) == 1:
        return list(wires)
    if stream in groups:
        return groups[stream]
    held = ", ".join(f"{name} ({group[0].path.name} and {len(group) - 1} more)" for name, group in groups.items())
    if stream is not None:
        raise SettingsError(f"{source}: stream {stream!r} is none of {held}")
    raise InputError(
        f"{source}: holds wires of several rates: {held}; give each rate its own entry under 'recordings', with "
        f"'stream: {next(iter(groups))}' and so on"
    )


class NeuralynxRecording:
    """Wires of one rate; see `RawRecording`."""

    def __init__(self, wires: Sequence[NcsFile], source: Path) -> None:
        first = wires[0]
        for wire in wires[1:]:
            if _times(wire) != _times(first):
                raise InputError(
                    f"{wire.path}: start or gaps differ from {first.path.name}; give each group of wires its own "
                    f"entry under 'recordings', e.g. file: raw/CSC*.ncs"
                )
        self._wires = sorted(wires, key=lambda wire: wire.channel.number)
        numbers = [wire.channel.number for wire in self._wires]
        if len(set(numbers)) != len(numbers):
            twice = next(number for number in numbers if numbers.count(number) > 1)
            raise InputError(f"{source}: channel {twice} stands in two .ncs files; name one of them")
        self.files = tuple(wire.path for wire in self._wires)
        self.channels = tuple(wire.channel for wire in self._wires)
        self.rate_hz = first.rate_hz
        self.blocks, self.clock_offsets_s = place_blocks([held.block for held in first.blocks], first.rate_hz)

    def read(self, block: int, start: int, stop: int) -> IntArray:
        """Samples as int16 of shape (stop - start, n_channels)."""
        return np.stack([wire.read(block, start, stop) for wire in self._wires], axis=1)

    def close(self) -> None:
        """Files are open only while they are read."""


def _times(wire: NcsFile) -> list[tuple[float, int]]:
    return [(held.block.start_s, held.block.n_samples) for held in wire.blocks]
