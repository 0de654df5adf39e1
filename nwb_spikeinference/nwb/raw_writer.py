"""
Write the NWB file of one recording session.

The file is laid out first, with empty chunked datasets for the signals; these are then filled piece by piece, so that
memory does not grow with the recording.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hdmf.backends.hdf5 import H5DataIO
from hdmf.common import DynamicTableRegion
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.ecephys import LFP, ElectricalSeries
from pynwb.file import Subject

import nwb_spikeinference
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.chunks import RAW_CHUNK, fill_dataset
from nwb_spikeinference.nwb.names import (
    ANALOG_SERIES,
    ECEPHYS_MODULE,
    LFP_CONTAINER,
    LFP_SERIES,
    PROGRAM,
    RAW_SERIES,
    series_name,
)
from nwb_spikeinference.nwb.raw_records import LfpSource, SessionContent, VoltageSource
from nwb_spikeinference.nwb.raw_tables import (
    add_devices,
    add_digital_events,
    add_electrodes,
    add_recorded_periods,
    add_units,
    compress_columns,
)

_READ_SAMPLES = RAW_CHUNK[0] * 10  # 10 s at 30 kHz: 40 MB for 64 wires

Fill = Callable[[], None]


def write_session(path: Path, content: SessionContent) -> None:
    """
    Write one session to a new file.

    Parameters
    ----------
    path : Path
        Is created; give a temporary name and move the file when it is complete.
    """
    file = _make_file(content)
    devices = add_devices(file, content.devices)
    if content.electrodes:
        add_electrodes(file, content.electrodes, devices)
    fills = [fill for source in content.raw for fill in _add_raw(file, source)]
    fills += [fill for source in content.analog for fill in _add_analog(file, source)]
    fills += _add_lfp(file, content.lfp)
    add_recorded_periods(file, content.recorded_periods)
    if content.units:
        add_units(file, content.units, content.recorded_periods, content.units_resolution_s)
    if content.events is not None and len(content.events.times_s):
        add_digital_events(file, content.events)
    compress_columns(file)
    # opened here, since pynwb warns of every name that does not end in .nwb, and a temporary one does not
    with h5py.File(path, "w") as handle, NWBHDF5IO(file=handle, mode="w") as io:
        io.write(file)
        for fill in fills:
            fill()


def _make_file(content: SessionContent) -> NWBFile:
    session, subject = content.session, content.subject
    optional: dict[str, Any] = {"institution": session.institution, "lab": session.lab}
    if session.experimenter:
        optional["experimenter"] = list(session.experimenter)
    file = NWBFile(
        session_description=session.description,
        experiment_description="Intracranial recording of local field potentials and single neurons in a patient",
        keywords=["microwire", "local field potential", "single unit"],
        identifier=content.identifier,
        session_start_time=session.start,
        session_id=session.session_id,
        was_generated_by=[(PROGRAM, nwb_spikeinference.__version__)],
        **{name: value for name, value in optional.items() if value is not None},
    )
    file.subject = Subject(
        subject_id=subject.subject_id,
        species=subject.species,
        sex=subject.sex,
        **{
            name: value
            for name, value in {"age": subject.age, "description": subject.description}.items()
            if value is not None
        },
    )
    return file


def _empty(n_samples: int, n_channels: int, dtype: type[np.number]) -> H5DataIO:
    chunk = (min(RAW_CHUNK[0], n_samples), min(RAW_CHUNK[1], n_channels))
    return H5DataIO(
        shape=(n_samples, n_channels),
        dtype=np.dtype(dtype),
        chunks=chunk,
        compression="gzip",
        compression_opts=4,
        shuffle=True,
    )


def _region(file: NWBFile, rows: Sequence[int]) -> DynamicTableRegion:
    return file.create_electrode_table_region(region=list(rows), description="Contacts of this series' columns")


def _add_raw(file: NWBFile, source: VoltageSource) -> list[Fill]:
    scaling: dict[str, Any] = {"conversion": float(source.gain[0]), "offset": float(source.offset_v[0])}
    if np.any(source.offset_v != source.offset_v[0]):
        raise InputError(f"{source.description}: channels have different offsets, which no ElectricalSeries can hold")
    if np.any(source.gain != source.gain[0]):
        scaling["channel_conversion"] = H5DataIO(source.gain / source.gain[0], compression="gzip", shuffle=True)
    fills = []
    for block, period in enumerate(source.periods):
        data = _empty(period.n_samples, len(source.gain), np.int16)
        series = ElectricalSeries(
            name=series_name(RAW_SERIES, source.name, block, len(source.periods)),
            description=source.description,
            data=data,
            electrodes=_region(file, source.electrode_rows),
            rate=float(source.rate_hz),
            starting_time=float(period.start_s),
            **scaling,
        )
        file.add_acquisition(series)
        fills.append(_fill_raw(data, source, block, slice(None)))
    return fills


def _add_analog(file: NWBFile, source: VoltageSource) -> list[Fill]:
    """A TimeSeries has one scale, so channels of another scale make another series."""
    fills = []
    scales = np.stack([source.gain, source.offset_v])
    for group, scale in enumerate(np.unique(scales, axis=1).T):
        columns = np.flatnonzero(np.all(scale == scales.T, axis=1))
        name = source.name + (f"Scale{group}" if group else "")
        for block, period in enumerate(source.periods):
            data = _empty(period.n_samples, len(columns), np.int16)
            series = TimeSeries(
                name=series_name(ANALOG_SERIES, name, block, len(source.periods)),
                description=f"{source.description}; columns: {', '.join(source.labels[column] for column in columns)}",
                data=data,
                unit="volts",
                rate=float(source.rate_hz),
                starting_time=float(period.start_s),
                conversion=float(scale[0]),
                offset=float(scale[1]),
            )
            file.add_acquisition(series)
            fills.append(_fill_raw(data, source, block, columns))
    return fills


def _fill_raw(data: H5DataIO, source: VoltageSource, block: int, columns: Any) -> Fill:
    n_samples = source.periods[block].n_samples

    def fill() -> None:
        pieces = (
            source.read(block, start, min(start + _READ_SAMPLES, n_samples))[:, columns]
            for start in range(0, n_samples, _READ_SAMPLES)
        )
        fill_dataset(data.dataset, pieces)

    return fill


def _add_lfp(file: NWBFile, sources: Sequence[LfpSource]) -> list[Fill]:
    if not sources:
        return []
    module = file.create_processing_module(name=ECEPHYS_MODULE, description="Processed extracellular voltages")
    container = LFP(name=LFP_CONTAINER)
    module.add(container)
    fills: list[Fill] = []
    for source in sources:
        for block, period in enumerate(source.periods):
            data = _empty(period.n_samples, len(source.electrode_rows), np.float32)
            container.add_electrical_series(
                ElectricalSeries(
                    name=series_name(LFP_SERIES, source.name, block, len(source.periods)),
                    description=source.description,
                    data=data,
                    electrodes=_region(file, source.electrode_rows),
                    rate=float(source.rate_hz),
                    starting_time=float(period.start_s),
                )
            )
            fills.append(_fill_lfp(data, source, block))
    return fills


def _fill_lfp(data: H5DataIO, source: LfpSource, block: int) -> Fill:
    return lambda: fill_dataset(data.dataset, source.stream(block))
