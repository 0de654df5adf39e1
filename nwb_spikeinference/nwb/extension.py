"""
The NWB extension ``ndx-spikeinference`` as Python classes.

The specification in ``schemas/`` is the only definition; pynwb makes the classes from it. Every file that uses the
extension carries a copy of the specification, so that files open without this package.
"""

from functools import cache
from typing import Any, NamedTuple

import pynwb

from nwb_spikeinference.schemas import schema_path

NAMESPACE = "ndx-spikeinference"
SPECIFICATION = f"{NAMESPACE}/spec/{NAMESPACE}.namespace.yaml"
REGION = "region"  # what a column of rows of another table counts as
ID = "id"  # and one of ids of any size, for which the specification names no type
TYPES = (
    "SpikeProbabilitySeries",
    "InferenceModel",
    "StudyRecord",
    "InferredStretchTable",
    "BandsTable",
    "CrossValidationTable",
    "UnitMetricsTable",
    "ModelScoresTable",
    "LoboTable",
    "TransferTable",
)


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
    """
    Class of one type of the extension.

    Parameters
    ----------
    name : str
        One of `TYPES`.
    """
    load_extension()
    return pynwb.get_class(name, NAMESPACE)


def table_columns(name: str) -> tuple[Column, ...]:
    """Columns of one table type of the extension, in the specification's order."""
    load_extension()
    specification = pynwb.get_type_map(copy=False).namespace_catalog.get_spec(NAMESPACE, name)
    own = (column for column in specification.datasets if column.name not in (None, "id"))
    return tuple(
        Column(column.name, REGION if column.data_type_inc == "DynamicTableRegion" else column.dtype or ID, column.doc)
        for column in own
    )
