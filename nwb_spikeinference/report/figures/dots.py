"""Dots with intervals: the one way in which the report draws an estimate."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes

from nwb_spikeinference.records import CellGroup
from nwb_spikeinference.report.cells import is_known
from nwb_spikeinference.report.figures.canvas import COLOURS, MARKERS

Estimate = tuple[float, float | None, float | None]  # mean, low, high


def types_present(groups: Iterable[CellGroup]) -> tuple[CellGroup, ...]:
    """Putative types to draw apart; all units together only where nothing is known by type."""
    found = set(groups)
    by_type: tuple[CellGroup, ...] = ("excitatory", "inhibitory")
    return tuple(group for group in by_type if group in found) or ("all",)


def dodge(n: int, width: float = 0.3) -> list[float]:
    """Shifts that put `n` dots side by side around one position."""
    return [float(shift) for shift in np.linspace(-width / 2, width / 2, n)] if n > 1 else [0.0]


def paint_estimate(axes: Axes, position: float, estimate: Estimate, kind: CellGroup, *, upright: bool = False) -> None:
    """One dot with its interval, along x at height `position`, or `upright` along y."""
    mean, low, high = estimate
    along = [mean], [position]
    axes.plot(*(reversed(along) if upright else along), MARKERS[kind], color=COLOURS[kind], markersize=6, zorder=4)
    if is_known(low) and is_known(high):
        bar = [low, high], [position, position]
        axes.plot(*(reversed(bar) if upright else bar), color=COLOURS[kind], linewidth=1.7, zorder=3)
