"""
Results as objects of the NWB extension, every dataset of them chunked, shuffled and compressed.

Deflate carries a checksum, so that a flipped byte raises when the data are read.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from hdmf.backends.hdf5 import H5DataIO
from hdmf.common import DynamicTable, DynamicTableRegion, ElementIdentifiers, VectorData
from pynwb import NWBFile

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb import names
from nwb_spikeinference.nwb.extension import ID, REGION, get_type, table_columns
from nwb_spikeinference.nwb.results.result_records import (
    CohortResults,
    ModelProvenance,
    SessionResults,
    SpikeProbabilities,
)
from nwb_spikeinference.nwb.results.results_tables import TableRows, column_values, result_tables, stretch_table
from nwb_spikeinference.recordings import UnitKey
from nwb_spikeinference.records import UnitRecord

BINS_PER_CHUNK = 65536  # of one unit or contact: its whole trace is read without unpacking another's
_NONE = -1
UNIT_LIST_COLUMNS = {
    "participant": ("text", "Whose unit it is"),
    "session": ("text", "Session in which it was recorded"),
    "unit_id": (ID, "Id of the unit in the units table of its session; may repeat there"),
    "unit_row": ("int32", "Row of the unit in the units table of its session"),
    "region": ("text", "Canonical name of the structure, without side; empty where it is not known"),
    "hemisphere": ("text", "Side of the brain; empty where it is not known"),
    "cell_type": ("text", "Putative cell type by spike width alone: excitatory, inhibitory or unclassified"),
}
_SERIES_NAMES = (names.SPIKE_PROBABILITY, names.SPIKE_PROBABILITY_WITHIN)


def session_objects(file: NWBFile, results: SessionResults) -> list[Any]:
    """
    Everything that the processing module of a session's file holds.

    Parameters
    ----------
    file : NWBFile
        Its units table is what the results refer to.

    Raises
    ------
    InputError
        If the file lacks a unit that the results name.
    """
    n_units = 0 if file.units is None else len(file.units.id)
    inferred = dict(zip(_SERIES_NAMES, results.series, strict=False))
    missing = [row for one in inferred.values() for row in one.unit_rows if not 0 <= row < n_units]
    if missing:
        raise InputError(
            f"the results name the unit in row {missing[0]}, but the file has {n_units} units, in rows from 0; run the "
            "study again on this file"
        )
    row_of = {UnitKey(results.participant, results.session, row): row for row in range(n_units)}
    tables = result_tables(results.tables, row_of) | {names.INFERRED_STRETCHES: stretch_table(inferred)}
    return [
        *(_series(file, name, one) for name, one in inferred.items()),
        *_tables(tables, file.units),
        *(model_object(model) for model in results.models),
        study_object(results.study, results.participant, results.session, results.source_sha256),
    ]


def cohort_objects(results: CohortResults) -> list[Any]:
    """Everything that the processing module of the file of all participants holds."""
    units = _unit_list(results.tables.units)
    row_of = {unit.key: row for row, unit in enumerate(results.tables.units)}
    return [
        units,
        *_tables(result_tables(results.tables, row_of), units),
        *(model_object(model) for model in results.models),
        study_object(results.study, "", "", ""),
    ]


def packed(values: Any, chunks: tuple[int, ...] | bool = True) -> H5DataIO:
    """Values that are written in compressed chunks."""
    return H5DataIO(data=values, compression="gzip", compression_opts=4, shuffle=True, chunks=chunks)


def _series(file: NWBFile, name: str, inferred: SpikeProbabilities) -> Any:
    rows = np.array(inferred.unit_rows, dtype=np.int32)
    folds = [inferred.folds_of(row) for row in inferred.unit_rows]
    return get_type("SpikeProbabilitySeries")(
        name=name,
        description=f"Spike probability per bin of {1000 / inferred.rate_hz:g} ms, protocol {inferred.protocol}",
        data=packed(
            np.asarray(inferred.probabilities, dtype=np.float32), (min(len(inferred.probabilities), BINS_PER_CHUNK), 1)
        ),
        unit="probability",
        rate=float(inferred.rate_hz),
        starting_time=float(inferred.start_s),
        protocol=inferred.protocol,
        model_name=inferred.model,
        units=DynamicTableRegion(
            name="units", description="Units, one per column of data", data=packed(rows), table=file.units
        ),
        fold=packed(np.array([next(iter(held)) if len(held) == 1 else _NONE for held in folds], dtype=np.int32)),
    )


def _unit_list(units: Sequence[UnitRecord]) -> Any:
    """Who is in a file of all participants, where the units table of a recording does not exist."""
    rows = [unit.model_dump() for unit in units]
    columns = [
        VectorData(name=name, description=doc, data=packed(column_values(rows, name, dtype)))
        for name, (dtype, doc) in UNIT_LIST_COLUMNS.items()
    ]
    return DynamicTable(
        name=names.UNITS,
        description="All units of the study.",
        id=ElementIdentifiers(name="id", data=packed(np.arange(len(rows), dtype=np.int32))),
        columns=columns,
        colnames=list(UNIT_LIST_COLUMNS),
    )


def model_object(model: ModelProvenance) -> Any:
    """The `InferenceModel` of one trained model."""
    versions = np.array(sorted(model.versions.items()), dtype=object).reshape(-1, 2)
    return get_type("InferenceModel")(
        name=model.name,
        model_name=model.model,
        protocol=model.protocol or "",
        fold=np.int32(_NONE if model.fold is None else model.fold),
        architecture=model.architecture,
        weights_sha256=model.weights_sha256,
        settings=json.dumps(dict(model.settings), sort_keys=True, allow_nan=False),
        versions=packed(versions),
        training_participants=packed(list(model.training_participants)),
    )


def study_object(study: str, participant: str, session: str, source_sha256: str) -> Any:
    """The `StudyRecord` that says what was studied."""
    return get_type("StudyRecord")(
        name=names.STUDY,
        study_name=study,
        participant=participant,
        session=session,
        source_sha256=source_sha256,
        recording_sha256="",  # these are known only when all is written
        content_sha256="",
    )


def _tables(tables: Mapping[str, TableRows], units: Any) -> list[Any]:
    made: list[Any] = []
    referred: dict[str, Any] = {"unit": units}  # column -> the table that its rows lie in
    for name, table in tables.items():
        made.append(_table(name, table, referred))
        if name == names.BANDS:
            referred["band_edges"] = made[-1]
    return made


def _table(name: str, table: TableRows, referred: Mapping[str, DynamicTable]) -> Any:
    """A table whose columns, their types and descriptions are those of the specification."""
    columns: list[VectorData] = []
    for column, dtype, doc in table_columns(table.type_name):
        values = packed(column_values(table.rows, column, dtype))
        if dtype == REGION:
            columns.append(DynamicTableRegion(name=column, description=doc, data=values, table=referred[column]))
        else:
            columns.append(VectorData(name=column, description=doc, data=values))
    return get_type(table.type_name)(
        name=name,
        description=table.description,
        id=ElementIdentifiers(name="id", data=packed(np.arange(len(table.rows), dtype=np.int32))),
        columns=columns,
        colnames=[column.name for column in columns],
    )
