"""
Continuous voltage in NWB files that anybody may have written: where it lies, and reading stretches of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import pairwise
from math import isfinite

import h5py
import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.config import LayoutSettings
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.reading.columns import read_values, whole_number
from nwb_spikeinference.nwb.reading.electrodes import electrodes_table
from nwb_spikeinference.nwb.reading.series_choice import clock_shift_s, leave_out_repeats
from nwb_spikeinference.nwb.storage.chunk_reader import ChunkReader
from nwb_spikeinference.nwb.storage.open_file import decode, neurodata_type, require_plausible
from nwb_spikeinference.recordings import FloatArray, SignalBlock

RAW_RATE_HZ = 5000.0  # spikes cannot be seen below
_DEPTH = {"acquisition": 2, "processing": 3}  # of a series: itself, its LFP or FilteredEphys, its module
_ALL = slice(None)
_USUAL = LayoutSettings()
_PIECE = 1 << 20  # time stamps read at once
# The sign for micro has two code points, which casefold makes one.
_VOLTS = {"": 1.0, "v": 1.0, "volt": 1.0, "mv": 1e-3, "millivolt": 1e-3, "uv": 1e-6, "μv": 1e-6, "microvolt": 1e-6}


def list_blocks(file: h5py.File, layout: LayoutSettings = _USUAL) -> tuple[tuple[SignalBlock, ...], tuple[str, ...]]:
    """
    Every continuous stretch of voltage that is linked to electrodes, and why others were left out.

    Nothing of the signal is read; time stamps are, in bounded pieces.

    Raises
    ------
    InputError
        If the layout names a series that the file does not have, or that cannot be used.
    """
    table = electrodes_table(file)
    n_electrodes = 0 if table is None else len(table["id"])
    blocks: list[SignalBlock] = []
    notes: list[str] = []
    named = _named_series(file, layout.lfp)
    for series in named or _all_series(file):
        reason = _why_unusable(series, n_electrodes)
        if reason is None:
            found, reason = _blocks_of_series(series)
            shift_s = clock_shift_s(series, layout.lfp_shift_s)
            if shift_s:
                found = [replace(block, start_s=block.start_s + shift_s) for block in found]
                notes.append(f"{series.name}: its clock is moved by {shift_s:+g} s to that of the spikes{_why(layout)}")
            blocks.extend(found)
        if reason is not None and named:
            raise InputError(f"{file.filename}: {series.name} (layout.lfp) cannot be used: {reason}")
        if reason is not None:
            notes.append(f"{series.name} left out: {reason}")
    kept, repeats = leave_out_repeats(file, blocks)
    return kept, (*notes, *repeats)


def _why(layout: LayoutSettings) -> str:
    return ", as its description says" if layout.lfp_shift_s is None else " (layout.lfp_shift_s)"


def _all_series(file: h5py.File) -> Iterator[h5py.Group]:
    for root, depth in _DEPTH.items():
        parent = file.get(root)
        if isinstance(parent, h5py.Group):
            yield from _find_series(parent, depth)


def _named_series(file: h5py.File, pattern: str | None) -> list[h5py.Group]:
    """Series whose path fits the layout's; none if it has none."""
    if pattern is None:
        return []
    places = [file[root] for root in _DEPTH if isinstance(file.get(root), h5py.Group)]
    found: list[h5py.Group] = []
    for place in places:
        place.visititems(lambda _, item: found.append(item) if _has_data(item) else None)
    fitting = [series for series in found if fnmatchcase(str(series.name).strip("/"), pattern.strip("/"))]
    if not fitting:
        held = ", ".join(str(series.name).strip("/") for series in found if _is_electrical_series(series)) or "none"
        raise InputError(f"{file.filename}: no series is named {pattern!r} (layout.lfp); it has {held}")
    return fitting


def _has_data(item: h5py.Group | h5py.Dataset) -> bool:
    return isinstance(item, h5py.Group) and isinstance(item.get("data"), h5py.Dataset)


