"""
Write what a trained model inferred at contacts into a copy of their NWB file.

The extension's series of probabilities refers to units, of which such a file needs none. So each cell type is a plain
`TimeSeries`, which every viewer draws, and a table beside them says which electrode each of its columns is. Not an
`ElectricalSeries`: its unit is the volt, and readers would take probabilities for a signal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hdmf.common import DynamicTable
from pynwb import NWBFile, TimeSeries

from nwb_spikeinference.nwb.names import SPIKE_PROBABILITY
from nwb_spikeinference.nwb.results.result_records import ModelProvenance, StudyFacts
from nwb_spikeinference.nwb.results.results_objects import (
    make_column,
    make_table,
    model_object,
    packed_traces,
    study_object,
)
from nwb_spikeinference.nwb.results.results_writer import require_writable, write_module
from nwb_spikeinference.recordings import CellType, FloatArray

CONTACTS = "contacts"
_COLUMNS = {
    "label": "Name of the contact",
    "region": "Canonical name of the structure, without side; empty where it is not known",
    "hemisphere": "Side of the brain; empty where it is not known",
    "electrode_type": "micro or macro",
    "recorded_hz": "Rate that the contact was recorded at, in hertz",
    "inferred_share": "Share of the bins in which something was inferred",
    "outside_training": "Why the contact is not like those that the model was trained on; empty if it is",
    "excluded_reason": "Why nothing was inferred; empty if something was",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRow:
    """What the file says of one column of the probabilities; `electrode_row` is of the electrodes table."""

    electrode_row: int
    label: str
    region: str
    hemisphere: str
    electrode_type: str
    recorded_hz: float
    inferred_share: float
    outside_training: str
    excluded_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePrediction:
    """
    What a file is given.

    Attributes
    ----------
    probabilities : dict
        Cell type -> ndarray of shape (n_bins, n_contacts), float32; NaN where nothing was inferred.
    start_s : float
        Start of the first bin, in seconds on the session's clock.
    text : str
        Where the model was trained and what it takes for granted.
    study : str
        The study that trained the model.
    source_sha256 : str
        Digest of the file that was read.
    """

    probabilities: Mapping[CellType, FloatArray]
    bin_s: float
    start_s: float
    contacts: tuple[ContactRow, ...]
    text: str
    model: ModelProvenance
    study: str
    participant: str
    session: str
    source_sha256: str


def write_prediction_copy(source: Path, target: Path, prediction: FilePrediction, *, overwrite: bool) -> None:
    """
    Copy a file and add what was inferred; results that the source holds already, and raw voltages, are left out.

    Raises
    ------
    InputError
        If the source cannot be read, was changed since, or would not be valid with the results.
    ExistsError, LockedError, ResourceError
        If the target exists and may not be replaced, is being written by another process, or does not fit on the disk.
    """
    require_writable(source, target, overwrite=overwrite)
    write_module(
        source,
        target,
        lambda file: _objects(file, prediction),
        source_sha256=prediction.source_sha256,
        added_bytes=sum(values.nbytes for values in prediction.probabilities.values()),
        keep_raw=False,
    )


def _objects(file: NWBFile, prediction: FilePrediction) -> list[Any]:
    facts = StudyFacts(prediction.study, prediction.participant, prediction.session, prediction.source_sha256)
    return [
        *(_series(prediction, cell_type) for cell_type in prediction.probabilities),
        _contacts(file, prediction),
        model_object(prediction.model),
        study_object(facts),
    ]


def _series(prediction: FilePrediction, cell_type: CellType) -> TimeSeries:
    values = prediction.probabilities[cell_type]
    return TimeSeries(
        name=f"{SPIKE_PROBABILITY}_{cell_type}",
        description=(
            f"Probability that a typical putative {cell_type} neuron at each contact spikes at least once in a bin of "
            f"{prediction.bin_s * 1e3:g} ms; NaN where nothing was inferred. Columns are the rows of table {CONTACTS}."
        ),
        comments=prediction.text,
        data=packed_traces(values),
        unit="probability",
        rate=round(1 / prediction.bin_s, 6),
        starting_time=float(prediction.start_s),
    )


def _contacts(file: NWBFile, prediction: FilePrediction) -> DynamicTable:
    rows = prediction.contacts
    electrodes = np.array([row.electrode_row for row in rows], np.int32)
    columns = [make_column("electrode", "Row of the electrodes table", electrodes, file.electrodes)]
    columns += [make_column(name, doc, [getattr(row, name) for row in rows]) for name, doc in _COLUMNS.items()]
    return make_table(
        DynamicTable, CONTACTS, f"Contacts, one per column of the probabilities. {prediction.text}", columns
    )
