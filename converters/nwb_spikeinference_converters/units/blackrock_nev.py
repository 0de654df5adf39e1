"""
Units that were sorted on line, or saved, in a Blackrock .nev file.
"""

from pathlib import Path

import numpy as np

from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.blackrock.nev import is_unit_class, read_nev
from nwb_spikeinference_converters.timing.clock import describe_doubtful
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile, group_spikes, make_unit


def read_nev_units(path: Path, settings: UnitsSettings, context: ReadContext) -> UnitsFile:
    """Each (electrode, class) is a unit, except unsorted spikes (0), noise (255) and reserved classes."""
    nev = read_nev(path)
    rows = nev.find_spikes()
    spikes, times_s = nev.packets[rows], nev.seconds(context.clock)[rows] + settings.offset_s
    sorted_spikes = np.flatnonzero([is_unit_class(klass) for klass in range(256)])
    is_sorted = np.isin(spikes["klass"], sorted_spikes)
    n_doubtful = int(np.sum(is_sorted & np.isnan(times_s)))
    is_sorted &= ~np.isnan(times_s)
    if settings.channel is not None:
        is_sorted &= spikes["id"] == settings.channel
    spikes, times_s = spikes[is_sorted], times_s[is_sorted]
    units = [
        make_unit(
            channel=channel,
            cluster_id=cluster,
            spike_times_s=times_s[members],
            sorter=settings.sorter or "Blackrock",
            waveforms=nev.waveforms(spikes[members], channel),
            waveform_rate_hz=nev.waveform_hz,
            source=str(path),
        )
        for channel, cluster, members in group_spikes(spikes["id"], spikes["klass"])
    ]
    return UnitsFile(
        units=tuple(units),
        clock=settings.clock or "recorder",
        resolution_s=1 / min(nev.ticks_hz, nev.waveform_hz),
        files=nev.files,
        notes=describe_doubtful(n_doubtful, "spikes"),
    )
