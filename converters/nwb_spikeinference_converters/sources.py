"""
The opened recordings of one session, on one clock that starts with the first sample.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.raw_records import LfpSource, Period, VoltageSource
from nwb_spikeinference.recordings import Electrode, FloatArray, IntArray
from nwb_spikeinference.session_config import ClipSettings, RecordingSettings, SessionSettings
from nwb_spikeinference.signal.decimate import decimate_stream, decimation_factor
from nwb_spikeinference_converters.montage import RecordedChannels
from nwb_spikeinference_converters.protocol import RawRecording, find_converter

LFP_RATE_HZ = 1000.0
_LFP_PIECE_S = 10.0
SHORTEST_BLOCK_S = 0.1  # recorders write a few samples when they are synchronised


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A kept part of one block: samples `first` to `first + n_samples`; `start_s` on the session's clock."""

    block: int
    first: int
    n_samples: int
    start_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRecording:
    """One recording and the parts of it that are kept."""

    settings: RecordingSettings
    raw: RawRecording
    name: str  # tells it apart in the names of series; empty for the first of its kind
    stretches: tuple[Stretch, ...]
    n_dropped: int  # blocks too short to keep

    def read(self, stretch: int, start: int, stop: int) -> IntArray:
        """Samples of a kept stretch, int16 (n, n_channels)."""
        kept = self.stretches[stretch]
        return self.raw.read(kept.block, kept.first + start, kept.first + stop)

    @property
    def periods(self) -> tuple[tuple[float, float], ...]:
        """Start and end of each kept stretch, in seconds."""
        return tuple((kept.start_s, kept.start_s + kept.n_samples / self.raw.rate_hz) for kept in self.stretches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All recordings; `origin_s` is the first sample on the recorders' clock."""

    recordings: tuple[OpenedRecording, ...]
    origin_s: float

    @property
    def electrode_recordings(self) -> tuple[OpenedRecording, ...]:
        """Recordings of contacts, not of analog inputs."""
        return tuple(recording for recording in self.recordings if recording.settings.role == "electrodes")

    @property
    def main(self) -> OpenedRecording:
        """The recording that says when the session was recorded."""
        return (self.electrode_recordings or self.recordings)[0]

    def clock_offsets_s(self, nsp: str | None) -> tuple[float, ...]:
        """Offsets of one recorder's clock, or of the one that was set back most often."""
        offsets = [
            recording.raw.clock_offsets_s
            for recording in self.recordings
            if nsp is None or recording.settings.nsp in (None, nsp)
        ]
        return max(offsets, key=len, default=(0.0,))

    def recorded_channels(self) -> tuple[RecordedChannels, ...]:
        """What the montage is checked against."""
        return tuple(
            RecordedChannels(
                file=recording.settings.file,
                nsp=recording.settings.nsp,
                kind=recording.settings.electrode_type,
                channels=tuple(channel.number for channel in recording.raw.channels),
            )
            for recording in self.electrode_recordings
        )


def open_sources(settings: SessionSettings, folder: Path, stack: ExitStack) -> Sources:
    """
    Open all recordings of a session; `stack` closes them.

    Raises
    ------
    InputError
        If one is missing or damaged, or the clip keeps nothing.
    SettingsError
        If nobody reads its format.
    """
    opened = []
    for recording in settings.recordings:
        converter = find_converter(recording.format)
        path = folder / recording.file
        if not path.exists() and "*" not in path.name:
            raise InputError(f"{path}: no such file or folder; check 'recordings' in session.yaml")
        raw = converter.open(path, recording)
        stack.callback(raw.close)
        opened.append(raw)
    origin_s = min(raw.blocks[0].start_s for raw in opened)
    names: dict[str, list[str]] = {"electrodes": [], "analog": []}
    recordings = []
    for recording, raw in zip(settings.recordings, opened, strict=True):
        stretches, n_dropped = _keep(raw, origin_s, settings.clip)
        if not stretches:
            end_s = raw.blocks[-1].start_s + raw.blocks[-1].n_samples / raw.rate_hz - origin_s
            raise InputError(
                f"{recording.file}: 'clip' keeps nothing of it; it ends at {end_s:g} s, clip starts at "
                f"{settings.clip.start_s:g} s"
            )
        name = _choose_name(recording, names[recording.role])
        names[recording.role].append(name)
        recordings.append(
            OpenedRecording(settings=recording, raw=raw, name=name, stretches=stretches, n_dropped=n_dropped)
        )
    return Sources(recordings=tuple(recordings), origin_s=origin_s)


def _keep(raw: RawRecording, origin_s: float, clip: ClipSettings) -> tuple[tuple[Stretch, ...], int]:
    shortest = min(SHORTEST_BLOCK_S, max(block.n_samples for block in raw.blocks) / raw.rate_hz) * raw.rate_hz
    stop_s = np.inf if clip.stop_s is None else clip.stop_s
    kept = []
    n_dropped = 0
    for index, block in enumerate(raw.blocks):
        start_s = block.start_s - origin_s
        first = max(0, round((clip.start_s - start_s) * raw.rate_hz))
        last = min(float(block.n_samples), np.rint((stop_s - start_s) * raw.rate_hz))
        if last - first < shortest:
            n_dropped += block.n_samples < shortest
            continue
        kept.append(
            Stretch(block=index, first=first, n_samples=int(last) - first, start_s=start_s + first / raw.rate_hz)
        )
    return tuple(kept), n_dropped


def _choose_name(settings: RecordingSettings, taken: Sequence[str]) -> str:
    if not taken:
        return ""
    words = [settings.electrode_type.capitalize() if settings.electrode_type != "micro" else "", settings.nsp or ""]
    candidate = re.sub(r"[^A-Za-z0-9]", "", "".join(words))
    return candidate if candidate and candidate not in taken else f"{candidate}Recording{len(taken) + 1}"


def columns_and_rows(recording: OpenedRecording, electrodes: Sequence[Electrode]) -> tuple[list[int], tuple[int, ...]]:
    """Columns of a recording that belong to contacts, in the contacts' order, and the contacts' rows."""
    numbers = {channel.number: column for column, channel in enumerate(recording.raw.channels)}
    nsp = recording.settings.nsp
    held = [
        (numbers[electrode.channel], electrode.row)
        for electrode in electrodes
        if electrode.channel in numbers and (nsp is None or electrode.nsp is None or electrode.nsp == nsp)
    ]
    return [column for column, _ in held], tuple(row for _, row in held)


def voltage_source(recording: OpenedRecording, columns: Sequence[int], rows: tuple[int, ...]) -> VoltageSource:
    """The raw signal of some columns, as the writer takes it."""
    channels = [recording.raw.channels[column] for column in columns]
    everything = list(columns) == list(range(len(recording.raw.channels)))

    def read(stretch: int, start: int, stop: int) -> IntArray:
        samples = recording.read(stretch, start, stop)
        return samples if everything else samples[:, list(columns)]

    kind = (
        "Analog inputs"
        if recording.settings.role == "analog"
        else f"Voltages of {recording.settings.electrode_type} contacts"
    )
    return VoltageSource(
        name=recording.name,
        description=f"{kind} as the recorder digitised them, {recording.raw.rate_hz:g} Hz",
        rate_hz=recording.raw.rate_hz,
        gain=np.array([channel.gain for channel in channels]),
        offset_v=np.array([channel.offset_v for channel in channels]),
        labels=tuple(channel.label for channel in channels),
        electrode_rows=rows,
        periods=tuple(Period(start_s=kept.start_s, n_samples=kept.n_samples) for kept in recording.stretches),
        read=read,
    )


def lfp_source(source: VoltageSource) -> LfpSource:
    """LFP of a raw signal: anti-aliased and decimated to 1 kHz while it is written."""
    target_hz = min(LFP_RATE_HZ, source.rate_hz)
    factor = decimation_factor(source.rate_hz, target_hz)

    def stream(stretch: int) -> Iterator[FloatArray]:
        return decimate_stream(read_volts(source, stretch), source.rate_hz, target_hz)

    return LfpSource(
        name=source.name,
        description=f"Local field potential: raw signal, low-passed, decimated by {factor}; reference as recorded",
        rate_hz=source.rate_hz / factor,
        electrode_rows=source.electrode_rows,
        periods=tuple(
            Period(start_s=period.start_s, n_samples=-(-period.n_samples // factor)) for period in source.periods
        ),
        stream=stream,
    )


def read_volts(source: VoltageSource, stretch: int) -> Iterator[FloatArray]:
    """Successive pieces of one stretch, in volts."""
    n_samples = source.periods[stretch].n_samples
    step = max(1, round(_LFP_PIECE_S * source.rate_hz))
    gain, offset_v = source.gain.astype(np.float32), source.offset_v.astype(np.float32)
    for start in range(0, n_samples, step):
        yield source.read(stretch, start, min(start + step, n_samples)) * gain + offset_v
