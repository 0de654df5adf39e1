"""
Wave_clus: ``times_*.mat``, one file per channel.

Column 1 of `cluster_class` is the class of each spike, 0 for those that no class took and that never become a unit;
column 2 its time, in milliseconds. `spikes` has one waveform per row, in microvolts, sampled at ``par.sr``. Times
count from the first sample of what wave_clus was given, taken to be that of the recording that has the channel, except
that its reader of Neuralynx .ncs files keeps the recorder's time stamps: then session.yaml says ``clock: recorder``.

References
----------
.. [1] Quian Quiroga, Nadasdy & Ben-Shaul (2004), Neural Computation 16, 1661-1687.
.. [2] https://github.com/csn-le/wave_clus, README ("Output Files") and its readers of raw data.
"""

from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.units.mat_files import read_mat, scalar, spike_rows, whole_numbers
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile, group_spikes, make_unit
from nwb_spikeinference_converters.units.times import choose_rate_hz, resolution_of, to_seconds
from nwb_spikeinference_converters.units.wires import find_wire

_VARIABLES = ("cluster_class", "spikes", "par.sr", "par.channels")
_VOLTS = 1e-6


def read_wave_clus_units(path: Path, settings: UnitsSettings, context: ReadContext) -> UnitsFile:
    """Each class above 0 is a unit."""
    content = read_mat(path, _VARIABLES)
    table = content.get("cluster_class")
    if table is None or table.ndim != 2 or (table.size and table.shape[1] != 2):
        raise InputError(
            f"{path}: 'cluster_class' must be a matrix of two columns (class, time), "
            f"found {'no such variable' if table is None else table.shape}; give a times_*.mat file of wave_clus"
        )
    table = table.reshape(-1, 2)
    n_wires = scalar(content, "par.channels")
    is_polytrode = (n_wires is not None and n_wires > 1) or "polytrode" in path.stem.lower()
    if is_polytrode and settings.channel is None:
        raise InputError(
            f"{path}: sorted from several wires at once; add 'channel' (the wire that the units are to be put on) to "
            f"this entry of 'units' in session.yaml"
        )
    wire = find_wire(path, path.stem.removeprefix("times_"), settings, context)
    classes = whole_numbers(table[:, 0], "'cluster_class'", path)
    own_rate_hz = scalar(content, "par.sr")
    rate_hz = choose_rate_hz(path, settings, own_rate_hz, wire.rate_hz)
    times_s = to_seconds(table[:, 1], "ms", settings, rate_hz, path)
    waveforms = None if is_polytrode or rate_hz is None else spike_rows(content, "spikes", path, len(table))
    units = [
        make_unit(
            channel=wire.channel,
            cluster_id=cluster,
            spike_times_s=times_s[members],
            sorter=settings.sorter or "wave_clus",
            waveforms=None if waveforms is None else waveforms[members] * _VOLTS,
            waveform_rate_hz=rate_hz,
            source=str(path),
        )
        for _, cluster, members in group_spikes(wire.channel, classes)
        if cluster > 0
    ]
    return UnitsFile(
        units=tuple(units),
        clock=settings.clock or "session",
        resolution_s=resolution_of(rate_hz),
        counts_samples=True,  # milliseconds are sample numbers divided by par.sr
        rate_hz=own_rate_hz,
        files=(path,),
        notes=(*wire.notes, *_notes(path, settings, classes, rate_hz, is_polytrode)),
    )


def _notes(
    path: Path, settings: UnitsSettings, classes: IntArray, rate_hz: float | None, is_polytrode: bool
) -> list[str]:
    notes = []
    n_unassigned = int(np.sum(classes <= 0))
    if n_unassigned:
        notes.append(f"{n_unassigned} of {len(classes)} spikes that no class took left out")
    if is_polytrode:
        notes.append("waveforms of several wires side by side left out")
    elif rate_hz is None:
        notes.append("waveforms left out, since the file lacks their sampling rate par.sr; 'rate_hz' can give it")
    if settings.clock is None and "csc" in path.stem.lower():
        notes.append(
            "times are taken to count from the first sample; where wave_clus read .ncs files, write 'clock: recorder'"
        )
    return notes
