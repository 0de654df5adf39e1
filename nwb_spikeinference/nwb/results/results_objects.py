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
from nwb_spikeinference.nwb.extension import REGION, TABLES, get_specification, get_type, table_columns
from nwb_spikeinference.nwb.results.result_records import (
    CohortResults,
    ModelProvenance,
    SessionResults,
    SpikeProbabilities,
    StudyFacts,
)
from nwb_spikeinference.nwb.results.results_tables import (
    UNIT_LIST_COLUMNS,
    Rows,
    column_values,
    result_tables,
    stretch_rows,
)
from nwb_spikeinference.nwb.storage.chunks import packed
from nwb_spikeinference.recordings import FloatArray, UnitKey
from nwb_spikeinference.records import UnitRecord

_BINS_PER_CHUNK = 65536  # of one unit or contact: its whole trace is read without unpacking another's
_NONE = -1
_SERIES_NAMES = (names.SPIKE_PROBABILITY, names.SPIKE_PROBABILITY_WITHIN)


def session_objects(file: NWBFile, results: SessionResults) -> list[Any]:
    """
    Everything that the processing module of a session's file holds, about the units of its table.

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
    tables = result_tables(results.tables, row_of) | {names.INFERRED_STRETCHES: stretch_rows(inferred)}
    return [
        *(_series(file, name, one) for name, one in inferred.items()),
        *_tables(tables, file.units),
        *(model_object(model) for model in results.models),
        study_object(StudyFacts(results.study, results.participant, results.session, results.source_sha256)),
    ]


def cohort_objects(results: CohortResults) -> list[Any]:
    """Everything that the processing module of the file of all participants holds."""
    units = _unit_list(results.tables.units)
    row_of = {unit.key: row for row, unit in enumerate(results.tables.units)}
    return [
        units,
        *_tables(result_tables(results.tables, row_of), units),
        *(model_object(model) for model in results.models),
        study_object(StudyFacts(results.study)),
    ]


def packed_traces(values: FloatArray) -> H5DataIO:
    """Values of shape (n_bins, n_columns), in chunks of one column each."""
    return packed(values, (min(len(values), _BINS_PER_CHUNK), 1))


def make_column(name: str, description: str, values: Any, table: DynamicTable | None = None) -> VectorData:
    """A column of a table; where `table` is given, of rows of that one."""
    if table is None:
        return VectorData(name=name, description=description, data=packed(values))
    return DynamicTableRegion(name=name, description=description, data=packed(values), table=table)


def make_table(kind: Any, name: str, description: str, columns: Sequence[VectorData]) -> Any:
    """A table of class `kind`; its rows are numbered."""
    return kind(
        name=name,
        description=description,
        id=ElementIdentifiers(name="id", data=packed(np.arange(len(columns[0]), dtype=np.int32))),
        columns=list(columns),
        colnames=[column.name for column in columns],
    )


def _series(file: NWBFile, name: str, inferred: SpikeProbabilities) -> Any:
    rows = np.array(inferred.unit_rows, dtype=np.int32)
    folds = [inferred.folds_of(row) for row in inferred.unit_rows]
    return get_type("SpikeProbabilitySeries")(
        name=name,
        description=f"Spike probability per bin of {1000 / inferred.rate_hz:g} ms, protocol {inferred.protocol}",
        data=packed_traces(np.asarray(inferred.probabilities, dtype=np.float32)),
        unit="probability",
        rate=float(inferred.rate_hz),
        starting_time=float(inferred.start_s),
        protocol=inferred.protocol,
        model_name=inferred.model,
        units=make_column("units", "Units, one per column of data", rows, file.units),
        fold=packed(np.array([next(iter(held)) if len(held) == 1 else _NONE for held in folds], dtype=np.int32)),
    )


def _unit_list(units: Sequence[UnitRecord]) -> Any:
    """Who is in a file of all participants, where the units table of a recording does not exist."""
    rows = [unit.model_dump() for unit in units]
    columns = [
        make_column(name, doc, column_values(rows, name, dtype)) for name, (dtype, doc) in UNIT_LIST_COLUMNS.items()
    ]
    return make_table(DynamicTable, names.UNITS, "All units of the study.", columns)


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


def study_object(facts: StudyFacts) -> Any:
    """The `StudyRecord` that says what was studied; digests are known only when all is written."""
    return get_type("StudyRecord")(name=names.STUDY, **facts._asdict(), recording_sha256="", content_sha256="")


def _tables(tables: Mapping[str, Rows], units: DynamicTable) -> list[Any]:
    """Tables whose columns, their types and all descriptions are those of the specification."""
    made: list[Any] = []
    referred = {"unit": units}  # column -> the table that its rows lie in
    for name, rows in tables.items():
        kind = TABLES[name]
        columns = [
            make_column(column, doc, column_values(rows, column, dtype), referred[column] if dtype == REGION else None)
            for column, dtype, doc in table_columns(kind)
        ]
        made.append(make_table(get_type(kind), name, get_specification(kind).doc, columns))
        if name == names.BANDS:
            referred["band_edges"] = made[-1]
    return made
