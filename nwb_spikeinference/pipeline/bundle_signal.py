"""
From the voltage of one bundle in a file to its LFP, with and without action potentials.

Raw voltage is read twice, in pieces: once to learn what each unit looks like on every wire, once to subtract that and
decimate. Memory does not grow with the length of the recording beyond the LFP itself.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from nwb_spikeinference.config import SignalSettings
from nwb_spikeinference.nwb.read import open_signal
from nwb_spikeinference.nwb.signal_blocks import SignalReader
from nwb_spikeinference.recordings import Electrode, FloatArray, IntArray, Session, SignalBlock, Unit
from nwb_spikeinference.signal.artefacts import channel_fault
from nwb_spikeinference.signal.decimate import decimate_stream, decimation_factor
from nwb_spikeinference.signal.despike import (
    SpikeTemplate,
    TriggeredSums,
    make_template,
    spike_band_sd,
    subtract_templates,
    sum_around_spikes,
    wires_showing_unit,
)
from nwb_spikeinference.signal.filters import remove_line_noise

PIECE_S = 10.0
_SAME_RATE = 1e-3  # relative; rates that were measured differ by less from one block to the next
MAX_FAULTY_SHARE = 0.2  # of the recording; a wire that fails longer is not used at all
Read = Callable[[int, int], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class LfpSegment:
    """Continuous LFP of a bundle; sample k lies at ``start_s + k / rate_hz``."""

    start_s: float
    rate_hz: float
    despiked: FloatArray  # (n_samples, n_wires) volts
    recorded: FloatArray  # the same with the action potentials left in

    @property
    def stop_s(self) -> float:
        """End of the last sample, in seconds on the session's clock."""
        return self.start_s + len(self.despiked) / self.rate_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSignal:
    """LFP of a bundle, and what was seen on the way."""

    wires: tuple[Electrode, ...]
    segments: tuple[LfpSegment, ...]
    faults: dict[int, str]  # wire column -> why it cannot be used at all
    bad_s: tuple[tuple[float, float], ...] = ()  # stretches in which some wire that can be used failed
    shown_on: dict[int, np.ndarray] = field(default_factory=dict)  # unit id -> (n_wires,) bool
    notes: tuple[str, ...] = ()


def find_blocks(session: Session, wires: Sequence[Electrode]) -> tuple[SignalBlock, ...]:
    """Blocks that hold most of the wires: raw if there are any, else LFP, of which the fastest."""
    rows = {wire.row for wire in wires}
    holding = [block for block in session.blocks if rows & set(block.electrode_rows)]
    most = max((len(rows & set(block.electrode_rows)) for block in holding), default=0)
    holding = [block for block in holding if len(rows & set(block.electrode_rows)) == most]
    raw = [block for block in holding if block.kind == "raw"]
    if raw:
        return tuple(sorted(raw, key=lambda block: block.start_s))
    fastest = max((block.rate_hz for block in holding), default=0.0)
    alike = [block for block in holding if block.rate_hz >= fastest * (1 - _SAME_RATE)]
    return tuple(sorted(alike, key=lambda block: block.start_s))


