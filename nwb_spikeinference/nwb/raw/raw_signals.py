"""
The signals of a session's NWB file: laid out empty, and filled row by row of chunks.

Each source is read once: LFP is made from the pieces that are being written.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pynwb import NWBFile, TimeSeries
from pynwb.ecephys import LFP, ElectricalSeries

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.names import (
    ANALOG_SERIES,
    ECEPHYS_MODULE,
    LFP_CONTAINER,
    LFP_SERIES,
    RAW_SERIES,
    series_name,
)
from nwb_spikeinference.nwb.raw.raw_records import LfpSource, Period, SessionContent, VoltageSource
from nwb_spikeinference.nwb.storage.chunks import RAW_CHUNK, Packer, Slot, packed
from nwb_spikeinference.recordings import IntArray

_EVERY = slice(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What one block of a source is written to: its columns as they are, and perhaps LFP."""

    source: VoltageSource
    block: int
    columns: Any  # slice or array of indices
    slot: Slot
    lfp: LfpSource | None = None
    lfp_slot: Slot | None = None

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The datasets that are filled."""
        return (self.slot,) if self.lfp_slot is None else (self.slot, self.lfp_slot)

    def pack(self, packer: Packer) -> None:
        """Read the block from start to end, and pack it."""
        pieces: Iterator[Any] = packer.pack(self.slot, self._read())
        if self.lfp is not None and self.lfp_slot is not None:
            pieces = packer.pack(self.lfp_slot, self.lfp.filter(pieces))
        deque(pieces, maxlen=0)

    def _read(self) -> Iterator[IntArray]:
        n_samples, step = self.slot.shape[0], RAW_CHUNK[0]
        for start in range(0, n_samples, step):
            yield self.source.read(self.block, start, min(start + step, n_samples))[:, self.columns]


def add_signals(file: NWBFile, content: SessionContent) -> tuple[Filling, ...]:
    """
    Add all series of a session, empty.

    Raises
    ------
    InputError
        If no series can hold the channels of a source.
    """
    lfp_slots = _add_lfp(file, content.lfp)
    lfps = {lfp.name: lfp for lfp in content.lfp}
    fillings = []
    for source in content.raw:
        lfp = lfps.get(source.name)
        for block, slot in enumerate(_add_raw(file, source)):
            lfp_slot = None if lfp is None else lfp_slots[source.name][block]
            fillings.append(Filling(source=source, block=block, columns=_EVERY, slot=slot, lfp=lfp, lfp_slot=lfp_slot))
    for source in content.analog:
        fillings += _add_analog(file, source)
    return tuple(fillings)


def _electrical_series(
    file: NWBFile, source: VoltageSource | LfpSource, period: Period, slot: Slot, **scaling: Any
) -> ElectricalSeries:
    rows = list(source.electrode_rows)
    return ElectricalSeries(
        name=slot.name,
        description=source.description,
        data=slot.data,
        electrodes=file.create_electrode_table_region(region=rows, description="Contacts of this series' columns"),
        rate=float(period.rate_hz),
        starting_time=float(period.start_s),
        **scaling,
    )


def _add_raw(file: NWBFile, source: VoltageSource) -> list[Slot]:
    scaling: dict[str, Any] = {"conversion": float(source.gain[0]), "offset": float(source.offset_v[0])}
    if np.any(source.offset_v != source.offset_v[0]):
        raise InputError(f"{source.description}: channels have different offsets, which no ElectricalSeries can hold")
    if np.any(source.gain != source.gain[0]):
        scaling["channel_conversion"] = packed(source.gain / source.gain[0])
    slots = []
    for block, period in enumerate(source.periods):
        name = series_name(RAW_SERIES, source.name, block, len(source.periods))
        slot = Slot(name, period.n_samples, len(source.gain), np.int16)
        file.add_acquisition(_electrical_series(file, source, period, slot, **scaling))
        slots.append(slot)
    return slots


def _add_analog(file: NWBFile, source: VoltageSource) -> list[Filling]:
    """A TimeSeries has one scale, so channels of another scale make another series."""
    fillings = []
    scales = np.stack([source.gain, source.offset_v])
    for group, scale in enumerate(np.unique(scales, axis=1).T):
        columns = np.flatnonzero(np.all(scale == scales.T, axis=1))
        place = source.name + (f"Scale{group}" if group else "")
        for block, period in enumerate(source.periods):
            name = series_name(ANALOG_SERIES, place, block, len(source.periods))
            slot = Slot(name, period.n_samples, len(columns), np.int16)
            series = TimeSeries(
                name=name,
                description=f"{source.description}; columns: {', '.join(source.labels[column] for column in columns)}",
                data=slot.data,
                unit="volts",
                rate=float(period.rate_hz),
                starting_time=float(period.start_s),
                conversion=float(scale[0]),
                offset=float(scale[1]),
            )
            file.add_acquisition(series)
            fillings.append(Filling(source=source, block=block, columns=columns, slot=slot))
    return fillings


def _add_lfp(file: NWBFile, sources: Sequence[LfpSource]) -> dict[str, list[Slot]]:
    """Slots of each source's blocks, by the source's name."""
    if not sources:
        return {}
    module = file.create_processing_module(name=ECEPHYS_MODULE, description="Processed extracellular voltages")
    container = LFP(name=LFP_CONTAINER)
    module.add(container)
    slots: dict[str, list[Slot]] = {}
    for source in sources:
        slots[source.name] = []
        for block, period in enumerate(source.periods):
            name = series_name(LFP_SERIES, source.name, block, len(source.periods))
            slot = Slot(name, period.n_samples, len(source.electrode_rows), np.float32)
            container.add_electrical_series(_electrical_series(file, source, period, slot))
            slots[source.name].append(slot)
    return slots
