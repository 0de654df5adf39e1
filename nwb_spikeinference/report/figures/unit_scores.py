"""Figures of single units: each score beside its null, and against how precise it can be."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.records import UnitRecord
from nwb_spikeinference.report.cells import count, format_number, is_known
from nwb_spikeinference.report.figures.canvas import COLOURS, INK, LINE, MARKERS, PAPER, SOFT, Drawing, draw, mark_level
from nwb_spikeinference.report.scope import Scope, rests_on
from nwb_spikeinference.report.words import CELL_TYPES, TYPES

AUC_SE = 0.29  # standard error of one unit's AUC at chance, times the square root of its spikes: 1 / sqrt(12)
_KINDS = (*TYPES, "unclassified")


def draw_units_beside_null(scope: Scope) -> Drawing:
    """AUC of each unit beside the same unit's circular-shift null, by putative cell type."""
    kinds = [kind for kind in _KINDS if _of_kind(scope, kind)]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        mark_level(axes, 0.5)
        axes.grid(axis="y")
        for index, kind in enumerate(kinds):
            _paint_kind(axes, scope, kind, 3.6 * index)
        positions = [3.6 * index + shift for index in range(len(kinds)) for shift in (0.0, 1.0, 2.0)]
        axes.set_xticks(positions, ["units", "participants", "null"] * len(kinds))
        axes.tick_params(axis="x", length=0)
        for index, kind in enumerate(kinds):
            title = f"{CELL_TYPES[kind]}\n{count(len(_of_kind(scope, kind)), 'unit')}"
            axes.text(3.6 * index + 1.0, -0.1, title, transform=axes.get_xaxis_transform(), ha="center", va="top")
        axes.set_xlim(-0.7, 3.6 * len(kinds) - 0.9)
        axes.set_ylabel("ROC-AUC")

    means = [f"{CELL_TYPES[kind]} {format_number(float(np.mean(_aucs(_of_kind(scope, kind)))))}" for kind in kinds]
    caption = (
        "Each coloured mark is a unit; diamonds are the means of participants; crosses are mean and 95 % interval "
        "(participants are the sampling unit). Grey dots are the same units after circular shifts of their spikes, the "
        f"line through them is their mean. Dashed: chance. {_rests_on(scope)}"
    )
    alt = f"Strip chart of ROC-AUC per unit beside its null. Means: {'; '.join(means)}."
    size = (1.9 * len(kinds) + 1.7, 3.8)
    return draw(paint, name="units", title="Every unit, beside its own null", caption=caption, alt=alt, size_in=size)


def draw_precision(scope: Scope) -> Drawing:
    """AUC of each unit against its number of spikes, with what chance alone spreads."""
    n_spikes = np.array([max(unit.n_spikes, 1) for unit in scope.scored], dtype=float)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        grid = np.geomspace(max(n_spikes.min() * 0.8, 1.0), n_spikes.max() * 1.25, 120)
        spread = 1.96 * AUC_SE / np.sqrt(grid)
        axes.fill_between(
            grid, 0.5 - spread, 0.5 + spread, color=LINE, alpha=0.6, linewidth=0, label="95 % of units at chance"
        )
        mark_level(axes, 0.5)
        for kind in _KINDS:
            if units := _of_kind(scope, kind):
                _scatter(axes, [max(unit.n_spikes, 1) for unit in units], _aucs(units), kind, label=CELL_TYPES[kind])
        axes.set_xscale("log")
        axes.set_xlim(grid[0], grid[-1])
        ticks = _count_ticks(grid[0], grid[-1])
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("spikes of the unit")
        axes.set_ylabel("ROC-AUC")
        figure.legend(loc="outside upper center", ncols=4)

    outside = int(np.sum(np.abs(_aucs(scope.scored) - 0.5) > 1.96 * AUC_SE / np.sqrt(n_spikes)))
    caption = (
        f"The grey band is 0.5 ± 1.96 × 0.29/√n, where 95 % of units without any relation would fall; {outside} of "
        f"{count(len(scope.scored), 'unit')} lie outside. The n is all spikes of a unit: where only a part of them "
        f"tests, the true band is wider. {_rests_on(scope)}"
    )
    alt = f"Scatter of ROC-AUC against spike count. {outside} of {len(scope.scored)} units lie outside the chance band."
    title = "How precise one unit can be"
    return draw(paint, name="precision", title=title, caption=caption, alt=alt, size_in=(7.2, 3.6))


