"""
The plain formats that any laboratory can write: ``.mat`` and ``.csv`` with one element or row per spike.

Columns: `unit`, `channel` (or `channel:` in session.yaml), and either `time_s`, in seconds from the first sample of the
recording that has the channel, or `sample`, counted from it at `rate_hz` (a variable of the file, or in session.yaml);
both run on through pauses. Optional in ``.mat``: `waveform`, one row per spike, in volts, sampled at `rate_hz`.
Negative unit numbers are noise and no units.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import TimeUnit, UnitsSettings
from nwb_spikeinference_converters.csv_rows import read_rows
from nwb_spikeinference_converters.units.mat_files import Variables, read_mat, whole_numbers
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile, group_spikes, make_unit
from nwb_spikeinference_converters.units.times import choose_rate_hz, resolution_of, to_seconds

_NAMES = ("unit", "channel", "time_s", "sample", "rate_hz", "waveform")


def read_mat_units(path: Path, settings: UnitsSettings, context: ReadContext) -> UnitsFile:
    """Units of a MATLAB file, of any version."""
    found = read_mat(path, _NAMES)
    columns = {name: values if name == "waveform" else values.ravel() for name, values in found.items()}
    return _build(path, columns, settings)


def read_csv_units(path: Path, settings: UnitsSettings, context: ReadContext) -> UnitsFile:
    """Units of a CSV file."""
    rows = read_rows(path, ["unit"])
    columns: Variables = {}
    for name in _NAMES[:-1]:
        if any(name in row for row in rows):
            columns[name] = np.array([_number(row, name, place, path) for place, row in enumerate(rows, start=1)])
    columns.setdefault("unit", np.zeros(0))
    return _build(path, columns, settings)


def _number(row: Mapping[str, str], name: str, place: int, path: Path) -> float:
    try:
        return float(row[name])
    except KeyError:
        raise InputError(f"{path}: column {name!r} is empty for spike {place}; every row needs a number") from None
    except ValueError:
        raise InputError(
            f"{path}: column {name!r} holds {row[name][:40]!r} for spike {place}; every row needs a number, its "
            f"decimals after a point"
        ) from None


def _build(path: Path, columns: Variables, settings: UnitsSettings) -> UnitsFile:
    if "unit" not in columns:
        raise InputError(f"{path}: variable 'unit' is missing; needed: unit, channel, and time_s or sample")
    n_spikes = len(columns["unit"])
    if not n_spikes:
        return UnitsFile(units=(), clock="session", files=(path,))
    if settings.channel is not None:
        columns["channel"] = np.full(n_spikes, settings.channel)
    if "channel" not in columns:
        raise InputError(f"{path}: 'channel' is missing; add it, or 'channel:' to the units in session.yaml")
    own_rate_hz = float(columns["rate_hz"][0]) if len(columns.get("rate_hz", ())) else None
    rate_hz = choose_rate_hz(path, settings, own_rate_hz)
    times, counted_in = _times_of(path, columns)
    times_s = to_seconds(times, counted_in, settings, rate_hz, path)
    for name in ("channel", "time_s", "sample", "waveform"):
        if name in columns and len(columns[name]) != n_spikes:
            raise InputError(
                f"{path}: {name!r} has {len(columns[name])} rows, 'unit' has {n_spikes}; one per spike needed"
            )
    waveforms = columns.get("waveform")
    if waveforms is not None and rate_hz is None:
        raise InputError(f"{path}: 'waveform' needs its sampling rate, 'rate_hz'")
    channels, clusters = (whole_numbers(columns[name], repr(name), path) for name in ("channel", "unit"))
    units = [
        make_unit(
            channel=channel,
            cluster_id=cluster,
            spike_times_s=times_s[members],
            sorter=settings.sorter or "unknown",
            waveforms=None if waveforms is None else waveforms[members],
            waveform_rate_hz=rate_hz,
            source=str(path),
        )
        for channel, cluster, members in group_spikes(channels, clusters)
        if cluster >= 0
    ]
    counts_samples = (settings.time_unit or counted_in) == "sample"
    return UnitsFile(
        units=tuple(units),
        clock=settings.clock or "session",
        resolution_s=resolution_of(rate_hz if counts_samples else None),
        counts_samples=counts_samples,
        rate_hz=own_rate_hz,
        files=(path,),
    )


def _times_of(path: Path, columns: Variables) -> tuple[NDArray[Any], TimeUnit]:
    if "time_s" in columns:
        return columns["time_s"], "s"
    if "sample" in columns:
        return columns["sample"], "sample"
    raise InputError(f"{path}: holds neither 'time_s' nor 'sample'; one of them is needed")
