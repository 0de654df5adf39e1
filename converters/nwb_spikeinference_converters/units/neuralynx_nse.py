"""
Neuralynx .nse files: spikes of single wires.

Cell number 0 holds what crossed the threshold and was never sorted. A session that lists an .nse file asks for these
crossings: they become one multi-unit train per wire, and the sorter column says what they are.
"""

from pathlib import Path

import numpy as np

from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.neuralynx.neuralynx_header import (
    HEADER_BYTES,
    number_of,
    read_header,
    volts_per_step,
)
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile, group_spikes, make_unit

THRESHOLD_CROSSINGS = "threshold crossings"
_CLOCK_HZ = 1e6
_RECORD = np.dtype(
    [("time_us", "<u8"), ("entity", "<u4"), ("cell", "<u4"), ("features", "<u4", (8,)), ("samples", "<i2", (32,))]
)


def read_nse_units(path: Path, settings: UnitsSettings, context: ReadContext) -> UnitsFile:
    """Each cell number is a unit; number 0 is a multi-unit train."""
    entries = read_header(path, _RECORD.itemsize)
    records = np.fromfile(path, dtype=_RECORD, offset=HEADER_BYTES)
    channel = settings.channel if settings.channel is not None else int(number_of(entries, "ADChannel", path))
    gain = volts_per_step(entries, path)
    units = [
        make_unit(
            channel=channel,
            cluster_id=cell,
            spike_times_s=records["time_us"][members].astype(np.float64) / _CLOCK_HZ + settings.offset_s,
            sorter=THRESHOLD_CROSSINGS if cell == 0 else settings.sorter or "Neuralynx",
            waveforms=records["samples"][members] * gain,
            waveform_rate_hz=number_of(entries, "SamplingFrequency", path),
            source=str(path),
        )
        for _, cell, members in group_spikes(channel, records["cell"])
    ]
    return UnitsFile(units=tuple(units), clock=settings.clock or "recorder", resolution_s=1 / _CLOCK_HZ, files=(path,))
