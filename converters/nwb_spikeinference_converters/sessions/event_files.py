"""
Event files of recorders: words on digital inputs, and comments.

References
----------
.. [1] Blackrock Neurotech, NEV file format 2.1 to 3.0: packets 0 (digital input) and 0xFFFF (comment).
.. [2] Neuralynx, Data File Formats: event records of .nev files.
   https://support.neuralynx.com/hc/en-us/articles/360040444811-TechTip-Neuralynx-Data-File-Formats
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference_converters.blackrock.nev import read_nev
from nwb_spikeinference_converters.neuralynx.neuralynx_header import HEADER_BYTES, read_header
from nwb_spikeinference_converters.recorder_files import list_parts
from nwb_spikeinference_converters.timing.clock import RecorderClock, describe_doubtful

SYSTEM_TEXTS = {  # of recorders themselves, so nobody typed them
    "Starting Recording": "The recorder started to write",
    "Stopping Recording": "The recorder stopped writing",
}
_NEURALYNX_CLOCK_HZ = 1e6
_NEURALYNX_RECORD = np.dtype(
    [
        ("reserved", "<i2"), ("system", "<i2"), ("data_bytes", "<i2"), ("ticks", "<u8"), ("event", "<i2"),
        ("word", "<u2"), ("crc", "<i2"), ("dummies", "<i2", (2,)), ("extra", "<i4", (8,)), ("text", "S128"),
    ]
)  # fmt: skip
_NEURALYNX_WORD = re.compile(r"TTL (?P<way>Input|Output) on .*?(?:board (?P<board>\d+) port (?P<port>\d+) )?value")
_NO_PORT = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalWords:
    """Values that one input took, in file order."""

    port: str  # empty: the first, or only one
    times_s: FloatArray  # (n_words,) on the recorder's clock
    values: IntArray  # (n_words,)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFile:
    """All events of one file, or of the parts of one recording, on the recorder's clock."""

    files: tuple[Path, ...]
    words: tuple[DigitalWords, ...]
    comment_times_s: FloatArray  # (n_comments,)
    comments: tuple[str, ...]
    resolution_s: float
    notes: tuple[str, ...] = ()  # what was left out


ReadEvents = Callable[[Path, RecorderClock], EventFile]


def read_blackrock_events(path: Path, clock: RecorderClock) -> EventFile:
    """
    Events of a Blackrock .nev file, or of those that a pattern such as ``raw-*.nev`` names.

    Raises
    ------
    InputError
        If it is missing, truncated, or no .nev file.
    """
    nev = read_nev(path)
    seconds = nev.seconds(clock)
    found = {"": nev.find_words(), "serial": nev.find_words(serial=True), "comments": nev.find_comments()}
    n_doubtful = sum(int(np.sum(np.isnan(seconds[rows]))) for rows in found.values())
    found = {kind: rows[~np.isnan(seconds[rows])] for kind, rows in found.items()}
    rows = found.pop("comments")
    words = [
        DigitalWords(port=port, times_s=seconds[of_port], values=nev.words(of_port))
        for port, of_port in found.items()
        if len(of_port)
    ]
    return EventFile(
        files=nev.files,
        words=tuple(words),
        comment_times_s=seconds[rows],
        comments=nev.comments(rows),
        resolution_s=1 / nev.ticks_hz,
        notes=describe_doubtful(n_doubtful, "events"),
    )


def read_neuralynx_events(path: Path, clock: RecorderClock) -> EventFile:
    """
    Events of a Neuralynx .nev file, or of those that a pattern names.

    A record whose text the recorder wrote for a change of a digital port is a word; any other is a comment, and a word
    as well if it carries a value.

    Raises
    ------
    InputError
        If it is missing, truncated, or no Neuralynx file.
    """
    files = list_parts(path)
    for part in files:
        read_header(part, _NEURALYNX_RECORD.itemsize)
    records = np.concatenate([np.fromfile(part, dtype=_NEURALYNX_RECORD, offset=HEADER_BYTES) for part in files])
    seconds = clock.unroll(records["ticks"], _NEURALYNX_CLOCK_HZ, str(path))
    is_known = ~np.isnan(seconds)
    n_doubtful = int(np.sum(~is_known))
    records, seconds = records[is_known], seconds[is_known]
    texts = [text.decode("cp1252", errors="replace").strip() for text in records["text"]]
    ports = np.array([_port_of(text) for text in texts], dtype=np.str_)
    typed = np.array([row for row, text in enumerate(texts) if text and ports[row] == _NO_PORT], dtype=np.int64)
    ports[(ports == _NO_PORT) & (records["word"] > 0)] = ""
    return EventFile(
        files=files,
        words=tuple(
            DigitalWords(
                port=str(port), times_s=seconds[ports == port], values=records["word"][ports == port].astype(np.int64)
            )
            for port in np.unique(ports[ports != _NO_PORT])
        ),
        comment_times_s=seconds[typed],
        comments=tuple(texts[row] for row in typed),
        resolution_s=1 / _NEURALYNX_CLOCK_HZ,
        notes=describe_doubtful(n_doubtful, "events"),
    )


def _port_of(text: str) -> str:
    """The port whose change the recorder describes; `_NO_PORT` for texts of people and programs."""
    match = _NEURALYNX_WORD.match(text)
    if match is None:
        return _NO_PORT
    board, port = int(match["board"] or 0), int(match["port"] or 0)
    return ("output" if match["way"] == "Output" else "") + (f"board{board}port{port}" if board or port else "")


READERS: dict[str, ReadEvents] = {
    "blackrock": read_blackrock_events,
    "nev": read_blackrock_events,
    "ripple": read_blackrock_events,
    "neuralynx": read_neuralynx_events,
}
