"""
What all readers built on neo need: its kinds of failure, and its files closed.
"""

import io
import struct
from typing import Any

from neo.core import NeoReadWriteError

# neo checks little, so that a damaged file fails wherever its numbers first make no sense
NEO_ERRORS = (
    OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, ZeroDivisionError, MemoryError,
    AssertionError, NotImplementedError, StopIteration, UnboundLocalError, struct.error, NeoReadWriteError,
)  # fmt: skip
VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6, "nV": 1e-9}  # by neo's names of units


def close_files(reader: object) -> None:
    """Close the files that a neo reader keeps open; it has no method for that."""
    for value in vars(reader).values():
        for item in value.values() if isinstance(value, dict) else (value,):
            _close(item)


def _close(item: Any) -> None:
    if isinstance(item, io.IOBase):
        item.close()


def describe(error: BaseException) -> str:
    """The message of any error on one line, never empty."""
    return " ".join(str(error).split())[:200] or type(error).__name__
