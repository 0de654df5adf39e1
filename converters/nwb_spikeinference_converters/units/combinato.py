"""
Combinato: a folder per channel, with ``data_<channel>.h5`` and one ``sort_<sign>_<user>/sort_cat.h5`` per sorting.

The data file has all detected spikes: ``/neg`` and ``/pos`` hold `times`, in milliseconds, and `spikes`, one waveform
per row, in microvolts. The sorting has, for the spikes numbered in `index`, their `classes`; `groups` joins classes to
groups, and `types` says what each group is: -1 artifact, 0 unassigned, 1 multi-unit, 2 single unit. A unit is a group
of the last two types. Times are on the recorder's clock where spikes were extracted from Neuralynx .ncs files; where
from .mat files, they count from the first sample, and session.yaml says ``clock: session``. The files lack the sampling
rate; waveforms are kept where a .ncs file of the same name, or `rate_hz` in session.yaml, tells it.

References
----------
.. [1] Niediek, Boström, Elger & Mormann (2016), PLOS ONE 11, e0166598.
.. [2] https://github.com/jniediek/combinato/wiki; combinato/constants.py, extract/tools.py, cluster/concatenate.py.
"""

import re
from pathlib import Path

import h5py
import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.storage.open_file import H5_ERRORS
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.recorder_files import refusing
from nwb_spikeinference_converters.units.hdf5_arrays import read_array
from nwb_spikeinference_converters.units.mat_files import NUMERIC_KINDS, whole_numbers
from nwb_spikeinference_converters.units.shape import ReadContext, SortedUnit, UnitsFile, is_kept_label, make_unit
from nwb_spikeinference_converters.units.times import choose_rate_hz, resolution_of, to_seconds
from nwb_spikeinference_converters.units.wires import find_wire

_LABELS = {1: "MU", 2: "SU"}
_VOLTS = 1e-6


def read_combinato_units(path: Path, settings: UnitsSettings, context: ReadContext) -> UnitsFile:
    """Each group of type single or multi-unit is a unit; `path` is the channel's folder, its data file or a sorting."""
    data, by_sign = _find_files(path)
    wire = find_wire(data, data.stem.removeprefix("data_"), settings, context)
    rate_hz, notes = choose_rate_hz(path, settings, wire.rate_hz), wire.notes
    units: list[SortedUnit] = []
    n_spikes = 0
    for sign, sorting in by_sign.items():
        n_sorted, made = _build_units(data, sign, sorting, wire.channel, rate_hz, settings)
        n_spikes += n_sorted
        units += made
    n_left_out = n_spikes - sum(len(unit.spike_times_s) for unit in units)
    if n_left_out:
        notes = (*notes, f"{n_left_out} of {n_spikes} sorted spikes in artifacts and groups not taken left out")
    if len(by_sign) > 1:
        notes = (*notes, "sorted by negative and by positive peaks: the same neuron may be among the units of both")
    if rate_hz is None:
        notes = (*notes, "waveforms left out, since the files lack their sampling rate; 'rate_hz' can give it")
    return UnitsFile(
        units=tuple(units),
        clock=settings.clock or "recorder",
        resolution_s=resolution_of(rate_hz),
        counts_samples=settings.time_unit == "sample",
        files=(data, *by_sign.values()),
        notes=notes,
    )


def _find_files(path: Path) -> tuple[Path, dict[str, Path]]:
    """The data file of the channel, and the sorting of each sign."""
    chosen = path.parent if path.name == "sort_cat.h5" else path
    if (chosen / "sort_cat.h5").is_file():
        folder, found = chosen.parent, [chosen / "sort_cat.h5"]
    else:
        folder = path if path.is_dir() else path.parent
        found = sorted(folder.glob("sort_*/sort_cat.h5"))
    files = [path] if path.is_file() and path.parent == folder else sorted(folder.glob("data_*.h5"))
    if len(files) != 1:
        raise InputError(f"{folder}: must hold one data_*.h5 of Combinato, found {len(files)}; name a channel's folder")
    if not found:
        raise InputError(f"{folder}: holds no sort_*/sort_cat.h5; sort and group the channel in Combinato first")
    by_sign: dict[str, Path] = {}
    for sorting in found:
        sign = _sign_of(sorting)
        if sign in by_sign:
            both = f"{by_sign[sign].parent.name} and {sorting.parent.name}"
            raise InputError(f"{folder}: {sign} spikes are sorted twice, in {both}; name the one to take under 'file'")
        by_sign[sign] = sorting
    return files[0], by_sign


