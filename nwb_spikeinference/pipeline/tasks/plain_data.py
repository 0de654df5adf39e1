"""
Records as plain data that JSON holds, and back.
"""

from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter
from pydantic_core import to_jsonable_python

T = TypeVar("T")
WITH_ARRAYS = ConfigDict(arbitrary_types_allowed=True)  # of a record that holds arrays, which are taken as they are


def to_plain(record: Any, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Fields of a dataclass as plain data, without those that are stored in another way."""
    names = [field.name for field in fields(record) if field.name not in without]
    return {name: to_jsonable_python(getattr(record, name)) for name in names}


def from_plain(record: type[T], values: Mapping[str, Any]) -> T:
    """
    A dataclass from plain data and arrays, each as its annotation says.

    Raises
    ------
    ValueError
        If a value does not fit.
    """
    made: T = _adapter(cast(Any, record)).validate_python(values)
    return made


@cache
def _adapter(record: Any) -> TypeAdapter[Any]:
    return TypeAdapter(record)
