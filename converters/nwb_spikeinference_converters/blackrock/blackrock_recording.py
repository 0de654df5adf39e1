"""
Blackrock continuous recordings (.ns1 to .ns6; file specifications 2.1, 2.2, 2.3 and 3.0, with and without PTP).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.session_config import RecordingSettings
from nwb_spikeinference_converters.blackrock.nev import read_nev
from nwb_spikeinference_converters.blackrock.nsx_header import NsxHeader, read_nsx_header
from nwb_spikeinference_converters.blackrock.nsx_packets import NsxRun, list_runs
from nwb_spikeinference_converters.protocol import VOLTS, RawBlock, RawChannel
from nwb_spikeinference_converters.recorder_files import list_parts
from nwb_spikeinference_converters.timing.clock import measure_rates, place_blocks

_ELECTRODES = 128  # of one recorder; higher numbers are analog inputs
_SAME_SAMPLE = 0.6  # packets that follow each other so closely are continuous


class BlackrockConverter:
    """Opens .nsX files, and the parts of one recording that a pattern such as ``raw-*.ns6`` names."""

    def open(self, file: Path, settings: RecordingSettings) -> "BlackrockRecording":
        """Open one recording; see `RawConverter.open`."""
        if re.fullmatch(r"\.ns[1-9]", file.suffix.lower()) is None:
            raise InputError(f"{file}: not a continuous Blackrock recording; give a file that ends in .ns1 to .ns6")
        return BlackrockRecording([read_nsx_header(path) for path in list_parts(file)])


@dataclass(frozen=True, slots=True)
class _Continuous:
    """Runs without a pause between them."""

    runs: tuple[NsxRun, ...]
    firsts: IntArray  # number of the first sample of each run, and of the one beyond the last

    @property
    def n_samples(self) -> int:
        return int(self.firsts[-1])

    def read(self, start: int, stop: int) -> IntArray:
        begin = int(np.searchsorted(self.firsts, start, side="right")) - 1
        end = int(np.searchsorted(self.firsts, stop, side="left"))
        pieces = [
            run.read(max(start - first, 0), min(stop - first, run.n_samples))
            for run, first in zip(self.runs[begin:end], self.firsts[begin:end].tolist(), strict=True)
        ]
        return np.ascontiguousarray(pieces[0]) if len(pieces) == 1 else np.concatenate(pieces)


class BlackrockRecording:
    """One opened recording of one or more .nsX files; see `RawRecording`."""

    def __init__(self, parts: Sequence[NsxHeader]) -> None:
        first = parts[0]
        for part in parts[1:]:
            _require_alike(first, part)
        self.files = tuple(part.path for part in parts)
        if first.channels is None:
            nev, self.channels = _scale_by_nev(first)
            self.files = (*self.files, nev)
        else:
            self.channels = _list_channels(first.path, first.channels)
        self.rate_hz = first.rate_hz
        self._continuous = _join_runs([run for part in parts for run in list_runs(part)], first)
        if not self._continuous:
            raise InputError(f"{first.path}: holds no samples")
        unplaced = [
            RawBlock(start_s=int(one.runs[0].ticks[0]) / first.ticks_hz, n_samples=one.n_samples, rate_hz=rate_hz)
            for one, rate_hz in zip(self._continuous, _measure(self._continuous, first), strict=True)
        ]
        self.blocks, self.clock_offsets_s = place_blocks(unplaced, first.rate_hz)

    def runs_of_files(self) -> Mapping[Path, tuple[int, int]]:
        """First and last run of the clock in each part; see `RecordedInParts`."""
        runs: dict[Path, list[int]] = {}
        for one, block in zip(self._continuous, self.blocks, strict=True):
            for part in one.runs:
                runs.setdefault(part.header.path, []).append(block.run)
        return {path: (min(found), max(found)) for path, found in runs.items()}

    def read(self, block: int, start: int, stop: int) -> IntArray:
        """Samples as int16 of shape (stop - start, n_channels)."""
        return self._continuous[block].read(start, stop)

    def close(self) -> None:
        """Files are open only while they are read."""


def _list_channels(path: Path, channels: NDArray[np.void]) -> tuple[RawChannel, ...]:
    listed = []
    for channel in channels:
        unit = _text(channel["unit"])
        steps = int(channel["max_digital"]) - int(channel["min_digital"])
        if unit not in VOLTS or steps <= 0:
            raise InputError(f"{path}: channel {channel['number']} is in {unit!r} with {steps} steps, not in volts")
        gain = (int(channel["max_analog"]) - int(channel["min_analog"])) / steps
        offset = int(channel["min_analog"]) - gain * int(channel["min_digital"])
        listed.append(
            RawChannel(
                number=int(channel["number"]),
                label=_text(channel["label"]),
                gain=gain * VOLTS[unit],
                offset_v=offset * VOLTS[unit],
            )
        )
    return tuple(listed)


def _scale_by_nev(header: NsxHeader) -> tuple[Path, tuple[RawChannel, ...]]:
    """Spec 2.1 keeps the scale of the continuous channels in the .nev of the same name."""
    try:
        (nev,) = list_parts(header.path.with_suffix(".nev"))
    except InputError as error:
        raise InputError(
            f"{header.path}: spec 2.1 keeps its scale in the .nev of the same name, which is missing; put it beside"
        ) from error
    scale = read_nev(nev).volts_per_step
    missing = [number for number in header.numbers if number not in scale]
    if missing:
        raise InputError(f"{nev}: holds no scale for channel {missing[0]} of {header.path.name}")
    channels = (RawChannel(number=number, label=_name_channel(number), gain=scale[number]) for number in header.numbers)
    return nev, tuple(channels)


def _name_channel(number: int) -> str:
    return f"chan{number}" if number <= _ELECTRODES else f"ainp{number - _ELECTRODES}"


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("latin-1").strip()


def _require_alike(first: NsxHeader, part: NsxHeader) -> None:
    def layout(header: NsxHeader) -> tuple[object, ...]:
        scales = b"" if header.channels is None else header.channels.tobytes()
        return header.numbers, header.rate_hz, header.ticks_hz, scales

    if layout(first) != layout(part):
        raise InputError(
            f"{part.path}: rate, channels or scale differ from {first.path.name}, so it is no part of that recording; "
            f"give it an entry of its own"
        )


def _join_runs(runs: Sequence[NsxRun], header: NsxHeader) -> list[_Continuous]:
    """Runs of which each begins where the previous one ended, by their time stamps."""
    step = header.ticks_hz / header.rate_hz
    joined: list[list[NsxRun]] = []
    for run in runs:
        last = joined[-1][-1] if joined else None
        if last is not None:
            since = int(run.ticks[0]) - int(last.ticks[-1])
            expected = (last.n_samples - int(last.stamped[-1])) * step
            if abs(since - expected) <= _SAME_SAMPLE * step:
                joined[-1].append(run)
                continue
        joined.append([run])
    return [_Continuous(tuple(one), np.concatenate([[0], np.cumsum([run.n_samples for run in one])])) for one in joined]


def _measure(continuous: Sequence[_Continuous], header: NsxHeader) -> list[float | None]:
    """Rate of each continuous stretch against the recorder's clock, where it differs from the nominal one."""
    stamped = [
        np.concatenate([run.stamped + first for run, first in zip(one.runs, one.firsts, strict=False)])
        for one in continuous
    ]
    ticks = [np.concatenate([run.ticks for run in one.runs]) for one in continuous]
    return measure_rates(stamped, ticks, header.ticks_hz, header.rate_hz, str(header.path))
