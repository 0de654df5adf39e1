"""
Read a session from an NWB file, whoever wrote it.

Every fact is taken from where it is defined: when a recording starts and stops from its signal, never from events,
whose time stamps may lie years outside.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import h5py

from nwb_spikeinference.nwb.electrodes import read_electrodes
from nwb_spikeinference.nwb.open_file import decode, open_nwb
from nwb_spikeinference.nwb.signal_blocks import SignalReader, list_blocks, make_reader
from nwb_spikeinference.nwb.units import read_units
from nwb_spikeinference.recordings import Electrode, Session, SignalBlock

_NOTHING: Mapping[str, str] = MappingProxyType({})


def read_session(
    path: Path, *, aliases: Mapping[str, str] = _NOTHING, regions: Mapping[str, str] = _NOTHING
) -> Session:
    """
    Read everything but the signal.

    Parameters
    ----------
    aliases : mapping
        Id in a file -> participant.
    regions : mapping
        The user's own spellings of regions: written form -> region.

    Raises
    ------
    InputError
        If the file is no NWB 2 file, is damaged, or refers to data outside itself.
    """
    with open_nwb(path) as file:
        participant, participant_notes = _participant(file, path)
        electrodes, electrode_notes = read_electrodes(file, regions)
        blocks, block_notes = list_blocks(file)
        units, unit_notes = read_units(file)
        return Session(
            path=path,
            participant=aliases.get(participant, participant),
            session_id=_session_id(file, path),
            electrodes=_with_kinds_of_series(file, electrodes, blocks),
            units=units,
            blocks=blocks,
            notes=(*participant_notes, *electrode_notes, *block_notes, *unit_notes),
        )


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


def _with_kinds_of_series(
    file: h5py.File, electrodes: tuple[Electrode, ...], blocks: tuple[SignalBlock, ...]
) -> tuple[Electrode, ...]:
    """Contacts that a table calls nothing are macro contacts when only a series named so holds them, e.g. LFP_macro."""
    if "general/extracellular_ephys/electrodes/electrode_type" in file:
        return electrodes
    is_macro = {row: True for block in blocks for row in block.electrode_rows}
    for block in blocks:
        for row in block.electrode_rows:
            is_macro[row] &= "macro" in block.path.lower()
    return tuple(
        replace(electrode, kind="macro") if is_macro.get(electrode.row) else electrode for electrode in electrodes
    )