def read_bundle(
    session: Session, wires: Sequence[Electrode], units: Sequence[Unit], settings: SignalSettings
) -> BundleSignal:
    """
    LFP of one bundle.

    Parameters
    ----------
    units : sequence of Unit
        All units of these wires, good or not: any of them leaves action potentials.
    """
    blocks = find_blocks(session, wires)
    held = [wire for wire in wires if any(wire.row in block.electrode_rows for block in blocks)]
    column = {wire.row: k for k, wire in enumerate(held)}
    own_units = [unit for unit in units if len(unit.electrode_rows) == 1 and unit.electrode_rows[0] in column]
    is_raw = bool(blocks) and blocks[0].kind == "raw"
    despike = is_raw and settings.despike == "mean-waveform"
    notes = (
        () if is_raw or not blocks else ("only LFP is stored: action potentials cannot be removed from the own wire",)
    )
    templates, shown_on = _learn_units(session, blocks, held, own_units) if is_raw else ([], {})
    faults: list[_Fault] = []
    segments = []
    for number, block in enumerate(blocks):
        with open_signal(session.path, block) as reader:
            read = _reader_of(reader, held)
            in_block = [template[number] for template in templates] if despike else []
            segments.append(_block_lfp(read, block, in_block, settings, faults))
    unusable, bad_s = _judge_faults(faults, sum(block.n_samples / block.rate_hz for block in blocks))
    return BundleSignal(
        wires=tuple(held),
        segments=tuple(segments),
        faults=unusable,
        bad_s=bad_s,
        shown_on=shown_on,
        notes=(*notes, *(f"left out from {start:.1f} to {stop:.1f} s, where a wire failed" for start, stop in bad_s)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """A piece of a wire's signal that holds no voltage of the brain."""

    wire: int
    start_s: float
    stop_s: float
    why: str


def _judge_faults(
    faults: Sequence[_Fault], recorded_s: float
) -> tuple[dict[int, str], tuple[tuple[float, float], ...]]:
    """Wires that failed too long to be used, and the stretches in which the others failed."""
    failed_s: dict[int, float] = {}
    for fault in faults:
        failed_s[fault.wire] = failed_s.get(fault.wire, 0.0) + fault.stop_s - fault.start_s
    unusable = {
        fault.wire: f"{fault.why} around {fault.start_s:.1f} s, faulty for {failed_s[fault.wire]:.1f} s in all"
        for fault in reversed(faults)
        if failed_s[fault.wire] > MAX_FAULTY_SHARE * recorded_s
    }
    bad = {(fault.start_s, fault.stop_s) for fault in faults if fault.wire not in unusable}
    return unusable, tuple(sorted(bad))


def _reader_of(reader: SignalReader, wires: Sequence[Electrode]) -> Read:
    """Read the wires' columns of a block; a wire that this block lacks reads as NaN."""
    rows = reader.block.electrode_rows
    held = {k: rows.index(wire.row) for k, wire in enumerate(wires) if wire.row in rows}
    first = min(held.values())
    neighbours = slice(first, max(held.values()) + 1)
    in_order = list(held.values()) == list(range(first, first + len(wires)))

    def read_wires(start: int, stop: int) -> FloatArray:
        signal = reader.read(start, stop, neighbours)
        if in_order:
            return signal
        placed = np.full((len(signal), len(wires)), np.nan)
        placed[:, list(held)] = signal[:, np.array(list(held.values())) - first]
        return placed

    return read_wires


def _samples_of(unit: Unit, block: SignalBlock) -> IntArray:
    """Spikes of a unit as sample indices of a block."""
    samples = np.round((unit.spike_times_s - block.start_s) * block.rate_hz).astype(np.int64)
    return samples[(samples >= 0) & (samples < block.n_samples)]


def _learn_units(
    session: Session, blocks: Sequence[SignalBlock], wires: Sequence[Electrode], units: Sequence[Unit]
) -> tuple[list[list[SpikeTemplate]], dict[int, np.ndarray]]:
    """Per unit its template in each block, and the wires that show it."""
    sums: TriggeredSums | None = None
    spread = []
    for block in blocks:
        with open_signal(session.path, block) as reader:
            read = _reader_of(reader, wires)
            found = sum_around_spikes(
                read, block.n_samples, block.rate_hz, [_samples_of(unit, block) for unit in units]
            )
            sums = found if sums is None else sums + found
            spread.append(spike_band_sd(read, block.n_samples, block.rate_hz))
    if sums is None:
        return [], {}
    column = {wire.row: k for k, wire in enumerate(wires)}
    rate_hz = blocks[0].rate_hz
    templates, shown_on = [], {}
    for k, unit in enumerate(units):
        mean = np.nan_to_num(sums.mean(k))
        wire = column[unit.electrode_rows[0]]
        templates.append([make_template(mean, rate_hz, wire, _samples_of(unit, block)) for block in blocks])
        shown_on[unit.unit_id] = wires_showing_unit(
            mean,
            int(sums.n_spikes[k]),
            rate_hz,
            np.average(spread, axis=0, weights=[block.n_samples for block in blocks]),
        )
    return templates, shown_on


def _block_lfp(
    read: Read, block: SignalBlock, templates: Sequence[SpikeTemplate], settings: SignalSettings, faults: list[_Fault]
) -> LfpSegment:
    target_hz = min(settings.rate_hz, block.rate_hz)
    rate_hz = block.rate_hz / decimation_factor(block.rate_hz, target_hz)
    both = decimate_stream(_pieces(read, block, templates, faults), block.rate_hz, target_hz)
    lfp = remove_line_noise(np.concatenate(list(both)), rate_hz, settings.line_hz).astype(np.float32)
    recorded = lfp[:, : lfp.shape[1] // 2] if templates else lfp
    despiked = lfp[:, lfp.shape[1] // 2 :] if templates else lfp
    return LfpSegment(start_s=block.start_s, rate_hz=rate_hz, despiked=despiked, recorded=recorded)


def _pieces(
    read: Read, block: SignalBlock, templates: Sequence[SpikeTemplate], faults: list[_Fault]
) -> Iterator[FloatArray]:
    """The signal as recorded and, where there are templates, beside it without action potentials."""
    n_pieces = max(1, round(block.n_samples / (PIECE_S * block.rate_hz)))
    edges = np.linspace(0, block.n_samples, n_pieces + 1).astype(int)
    for start, stop in pairwise(edges.tolist()):
        signal = read(start, stop)
        start_s, stop_s = (block.start_s + edge / block.rate_hz for edge in (start, stop))
        for wire in range(signal.shape[1]):
            why = channel_fault(signal[:, wire])
            if why is not None:
                faults.append(_Fault(wire=wire, start_s=start_s, stop_s=stop_s, why=why))
        signal = np.nan_to_num(signal)
        if templates:
            yield np.concatenate([signal, subtract_templates(signal, start, templates)], axis=1)
        else:
            yield signal
