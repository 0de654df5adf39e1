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
from hdmf.common import DynamicTable, DynamicTableRegion, ElementIdentifiers, VectorData
from pynwb import NWBFile, TimeSeries

from nwb_spikeinference.files import lock, sweep_partials
from nwb_spikeinference.nwb.names import SPIKE_PROBABILITY
from nwb_spikeinference.nwb.results.result_records import ModelProvenance
from nwb_spikeinference.nwb.results.results_objects import BINS_PER_CHUNK, model_object, packed, study_object
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
    with lock(target):
        sweep_partials(target.parent, target.name)
        write_module(
            source,
            target,
            lambda file: prediction_objects(file, prediction),
            source_sha256=prediction.source_sha256,
            added_bytes=sum(values.nbytes for values in prediction.probabilities.values()),
            keep_raw=False,
        )


def prediction_objects(file: NWBFile, prediction: FilePrediction) -> list[Any]:
    """Everything that the processing module holds."""
    return [
        *(_series(prediction, cell_type) for cell_type in prediction.probabilities),
        _contacts(file, prediction),
        model_object(prediction.model),
        study_object(prediction.study, prediction.participant, prediction.session, prediction.source_sha256),
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
        data=packed(values, (min(len(values), BINS_PER_CHUNK), 1)),
        unit="probability",
        rate=round(1 / prediction.bin_s, 6),
        starting_time=float(prediction.start_s),
    )


def _contacts(file: NWBFile, prediction: FilePrediction) -> DynamicTable:
    rows = prediction.contacts
    electrodes = np.array([one.electrode_row for one in rows], np.int32)
    columns = [
        DynamicTableRegion(
            name="electrode",
            description="Row of the electrodes table",
            data=packed(electrodes),
            table=file.electrodes,
        )
    ]
    for name, description in _COLUMNS.items():
        values = [getattr(one, name) for one in rows]
        columns.append(VectorData(name=name, description=description, data=packed(values)))
    return DynamicTable(
        name=CONTACTS,
        description=f"Contacts, one per column of the probabilities. {prediction.text}",
        id=ElementIdentifiers(name="id", data=packed(np.arange(len(rows), dtype=np.int32))),
        columns=columns,
        colnames=[column.name for column in columns],
    )
