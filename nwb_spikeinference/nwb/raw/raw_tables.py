"""
Tables of a session's NWB file: electrodes, units, recorded periods.
"""

import re
from collections.abc import Sequence
from itertools import count

import numpy as np
from hdmf.common import ElementIdentifiers, VectorData
from pynwb import NWBFile
from pynwb.device import Device, DeviceModel
from pynwb.misc import Units

from nwb_spikeinference.nwb.names import ELECTRODE_COLUMNS, NOT_RECORDED, RECORDED_PERIODS, UNIT_COLUMNS
from nwb_spikeinference.nwb.raw.raw_records import TIME_ROUNDING_S
from nwb_spikeinference.nwb.storage.chunks import packed
from nwb_spikeinference.recordings import Electrode, FloatArray, Unit
from nwb_spikeinference.regions import HEMISPHERE_LETTER, Location
from nwb_spikeinference.session_config import DeviceSettings


def add_devices(file: NWBFile, devices: Sequence[DeviceSettings]) -> dict[str, Device]:
    """The recorders and their models, by name."""
    models: dict[tuple[str, str], DeviceModel] = {}
    made: dict[str, Device] = {}
    for device in devices:
        key = (device.manufacturer, device.model)
        if key not in models:
            models[key] = file.create_device_model(
                name=_model_name(device, taken={model.name for model in models.values()}),
                manufacturer=device.manufacturer,
                model_number=device.model,
                description=f"{device.model} by {device.manufacturer}",
            )
        made[device.name] = file.create_device(
            name=device.name, description="Recorder of extracellular voltages", model=models[key]
        )
    return made


def _model_name(device: DeviceSettings, taken: set[str]) -> str:
    name = device.model.replace("/", "-")
    return name if name not in taken | {device.name} else f"{device.manufacturer} {name} model".replace("/", "-")


def add_electrodes(file: NWBFile, electrodes: Sequence[Electrode], devices: dict[str, Device]) -> None:
    """One group per bundle, one row per contact."""
    for name, description in ELECTRODE_COLUMNS.items():
        file.add_electrode_column(name=name, description=description)
    with_place = any(electrode.xyz is not None for electrode in electrodes)
    first_device = next(iter(devices.values()))
    groups = {}
    for electrode in electrodes:
        location = Location(region=electrode.region, hemisphere=electrode.hemisphere).text
        if electrode.bundle not in groups:
            groups[electrode.bundle] = file.create_electrode_group(
                name=electrode.bundle,
                description=f"Behnke-Fried electrode {electrode.bundle}",
                location=location,
                device=devices.get(electrode.nsp or "", first_device),
            )
        x, y, z = electrode.xyz or (np.nan, np.nan, np.nan)
        file.add_electrode(
            id=electrode.row,
            group=groups[electrode.bundle],
            location=location,
            hemisphere=HEMISPHERE_LETTER[electrode.hemisphere] if electrode.hemisphere else "",
            region=electrode.region or "",
            wire=NOT_RECORDED if electrode.wire is None else electrode.wire,
            electrode_type=electrode.kind,
            label=electrode.label,
            nsp=electrode.nsp or first_device.name,
            channel=NOT_RECORDED if electrode.channel is None else electrode.channel,
            **({"x": x, "y": y, "z": z} if with_place else {}),
        )


def add_recorded_periods(file: NWBFile, periods: Sequence[tuple[float, float]]) -> None:
    """
    When the first recorder of electrodes ran, in seconds; `obs_intervals` tell it for the contact of each unit.

    A recording without a pause gets no table: its signal says the same, and the inspector objects to a single row.
    """
    if len(periods) < 2:
        return
    description = "Continuous stretches of the recording; pauses lie between"
    table = file.create_time_intervals(name=RECORDED_PERIODS, description=description)
    for start_s, stop_s in periods:
        table.add_interval(start_time=start_s, stop_time=stop_s)


