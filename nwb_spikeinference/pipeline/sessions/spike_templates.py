"""
Spike templates: what the units of a bundle look like on its wires.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add

import numpy as np

from nwb_spikeinference.config import Despike
from nwb_spikeinference.pipeline.sessions.wire_faults import Read
from nwb_spikeinference.recordings import Electrode, FloatArray, IntArray, SignalBlock, Unit
from nwb_spikeinference.signal.despike import (
    SpikeTemplate,
    TriggeredSums,
    make_template,
    spike_band_sd,
    sum_around_spikes,
    wires_showing_unit,
)
from nwb_spikeinference.signal.despike_gls import make_gls_template, noise_power

_SPREAD_S = 3.0  # of each block tell how large noise is between 300 and 3000 Hz: to 1 %


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedUnits:
    """Templates to subtract, and the wires that show each unit."""

    templates: tuple[tuple[SpikeTemplate, ...], ...]  # per block, one for each unit; none if nothing is subtracted
    shown_on: dict[int, np.ndarray] = field(default_factory=dict)  # row of a unit -> (n_wires,) bool


def learn_units(
    reads: Sequence[Read],
    blocks: Sequence[SignalBlock],
    wires: Sequence[Electrode],
    units: Sequence[Unit],
    despike: Despike,
) -> LearnedUnits:
    """
    Learn what each unit looks like on every wire, from all blocks together.

    Parameters
    ----------
    reads : sequence of callable
        Per block: gives samples ``start`` to ``stop`` of the wires, shape (n, n_wires), in volts.
    units : sequence of Unit
        Each on one of the wires.
    """
    if not units:
        return LearnedUnits(templates=((),) * len(blocks))
    trains = [[_samples_of(unit, block) for block in blocks] for unit in units]
    sums: TriggeredSums = reduce(
        add,
        (
            sum_around_spikes(read, block.n_samples, block.rate_hz, [train[number] for train in trains])
            for number, (read, block) in enumerate(zip(reads, blocks, strict=True))
        ),
    )
    spread = np.average(
        [
            spike_band_sd(read, block.n_samples, block.rate_hz, _SPREAD_S)
            for read, block in zip(reads, blocks, strict=True)
        ],
        axis=0,
        weights=[block.n_samples for block in blocks],
    )
    longest = max(range(len(blocks)), key=lambda number: blocks[number].n_samples)
    rate_hz = blocks[longest].rate_hz
    means = [np.nan_to_num(sums.mean(k)) for k in range(len(units))]
    shown_on = {
        unit.row: wires_showing_unit(means[k], int(sums.n_spikes[k]), rate_hz, spread) for k, unit in enumerate(units)
    }
    if despike == "none":
        return LearnedUnits(templates=((),) * len(blocks), shown_on=shown_on)
    power = noise_power(reads[longest], blocks[longest].n_samples, rate_hz) if despike == "gls" else None
    column = {wire.row: k for k, wire in enumerate(wires)}
    templates = [
        _templates(means[k], rate_hz, column[unit.electrode_rows[0]], trains[k], power) for k, unit in enumerate(units)
    ]
    return LearnedUnits(templates=tuple(zip(*templates, strict=True)), shown_on=shown_on)


def _samples_of(unit: Unit, block: SignalBlock) -> IntArray:
    """Spikes of a unit as sample indices of a block."""
    samples = np.round((unit.spike_times_s - block.start_s) * block.rate_hz).astype(np.int64)
    return samples[(samples >= 0) & (samples < block.n_samples)]


def _templates(
    mean: FloatArray, rate_hz: float, wire: int, trains: Sequence[IntArray], power: FloatArray | None
) -> list[SpikeTemplate]:
    """One per block: the same waveform, other spikes."""
    first, *others = trains
    if power is None:
        template = make_template(mean, rate_hz, wire, first)
    else:
        template = make_gls_template(mean, rate_hz, wire, first, power, trains)
    return [template, *(replace(template, spike_samples=np.sort(train)) for train in others)]
