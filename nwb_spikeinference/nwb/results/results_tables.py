"""
Rows of the tables that are written into NWB files, and of those that should be found there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb import names
from nwb_spikeinference.nwb.extension import ID, REGION
from nwb_spikeinference.nwb.results.result_records import ResultTables, SpikeProbabilities
from nwb_spikeinference.recordings import UnitKey, name_unit
from nwb_spikeinference.records import FoldRecord, Record, UnitRecord

_NO_COUNT = -1
_UNIT_FACTS = {
    "unit_id",
    "unit_row",
    "participant",
    "session",
    "region",
    "hemisphere",
    "cell_type",
    "predictor",
    "excluded_reason",
}

Rows = list[dict[str, Any]]


class TableRows(NamedTuple):
    """One table: its type in the extension, what it holds, and its rows."""

    type_name: str
    description: str
    rows: Rows


def result_tables(tables: ResultTables, row_of: Mapping[UnitKey, int]) -> dict[str, TableRows]:
    """
    Tables that hold anything, by name.

    Parameters
    ----------
    row_of : mapping
        Unit -> its row in the file's units table.

    Raises
    ------
    InputError
        If the file lacks a unit, or the bands one that a row names.
    """
    made = {
        names.BANDS: TableRows(
            "BandsTable",
            "Frequency bands that the models read.",
            [{"band": band.name, "low_hz": band.low_hz, "high_hz": band.high_hz} for band in tables.bands],
        ),
        names.CROSS_VALIDATION: TableRows(
            "CrossValidationTable",
            "Who was held out in which fold.",
            [row for fold in tables.folds for row in _fold_rows(fold)],
        ),
        names.UNIT_METRICS: TableRows(
            "UnitMetricsTable",
            "How well the main model infers each unit.",
            [row for unit in tables.units for row in _metric_rows(unit, row_of)],
        ),
        names.MODEL_SCORES: TableRows(
            "ModelScoresTable",
            "Mean scores of all models over the units of the study.",
            _record_rows(tables.models),
        ),
        names.LOBO: TableRows(
            "LoboTable", "What each frequency band contributes, over the units of the study.", _lobo_rows(tables)
        ),
        names.TRANSFER: TableRows(
            "TransferTable",
            "Scores of models trained at one place of the brain and tested at another.",
            _record_rows(tables.transfer),
        ),
    }
    return {name: table for name, table in made.items() if table.rows}


def stretch_table(series: Mapping[str, SpikeProbabilities]) -> TableRows:
    """
    Which model each stretch of each series comes from.

    Parameters
    ----------
    series : mapping
        Name of the series -> probabilities.
    """
    rows = [
        {
            "series": name,
            "unit": stretch.unit_row,
            "fold": stretch.fold,
            "model": stretch.model,
            "start_s": stretch.start_s,
            "stop_s": stretch.stop_s,
        }
        for name, inferred in series.items()
        for stretch in inferred.stretches
    ]
    return TableRows("InferredStretchTable", "Model and fold of every stretch of the spike probabilities.", rows)


def column_values(rows: Iterable[dict[str, Any]], column: str, dtype: str) -> Any:
    """
    One column as HDF5 holds it, which has no None.

    Missing numbers are NaN, missing counts -1 and missing texts empty; no id is missing.
    """
    values = [row[column] for row in rows]
    if dtype == ID:
        return _whole_ids(values)
    if dtype == REGION:
        dtype = "int32"
    if dtype == "text":
        return [value or "" for value in values]
    missing = _NO_COUNT if np.issubdtype(np.dtype(dtype), np.integer) else np.nan
    return np.array([missing if value is None else value for value in values], dtype=dtype)


def _whole_ids(ids: Sequence[int]) -> Any:
    """As integers of 64 bits, of the first type that holds them all; as texts where negative ids stand beside 2**63."""
    for limits in (np.iinfo(np.int64), np.iinfo(np.uint64)):
        if all(limits.min <= one <= limits.max for one in ids):
            return np.array(ids, dtype=limits.dtype)
    return [str(one) for one in ids]


def _fold_rows(fold: FoldRecord) -> Iterator[dict[str, Any]]:
    for participant in fold.held_out:
        yield {**fold.model_dump(), "held_out": participant}


def _metric_rows(unit: UnitRecord, row_of: Mapping[UnitKey, int]) -> Iterator[dict[str, Any]]:
    row = row_of.get(unit.key)
    if row is None:
        raise InputError(
            f"the file has no {name_unit(unit.unit_id, unit.unit_row)}, which the results name; run the study again on "
            "this file"
        )
    for metric, value in unit.model_dump().items():
        if metric not in _UNIT_FACTS and value is not None:
            yield {
                "unit_id": unit.unit_id,
                "unit": row,
                "predictor": unit.predictor,
                "metric": metric,
                "value": float(value),
                "excluded_reason": unit.excluded_reason,
            }


def _lobo_rows(tables: ResultTables) -> Rows:
    row_of = {band.name: row for row, band in enumerate(tables.bands)}
    unknown = [record.band for record in tables.lobo if record.band not in row_of]
    if unknown:
        raise InputError(f"the results name band {unknown[0]!r}, which is not among the bands of the study")
    return [{**record.model_dump(), "band_edges": row_of[record.band]} for record in tables.lobo]


def _record_rows(records: Sequence[Record]) -> Rows:
    return [record.model_dump() for record in records]
