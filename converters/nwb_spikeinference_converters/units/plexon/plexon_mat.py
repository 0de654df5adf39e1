"""
MATLAB files that Offline Sorter and NeuroExplorer save.

Two layouts are read. A table, one variable per channel: one row per spike with channel, unit and time in seconds, as
the dialog "Export Per-Waveform Data" orders them; the features and samples that may follow are not told apart by the
file, so waveforms are measured on the raw signal instead. Or vectors, one per unit, named after it (``sig001a``): times
in seconds, with ``sig001a_wf`` holding one waveform per column, in millivolts, used where `rate_hz` is given.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.recorder_files import refusing
from nwb_spikeinference_converters.units.mat5 import iterate_mat5
from nwb_spikeinference_converters.units.mat_files import MAT_ERRORS, read_mat
from nwb_spikeinference_converters.units.plexon.plexon_trains import (
    PlexonContent,
    PlexonTrain,
    is_train_name,
    number_trains,
)
from nwb_spikeinference_converters.units.shape import group_spikes

_INTEGERS = (f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_NUMERIC = frozenset(name.encode() for name in ("double", "single", *_INTEGERS))  # classes in version 7.3
_FIRST_CHANNEL = 1
_INVALIDATED = -1
_LARGEST_NUMBER = 100_000  # of channels and units
_TABLE_COLUMNS = 3


def read_plexon_mat(path: Path, settings: UnitsSettings) -> PlexonContent:
    """
    Read all trains of a file, of either layout.

    Raises
    ------
    InputError
        If it is no MATLAB file, or of neither layout.
    """
    shapes = _numeric_shapes(path)
    names = [name for name, shape in shapes.items() if is_train_name(name) and 1 in shape and len(shape) == 2]
    if names:
        return _read_vectors(path, names, shapes, settings)
    candidates = [name for name, shape in shapes.items() if len(shape) == 2 and shape[1] >= _TABLE_COLUMNS and shape[0]]
    tables = {name: table for name, table in read_mat(path, candidates).items() if _is_spike_table(table)}
    if not tables:
        raise InputError(
            f"{path}: holds neither a table of spikes (channel, unit, time, ...) nor vectors named after their units, "
            f"such as 'sig001a'; found {', '.join(shapes)[:200] or 'no numbers'}; export it again from Offline Sorter"
        )
    others = ", ".join(name for name in candidates if name not in tables)
    notes = (f"{others[:200]} left out: no table of channel, unit and time",) if others else ()
    spikes = np.concatenate([table[:, :_TABLE_COLUMNS] for table in tables.values()]).astype(np.float64)
    channels, units = spikes[:, 0].astype(np.int64), spikes[:, 1].astype(np.int64)
    trains = [
        PlexonTrain(channel=channel, unit=unit, times=spikes[members, 2])
        for channel, unit, members in group_spikes(channels, units)
    ]
    return PlexonContent(trains=tuple(trains), ticks_hz=None, notes=notes)


def _numeric_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of all numeric variables, as MATLAB shows them; nothing is loaded."""
    with refusing(path, MAT_ERRORS, "cannot be read as a MATLAB file"):
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return {name: file[name].shape[::-1] for name in file if _is_numeric(file, name)}
        return {array.name: array.shape for array in iterate_mat5(path) if array.is_numeric}


def _is_numeric(file: h5py.File, name: str) -> bool:
    if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
        return False
    attributes = file[name].attrs  # an empty array is stored as its size
    return attributes.get("MATLAB_class", b"double") in _NUMERIC and not attributes.get("MATLAB_empty", 0)


def _read_vectors(
    path: Path, names: list[str], shapes: Mapping[str, tuple[int, ...]], settings: UnitsSettings
) -> PlexonContent:
    with_waveforms = {f"{name}_wf" for name in names} & shapes.keys()
    wanted = with_waveforms if settings.rate_hz is not None else ()
    content = read_mat(path, [*names, *wanted])
    named = [
        PlexonTrain(
            name=name,
            times=content[name].ravel(),
            waveforms=_waveforms(content, name, path),
            waveform_rate_hz=settings.rate_hz,
        )
        for name in names
    ]
    notes = []
    if with_waveforms and settings.rate_hz is None:
        notes.append("waveforms not used, since the file does not say their rate ('rate_hz' would)")
    trains = number_trains(named, settings.channel, str(path))
    return PlexonContent(trains=trains, ticks_hz=None, notes=tuple(notes))


def _waveforms(content: Mapping[str, NDArray[Any]], name: str, path: Path) -> FloatArray | None:
    millivolts = content.get(f"{name}_wf")
    if millivolts is None:
        return None
    n_spikes = content[name].size
    by_spike = millivolts.T if millivolts.shape[-1] == n_spikes else millivolts
    if by_spike.ndim != 2 or len(by_spike) != n_spikes:
        raise InputError(
            f"{path}: '{name}_wf' has the shape {millivolts.shape}; one column per spike ({n_spikes}) needed"
        )
    return by_spike.astype(np.float64) / 1e3


def _is_spike_table(table: NDArray[Any]) -> bool:
    """Whether the first columns can be channel, unit and time."""
    keys = table[:, :2].astype(np.float64)
    is_whole = np.all(keys == np.rint(keys)) and np.all(keys <= _LARGEST_NUMBER)  # false of NaN, too
    return bool(is_whole and np.all(keys >= (_FIRST_CHANNEL, _INVALIDATED)))
