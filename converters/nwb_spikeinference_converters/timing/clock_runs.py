"""
One line of time for files whose recorders' clocks were set back: a restart is the same moment for all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from pathlib import Path

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.session_config import RecordingSettings
from nwb_spikeinference_converters.protocol import RawBlock, RawChannel, RawRecording, RecordedInParts
from nwb_spikeinference_converters.timing.clock import extent, restart_offset

EARLIEST_PTP_S = 1e8  # recorders on a PTP network count from 1970, others from when they were switched on
_MOST_ASSIGNMENTS = 1000
_CLEARLY_BETTER = 0.1  # of one run's length

Extent = tuple[float, float]
Recordings = Sequence[tuple[RecordingSettings, RawRecording]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRecording:
    """A recording whose blocks were moved along one line of time, and nothing else; see `RawRecording`."""

    own: RawRecording
    blocks: tuple[RawBlock, ...]
    clock_offsets_s: tuple[float, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        return self.own.files

    @property
    def rate_hz(self) -> float:
        return self.own.rate_hz

    @property
    def channels(self) -> tuple[RawChannel, ...]:
        return self.own.channels

    def runs_of_files(self) -> Mapping[Path, tuple[int, int]]:
        """First and last run of the clock in each part; none where that is not known."""
        if not isinstance(self.own, RecordedInParts):
            return {}
        run_of = {own.run: block.run for own, block in zip(self.own.blocks, self.blocks, strict=True)}
        return {path: (run_of[first], run_of[last]) for path, (first, last) in self.own.runs_of_files().items()}

    def read(self, block: int, start: int, stop: int) -> IntArray:
        return self.own.read(block, start, stop)

    def close(self) -> None:
        self.own.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorder:
    """Files of one recorder; `spans` are those of its clock's runs, by the clock itself."""

    file: str  # the one that shows most runs
    runs: dict[int, tuple[int, ...]]  # by place in the list of recordings: which run of the recorder each of its own is
    spans: tuple[Extent, ...]


def place_together(recordings: Recordings, *, is_synchronised: bool) -> list[tuple[RecordingSettings, RawRecording]]:
    """
    Give all files of a recorder the same offsets: each restart follows the end of the longest file.

    Recorders without ``sync`` are taken to have been set back together, so they share these offsets as well. Before the
    first restart their clocks may show different times; there, recorders are taken to have stopped together.

    Raises
    ------
    InputError
        If it is not clear which files, or recorders, were set back when.
    """
    placed = list(recordings)
    if all(len(raw.clock_offsets_s) == 1 for _, raw in recordings):
        return placed
    recorders = [_describe(recordings, members) for members in _group(recordings)]
    if not is_synchronised:
        _require_same_restarts(recorders)
    for together in [[one] for one in recorders] if is_synchronised else [recorders]:
        for recorder, offsets_s in zip(together, _chain([one.spans for one in together]), strict=True):
            for member, runs in recorder.runs.items():
                settings, raw = placed[member]
                placed[member] = settings, _place(raw, runs, offsets_s)
    return placed


def recorder_names(recordings: Recordings) -> tuple[str, ...]:
    """Recorders that session.yaml names."""
    return tuple(dict.fromkeys(settings.nsp for settings, _ in recordings if settings.nsp is not None))


def _group(recordings: Recordings) -> list[tuple[int, ...]]:
    """Places of the files of each recorder; a file without `nsp` is of the only one, or of another."""
    names = recorder_names(recordings)
    if len(names) < 2:
        return [tuple(range(len(recordings)))]
    grouped = [
        tuple(place for place, (settings, _) in enumerate(recordings) if settings.nsp == name)
        for name in (*names, None)
    ]
    return [members for members in grouped if members]


def _describe(recordings: Recordings, members: tuple[int, ...]) -> _Recorder:
    reference = max(members, key=lambda place: len(recordings[place][1].clock_offsets_s))
    first, longest = recordings[reference]
    expected = _spans(longest)
    runs = {}
    spans = list(expected)
    for place in members:
        settings, raw = recordings[place]
        own = _spans(raw)
        runs[place] = _match_runs(own, expected, settings.file, first.file)
        for run, span in zip(runs[place], own, strict=True):
            spans[run] = min(spans[run][0], span[0]), max(spans[run][1], span[1])
    return _Recorder(file=first.file, runs=runs, spans=tuple(spans))


def _spans(raw: RawRecording) -> list[Extent]:
    """First and last moment of each run, as the recorder's clock showed them."""
    found: list[list[Extent]] = [[] for _ in raw.clock_offsets_s]
    for block in raw.blocks:
        start_s, stop_s = extent(block, raw.rate_hz)
        found[block.run].append((start_s - raw.clock_offsets_s[block.run], stop_s - raw.clock_offsets_s[block.run]))
    return [(span[0][0], span[-1][1]) for span in found]


def _match_runs(own: Sequence[Extent], expected: Sequence[Extent], file: str, first: str) -> tuple[int, ...]:
    """Which runs of the file that shows most these are, by how much they overlap."""
    if len(own) == len(expected):
        return tuple(range(len(own)))
    choices: list[tuple[int, ...]] = []
    if comb(len(expected), len(own)) <= _MOST_ASSIGNMENTS:
        choices = list(combinations(range(len(expected)), len(own)))
        likeness = [sum(map(_likeness, own, (expected[run] for run in chosen))) for chosen in choices]
        best = max(likeness)
        choices = [chosen for chosen, value in zip(choices, likeness, strict=True) if value > best - _CLEARLY_BETTER]
    if len(choices) != 1:
        raise InputError(
            f"{file}: its clock was set back {len(own) - 1} times, that of {first} {len(expected) - 1} times, and "
            f"nothing shows which part belongs to which; leave one of them out, or name their recorders under 'nsp'"
        )
    return choices[0]


def _likeness(one: Extent, other: Extent) -> float:
    """Common part of two spans, as a share of both together."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, common) / (max(one[1], other[1]) - min(one[0], other[0]))


def _require_same_restarts(recorders: Sequence[_Recorder]) -> None:
    first, *others = recorders
    for other in others:
        if len(other.spans) != len(first.spans):
            raise InputError(
                f"{other.file}: its recorder's clock was set back {len(other.spans) - 1} times, that of {first.file} "
                f"{len(first.spans) - 1} times, so they do not share one clock; name the channel of the shared pulses "
                f"of each recorder under 'sync'"
            )


def _chain(spans: Sequence[Sequence[Extent]]) -> list[tuple[float, ...]]:
    """For each recorder, what to add to the clock in each of its runs, so that one run follows the other."""
    share_clock = all(first[0] > EARLIEST_PTP_S for first, *_ in spans)
    end_s = max(first[1] for first, *_ in spans)
    offsets = [[0.0 if share_clock else end_s - first[1]] for first, *_ in spans]
    for run in range(1, len(spans[0])):
        offset_s = restart_offset(end_s, min(one[run][0] for one in spans))
        end_s = offset_s + max(one[run][1] for one in spans)
        for found in offsets:
            found.append(offset_s)
    return [tuple(found) for found in offsets]


def _place(raw: RawRecording, runs: Sequence[int], offsets_s: tuple[float, ...]) -> RawRecording:
    if runs == tuple(range(len(offsets_s))) and raw.clock_offsets_s == offsets_s:
        return raw
    blocks = tuple(
        replace(
            block,
            start_s=block.start_s - raw.clock_offsets_s[block.run] + offsets_s[runs[block.run]],
            run=runs[block.run],
        )
        for block in raw.blocks
    )
    return PlacedRecording(own=raw, blocks=blocks, clock_offsets_s=offsets_s)
