"""Dots with intervals: the one way in which the report draws an estimate."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nwb_spikeinference.records import CellGroup, LoboRecord, ModelRecord, TransferRecord
from nwb_spikeinference.report.cells import is_known
from nwb_spikeinference.report.figures.canvas import COLOURS, MARKERS
from nwb_spikeinference.report.words import CELL_TYPES, TYPES

Estimate = tuple[float, float | None, float | None]  # mean, low, high
RecordType = TypeVar("RecordType", LoboRecord, ModelRecord, TransferRecord)


def types_present(groups: Iterable[CellGroup]) -> tuple[CellGroup, ...]:
    """Putative types to draw apart; all units together only where nothing is known by type."""
    found = set(groups)
    return tuple(group for group in TYPES if group in found) or ("all",)


def side_by_side(
    records: Sequence[RecordType], kinds: Sequence[CellGroup], width: float = 0.3
) -> Iterator[tuple[RecordType, float]]:
    """Records type by type, each with the shift that puts its dot beside those of the other types."""
    shifts = np.linspace(-width / 2, width / 2, len(kinds)).tolist() if len(kinds) > 1 else [0.0]
    for kind, shift in zip(kinds, shifts, strict=True):
        yield from ((record, shift) for record in records if record.cell_type == kind)


def paint_estimate(axes: Axes, position: float, estimate: Estimate, kind: CellGroup, *, upright: bool = False) -> None:
    """One dot with its interval, along x at height `position`, or `upright` along y."""
    mean, low, high = estimate
    along = [mean], [position]
    axes.plot(*(reversed(along) if upright else along), MARKERS[kind], color=COLOURS[kind], markersize=6, zorder=4)
    if is_known(low) and is_known(high):
        bar = [low, high], [position, position]
        axes.plot(*(reversed(bar) if upright else bar), color=COLOURS[kind], linewidth=1.7, zorder=3)


def add_legend(figure: Figure, axes: Axes, kinds: Sequence[CellGroup], *others: Artist) -> None:
    """Name the types above a figure, then what else is drawn in it."""
    handles = [axes.plot([], [], MARKERS[kind], color=COLOURS[kind], label=CELL_TYPES[kind])[0] for kind in kinds]
    figure.legend(handles=[*handles, *others], loc="outside upper center", ncols=4)