def swarm_offsets(values: FloatArray, step: float, width: float) -> FloatArray:
    """
    Sideways shifts that keep dots of similar value apart.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Heights of the dots.
    step : float
        Height of one row of dots, in the unit of `values`.
    width : float
        Half the room to either side; dots move closer where a row is full.

    Returns
    -------
    ndarray of shape (n,)
        Shifts, symmetric about 0 within each row.
    """
    offsets = np.zeros(len(values))
    rows = np.round(values / step).astype(int)
    for row in np.unique(rows):
        members = np.flatnonzero(rows == row)
        gap = min(0.13, 2 * width / max(len(members) - 1, 1))
        offsets[members] = (np.arange(len(members)) - (len(members) - 1) / 2) * gap
    return offsets


def _count_ticks(low: float, high: float) -> list[int]:
    """Round counts inside a range, denser where it is narrow."""
    for multiples in ((1, 2, 5), range(1, 10)):
        ticks = [multiple * 10**power for power in range(9) for multiple in multiples]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) > 1:
            break
    return inside


def _paint_kind(axes: Axes, scope: Scope, kind: str, left: float) -> None:
    units = _of_kind(scope, kind)
    scores = _aucs(units)
    _scatter(axes, left + swarm_offsets(scores, 0.008, 0.46), scores, kind)
    nulls = np.array([unit.roc_auc_null for unit in units if is_known(unit.roc_auc_null)], dtype=float)
    beside = left + 2 + swarm_offsets(nulls, 0.008, 0.46)
    axes.scatter(beside, nulls, s=13, color=SOFT, alpha=0.55, linewidths=0, zorder=3)
    if len(nulls):
        axes.plot([left + 1.6, left + 2.4], [nulls.mean()] * 2, color=INK, linewidth=1.2, zorder=4)
    people = list(dict.fromkeys(unit.participant for unit in units))
    means = np.array([np.mean(_aucs([unit for unit in units if unit.participant == person])) for person in people])
    between = left + 0.9 + swarm_offsets(means, 0.012, 0.3)
    axes.scatter(between, means, s=26, marker="D", facecolors=PAPER, edgecolors=COLOURS[kind], linewidths=1.2, zorder=4)
    record = scope.score("roc_auc", kind) if kind in TYPES else None
    if record is not None and is_known(record.mean):
        axes.plot([left + 1.22, left + 1.48], [record.mean] * 2, color=INK, linewidth=2.2, zorder=5)
        if is_known(record.low) and is_known(record.high):
            axes.plot([left + 1.35] * 2, [record.low, record.high], color=INK, linewidth=1.4, zorder=5)


def _scatter(axes: Axes, x: FloatArray | Sequence[float], y: FloatArray, kind: str, label: str | None = None) -> None:
    axes.scatter(x, y, s=16, marker=MARKERS[kind], color=COLOURS[kind], alpha=0.75, linewidths=0, zorder=3, label=label)


def _rests_on(scope: Scope) -> str:
    return rests_on(scope.protocol, scope.predictor, len(scope.scored), len(scope.participants))


def _of_kind(scope: Scope, kind: str) -> list[UnitRecord]:
    return [unit for unit in scope.scored if unit.cell_type == kind]


def _aucs(units: Sequence[UnitRecord]) -> FloatArray:
    return np.array([unit.roc_auc for unit in units], dtype=float)