def _find_series(group: h5py.Group, depth: int) -> Iterator[h5py.Group]:
    for child in group.values():
        if not isinstance(child, h5py.Group):
            continue
        if _is_electrical_series(child):
            yield child
        elif depth > 1:
            yield from _find_series(child, depth - 1)


def _is_electrical_series(group: h5py.Group) -> bool:
    """By what it holds, so that children of ElectricalSeries in any extension count; snippets of spikes do not."""
    if neurodata_type(group) == "SpikeEventSeries":
        return False
    return all(isinstance(group.get(name), h5py.Dataset) for name in ("data", "electrodes"))


def _why_unusable(series: h5py.Group, n_electrodes: int) -> str | None:
    if not isinstance(series.get("electrodes"), h5py.Dataset):
        return "it names no electrodes"
    data, electrodes = series["data"], series["electrodes"]
    require_plausible(data)
    if data.ndim not in (1, 2) or data.dtype.kind not in "iuf":
        return f"data of shape {data.shape} and type {data.dtype} are no voltages (time, electrode)"
    if data.shape[0] == 0:
        return "it has no samples"
    n_channels = 1 if data.ndim == 1 else data.shape[1]
    if electrodes.shape != (n_channels,):
        return f"{n_channels} columns of data but {electrodes.shape} electrodes"
    rows = [whole_number(row) for row in read_values(electrodes).tolist()]
    if any(row is None or not 0 <= row < n_electrodes for row in rows):
        return f"it names electrodes that the table of {n_electrodes} does not have"
    return None if _unit_in_volts(data) is not None else f"unit {decode(data.attrs['unit'])!r} is no voltage"


def _blocks_of_series(series: h5py.Group) -> tuple[list[SignalBlock], str | None]:
    n_samples = len(series["data"])
    if isinstance(series.get("starting_time"), h5py.Dataset):
        start_s = float(series["starting_time"][()])
        rate_hz = float(series["starting_time"].attrs.get("rate", np.nan))
        if not (isfinite(start_s) and isfinite(rate_hz) and rate_hz > 0):
            return [], f"rate {rate_hz:g} Hz and start {start_s:g} s are no clock"
        return [_block(series, rate_hz, start_s, 0, n_samples)], None
    stamps = series.get("timestamps")
    if not isinstance(stamps, h5py.Dataset) or stamps.shape != (n_samples,):
        return [], "it has neither a rate nor one time stamp per sample"
    return _blocks_of_stamps(series, stamps)


def _blocks_of_stamps(series: h5py.Group, stamps: h5py.Dataset) -> tuple[list[SignalBlock], str | None]:
    """Stretches without a gap; the rate is that of the longest."""
    require_plausible(stamps)
    if len(stamps) < 2:
        return [], "one time stamp gives no rate"
    period_s = float(np.median(np.diff(stamps[:_PIECE])))
    if not period_s > 0:
        return [], "its time stamps do not rise"
    edges = [0]
    for first in range(0, len(stamps) - 1, _PIECE):
        steps = np.diff(stamps[first : first + _PIECE + 1])
        if not np.all(steps > 0):
            return [], "its time stamps do not rise everywhere"
        edges.extend((first + 1 + np.flatnonzero(steps > 1.5 * period_s)).tolist())
        if len(edges) > 1 + len(stamps) // 10:
            return [], "its time stamps are irregular"
    edges.append(len(stamps))
    first, last = max(pairwise(edges), key=lambda edge: edge[1] - edge[0])
    if last - first > 1:
        period_s = float(stamps[last - 1] - stamps[first]) / (last - 1 - first)
    rate_hz = 1 / period_s
    if abs(rate_hz - round(rate_hz)) < 1e-7 * rate_hz:  # rounding of the stamps, not drift of the clock
        rate_hz = float(round(rate_hz))
    return [_block(series, rate_hz, float(stamps[first]), first, last - first) for first, last in pairwise(edges)], None


