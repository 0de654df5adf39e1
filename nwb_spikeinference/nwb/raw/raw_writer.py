"""
Write the NWB file of one recording session.

The file is laid out with empty chunked datasets for the signals, which are filled row by row, so that memory does not
grow with the recording.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import h5py
from pynwb import NWBHDF5IO, NWBFile
from pynwb.file import Subject

import nwb_spikeinference
from nwb_spikeinference.nwb.names import PROGRAM
from nwb_spikeinference.nwb.raw.raw_events import add_events
from nwb_spikeinference.nwb.raw.raw_records import SessionContent
from nwb_spikeinference.nwb.raw.raw_signals import Filling, add_signals
from nwb_spikeinference.nwb.raw.raw_tables import (
    add_devices,
    add_electrodes,
    add_recorded_periods,
    add_units,
    compress_columns,
)
from nwb_spikeinference.nwb.storage.chunks import Packer


def write_session(path: Path, content: SessionContent) -> None:
    """Write one session to a new file; give a temporary name, and move the file when it is complete."""
    file = _make_file(content)
    devices = add_devices(file, content.devices)
    if content.electrodes:
        add_electrodes(file, content.electrodes, devices)
    fillings = add_signals(file, content)
    with Packer([slot for filling in fillings for slot in filling.slots], partial(_pack, fillings)) as packer:
        add_recorded_periods(file, content.recorded_periods)
        if content.units:
            add_units(file, content.units, content.recorded_periods, content.units_resolution_s)
        for events in content.events:
            add_events(file, events)
        compress_columns(file)
        # opened here, since pynwb warns of every name that does not end in .nwb, and a temporary one does not
        with h5py.File(path, "w") as handle, NWBHDF5IO(file=handle, mode="w") as io:
            io.write(file)
            packer.write()


def _pack(fillings: Sequence[Filling], packer: Packer) -> None:
    for filling in fillings:
        filling.pack(packer)


def _make_file(content: SessionContent) -> NWBFile:
    session, subject = content.session, content.subject
    file = NWBFile(
        session_description=session.description,
        experiment_description="Intracranial recording of local field potentials and single neurons in a patient",
        keywords=["microwire", "local field potential", "single unit"],
        identifier=content.identifier,
        session_start_time=session.start,
        session_id=session.session_id,
        institution=session.institution,
        lab=session.lab,
        experimenter=list(session.experimenter) or None,
        was_generated_by=[(PROGRAM, nwb_spikeinference.__version__)],
    )
    file.subject = Subject(
        subject_id=subject.subject_id,
        species=subject.species,
        sex=subject.sex,
        age=subject.age,
        description=subject.description,
    )
    return file
