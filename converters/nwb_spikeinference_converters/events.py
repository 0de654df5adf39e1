"""
Digital events of recorder files.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.nwb.raw_records import DigitalEvents
from nwb_spikeinference.session_config import ClipSettings, EventSettings
from nwb_spikeinference_converters.clock import unroll_ticks
from nwb_spikeinference_converters.nev import read_nev
from nwb_spikeinference_converters.protocol import unknown_format
from nwb_spikeinference_converters.sources import Sources

_FORMATS = ("blackrock", "nev")


def collect_events(
    settings: Sequence[EventSettings], folder: Path, sources: Sources, clip: ClipSettings
) -> DigitalEvents | None:
    """
    Changes of the digital input, in time order on the session's clock; None if no file is listed.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    SettingsError
        If nobody reads its format.
    """
    if not settings:
        return None
    times, values = [], []
    resolution_s = 0.0
    for entry in settings:
        if entry.format not in _FORMATS:
            raise SettingsError(unknown_format(entry.format, "events format", _FORMATS))
        path = folder / entry.file
        if not path.is_file():
            raise InputError(f"{path}: no such file; check 'events' in session.yaml")
        nev = read_nev(path)
        ticks, found = nev.digital_events()
        times.append(
            unroll_ticks(ticks, nev.ticks_hz, sources.clock_offsets_s(entry.nsp), str(path)) - sources.origin_s
        )
        values.append(found.astype(np.int64))
        resolution_s = max(resolution_s, 1 / nev.ticks_hz)
    times_s, all_values = np.concatenate(times), np.concatenate(values)
    stop_s = np.inf if clip.stop_s is None else clip.stop_s
    kept = np.flatnonzero((times_s >= clip.start_s) & (times_s <= stop_s))
    order = kept[np.argsort(times_s[kept], kind="stable")]
    return DigitalEvents(times_s=times_s[order], values=all_values[order], resolution_s=resolution_s)
