"""
Sorted units of NWB files that anybody may have written.
"""

from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.columns import find_column, read_numbers, read_ragged, read_texts, read_values
from nwb_spikeinference.nwb.electrodes import electrodes_table
from nwb_spikeinference.recordings import CellType, FloatArray, Unit

_MANY_SPIKES = 20  # as many times that are all whole numbers are sample numbers, not seconds
_INHIBITORY = ("inhib", "narrow", "interneuron", "fast", "fs")
_EXCITATORY = ("excit", "pyramid", "wide", "broad", "regular", "rs")


def read_units(file: h5py.File) -> tuple[tuple[Unit, ...], tuple[str, ...]]:
    """
    All sorted units of a file, and what had to be assumed about them.

    Raises
    ------
    InputError
        If the spike times are sample numbers instead of seconds.
    """
    table = file.get("units")
    if not isinstance(table, h5py.Group) or not isinstance(table.get("id"), h5py.Dataset):
        return (), ("no units table",)
    unit_ids = read_values(table["id"]).tolist()
    n_units = len(unit_ids)
    times = read_ragged(table, "spike_times", n_units)
    if times is None:
        return (), ("the units table has no spike times",)
    rows, link_notes = _electrode_rows(file, table, n_units)
    trains, time_notes = _clean_trains(file, times)
    waveforms, waveform_rate_hz = _mean_waveforms(table, n_units)
    widths = read_numbers(table, n_units, "trough_to_peak_ms")
    snr = read_numbers(table, n_units, "snr", "waveforms_mean_snr")
    violations = read_numbers(table, n_units, "isi_violations")
    cell_types = read_texts(table, n_units, "cell_type")
    sorters = read_texts(table, n_units, "sorter")
    clusters = read_numbers(table, n_units, "cluster_id", "origClusterID")
    units = tuple(
        Unit(
            unit_id=int(unit_ids[i]),
            electrode_rows=rows[i],
            spike_times_s=trains[i],
            waveform_mean=waveforms[i],
            waveform_rate_hz=waveform_rate_hz,
            trough_to_peak_ms=widths[i],
            snr=snr[i],
            isi_violations=violations[i],
            cell_type=_cell_type(cell_types[i]),
            sorter=sorters[i] or None,
            cluster_id=None if (cluster := clusters[i]) is None else int(cluster),
        )
        for i in range(n_units)
    )
    return units, (*link_notes, *time_notes)


def _electrode_rows(file: h5py.File, table: h5py.Group, n_units: int) -> tuple[list[tuple[int, ...]], tuple[str, ...]]:
    """Rows of the electrodes table per unit: by region, else by electrode id, else by electrode group."""
    electrodes = electrodes_table(file)
    n_electrodes = 0 if electrodes is None else len(electrodes["id"])
    linked = read_ragged(table, "electrodes", n_units)
    if linked is None and electrodes is not None:
        linked = _rows_by_id(table, electrodes, n_units)
        if linked is None:
            linked = _rows_by_group(table, electrodes, n_units)
    if linked is None:
        return [()] * n_units, ("units name no electrodes",)
    rows = [tuple(int(row) for row in unit_rows if 0 <= row < n_electrodes) for unit_rows in linked]
    dangling = sum(len(kept) < len(unit_rows) for kept, unit_rows in zip(rows, linked, strict=True))
    return rows, (f"{dangling} units name electrodes that the table does not have",) if dangling else ()


def _rows_by_id(table: h5py.Group, electrodes: h5py.Group, n_units: int) -> list[NDArray[Any]] | None:
    ids = read_ragged(table, "electrode_id", n_units)
    if ids is None:
        return None
    row_of = {int(electrode_id): row for row, electrode_id in enumerate(read_values(electrodes["id"]))}
    return [np.array([row_of.get(int(one), -1) for one in unit_ids], dtype=np.int64) for unit_ids in ids]


def _rows_by_group(table: h5py.Group, electrodes: h5py.Group, n_units: int) -> list[NDArray[Any]] | None:
    wanted = find_column(table, "electrode_group")
    groups = find_column(electrodes, "group")
    if wanted is None or groups is None or wanted.shape != (n_units,):
        return None
    rows_of: dict[str, list[int]] = {}
    for row, reference in enumerate(read_values(groups)):
        rows_of.setdefault(str(table.file[reference].name), []).append(row)
    return [np.array(rows_of.get(str(table.file[reference].name), []), np.int64) for reference in read_values(wanted)]


def _clean_trains(file: h5py.File, times: Sequence[NDArray[Any]]) -> tuple[list[FloatArray], tuple[str, ...]]:
    """Finite, ascending spike times."""
    trains = [np.asarray(train, dtype=np.float64).ravel() for train in times]
    finite = [train[np.isfinite(train)] for train in trains]
    every = np.concatenate(finite) if finite else np.empty(0)
    if every.size >= _MANY_SPIKES and np.array_equal(every, np.rint(every)):
        raise InputError(
            f"{file.filename}: /units/spike_times are all whole numbers, so samples and not seconds; "
            "divide them by the sampling rate"
        )
    notes = []
    if any(len(kept) < len(train) for kept, train in zip(finite, trains, strict=True)):
        notes.append("spike times that are no numbers were left out")
    if any(np.any(np.diff(train) < 0) for train in finite):
        notes.append("spike times that were not in order were sorted")
    return [np.sort(train) for train in finite], tuple(notes)


def _mean_waveforms(table: h5py.Group, n_units: int) -> tuple[list[FloatArray | None], float | None]:
    """Mean waveform of each unit at its largest electrode, in volts, and their sampling rate."""
    column = find_column(table, "waveform_mean")
    if column is None or column.shape[:1] != (n_units,) or column.ndim not in (2, 3) or column.dtype.kind not in "fiu":
        return [None] * n_units, None
    rate_hz = float(column.attrs.get("sampling_rate", np.nan))
    return [_largest(waveform) for waveform in read_values(column)], rate_hz if rate_hz > 0 else None


def _largest(waveform: NDArray[Any]) -> FloatArray | None:
    """(n_samples,) of the electrode with the largest swing, from (n_samples,) or (n_samples, n_electrodes)."""
    channels = waveform.astype(np.float64).reshape(len(waveform), -1)
    channels = channels[:, np.all(np.isfinite(channels), axis=0)]
    if channels.size == 0:
        return None
    return np.ascontiguousarray(channels[:, np.argmax(np.ptp(channels, axis=0))])


def _cell_type(text: str) -> CellType:
    lower = text.lower()
    if lower == "i" or lower.startswith(_INHIBITORY) or "inhib" in lower:
        return "inhibitory"
    if lower == "e" or lower.startswith(_EXCITATORY) or "excit" in lower:
        return "excitatory"
    return "unclassified"
