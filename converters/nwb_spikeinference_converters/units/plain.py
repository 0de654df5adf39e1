"""
The plain formats that any laboratory can write: ``.mat`` and ``.csv`` with one element or row per spike.

Columns: `unit`, `channel` (or `channel:` in session.yaml), and either `time_s`, in seconds from the first sample of the
recording, or `sample`, counted from it at `rate_hz` (a variable of the file, or in session.yaml); both run on through
pauses. Optional in ``.mat``: `waveform`, one row per spike, in volts, sampled at `rate_hz`. Negative unit numbers are
noise and no units.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.neo_files import describe
from nwb_spikeinference_converters.tables import read_rows
from nwb_spikeinference_converters.units.shape import DEFAULT_RESOLUTION_S, UnitsFile, group_spikes, make_unit

_NAMES = ("unit", "channel", "time_s", "sample", "rate_hz", "waveform")
_NEWER_MAT = b"MATLAB 7.3"

Columns = dict[str, NDArray[Any]]


def read_mat_units(path: Path, settings: UnitsSettings, clock_offsets_s: tuple[float, ...]) -> UnitsFile:
    """Units of a MATLAB file, of any version."""
    return _build(path, _read_mat(path), settings)


def read_csv_units(path: Path, settings: UnitsSettings, clock_offsets_s: tuple[float, ...]) -> UnitsFile:
    """Units of a CSV file."""
    rows = read_rows(path, ["unit"])
    columns: Columns = {}
    for name in _NAMES[:-1]:
        if any(name in row for row in rows):
            try:
                columns[name] = np.array([float(row[name]) for row in rows])
            except (KeyError, ValueError) as error:
                raise InputError(
                    f"{path}: column {name!r} must hold a number in every row ({describe(error)})"
                ) from None
    columns.setdefault("unit", np.zeros(0))
    return _build(path, columns, settings)


def _read_mat(path: Path) -> Columns:
    try:
        with path.open("rb") as stream:
            newer = stream.read(10) == _NEWER_MAT
        if newer:
            with h5py.File(path, "r") as file:
                found = {name: np.asarray(file[name][()]).T for name in _NAMES if name in file}
        else:
            found = loadmat(path, variable_names=list(_NAMES))
    except (OSError, ValueError, TypeError, KeyError, NotImplementedError, MatReadError) as error:
        raise InputError(f"{path}: cannot be read as a MATLAB file ({describe(error)})") from error
    columns = {name: np.asarray(found[name]) for name in _NAMES if name in found}
    for name, values in columns.items():
        if not np.issubdtype(values.dtype, np.number):
            raise InputError(f"{path}: variable {name!r} must be numeric")
    return {name: values if name == "waveform" else values.ravel() for name, values in columns.items()}


def _build(path: Path, columns: Columns, settings: UnitsSettings) -> UnitsFile:
    if "unit" not in columns:
        raise InputError(f"{path}: variable 'unit' is missing; needed: unit, channel, and time_s or sample")
    n_spikes = len(columns["unit"])
    if not n_spikes:
        return UnitsFile(units=(), clock="session")
    if settings.channel is not None:
        columns["channel"] = np.full(n_spikes, settings.channel)
    if "channel" not in columns:
        raise InputError(f"{path}: 'channel' is missing; add it, or 'channel:' to the units in session.yaml")
    rate_hz = settings.rate_hz or (float(columns["rate_hz"][0]) if len(columns.get("rate_hz", ())) else None)
    times_s = _times(path, columns, rate_hz)
    for name in ("channel", "time_s", "sample", "waveform"):
        if name in columns and len(columns[name]) != n_spikes:
            raise InputError(
                f"{path}: {name!r} has {len(columns[name])} rows, 'unit' has {n_spikes}; one per spike needed"
            )
    waveforms = columns.get("waveform")
    if waveforms is not None and rate_hz is None:
        raise InputError(f"{path}: 'waveform' needs its sampling rate, 'rate_hz'")
    for name in ("unit", "channel"):
        if not np.all(columns[name] == np.rint(columns[name])):
            raise InputError(f"{path}: {name!r} must hold whole numbers")
    channels, clusters = columns["channel"].astype(np.int64), columns["unit"].astype(np.int64)
    units = [
        make_unit(
            channel=channel,
            cluster_id=cluster,
            spike_times_s=times_s[members] + settings.offset_s,
            sorter=settings.sorter or "unknown",
            waveforms=None if waveforms is None else waveforms[members],
            waveform_rate_hz=rate_hz,
            source=str(path),
        )
        for channel, cluster, members in group_spikes(channels, clusters)
        if cluster >= 0
    ]
    counts_samples = "time_s" not in columns
    resolution_s = 1 / rate_hz if rate_hz and counts_samples else DEFAULT_RESOLUTION_S
    return UnitsFile(units=tuple(units), clock="session", resolution_s=resolution_s, counts_samples=counts_samples)


def _times(path: Path, columns: Columns, rate_hz: float | None) -> NDArray[np.float64]:
    if "time_s" in columns:
        return columns["time_s"].astype(np.float64)
    if "sample" not in columns:
        raise InputError(f"{path}: holds neither 'time_s' nor 'sample'; one of them is needed")
    if rate_hz is None or not rate_hz > 0:
        raise InputError(f"{path}: 'sample' needs its clock; add 'rate_hz' to the file or to the units in session.yaml")
    return columns["sample"].astype(np.float64) / rate_hz
