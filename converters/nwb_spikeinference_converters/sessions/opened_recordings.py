"""
The opened recordings of one session, on one clock that starts with the first sample.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.nwb.raw.raw_records import LfpSource, Period, VoltageSource
from nwb_spikeinference.recordings import Electrode, FloatArray, IntArray
from nwb_spikeinference.session_config import ClipSettings, RecordingSettings, SessionSettings
from nwb_spikeinference.signal.decimate import decimate_stream, decimation_factor
from nwb_spikeinference_converters.conversion_report import Gap
from nwb_spikeinference_converters.protocol import RawRecording, RecordedInParts, find_converter, may_be_one
from nwb_spikeinference_converters.recorder_files import find_path, is_pattern
from nwb_spikeinference_converters.timing.clock import RecorderClock, extent, whole_extent
from nwb_spikeinference_converters.timing.clock_map import ClockMap
from nwb_spikeinference_converters.timing.clock_runs import Recordings, place_together, recorder_names
from nwb_spikeinference_converters.timing.sync import map_clocks, require_common_clock, synchronise

LFP_RATE_HZ = 1000.0
SHORTEST_BLOCK_S = 0.1  # recorders write a few samples when they are synchronised
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A kept part of one block, from its sample `first` on; `period` is on the session's clock."""

    block: int
    first: int
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRecording:
    """One recording and the parts of it that are kept."""

    settings: RecordingSettings
    raw: RawRecording
    name: str  # tells it apart in the names of series; empty for the first of its kind
    stretches: tuple[Stretch, ...]
    clock: RecorderClock  # of the recorder, where it stands alone
    dropped_s: tuple[float, ...]  # lengths of blocks too short to keep

    def read(self, stretch: int, start: int, stop: int) -> IntArray:
        """Samples of a kept stretch, int16 (n, n_channels)."""
        kept = self.stretches[stretch]
        return self.raw.read(kept.block, kept.first + start, kept.first + stop)

    def holds(self, electrode: Electrode) -> bool:
        """Whether a contact is one of its channels; recorders are compared only where both are named."""
        return electrode.channel in self.numbers and may_be_one(self.settings.nsp, electrode.nsp)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The recorder's numbers of its channels."""
        return tuple(channel.number for channel in self.raw.channels)

    def gaps(self) -> Iterator[Gap]:
        """Times without signal between the kept stretches, in time order."""
        runs = [block.run for block in self.raw.blocks]
        for before, after in pairwise(self.stretches):
            start_s, stop_s = before.period.stop_s, after.period.start_s
            seconds = stop_s - start_s if runs[before.block] == runs[after.block] else None
            yield Gap(file=self.settings.file, start_s=start_s, stop_s=stop_s, seconds=seconds)

    @property
    def periods(self) -> tuple[tuple[float, float], ...]:
        """Start and end of each kept stretch, in seconds."""
        return tuple((kept.period.start_s, kept.period.stop_s) for kept in self.stretches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """
    All recordings; `origin_s` is the first sample on the recorders' clock.

    Where pulses brought recorders together, that clock is the first recorder's; `clock_maps` lead from each one to it.
    """

    recordings: tuple[OpenedRecording, ...]
    origin_s: float
    clock_maps: Mapping[str, ClockMap] = field(default_factory=dict)  # by recorder

    @property
    def electrode_recordings(self) -> tuple[OpenedRecording, ...]:
        """Recordings of contacts, not of analog inputs."""
        return tuple(recording for recording in self.recordings if recording.settings.role == "electrodes")

    @property
    def main(self) -> OpenedRecording:
        """The recording that says when the session was recorded; units keep to that of their own contact."""
        return (self.electrode_recordings or self.recordings)[0]

    def recording_of(self, electrode: Electrode) -> OpenedRecording:
        """The fastest recording of a contact; where there are analog inputs only, one of its recorder."""
        holding = [one for one in self.electrode_recordings if one.holds(electrode)]
        alike = [one for one in self.recordings if one.settings.nsp in (None, electrode.nsp)]
        return max(holding, key=lambda one: one.raw.rate_hz) if holding else (alike or [self.main])[0]

    def clock(self, nsp: str | None) -> RecorderClock:
        """How to read the time stamps of one recorder, or of any: by the file that shows most resets."""
        clocks = [one.clock for one in self.recordings if may_be_one(nsp, one.settings.nsp)]
        files = tuple(path for clock in clocks for path in clock.files)
        most = max(clocks, key=lambda clock: len({block.run for block in clock.blocks}), default=RecorderClock())
        return replace(most, files=files)

    def require_recorder(self, nsp: str | None, what: str) -> None:
        """
        Refuse files that do not say which of several recorders wrote them.

        Raises
        ------
        SettingsError
            If there are several recorders and none is named.
        """
        recorders = recorder_names([(one.settings, one.raw) for one in self.recordings])
        if nsp is None and len(recorders) > 1:
            raise SettingsError(
                f"{what}: {', '.join(recorders)} have clocks of their own; add 'nsp' to say which one wrote it"
            )

    def to_session_s(self, times_s: FloatArray, nsp: str | None) -> FloatArray:
        """From seconds on one recorder's clock to seconds from the first sample of the session."""
        clock_map = self.clock_maps.get(nsp or "", ClockMap())
        return clock_map.to_reference(times_s) - self.origin_s


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
    opened = [(recording, _open_one(folder, recording, stack)) for recording in settings.recordings]
    own = place_together(opened, is_synchronised=bool(settings.sync))
    clock_maps = map_clocks(settings.sync, own)
    placed = [(recording, synchronise(raw, clock_maps.get(recording.nsp or ""))) for recording, raw in own]
    require_common_clock(placed)
    _require_own_channels(placed)
    origin_s = min(raw.blocks[0].start_s for _, raw in placed)
    recordings: list[OpenedRecording] = []
    for (recording, raw), (_, alone) in zip(placed, own, strict=True):
        stretches, dropped_s = _keep(raw, origin_s, settings.clip, recording.file)
        name = _choose_name(recording, [one.name for one in recordings if one.settings.role == recording.role])
        recordings.append(
            OpenedRecording(
                settings=recording, raw=raw, name=name, stretches=stretches, clock=_clock(alone), dropped_s=dropped_s
            )
        )
    return Sources(recordings=tuple(recordings), origin_s=origin_s, clock_maps=clock_maps)


def _open_one(folder: Path, settings: RecordingSettings, stack: ExitStack) -> RawRecording:
    path = find_path(folder / settings.file)
    converter = find_converter(settings.format)
    if not path.exists() and not is_pattern(path):
        raise InputError(f"{path}: no such file or folder; check 'recordings' in session.yaml")
    raw = converter.open(path, settings)
    stack.callback(raw.close)
    _require_sound(raw, path)
    return raw


def _require_sound(raw: RawRecording, path: Path) -> None:
    """Refuse what everything after this relies on, whoever wrote the converter."""
    for rate_hz in (raw.rate_hz, *(block.rate_or(raw.rate_hz) for block in raw.blocks)):
        if not 0 < rate_hz < math.inf:
            raise InputError(f"{path}: is sampled at {rate_hz} Hz, as its converter reads it; a rate is above 0 Hz")
    if not raw.channels or not any(block.n_samples for block in raw.blocks):
        raise InputError(f"{path}: holds no samples")
    for number, times in Counter(channel.number for channel in raw.channels).items():
        if times > 1:
            raise InputError(f"{path}: channel {number} occurs {times} times, so a montage cannot tell which is meant")


def _require_own_channels(recordings: Recordings) -> None:
    """Refuse two files that claim to be the same wire at the same time: one of them is another recorder's."""
    contacts = [(settings, raw) for settings, raw in recordings if settings.role == "electrodes"]
    for (settings, raw), (other, other_raw) in combinations(contacts, 2):
        common = {one.number for one in raw.channels} & {one.number for one in other_raw.channels}
        if not common or not may_be_one(settings.nsp, other.nsp) or raw.rate_hz != other_raw.rate_hz:
            continue
        starts_s, stops_s = zip(whole_extent(raw), whole_extent(other_raw), strict=True)
        if max(starts_s) < min(stops_s):
            raise InputError(
                f"{other.file}: channel {min(common)} is also in {settings.file}, at the same rate and time; if two "
                f"recorders wrote them, name each under 'devices' and in 'nsp', else leave one of them out"
            )


def _clock(raw: RawRecording) -> RecorderClock:
    return RecorderClock(
        offsets_s=raw.clock_offsets_s,
        blocks=tuple(raw.blocks),
        rate_hz=raw.rate_hz,
        files=raw.files,
        runs_of_files=raw.runs_of_files() if isinstance(raw, RecordedInParts) else {},
    )


def _keep(
    raw: RawRecording, origin_s: float, clip: ClipSettings, file: str
) -> tuple[tuple[Stretch, ...], tuple[float, ...]]:
    """Parts that are kept, and the lengths of blocks that are too short."""
    shortest = min(SHORTEST_BLOCK_S, max(block.n_samples for block in raw.blocks) / raw.rate_hz) * raw.rate_hz
    stop_s = np.inf if clip.stop_s is None else clip.stop_s
    kept = []
    dropped_s = []
    for index, block in enumerate(raw.blocks):
        start_s = block.start_s - origin_s
        rate_hz = block.rate_or(raw.rate_hz)
        first = max(0, round((clip.start_s - start_s) * rate_hz))
        last = min(float(block.n_samples), np.rint((stop_s - start_s) * rate_hz))
        if last - first < shortest:
            if block.n_samples < shortest:
                dropped_s.append(block.n_samples / rate_hz)
            continue
        period = Period(start_s=start_s + first / rate_hz, n_samples=int(last) - first, rate_hz=rate_hz)
        kept.append(Stretch(block=index, first=first, period=period))
    if not kept:
        extents = (extent(block, raw.rate_hz) for block in raw.blocks[:_MOST_NAMED])
        held = ", ".join(f"{start_s - origin_s:g} to {stop_s - origin_s:g} s" for start_s, stop_s in extents)
        end = "the end" if clip.stop_s is None else f"{clip.stop_s:g} s"
        raise InputError(
            f"{file}: 'clip' ({clip.start_s:g} s to {end}) keeps no stretch of {SHORTEST_BLOCK_S:g} s or more; it was "
            f"recorded from {held}" + (", ..." if len(raw.blocks) > _MOST_NAMED else "")
        )
    return tuple(kept), tuple(dropped_s)


def _choose_name(settings: RecordingSettings, taken: Sequence[str]) -> str:
    if not taken:
        return ""
    words = [settings.electrode_type.capitalize() if settings.electrode_type != "micro" else "", settings.nsp or ""]
    candidate = re.sub(r"[^A-Za-z0-9]", "", "".join(words))
    return candidate if candidate and candidate not in taken else f"{candidate}Recording{len(taken) + 1}"


def columns_and_rows(recording: OpenedRecording, electrodes: Sequence[Electrode]) -> tuple[list[int], tuple[int, ...]]:
    """Columns of a recording that belong to contacts, in the contacts' order, and the contacts' rows."""
    held = [electrode for electrode in electrodes if recording.holds(electrode)]
    columns = [recording.numbers.index(electrode.channel) for electrode in held]
    return columns, tuple(electrode.row for electrode in held)


def voltage_source(recording: OpenedRecording, columns: Sequence[int], rows: tuple[int, ...]) -> VoltageSource:
    """The raw signal of some columns, as the writer takes it."""
    channels = [recording.raw.channels[column] for column in columns]
    everything = list(columns) == list(range(len(recording.raw.channels)))

    def read(stretch: int, start: int, stop: int) -> IntArray:
        samples = recording.read(stretch, start, stop)
        return samples if everything else samples[:, list(columns)]

    is_analog = recording.settings.role == "analog"
    kind = "Analog inputs" if is_analog else f"Voltages of {recording.settings.electrode_type} contacts"
    return VoltageSource(
        name=recording.name,
        description=f"{kind} as the recorder digitised them, {recording.raw.rate_hz:g} Hz",
        rate_hz=recording.raw.rate_hz,
        gain=np.array([channel.gain for channel in channels]),
        offset_v=np.array([channel.offset_v for channel in channels]),
        labels=tuple(channel.label for channel in channels),
        electrode_rows=rows,
        periods=tuple(kept.period for kept in recording.stretches),
        read=read,
    )


def lfp_source(source: VoltageSource) -> LfpSource:
    """LFP of a raw signal: anti-aliased and decimated to 1 kHz while it is written."""
    target_hz = min(LFP_RATE_HZ, source.rate_hz)
    factor = decimation_factor(source.rate_hz, target_hz)

    made = f"raw signal, low-passed, decimated by {factor}" if factor > 1 else "raw signal in volts, as it is"
    gain, offset_v = source.gain.astype(np.float32), source.offset_v.astype(np.float32)

    def low_pass(pieces: Iterable[IntArray]) -> Iterator[FloatArray]:
        return (steps * gain + offset_v for steps in decimate_stream(pieces, source.rate_hz, target_hz))

    return LfpSource(
        name=source.name,
        description=f"Local field potential: {made}; reference as recorded",
        rate_hz=source.rate_hz / factor,
        electrode_rows=source.electrode_rows,
        periods=tuple(
            replace(period, n_samples=-(-period.n_samples // factor), rate_hz=period.rate_hz / factor)
            for period in source.periods
        ),
        filter=low_pass,
    )
