"""
The NWB extension ``ndx-spikeinference`` as Python classes.

The specification in ``schemas/`` is the only definition; pynwb makes the classes from it. Every file that uses the
extension carries a copy of the specification, so that files open without this package.
"""

from functools import cache
from typing import Any, NamedTuple

import pynwb

from nwb_spikeinference.nwb import names
from nwb_spikeinference.schemas import schema_path

NAMESPACE = "ndx-spikeinference"
SPECIFICATION = f"{NAMESPACE}/spec/{NAMESPACE}.namespace.yaml"
REGION = "region"  # what a column of rows of another table counts as
ID = "id"  # and one of ids of any size, for which the specification names no type
TABLES = {  # name in the processing module -> type
    names.INFERRED_STRETCHES: "InferredStretchTable",
    names.BANDS: "BandsTable",
    names.CROSS_VALIDATION: "CrossValidationTable",
    names.UNIT_METRICS: "UnitMetricsTable",
    names.MODEL_SCORES: "ModelScoresTable",
    names.LOBO: "LoboTable",
    names.TRANSFER: "TransferTable",
}
TYPES = ("SpikeProbabilitySeries", "InferenceModel", "StudyRecord", *TABLES.values())


class Column(NamedTuple):
    """One column of a table of the extension; `dtype` is ``text``, a type of numpy, `REGION` or `ID`."""

    name: str
    dtype: str
    doc: str


@cache
def load_extension() -> None:
    """Make the extension's types known to pynwb; files opened before read and write them as their parents."""
    if NAMESPACE not in pynwb.available_namespaces():
        pynwb.load_namespaces(str(schema_path(SPECIFICATION)))
    for name in TYPES:
        pynwb.get_class(name, NAMESPACE)


def get_type(name: str) -> Any:
    """Class of one of `TYPES`."""
    load_extension()
    return pynwb.get_class(name, NAMESPACE)


def get_specification(name: str) -> Any:
    """What the specification says of one of `TYPES`."""
    load_extension()
    return pynwb.get_type_map(copy=False).namespace_catalog.get_spec(NAMESPACE, name)


def table_columns(name: str) -> tuple[Column, ...]:
    """Columns of one table type of the extension, in the specification's order."""
    own = (column for column in get_specification(name).datasets if column.name not in (None, "id"))
    return tuple(
        Column(column.name, REGION if column.data_type_inc == "DynamicTableRegion" else column.dtype or ID, column.doc)
        for column in own
    )
