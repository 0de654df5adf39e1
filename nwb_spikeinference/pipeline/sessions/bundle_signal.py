"""
From the voltage of one bundle in a file to its LFP, with and without action potentials.

Raw voltage is read twice, in pieces: once to learn what each unit looks like on every wire, once to subtract that and
decimate. LFP lies on disk. Memory does not grow with the length of the recording.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from nwb_spikeinference.config import SignalSettings
from nwb_spikeinference.nwb.reading.signal_blocks import SignalReader
from nwb_spikeinference.pipeline.sessions.disk_arrays import keep_on_disk
from nwb_spikeinference.pipeline.sessions.periods import Period
from nwb_spikeinference.pipeline.sessions.spike_templates import LearnedUnits, learn_units
from nwb_spikeinference.pipeline.sessions.wire_faults import FaultWatch, Read
from nwb_spikeinference.recordings import Electrode, FloatArray, Session, SignalBlock, Unit
from nwb_spikeinference.signal.decimate import decimate_stream, decimation_factor
from nwb_spikeinference.signal.despike import SpikeTemplate, subtract_templates
from nwb_spikeinference.signal.discharges import DISCHARGE_BAND, find_discharges
from nwb_spikeinference.signal.filter_bank import FilterBank, notch_gain
from nwb_spikeinference.signal.references import median_over_wires
from nwb_spikeinference.signal.resample import SAME_RATE

OpenBlock = Callable[[SignalBlock], SignalReader]
_NOTCH_SAMPLES = 50_000  # filtered at once, of all wires


@dataclass(frozen=True, slots=True, kw_only=True)
class LfpSegment:
    """Continuous LFP of a bundle; sample k lies at ``start_s + k / rate_hz``."""

    start_s: float
    rate_hz: float  # as measured
    despiked: FloatArray  # (n_samples, n_wires) volts
    recorded: FloatArray  # the same with the action potentials left in

    @property
    def stop_s(self) -> float:
        """End of the last sample, in seconds on the session's clock."""
        return self.start_s + len(self.despiked) / self.rate_hz

    @property
    def filter_rate_hz(self) -> float:
        """
        The rate that filters are made for: whole hertz.

        Measured rates of a recording's stretches differ by some millionths; one filter serves all of them.
        """
        return _whole_hertz(self.rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSignal:
    """LFP of a bundle, and what was seen on the way."""

    wires: tuple[Electrode, ...]
    segments: tuple[LfpSegment, ...]
    faults: dict[int, str]  # wire column -> why it cannot be used at all
    bad_s: tuple[Period, ...] = ()  # stretches in which some wire that can be used failed
    discharges_s: tuple[float, ...] = ()  # times of interictal discharges
    shown_on: dict[int, np.ndarray] = field(default_factory=dict)  # row of a unit -> (n_wires,) bool
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
    alike = [block for block in holding if block.rate_hz >= fastest * (1 - SAME_RATE)]
    return tuple(sorted(alike, key=lambda block: block.start_s))


def read_bundle(
    open_block: OpenBlock,
    blocks: Sequence[SignalBlock],
    wires: Sequence[Electrode],
    units: Sequence[Unit],
    settings: SignalSettings,
    folder: Path,
) -> BundleSignal:
    """
    LFP of one bundle.

    Parameters
    ----------
    open_block : callable
        Makes the reader of a block.
    blocks : sequence of SignalBlock
        What `find_blocks` found for the wires.
    units : sequence of Unit
        All units of these wires, good or not: any of them leaves action potentials.
    folder : Path
        Where there is room for the LFP, in files without a name.
    """
    if not blocks:
        return BundleSignal(wires=(), segments=(), faults={})
    held = [wire for wire in wires if any(wire.row in block.electrode_rows for block in blocks)]
    rows = {wire.row for wire in held}
    own_units = [unit for unit in units if len(unit.electrode_rows) == 1 and unit.electrode_rows[0] in rows]
    is_raw = blocks[0].kind == "raw"
    notes = () if is_raw else ("only LFP is stored: action potentials cannot be removed from the own wire",)
    reads = [_reader_of(open_block(block), held) for block in blocks]
    learned = LearnedUnits(templates=((),) * len(blocks))
    if is_raw:
        learned = learn_units(reads, blocks, held, own_units, settings.despike)
    watch = FaultWatch()
    segments = tuple(
        _block_lfp(watch, read, block, templates, settings, folder)
        for read, block, templates in zip(reads, blocks, learned.templates, strict=True)
    )
    faults = watch.judge()
    return BundleSignal(
        wires=tuple(held),
        segments=segments,
        faults=faults.unusable,
        bad_s=faults.bad_s,
        discharges_s=_discharges(segments, [k for k in range(len(held)) if k not in faults.unusable]),
        shown_on=learned.shown_on,
        notes=(*notes, *faults.notes()),
    )


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


def _block_lfp(
    watch: FaultWatch,
    read: Read,
    block: SignalBlock,
    templates: Sequence[SpikeTemplate],
    settings: SignalSettings,
    folder: Path,
) -> LfpSegment:
    target_hz = min(settings.rate_hz, block.rate_hz)
    rate_hz = block.rate_hz / decimation_factor(block.rate_hz, target_hz)
    decimated = keep_on_disk(
        folder, decimate_stream(_with_despiked(watch.pieces(read, block), templates), block.rate_hz, target_hz)
    )
    notch = _notch_bank(settings.line_hz, _whole_hertz(rate_hz))
    filtered = notch.filter(lambda start, stop: decimated[start:stop], len(decimated), block_samples=_NOTCH_SAMPLES)
    lfp = keep_on_disk(folder, (piece.output(0) for piece in filtered))
    n_wires = lfp.shape[1] // 2 if templates else lfp.shape[1]
    return LfpSegment(start_s=block.start_s, rate_hz=rate_hz, despiked=lfp[:, -n_wires:], recorded=lfp[:, :n_wires])


def _with_despiked(
    pieces: Iterator[tuple[int, FloatArray]], templates: Sequence[SpikeTemplate]
) -> Iterator[FloatArray]:
    """The signal as recorded and, where there are templates, beside it without action potentials."""
    for start, signal in pieces:
        if templates:
            yield np.concatenate([signal, subtract_templates(signal, start, templates)], axis=1)
        else:
            yield signal


def _whole_hertz(rate_hz: float) -> float:
    return float(max(1, round(rate_hz)))


@lru_cache(maxsize=4)  # measuring how long its response lasts takes longer than filtering a minute
def _notch_bank(line_hz: float, rate_hz: float) -> FilterBank:
    return FilterBank([notch_gain(line_hz, rate_hz)], rate_hz)


def _discharges(segments: Sequence[LfpSegment], usable: Sequence[int]) -> tuple[float, ...]:
    """
    Interictal discharges in what the usable wires have in common, their median.

    One verdict for all inputs of a bundle: the own wire and its neighbours are compared on the same bins. A discharge
    is seen on all wires of a bundle, which end within millimetres; an action potential is not.
    """
    found: list[float] = []
    for segment in segments if usable else ():
        if DISCHARGE_BAND.high_hz < segment.filter_rate_hz / 2:
            times_s = find_discharges(_common(segment, usable), len(segment.despiked), segment.filter_rate_hz)
            found += (segment.start_s + times_s * segment.filter_rate_hz / segment.rate_hz).tolist()
    return tuple(found)


def _common(segment: LfpSegment, usable: Sequence[int]) -> Read:
    return lambda start, stop: median_over_wires(segment.despiked[start:stop, list(usable)])