def _block(series: h5py.Group, rate_hz: float, start_s: float, first_sample: int, n_samples: int) -> SignalBlock:
    return SignalBlock(
        path=str(series.name),
        kind="raw" if rate_hz >= RAW_RATE_HZ else "lfp",
        rate_hz=rate_hz,
        start_s=start_s,
        n_samples=n_samples,
        electrode_rows=tuple(int(row) for row in read_values(series["electrodes"])),
        first_sample=first_sample,
    )


def _unit_in_volts(data: h5py.Dataset) -> float | None:
    unit = decode(data.attrs.get("unit", "")).strip().casefold()
    return _VOLTS.get(unit, _VOLTS.get(unit.removesuffix("s")))


@dataclass(frozen=True, slots=True)
class SignalReader:
    """
    Reads stretches of one block in volts.

    Attributes
    ----------
    gains : ndarray of shape (n_electrodes,)
        Volts per stored number.
    offset_v : float
        Volts added to every value.
    """

    data: h5py.Dataset
    block: SignalBlock
    gains: FloatArray
    offset_v: float
    chunks: ChunkReader | None = None  # of data that it can read

    def read(self, start: int, stop: int, columns: slice = _ALL) -> FloatArray:
        """
        Samples `start` to `stop` of the block.

        Parameters
        ----------
        columns : slice
            Neighbouring electrodes of the block to read; chunks of the others are not unpacked.

        Returns
        -------
        ndarray of shape (stop - start, n_electrodes)
            Voltages, in volts; float32 for stored integers of 16 bits, else float64.

        Raises
        ------
        InputError
            If the stretch is not inside the block, or the file is damaged there.
        """
        if not 0 <= start <= stop <= self.block.n_samples:
            raise InputError(
                f"{self.data.file.filename}: {self.block.path} holds samples 0 to {self.block.n_samples} "
                f"of this block, asked for {start} to {stop}"
            )
        try:
            stored = self._stored(self.block.first_sample + start, self.block.first_sample + stop, columns)
        except (OSError, InputError) as error:
            raise InputError(
                f"{self.data.file.filename}: {self.block.path} is damaged between samples {start} and {stop} "
                "of the block; get a fresh copy of the file"
            ) from error
        kind = np.float32 if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2 else np.float64
        volts: FloatArray = np.multiply(stored, self.gains[columns].astype(kind), dtype=kind)
        return volts + kind(self.offset_v) if self.offset_v else volts

    def _stored(self, start: int, stop: int, columns: slice) -> NDArray[np.generic]:
        if self.chunks is not None:
            return self.chunks.read(start, stop, columns)
        if self.data.ndim == 2:
            return np.asarray(self.data[start:stop, columns])
        return np.asarray(self.data[start:stop])[:, None][:, columns]


def make_reader(file: h5py.File, block: SignalBlock) -> SignalReader:
    """
    Reader of one block of an open file.

    Raises
    ------
    InputError
        If the file does not hold such a block.
    """
    series = file.get(block.path)
    if not isinstance(series, h5py.Group) or not _is_electrical_series(series):
        raise InputError(f"{file.filename}: has no signal at {block.path}")
    data = series["data"]
    if len(data) < block.first_sample + block.n_samples:
        raise InputError(f"{file.filename}: {block.path} is shorter than when it was listed; the file was changed")
    require_plausible(data)
    in_volts = _unit_in_volts(data)
    if in_volts is None:
        raise InputError(f"{file.filename}: {block.path} is in {decode(data.attrs['unit'])!r}, which is no voltage")
    gains = np.full(len(block.electrode_rows), float(data.attrs.get("conversion", 1.0)) * in_volts)
    if isinstance(series.get("channel_conversion"), h5py.Dataset):
        gains = gains * np.broadcast_to(read_values(series["channel_conversion"]), gains.shape)
    chunks = ChunkReader(data) if ChunkReader.fits(data) else None
    return SignalReader(data, block, gains, float(data.attrs.get("offset", 0.0)) * in_volts, chunks)