def _sign_of(sorting: Path) -> str:
    named = re.match(r"sort_(neg|pos)(?:_|$)", sorting.parent.name)
    if named is None:
        raise InputError(f"{sorting.parent}: must be called sort_neg_<user> or sort_pos_<user>, as Combinato does")
    return named[1]


def _read_spikes(path: Path, sign: str) -> tuple[FloatArray, FloatArray]:
    """Times, in milliseconds, and waveforms, in microvolts, of all detected spikes of one sign."""
    times, waveforms = _read_arrays(path, f"{sign}/times", f"{sign}/spikes")
    if times.ndim != 1 or waveforms.ndim != 2 or len(times) != len(waveforms):
        raise InputError(
            f"{path}: {sign} spikes have times of shape {times.shape} and waveforms of shape {waveforms.shape}; one "
            f"row each needed"
        )
    return times, waveforms


def _read_sorting(path: Path) -> tuple[IntArray, list[tuple[int, str, IntArray]]]:
    """The sorted spikes, by their numbers in the data file; and number, label and spikes of each unit among them."""
    index, classes, groups, types = _read_arrays(path, "index", "classes", "groups", "types")
    if groups.ndim != 2 or types.ndim != 2 or groups.shape[1] != 2 or types.shape[1] != 2:
        raise InputError(f"{path}: classes were not grouped yet; run css-combine with grouping, or save it in css-gui")
    if index.ndim != 1 or index.shape != classes.shape:
        raise InputError(f"{path}: 'index' has shape {index.shape}, 'classes' {classes.shape}; one of each per spike")
    index, classes = whole_numbers(index, "'index'", path), whole_numbers(classes, "'classes'", path)
    groups, types = whole_numbers(groups, "'groups'", path), whole_numbers(types, "'types'", path)
    units: list[tuple[int, str, IntArray]] = []
    for group, kind in types.tolist():
        members = index[np.isin(classes, groups[groups[:, 1] == group, 0])]
        if kind in _LABELS and len(members):  # groups that somebody emptied keep their type
            units.append((group, _LABELS[kind], members))
    return index, units


def _build_units(
    data: Path, sign: str, sorting: Path, channel: int, rate_hz: float | None, settings: UnitsSettings
) -> tuple[int, list[SortedUnit]]:
    """How many spikes of one sign were sorted, and the units that are kept."""
    index, sorted_units = _read_sorting(sorting)
    times, waveforms = _read_spikes(data, sign)
    outside = index[(index < 0) | (index >= len(times))]
    if len(outside):
        raise InputError(
            f"{sorting}: sorts spike {outside[0]}, but {data.name} has {len(times)} {sign} spikes; extracted again "
            f"after sorting? Sort it again"
        )
    units = [
        make_unit(
            channel=channel,
            cluster_id=group,
            spike_times_s=to_seconds(times[members], "ms", settings, rate_hz, data),
            sorter=settings.sorter or "Combinato",
            waveforms=waveforms[members] * _VOLTS,
            waveform_rate_hz=rate_hz,
            label=label,
            quality={"sign": sign},
            source=str(sorting),
        )
        for group, label, members in sorted_units
        if is_kept_label(label, settings)
    ]
    return len(index), units


def _read_arrays(path: Path, *names: str) -> list[np.ndarray]:
    with refusing(path, H5_ERRORS, "cannot be read as a file of Combinato"), h5py.File(path, "r") as file:
        arrays = [read_array(file, name) for name in names]
    for name, values in zip(names, arrays, strict=True):
        if values is None:
            raise InputError(f"{path}: {name!r} is missing; is it a file of Combinato, sorted and grouped?")
        if values.dtype.kind not in NUMERIC_KINDS:
            raise InputError(f"{path}: {name!r} must be numeric")
    return [values for values in arrays if values is not None]
