"""
The text header of Neuralynx files.
"""

import math
from pathlib import Path

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.files import reading

HEADER_BYTES = 16384


def read_header(path: Path, record_bytes: int) -> dict[str, str]:
    """
    Entries of the header by lower-case name; checks that whole records follow it.

    Raises
    ------
    InputError
        If the file is missing, truncated, or no Neuralynx file.
    """
    with reading(path), path.open("rb") as stream:
        head = stream.read(HEADER_BYTES)
        size = path.stat().st_size
    if not head.startswith(b"########") or len(head) < HEADER_BYTES:
        raise InputError(f"{path}: not a Neuralynx file, or shorter than its header")
    rest = (size - HEADER_BYTES) % record_bytes
    if rest:
        raise InputError(
            f"{path}: truncated in the middle of a record ({rest} of {record_bytes} bytes); "
            f"copy the file from the recorder again"
        )
    entries: dict[str, str] = {}
    for line in head.decode("latin-1").split("\0")[0].splitlines():
        if line.startswith("-"):
            name, _, value = line[1:].strip().partition(" ")
            entries.setdefault(name.lower(), value.strip())
    return entries


def number_of(entries: dict[str, str], name: str, path: Path) -> float:
    """
    First number of an entry.

    Raises
    ------
    InputError
        If it is missing or no number.
    """
    try:
        value = float(entries[name.lower()].split()[0])
    except (KeyError, IndexError, ValueError):
        raise InputError(f"{path}: its header does not say {name}") from None
    if not math.isfinite(value):
        raise InputError(f"{path}: damaged header ({name} {value})")
    return value


def volts_per_step(entries: dict[str, str], path: Path) -> float:
    """The scale of the samples; its sign tells a channel whose input was inverted. Raises what `number_of` does."""
    sign = -1 if entries.get("inputinverted", "").lower() == "true" else 1
    return sign * number_of(entries, "ADBitVolts", path)
