"""
Blackrock continuous recordings (.ns1 to .ns6; file specifications 2.1, 2.2, 2.3 and 3.0).

Built on neo's reader, which is given one file at a time: with the .nev beside it, neo splits a recording wherever the
two disagree, and a damaged neighbour would keep it from reading anything.
"""

import os
import re
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from neo.rawio import BlackrockRawIO

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.session_config import RecordingSettings
from nwb_spikeinference_converters.clock import place_blocks
from nwb_spikeinference_converters.neo_files import NEO_ERRORS, close_files, describe
from nwb_spikeinference_converters.nev import read_nev
from nwb_spikeinference_converters.protocol import RawBlock, RawChannel

_GAP_TOLERANCE_MS = 1.0  # time stamps per sample (spec 3.0 with PTP) jitter by microseconds
_VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6, "nV": 1e-9}
_MAX_CHANNELS = 1024


class BlackrockConverter:
    """Opens .nsX files."""

    def open(self, file: Path, settings: RecordingSettings) -> "BlackrockRecording":
        """Open one .nsX file; see `RawConverter.open`."""
        suffix = re.fullmatch(r"\.ns([1-9])", file.suffix.lower())
        if suffix is None:
            raise InputError(f"{file}: not a continuous Blackrock recording; give a file that ends in .ns1 to .ns6")
        return BlackrockRecording(file, int(suffix[1]))


class BlackrockRecording:
    """One opened .nsX file; see `RawRecording`."""

    def __init__(self, path: Path, number: int) -> None:
        self._path = path
        _check_header(path)
        # neo derives names from a stem, in lower case, and looks at every file that shares it: give it a folder of one.
        self._folder = TemporaryDirectory(prefix="nsi-")
        alias = Path(self._folder.name) / f"recording.ns{number}"
        alias.symlink_to(path.resolve())
        self._reader = BlackrockRawIO(
            filename=os.fspath(alias), nsx_to_load=number, load_nev=False, gap_tolerance_ms=_GAP_TOLERANCE_MS
        )
        try:
            self._parse()
        except NEO_ERRORS as error:
            self.close()
            raise InputError(
                f"{path}: truncated or damaged ({describe(error)}); copy the file from the recorder again"
            ) from error
        except InputError:
            self.close()
            raise

    @property
    def files(self) -> tuple[Path, ...]:
        """The .nsX file, and for spec 2.1 the .nev that holds its scale."""
        return (self._path, *self._scale_files)

    blocks: tuple[RawBlock, ...]
    clock_offsets_s: tuple[float, ...]
    _scale_files: tuple[Path, ...] = ()

    def _parse(self) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Cannot rescale to voltage", UserWarning)  # spec 2.1: done here instead
            self._reader.parse_header()
        starts_s, lengths = self._list_blocks()
        self.rate_hz = float(self._reader.get_signal_sampling_rate(0))
        self.channels = self._list_channels()
        self._probe_ends(lengths)
        self._kept = [index for index, length in enumerate(lengths) if length > 0]
        if not self._kept:
            raise InputError(f"{self._path}: holds no samples")
        self.blocks, self.clock_offsets_s = place_blocks(
            [starts_s[index] for index in self._kept], [lengths[index] for index in self._kept], self.rate_hz
        )

    def read(self, block: int, start: int, stop: int) -> IntArray:
        """Samples as int16 of shape (stop - start, n_channels)."""
        raw = self._reader.get_analogsignal_chunk(
            block_index=0, seg_index=self._kept[block], i_start=start, i_stop=stop, stream_index=0
        )
        return np.asarray(raw, dtype=np.int16)

    def close(self) -> None:
        """Release the file."""
        close_files(self._reader)
        self._folder.cleanup()

    def _list_blocks(self) -> tuple[list[float], list[int]]:
        n_blocks = self._reader.segment_count(0)
        starts = [float(self._reader.get_signal_t_start(0, index, 0)) for index in range(n_blocks)]
        return starts, [int(self._reader.get_signal_size(0, index, 0)) for index in range(n_blocks)]

    def _probe_ends(self, lengths: list[int]) -> None:
        """Read the last sample of each block: a file that was cut fails here, before anything is written."""
        for index, length in enumerate(lengths):
            if length > 0:
                self._reader.get_analogsignal_chunk(
                    block_index=0, seg_index=index, i_start=length - 1, i_stop=length, stream_index=0
                )

    def _list_channels(self) -> tuple[RawChannel, ...]:
        header = self._reader.header["signal_channels"]
        if all(units == "" for units in header["units"]):
            return self._scale_by_nev([int(number) for number in header["id"]], [str(name) for name in header["name"]])
        channels = []
        for channel in header:
            units = str(channel["units"]).strip("\0 ")
            if units not in _VOLTS:
                raise InputError(f"{self._path}: channel {channel['id']} is in {units!r}, not in volts")
            volts = _VOLTS[units]
            channels.append(
                RawChannel(
                    number=int(channel["id"]),
                    label=str(channel["name"]).strip("\0 "),
                    gain=float(channel["gain"]) * volts,
                    offset_v=float(channel["offset"]) * volts,
                )
            )
        return tuple(channels)

    def _scale_by_nev(self, numbers: list[int], labels: list[str]) -> tuple[RawChannel, ...]:
        """Spec 2.1 keeps the scale of the continuous channels in the .nev of the same name."""
        beside = [name for name in (self._path.with_suffix(".nev"), self._path.with_suffix(".NEV")) if name.exists()]
        if not beside:
            raise InputError(
                f"{self._path}: spec 2.1 keeps its scale in the .nev of the same name, which is missing; put it beside"
            )
        scale = read_nev(beside[0]).volts_per_step
        missing = [number for number in numbers if number not in scale]
        if missing:
            raise InputError(f"{beside[0]}: holds no scale for channel {missing[0]} of {self._path.name}")
        self._scale_files = (beside[0],)
        return tuple(
            RawChannel(number=number, label=label, gain=scale[number])
            for number, label in zip(numbers, labels, strict=True)
        )


def _check_header(path: Path) -> None:
    """What neo would believe: the file's type and its number of channels."""
    try:
        with path.open("rb") as stream:
            head = stream.read(320)
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    file_type = head[:8]
    if file_type not in (b"NEURALSG", b"NEURALCD", b"BRSMPGRP"):
        raise InputError(f"{path}: not a continuous Blackrock recording (its first bytes are others)")
    at = 28 if file_type == b"NEURALSG" else 310
    n_channels = int.from_bytes(head[at : at + 4], "little")
    if not 0 < n_channels <= _MAX_CHANNELS or n_channels * 2 > size:
        raise InputError(f"{path}: damaged header ({n_channels} channels); copy the file from the recorder again")
