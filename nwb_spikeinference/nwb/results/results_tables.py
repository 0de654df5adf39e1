"""
Rows of the tables that are written into NWB files, and of those that should be found there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb import names
from nwb_spikeinference.nwb.extension import ID, REGION
from nwb_spikeinference.nwb.results.result_records import ResultTables, SpikeProbabilities
from nwb_spikeinference.recordings import UnitKey, name_unit
from nwb_spikeinference.records import UnitRecord

UNIT_LIST_COLUMNS = {
    "participant": ("text", "Whose unit it is"),
    "session": ("text", "Session in which it was recorded"),
    "unit_id": (ID, "Id of the unit in the units table of its session; may repeat there"),
    "unit_row": ("int32", "Row of the unit in the units table of its session"),
    "region": ("text", "Canonical name of the structure, without side; empty where it is not known"),
    "hemisphere": ("text", "Side of the brain; empty where it is not known"),
    "cell_type": ("text", "Putative cell type by spike width alone: excitatory, inhibitory or unclassified"),
}
_NO_METRICS = {*UNIT_LIST_COLUMNS, "predictor", "excluded_reason"}  # of what is known of a unit
_NO_COUNT = -1

Rows = list[dict[str, Any]]


def result_tables(tables: ResultTables, row_of: Mapping[UnitKey, int]) -> dict[str, Rows]:
    """
    Rows of the tables that hold anything, by the table's name; what a table has no column for is not written.

    `row_of` gives a unit's row in the file's units table.

    Raises
    ------
    InputError
        If the file lacks a unit, or the bands one that a row names.
    """
    made = {
        names.BANDS: [{**asdict(band), "band": band.name} for band in tables.bands],
        names.CROSS_VALIDATION: [
            {**fold.model_dump(), "held_out": participant} for fold in tables.folds for participant in fold.held_out
        ],
        names.UNIT_METRICS: [row for unit in tables.units for row in _metric_rows(unit, row_of)],
        names.MODEL_SCORES: [record.model_dump() for record in tables.models],
        names.LOBO: _lobo_rows(tables),
        names.TRANSFER: [record.model_dump() for record in tables.transfer],
    }
    return {name: rows for name, rows in made.items() if rows}


def stretch_rows(series: Mapping[str, SpikeProbabilities]) -> Rows:
    """Which model each stretch of each series, by its name, comes from."""
    return [
        {**asdict(stretch), "series": name, "unit": stretch.unit_row}
        for name, inferred in series.items()
        for stretch in inferred.stretches
    ]


def column_values(rows: Iterable[dict[str, Any]], column: str, dtype: str) -> Any:
    """
    One column as HDF5 holds it, which has no None.

    Missing numbers are NaN, missing counts -1 and missing texts empty; no id is missing.
    """
    values = [row[column] for row in rows]
    if dtype == ID:
        return _whole_ids(values)
    if dtype == "text":
        return [value or "" for value in values]
    number = np.dtype("int32" if dtype == REGION else dtype)
    missing = _NO_COUNT if number.kind == "i" else np.nan
    return np.array([missing if value is None else value for value in values], number)


def _whole_ids(ids: Sequence[int]) -> Any:
    """As integers of 64 bits, of the first type that holds them all; as texts where negative ids stand beside 2**63."""
    for limits in (np.iinfo(np.int64), np.iinfo(np.uint64)):
        if all(limits.min <= one <= limits.max for one in ids):
            return np.array(ids, dtype=limits.dtype)
    return [str(one) for one in ids]


def _metric_rows(unit: UnitRecord, row_of: Mapping[UnitKey, int]) -> Iterator[dict[str, Any]]:
    row = row_of.get(unit.key)
    if row is None:
        raise InputError(
            f"the file has no {name_unit(unit.unit_id, unit.unit_row)}, which the results name; run the study again on "
            "this file"
        )
    for metric, value in unit.model_dump().items():
        if metric not in _NO_METRICS and value is not None:
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
