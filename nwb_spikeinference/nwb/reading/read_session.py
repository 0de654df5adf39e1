"""
Read a session from an NWB file, whoever wrote it.

Every fact is taken from where it is defined: when a recording starts and stops from its signal, never from events,
whose time stamps may lie years outside.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from types import MappingProxyType

import h5py

from nwb_spikeinference.config import LayoutSettings
from nwb_spikeinference.nwb.reading.contact_kinds import leave_out_scalp, with_kinds_of_series
from nwb_spikeinference.nwb.reading.electrodes import TABLE, read_electrodes
from nwb_spikeinference.nwb.reading.signal_blocks import SignalReader, list_blocks, make_reader
from nwb_spikeinference.nwb.reading.units import read_units
from nwb_spikeinference.nwb.storage.open_file import decode, open_nwb
from nwb_spikeinference.recordings import Session, SignalBlock

_NOTHING: Mapping[str, str] = MappingProxyType({})
_USUAL = LayoutSettings()


def read_session(
    path: Path,
    *,
    aliases: Mapping[str, str] = _NOTHING,
    regions: Mapping[str, str] = _NOTHING,
    layout: LayoutSettings = _USUAL,
    stream: RawIOBase | None = None,
) -> Session:
    """
    Read everything but the signal.

    Parameters
    ----------
    aliases : mapping
        Id in a file -> participant.
    regions : mapping
        The user's own spellings of regions: written form -> region.
    layout : LayoutSettings
        Where an unusual file keeps what is needed.
    stream : binary file, optional
        Where the content is read from; `path` then is its name.

    Raises
    ------
    InputError
        If the file is no NWB 2 file, is damaged, refers to data outside itself, or lacks what the layout names.
    """
    with open_nwb(path, stream) as file:
        participant, participant_notes = _participant(file, path)
        table = read_electrodes(file, regions, layout)
        blocks, block_notes = list_blocks(file, layout)
        units = read_units(file, layout)
        electrodes = table.electrodes
        if "electrode_type" not in file.get(TABLE, ()):
            electrodes = with_kinds_of_series(electrodes, blocks, units.units)
        blocks, scalp_notes = leave_out_scalp(electrodes, blocks)
        return Session(
            path=path,
            participant=aliases.get(participant, participant),
            session_id=_session_id(file, path),
            electrodes=electrodes,
            units=units.units,
            blocks=blocks,
            notes=(*participant_notes, *table.notes, *block_notes, *scalp_notes, *units.notes),
            advice=(*table.advice, *units.advice),
            sex=_text(file, "general/subject/sex").upper() or None,
            age_years=_years(_text(file, "general/subject/age")),
        )


def read_participant(path: Path) -> str:
    """
    Whose a file is: as it says, else as its name does.

    Raises
    ------
    InputError
        If the file is no NWB 2 file, is damaged, or refers to data outside itself.
    """
    with open_nwb(path) as file:
        return _participant(file, path)[0]


@contextmanager
def open_signals(path: Path) -> Iterator[Callable[[SignalBlock], SignalReader]]:
    """
    Open a file for reading stretches of its blocks; what is given makes the reader of one.

    Readers of several blocks can be used in several threads, one each. A file is to be opened once at a time: HDF5
    closes what belongs to it together.

    Raises
    ------
    InputError
        If the file cannot be read or does not hold the blocks.
    """
    with open_nwb(path) as file:
        yield lambda block: make_reader(file, block)


def _text(file: h5py.File, name: str) -> str:
    item = file.get(name)
    return decode(item[()]).strip() if isinstance(item, h5py.Dataset) and item.shape == () else ""


def _participant(file: h5py.File, path: Path) -> tuple[str, tuple[str, ...]]:
    written = _text(file, "general/subject/subject_id")
    if written:
        return written, ()
    match = re.match(r"sub-([^_]+)", path.name)
    participant = match[1] if match else path.stem
    return participant, (f"no subject_id: participant {participant!r} is taken from the file's name",)


def _session_id(file: h5py.File, path: Path) -> str:
    match = re.search(r"_ses-([^_.]+)", path.name)
    return _text(file, "general/session_id") or (match[1] if match else path.stem)


def _years(age: str) -> float | None:
    """Years of an ISO 8601 duration, e.g. 34 of ``P34Y``; None for any other text."""
    match = re.fullmatch(r"P(\d+(?:\.\d+)?)Y.*", age)
    return float(match[1]) if match else None
