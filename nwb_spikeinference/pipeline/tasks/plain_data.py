"""
Records as plain data that JSON holds, and back.
"""

from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python


def to_plain(record: Any, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Fields of a dataclass as plain data, without those that are stored in another way."""
    names = [field.name for field in fields(record) if field.name not in without]
    return {name: to_jsonable_python(getattr(record, name)) for name in names}


def from_plain(record: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """
    Values for the fields of a dataclass, each as its annotation says.

    Raises
    ------
    ValueError
        If a value does not fit.
    """
    adapters = _adapters(record)
    return {name: adapters[name].validate_python(value) for name, value in values.items()}


@cache
def _adapters(record: type) -> "_Adapters":
    return _Adapters(get_type_hints(record))


class _Adapters(dict[str, TypeAdapter[Any]]):
    """Made when a field is first read: those of arrays never are."""

    def __init__(self, hints: Mapping[str, Any]) -> None:
        self._hints = hints

    def __missing__(self, name: str) -> TypeAdapter[Any]:
        self[name] = TypeAdapter(self._hints[name])
        return self[name]
