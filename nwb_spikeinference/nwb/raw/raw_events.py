"""
Tables of events in a session's NWB file.
"""

import numpy as np
from hdmf.common import MeaningsTable, VectorData
from pynwb import NWBFile
from pynwb.event import EventsTable, TimestampVectorData

from nwb_spikeinference.nwb.raw.raw_records import RecordedEvents


def add_events(file: NWBFile, events: RecordedEvents) -> None:
    """One row per event, and beside it what each value means."""
    values = VectorData(
        name=events.column,
        description=f"{events.column.capitalize()} of the event; its meaning stands in {events.column}_meanings",
        data=events.values if isinstance(events.values, np.ndarray) else list(events.values),
    )
    timestamps = TimestampVectorData(
        name="timestamp",
        description="When the event happened, in seconds on the clock of the recording",
        data=events.times_s,
        resolution=float(events.resolution_s),
    )
    table = EventsTable(
        name=events.name,
        description=events.description,
        source_description="Acquisition system",
        columns=[timestamps, values],
        meanings_tables=[_meanings(values, events)],
    )
    file.add_events_table(table)


def _meanings(target: VectorData, events: RecordedEvents) -> MeaningsTable:
    known, meanings = zip(*events.meanings, strict=True)
    return MeaningsTable(
        target=target,
        description=f"What each {events.column} means",
        columns=[
            VectorData(name="value", description=f"The {events.column}", data=list(known)),
            VectorData(name="meaning", description="What it means", data=list(meanings)),
        ],
    )
