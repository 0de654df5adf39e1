"""
Results as objects of the NWB extension, every dataset of them chunked, shuffled and compressed.

Deflate carries a checksum, so that a flipped byte raises when the data are read.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from hdmf.backends.hdf5 import H5DataIO
from hdmf.common import DynamicTableRegion, ElementIdentifiers, VectorData
from pynwb import NWBFile

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb import names
from nwb_spikeinference.nwb.extension import get_type, table_columns
from nwb_spikeinference.nwb.results import ModelProvenance, SessionResults, SpikeProbabilities
from nwb_spikeinference.records import FoldRecord, Record, UnitRecord

_BINS_PER_CHUNK = 16384
_UNITS_PER_CHUNK = 8
_NO_FOLD = -1
_NO_COUNT = -1
_DESCRIPTIONS = {
    names.CROSS_VALIDATION: "Who was held out in which fold.",
    names.UNIT_METRICS: "How well the main model infers each unit of this session.",
    names.MODEL_SCORES: "Mean scores of all models over the units of the study.",
    names.LOBO: "What each frequency band contributes, over the units of the study.",
    names.TRANSFER: "Scores of models trained at one place of the brain and tested at another.",
}
_UNIT_FACTS = {"unit_id", "participant", "session", "region", "hemisphere", "cell_type", "predictor", "excluded_reason"}


def build_objects(file: NWBFile, results: SessionResults) -> list[Any]:
    """
    Everything that the processing module holds.

    Parameters
    ----------
    file : NWBFile
        Its units table is what the probabilities refer to.

    Raises
    ------
    InputError
        If the file lacks a unit that the results name.
    """
    series = [_series(file, names.SPIKE_PROBABILITY, results.main)]
    if results.within_session is not None:
        series.append(_series(file, names.SPIKE_PROBABILITY_WITHIN, results.within_session))
    tables = {
        names.CROSS_VALIDATION: ("CrossValidationTable", [row for fold in results.folds for row in _fold_rows(fold)]),
        names.UNIT_METRICS: ("UnitMetricsTable", [row for unit in results.units for row in _metric_rows(unit)]),
        names.MODEL_SCORES: ("ModelScoresTable", _record_rows(results.models)),
        names.LOBO: ("LoboTable", _record_rows(results.lobo)),
        names.TRANSFER: ("TransferTable", _record_rows(results.transfer)),
    }
    filled = [_table(name, type_name, rows) for name, (type_name, rows) in tables.items() if rows]
    return [*series, *filled, _model(results.model)]


def _packed(values: Any, chunks: tuple[int, ...] | bool = True) -> H5DataIO:
    return H5DataIO(data=values, compression="gzip", compression_opts=4, shuffle=True, chunks=chunks)


def _series(file: NWBFile, name: str, inferred: SpikeProbabilities) -> Any:
    row_of = {} if file.units is None else {int(unit_id): row for row, unit_id in enumerate(file.units.id[:])}
    missing = [unit_id for unit_id in inferred.unit_ids if unit_id not in row_of]
    if missing:
        raise InputError(f"the file has no unit {missing[0]}, which the results name; run the study again on this file")
    rows = np.array([row_of[unit_id] for unit_id in inferred.unit_ids], dtype=np.int32)
    folds = np.array([_NO_FOLD if fold is None else fold for fold in inferred.folds], dtype=np.int32)
    n_bins, n_units = inferred.probabilities.shape
    chunks = (min(n_bins, _BINS_PER_CHUNK), min(n_units, _UNITS_PER_CHUNK))
    return get_type("SpikeProbabilitySeries")(
        name=name,
        description=f"Spike probability per bin of {1000 / inferred.rate_hz:g} ms, protocol {inferred.protocol}",
        data=_packed(np.asarray(inferred.probabilities, dtype=np.float32), chunks),
        unit="probability",
        rate=float(inferred.rate_hz),
        starting_time=float(inferred.start_s),
        protocol=inferred.protocol,
        model_name=inferred.model,
        units=DynamicTableRegion(
            name="units", description="Units, one per column of data", data=_packed(rows), table=file.units
        ),
        fold=_packed(folds),
    )


def _model(model: ModelProvenance) -> Any:
    versions = np.array(sorted(model.versions.items()), dtype=object).reshape(-1, 2)
    return get_type("InferenceModel")(
        name=names.MODEL,
        architecture=model.architecture,
        weights_sha256=model.weights_sha256,
        settings=json.dumps(dict(model.settings), sort_keys=True, allow_nan=False),
        versions=_packed(versions),
        training_participants=_packed(list(model.training_participants)),
    )


def _fold_rows(fold: FoldRecord) -> Iterator[dict[str, Any]]:
    for participant in fold.held_out:
        yield {**fold.model_dump(), "held_out": participant}


def _metric_rows(unit: UnitRecord) -> Iterator[dict[str, Any]]:
    for metric, value in unit.model_dump().items():
        if metric not in _UNIT_FACTS and value is not None:
            yield {
                "unit_id": unit.unit_id,
                "predictor": unit.predictor,
                "metric": metric,
                "value": float(value),
                "excluded_reason": unit.excluded_reason,
            }


def _record_rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    return [record.model_dump() for record in records]


def _table(name: str, type_name: str, rows: Sequence[dict[str, Any]]) -> Any:
    """A table whose columns, their types and descriptions are those of the specification."""
    columns = [
        VectorData(name=column, description=doc, data=_packed(_column([row[column] for row in rows], dtype)))
        for column, dtype, doc in table_columns(type_name)
    ]
    ids = ElementIdentifiers(name="id", data=_packed(np.arange(len(rows), dtype=np.int32)))
    return get_type(type_name)(
        name=name,
        description=_DESCRIPTIONS[name],
        id=ids,
        columns=columns,
        colnames=[column.name for column in columns],
    )


def _column(values: list[Any], dtype: str) -> Any:
    """Missing numbers are NaN, missing counts -1 and missing texts empty: HDF5 has no None."""
    if dtype == "text":
        return [value or "" for value in values]
    missing = _NO_COUNT if np.issubdtype(np.dtype(dtype), np.integer) else np.nan
    return np.array([missing if value is None else value for value in values], dtype=dtype)
