"""
Several recorders on one clock, by pulses that all of them saw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.session_config import SyncSettings
from nwb_spikeinference_converters.protocol import RawRecording
from nwb_spikeinference_converters.timing.clock import whole_extent
from nwb_spikeinference_converters.timing.clock_map import ClockMap, match_pulses
from nwb_spikeinference_converters.timing.clock_runs import EARLIEST_PTP_S, PlacedRecording, Recordings, recorder_names
from nwb_spikeinference_converters.timing.pulses import find_pulses


def synchronise(raw: RawRecording, clock_map: ClockMap | None) -> RawRecording:
    """The recording with its blocks on the first recorder's clock."""
    if clock_map is None or clock_map == ClockMap():
        return raw
    blocks = []
    for block in raw.blocks:
        start_s = clock_map.to_reference(np.array([block.start_s])).item()
        rate_hz = block.rate_hz if clock_map.scale == 1 else block.rate_or(raw.rate_hz) / clock_map.scale
        blocks.append(replace(block, start_s=start_s, rate_hz=rate_hz))
    return PlacedRecording(own=raw, blocks=tuple(blocks), clock_offsets_s=raw.clock_offsets_s)


def map_clocks(sync: Sequence[SyncSettings], recordings: Recordings) -> Mapping[str, ClockMap]:
    """
    By recorder, how its clock runs against that of the first one under ``sync``.

    Raises
    ------
    SettingsError
        If an entry names no recording, or a recorder twice or alone.
    InputError
        If the pulses do not match.
    """
    if not sync:
        return {}
    names = [entry.nsp for entry in sync]
    if len(set(names)) != len(names) or len(names) < 2:
        raise SettingsError(f"'sync' must list two recorders or more, each once, got {', '.join(names)}")
    trains = [find_pulses(_find(entry, recordings), entry.channel, entry.file) for entry in sync]
    maps = {entry.nsp: match_pulses(train, trains[0]) for entry, train in zip(sync[1:], trains[1:], strict=True)}
    missing = {settings.nsp for settings, _ in recordings} - set(names)
    if missing:
        which = ", ".join(sorted(name or "a recording without 'nsp'" for name in missing))
        raise SettingsError(f"'sync' does not say how the clock of {which} runs; list every recorder")
    return {names[0]: ClockMap(), **maps}


def _find(entry: SyncSettings, recordings: Recordings) -> RawRecording:
    for settings, raw in recordings:
        if (settings.file, settings.nsp) == (entry.file, entry.nsp):
            return raw
    known = ", ".join(f"{settings.file} of {settings.nsp}" for settings, _ in recordings)
    raise SettingsError(f"'sync' names {entry.file} of {entry.nsp}, which is no recording; there are {known}")


def describe_clocks(clock_maps: Mapping[str, ClockMap], recordings: Recordings) -> list[str]:
    """What was done to clocks, or taken for granted."""
    if clock_maps:
        (first, _), *others = clock_maps.items()
        return [_describe_map(nsp, first, clock_map) for nsp, clock_map in others]
    names = recorder_names(recordings)
    if len(names) < 2:
        return []
    hint = "if they do not, name their shared pulses under 'sync'"
    if any(len(raw.clock_offsets_s) > 1 for _, raw in recordings):
        return [f"{', '.join(names)}: taken to share one clock from the moment it was set back; {hint}"]
    if any(raw.blocks[0].start_s < EARLIEST_PTP_S for _, raw in recordings):
        return [f"{', '.join(names)}: taken to share one clock; {hint}"]
    return []


def _describe_map(nsp: str, first: str, clock_map: ClockMap) -> str:
    drift = f"{(clock_map.scale - 1) * 1e6:+.2f} ppm" if clock_map.scale != 1 else "no measurable drift"
    return (
        f"{nsp}: brought onto the clock of {first} by {clock_map.n_pulses} pulses ({drift}; pulses agree within "
        f"{clock_map.largest_error_s * 1e3:.3f} ms)"
    )


def require_common_clock(recordings: Recordings) -> None:
    """
    Refuse recorders whose clocks cannot be the same one.

    Raises
    ------
    InputError
        If one recorder recorded nothing while another did.
    """
    (first, raw), *others = recordings
    for settings, other in others:
        if settings.nsp == first.nsp:
            continue
        start_s, stop_s = whole_extent(raw)
        other_start_s, other_stop_s = whole_extent(other)
        if other_start_s >= stop_s or other_stop_s <= start_s:
            raise InputError(
                f"{settings.file}: by its clock it was recorded at another time than {first.file} (they start "
                f"{abs(other_start_s - start_s):.0f} s apart); name the channel of the shared pulses of each recorder "
                f"under 'sync', or leave the recording out if it is of another session"
            )
