"""
Sorted units of NWB files that anybody may have written.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.config import LayoutSettings
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.reading.columns import (
    find_column,
    read_numbers,
    read_ragged,
    read_texts,
    read_values,
    read_whole_numbers,
    whole_number,
)
from nwb_spikeinference.nwb.reading.unit_links import link_units
from nwb_spikeinference.nwb.storage.open_file import decode
from nwb_spikeinference.recordings import CellType, FloatArray, Unit

_MANY_SPIKES = 20  # as many times that are all whole numbers are sample numbers, not seconds
# Columns of the human single-neuron datasets on DANDI: 000004, 000469, 000623. Their mean_snr is that of the whole
# waveform, not of its peak, and their isibelow counts 3 ms, so neither is read.
_PEAK_SNR = ("peakSNR", "waveforms_peak_snr")
_CLUSTERS = ("origClusterID", "origcluster_id", "clusterID_orig")
_WAVEFORMS = ("waveform_mean_encoding",)
_WAVEFORM_RATE = "waveform_mean_sampling_rate"
_INHIBITORY = "inh inhib inhibitory interneuron interneurons int pv pvalb sst vip gaba gabaergic basket"
_EXCITATORY = "exc excit excitatory pyr pyramid pyramidal principal glutamatergic"
_TYPES: dict[str, CellType] = {
    **dict.fromkeys(_INHIBITORY.split(), "inhibitory"),
    **dict.fromkeys(_EXCITATORY.split(), "excitatory"),
}
_WAVEFORM_TYPES: dict[str, CellType] = {  # where no word names a type: "Wide Interneuron" is one
    **dict.fromkeys(("narrow", "fast", "fs", "ns"), "inhibitory"),
    **dict.fromkeys(("wide", "broad", "regular", "rs", "bs"), "excitatory"),
}
_ALONE: dict[str, CellType] = {"i": "inhibitory", "in": "inhibitory", "e": "excitatory", "ex": "excitatory"}
_NO_TYPE = {"putative", "presumed", "p", "cell", "cells", "neuron", "neurons", "unit", "like", "spiking"}
_NOT = {"non", "not", "no"}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTable:
    """All sorted units of a file, what had to be assumed, and what study.yaml could say about them."""

    units: tuple[Unit, ...] = ()
    notes: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


def read_units(file: h5py.File, layout: LayoutSettings) -> UnitTable:
    """
    All sorted units of a file.

    Raises
    ------
    InputError
        If the spike times are sample numbers instead of seconds, or the layout names a column that links no unit.
    """
    table = file.get("units")
    if not isinstance(table, h5py.Group) or not isinstance(table.get("id"), h5py.Dataset):
        return UnitTable(notes=("no units table",))
    unit_ids, id_notes = _name_units(table["id"])
    n_units = len(unit_ids)
    times = read_ragged(table, "spike_times", n_units)
    if times is None:
        return UnitTable(notes=("the units table has no spike times",))
    links = link_units(file, table, n_units, layout.unit_electrode)
    trains, time_notes = _clean_trains(file, times)
    waveforms, waveform_rates_hz = _mean_waveforms(table, n_units)
    widths = read_numbers(table, n_units, "trough_to_peak_ms")
    snr = read_numbers(table, n_units, "snr", *_PEAK_SNR)
    violations = read_numbers(table, n_units, "isi_violations")
    observed = _observed(table, n_units)
    cell_types = read_texts(table, n_units, "cell_type")
    sorters = read_texts(table, n_units, "sorter")
    clusters = read_whole_numbers(table, n_units, "cluster_id", *_CLUSTERS)
    units = tuple(
        Unit(
            row=i,
            unit_id=unit_ids[i],
            electrode_rows=links.rows[i],
            spike_times_s=trains[i],
            waveform_mean=waveforms[i],
            waveform_rate_hz=waveform_rates_hz[i],
            trough_to_peak_ms=widths[i],
            snr=snr[i],
            isi_violations=violations[i],
            cell_type=_cell_type(cell_types[i]),
            observed_s=observed[i],
            sorter=sorters[i] or None,
            cluster_id=clusters[i],
        )
        for i in range(n_units)
    )
    return UnitTable(units=units, notes=(*id_notes, *links.notes, *time_notes), advice=links.advice)


def _name_units(column: h5py.Dataset) -> tuple[list[int], tuple[str, ...]]:
    """What the file calls each unit; its row where that is no whole number."""
    written = read_values(column).tolist()
    ids = [whole_number(one) for one in written]
    odd = [decode(one) for one, number in zip(written, ids, strict=True) if number is None]
    notes = (f"{len(odd)} units are called by their rows: their id is no whole number, as {odd[0]}",) if odd else ()
    return [row if number is None else number for row, number in enumerate(ids)], notes


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


def _observed(table: h5py.Group, n_units: int) -> list[tuple[tuple[float, float], ...]]:
    """When each unit was observed, in seconds; nothing where the file does not say it."""
    column = find_column(table, "obs_intervals")
    if column is None or column.ndim != 2 or column.shape[1] != 2:
        return [()] * n_units
    intervals = read_ragged(table, "obs_intervals", n_units) or [np.empty((0, 2))] * n_units
    return [tuple((float(start), float(stop)) for start, stop in unit if start < stop) for unit in intervals]


def _mean_waveforms(table: h5py.Group, n_units: int) -> tuple[list[FloatArray | None], list[float | None]]:
    """Mean waveform of each unit at its largest electrode, in volts, and its sampling rate."""
    column = find_column(table, "waveform_mean", *_WAVEFORMS)
    if column is None or column.shape[:1] != (n_units,) or column.ndim not in (2, 3) or column.dtype.kind not in "fiu":
        return [None] * n_units, [None] * n_units
    rates_hz = [float(column.attrs.get("sampling_rate", np.nan))] * n_units
    written = find_column(table, _WAVEFORM_RATE)
    if written is not None and written.size == n_units:
        rates_hz = [float(rate_hz) for rate_hz in read_values(written).ravel()]
    waveforms = [_largest(waveform) for waveform in read_values(column)]
    return waveforms, [rate_hz if rate_hz > 0 else None for rate_hz in rates_hz]


def _largest(waveform: NDArray[Any]) -> FloatArray | None:
    """(n_samples,) of the electrode with the largest swing, from (n_samples,) or (n_samples, n_electrodes)."""
    channels = waveform.astype(np.float64).reshape(len(waveform), -1)
    channels = channels[:, np.all(np.isfinite(channels), axis=0)]
    if channels.size == 0:
        return None
    return np.ascontiguousarray(channels[:, np.argmax(np.ptp(channels, axis=0))])


def _cell_type(text: str) -> CellType:
    """The one type that whole words name."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text)  # of PyramidalCell: Pyramidal, Cell
    words = [word.lower() for word in parts]
    telling = [word for word in words if word not in _NO_TYPE]
    if _NOT & set(words):
        return "unclassified"
    for types in (_TYPES, _WAVEFORM_TYPES, _ALONE if len(telling) == 1 else {}):
        found = {types[word] for word in telling if word in types}
        if found:
            return found.pop() if len(found) == 1 else "unclassified"
    return "unclassified"