def add_units(
    file: NWBFile, units: Sequence[Unit], periods: Sequence[tuple[float, float]], resolution_s: float
) -> None:
    """Sorted units with quality and putative type; `periods` for those that do not say when they were observed."""
    rate_hz = next((unit.waveform_rate_hz for unit in units if unit.waveform_mean is not None), None)
    table = Units(
        name="units",
        description="Sorted units; spike times in seconds on the clock of the recording",
        electrode_table=file.electrodes,
        resolution=resolution_s,
        **({} if rate_hz is None else {"waveform_rate": float(rate_hz), "waveform_unit": "volts"}),
    )
    for name, description in UNIT_COLUMNS.items():
        table.add_column(name=name, description=description)
    measures = _sorter_columns(units)
    for measure, (column, _) in measures.items():
        table.add_column(name=column, description=f"{measure!r} as the sorter gave it")
    length = max((len(unit.waveform_mean) for unit in units if unit.waveform_mean is not None), default=0)
    for unit in units:
        table.add_unit(
            id=unit.unit_id,
            spike_times=unit.spike_times_s,
            obs_intervals=_observed(unit.spike_times_s, unit.observed_s or periods),
            electrodes=list(unit.electrode_rows),
            sorter=unit.sorter or "unknown",
            cluster_id=NOT_RECORDED if unit.cluster_id is None else unit.cluster_id,
            snr=_number(unit.snr),
            isi_violations=_number(unit.isi_violations),
            trough_to_peak_ms=_number(unit.trough_to_peak_ms),
            cell_type=unit.cell_type,
            **{column: _given(unit).get(measure, missing) for measure, (column, missing) in measures.items()},
            **_waveforms(unit, length),
        )
    file.units = table


def _observed(spike_times_s: FloatArray, periods: Sequence[tuple[float, float]]) -> FloatArray:
    """Recorded periods, widened to spikes that fell within the last sample or were rounded across an edge."""
    observed = np.array(periods, dtype=np.float64)
    starts_s = np.append(observed[:, 0], np.inf) - TIME_ROUNDING_S
    for row in range(len(observed)):
        inside = spike_times_s[(spike_times_s >= starts_s[row]) & (spike_times_s < starts_s[row + 1])]
        if len(inside):
            observed[row] = min(observed[row, 0], inside[0]), max(observed[row, 1], inside[-1])
    return observed


def _given(unit: Unit) -> dict[str, float | str]:
    """What the sorter said of a unit, by the sorter's names."""
    return {**({} if unit.label is None else {"label": unit.label}), **unit.quality}


def _sorter_columns(units: Sequence[Unit]) -> dict[str, tuple[str, float | str]]:
    """Column of each measure that any sorter gave, by the sorter's name of it, and what stands where it is missing."""
    columns: dict[str, tuple[str, float | str]] = {}
    for unit in units:
        for measure, value in _given(unit).items():
            if measure not in columns:
                columns[measure] = _column_name(measure, {column for column, _ in columns.values()}), np.nan
            if isinstance(value, str):
                columns[measure] = columns[measure][0], ""
    return columns


def _column_name(measure: str, taken: set[str]) -> str:
    """A name that no other measure has, e.g. for `Amp` and `amp`, or `%` and `#`."""
    base = "sorter_" + (re.sub(r"\W+", "_", measure.lower()).strip("_") or "measure")
    names = (base if number == 1 else f"{base}_{number}" for number in count(1))
    return next(name for name in names if name not in taken)


def _waveforms(unit: Unit, length: int) -> dict[str, FloatArray]:
    if not length:
        return {}
    return {"waveform_mean": _padded(unit.waveform_mean, length), "waveform_sd": _padded(unit.waveform_sd, length)}


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _padded(waveform: FloatArray | None, length: int) -> FloatArray:
    padded = np.full(length, np.nan)
    if waveform is not None:
        padded[: len(waveform)] = waveform
    return padded


def compress_columns(file: NWBFile) -> None:
    """
    Chunk and compress every numeric column, so that a damaged byte raises instead of changing a number.

    Lists become arrays, since pynwb looks at each number of a list, and spike times are many.
    """
    for item in file.objects.values():
        data = item.data if isinstance(item, VectorData | ElementIdentifiers) else None
        if isinstance(data, np.ndarray | list) and len(data) and np.asarray(data[:1]).dtype.kind in "iufc":
            item.transform(lambda held: packed(np.asarray(held)))
