"""
The LFP of contacts that no unit hangs on, made as the LFP of a study is, at the rate that a model knows.

Each contact stands for itself, so that what is inferred of it does not depend on which others were asked for; where the
model's reference takes in other contacts, all of an electrode belong together.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nwb_spikeinference.bands import Band
from nwb_spikeinference.config import SignalSettings
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.files import partial_path
from nwb_spikeinference.nwb.reading.signal_blocks import SignalReader
from nwb_spikeinference.pipeline.sessions.bundle_signal import (
    BundleSignal,
    LfpSegment,
    OpenBlock,
    find_blocks,
    read_bundle,
)
from nwb_spikeinference.pipeline.sessions.disk_arrays import allocate_array, keep_on_disk, map_array
from nwb_spikeinference.recordings import Electrode, Session, SignalBlock
from nwb_spikeinference.signal.resample import SAME_RATE, find_ratio, resample_stream

MIN_RATE_HZ = 250.0
_PIECE = 1 << 18  # samples of an electrode's contacts held at once


def require_rate(rate_hz: float, bands: Sequence[Band], lfp_rate_hz: float, *, reads_trace: bool, where: str) -> None:
    """
    Refuse a recording that does not hold what a model reads.

    Raises
    ------
    InputError
        If it is too slow; the message says what the model needs.
    """
    if not rate_hz >= MIN_RATE_HZ:
        raise InputError(f"{where}: sampled at {rate_hz:g} Hz; LFP of {MIN_RATE_HZ:g} Hz or more is needed")
    if reads_trace and rate_hz < lfp_rate_hz * (1 - SAME_RATE):
        raise InputError(
            f"{where}: sampled at {rate_hz:g} Hz, but this model reads the LFP itself at {lfp_rate_hz:g} Hz; use a "
            f"faster recording or a model of features"
        )
    highest = max(bands, key=lambda band: band.high_hz)
    if highest.high_hz >= rate_hz / 2:
        raise InputError(
            f"{where}: sampled at {rate_hz:g} Hz and holds nothing above {rate_hz / 2:g} Hz, but this model needs band "
            f"{highest.name} up to {highest.high_hz:g} Hz; use a faster recording or a model trained without this band"
        )


def read_electrode(
    session: Session,
    contacts: Sequence[Electrode],
    open_block: OpenBlock,
    settings: SignalSettings,
    lfp_rate_hz: float,
    folder: Path,
) -> dict[int, BundleSignal]:
    """
    LFP of some contacts of one electrode.

    Parameters
    ----------
    settings : SignalSettings
        Those of the model's training.
    folder : Path
        Where there is room for the LFP, in files without a name.

    Returns
    -------
    dict
        Row of each contact -> its signal, and with it that of the contacts it is measured against.
    """
    mates = contacts
    if settings.reference != "none":
        alike = (contacts[0].bundle, contacts[0].kind)
        mates = [one for one in session.electrodes if (one.bundle, one.kind) == alike]
    groups = [tuple(mates)] if settings.reference != "none" else [(one,) for one in contacts]
    staged = _stage(open_block, {one.row for one in mates}, folder)
    found: dict[int, BundleSignal] = {}
    for group in groups:
        rows = {one.row for one in group}
        units = [unit for unit in session.units if rows & set(unit.electrode_rows)]
        signal = read_bundle(staged, find_blocks(session, group), group, units, settings, folder)
        signal = replace(
            signal,
            segments=tuple(_at_rate(segment, lfp_rate_hz, folder) for segment in signal.segments),
            shown_on={},  # the neuron that is inferred is none of these units
        )
        found |= {one.row: signal for one in contacts if one.row in rows}
    return found


def _stage(open_block: OpenBlock, rows: set[int], folder: Path) -> OpenBlock:
    """
    Readers of some contacts' samples, which lie contact by contact on disk.

    Files hold chunks of many contacts: read for one contact after the other, each would be unpacked as often.
    """
    kept: dict[str, SignalReader] = {}

    def open_staged(block: SignalBlock) -> SignalReader:
        name = f"{block.path} {block.first_sample}"
        if name not in kept:
            kept[name] = _copy_of(open_block(block), rows, folder)
        return kept[name]

    return open_staged


def _copy_of(reader: SignalReader, rows: set[int], folder: Path) -> SignalReader:
    block = reader.block
    columns = [k for k, row in enumerate(block.electrode_rows) if row in rows]
    path = partial_path(folder / "staged.npy")
    allocate_array(path, (len(columns), block.n_samples))
    samples = np.asarray(map_array(path, writeable=True))
    path.unlink()  # gone when nobody holds the array any more
    neighbours = slice(columns[0], columns[-1] + 1)
    for at in range(0, block.n_samples, _PIECE):
        stop = min(at + _PIECE, block.n_samples)
        read = reader.read(at, stop, neighbours)
        samples[:, at:stop] = read[:, np.array(columns) - columns[0]].T
    held = replace(block, first_sample=0, electrode_rows=tuple(block.electrode_rows[column] for column in columns))
    return SignalReader(samples.T, held, np.ones(len(columns)), 0.0)


def _at_rate(segment: LfpSegment, rate_hz: float, folder: Path) -> LfpSegment:
    """The segment at a model's rate, where its own is another one and not merely a measured one."""
    up, down = find_ratio(segment.rate_hz, rate_hz)
    if up == down:
        return segment
    lfp = keep_on_disk(folder, resample_stream(segment.despiked, up, down))
    return replace(segment, rate_hz=segment.rate_hz * up / down, despiked=lfp, recorded=lfp)
