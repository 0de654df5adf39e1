"""
Failures of neo's readers, by their kinds, and the closing of their files.
"""

import io
import struct

from neo.core import NeoReadWriteError

# neo checks little, so that a damaged file fails wherever its numbers first make no sense
NEO_ERRORS = (
    EOFError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, ZeroDivisionError,
    MemoryError, AssertionError, NotImplementedError, StopIteration, UnboundLocalError, struct.error, NeoReadWriteError,
)  # fmt: skip


def close_files(reader: object) -> None:
    """Close the files that a neo reader keeps open; it has no method for that."""
    for value in vars(reader).values():
        for item in value.values() if isinstance(value, dict) else (value,):
            if isinstance(item, io.IOBase):
                item.close()
