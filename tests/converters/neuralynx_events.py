"""
Event files of Neuralynx recorders, as the format's documentation describes them.

References
----------
.. [1] Neuralynx, Data File Formats: https://support.neuralynx.com/hc/en-us/articles/360040444811
"""

import struct
from collections.abc import Sequence
from pathlib import Path

HEADER = """######## Neuralynx Data File Header
## File Name C:\\CheetahData\\2021-03-04_10-20-30\\Doe_Jane\\Events.nev
## Time Opened (m/d/y): 3/4/2021  (h:m:s.ms) 10:20:30.400
-CheetahRev 5.6.3
-FileType Event
-RecordSize 184
"""
_TTL_EVENT = 11


def write_events(path: Path, records: Sequence[tuple[int, int, str]]) -> Path:
    """Write records of (time stamp in microseconds, value of the port, text)."""
    body = b"".join(
        struct.pack("<hhhQhHhhh8i128s", 0, 0, 2, stamp, _TTL_EVENT, value, 0, 0, 0, *[0] * 8, text.encode("latin-1"))
        for stamp, value, text in records
    )
    path.write_bytes(HEADER.encode("latin-1").ljust(16384, b"\0") + body)
    return path
