"""
Units sorted with Plexon's Offline Sorter, or on line by Plexon's recorder: ``.plx``, ``.nex``, ``.nex5`` and ``.mat``.

Units a, b, c, ... become units 1, 2, 3, ...; unsorted and invalidated spikes never do. Times count from the recorder's
zero; where a file without time stamps was sorted, say `clock: session` in session.yaml.
"""

from collections.abc import Callable
from pathlib import Path

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import TimeUnit, UnitsSettings
from nwb_spikeinference_converters.units.plexon.plexon_mat import read_plexon_mat
from nwb_spikeinference_converters.units.plexon.plexon_nex import read_nex
from nwb_spikeinference_converters.units.plexon.plexon_plx import read_plx
from nwb_spikeinference_converters.units.plexon.plexon_trains import UNSORTED, PlexonContent
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile, make_unit
from nwb_spikeinference_converters.units.times import resolution_of, ticks_per_second, to_seconds

_READERS: dict[str, Callable[[Path, UnitsSettings], PlexonContent]] = {
    ".plx": lambda path, _: read_plx(path),
    ".nex": lambda path, settings: read_nex(path, settings.channel),
    ".nex5": lambda path, settings: read_nex(path, settings.channel),
    ".mat": read_plexon_mat,
}


def read_plexon_units(path: Path, settings: UnitsSettings, context: ReadContext) -> UnitsFile:
    """Units of one exported file, by its extension."""
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise InputError(
            f"{path}: {suffix or 'a folder'} is no export of Offline Sorter; allowed: {', '.join(_READERS)}"
        )
    content = _READERS[suffix](path, settings)
    default_unit: TimeUnit = "s" if content.ticks_hz is None else "sample"
    units = [
        make_unit(
            channel=train.channel if settings.channel is None else settings.channel,
            cluster_id=train.unit,
            spike_times_s=to_seconds(train.times, default_unit, settings, content.ticks_hz, path),
            sorter=settings.sorter or "Plexon Offline Sorter",
            waveforms=train.waveforms,
            waveform_rate_hz=train.waveform_rate_hz,
            source=str(path),
        )
        for train in content.trains
        if train.unit > UNSORTED and len(train.times)
    ]
    n_unsorted = sum(len(train.times) for train in content.trains if train.unit <= UNSORTED)
    unsorted_notes = [f"{n_unsorted} unsorted or invalidated spikes left out"] if n_unsorted else []
    rate_hz = None if content.ticks_hz is None else ticks_per_second(default_unit, settings, content.ticks_hz, path)
    return UnitsFile(
        units=tuple(units),
        clock=settings.clock or "recorder",
        resolution_s=resolution_of(rate_hz),
        files=(path,),
        notes=(*content.notes, *unsorted_notes),
    )
