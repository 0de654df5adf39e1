"""
Scores of all models side by side: one table per protocol and predictor.

Baselines stand in the columns next to the main model; a metric that means nothing alone has its yardstick beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nwb_spikeinference.records import ModelRecord
from nwb_spikeinference.report.cells import DASH, Cell, Table, estimate_cell, format_number, is_known, text_cells
from nwb_spikeinference.report.scope import Scope, model_name, ordered_models
from nwb_spikeinference.report.words import (
    CELL_TYPES,
    METRICS,
    PREDICTORS,
    PROTOCOLS,
    REQUIRED_YARDSTICKS,
    TYPES,
    YARDSTICK_NAMES,
    YARDSTICKS,
    name_of,
)

_PRIMARY = ("roc_auc", "roc_auc_with_discharges", "bits_per_spike")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTables:
    """Scores under one protocol with one predictor."""

    title: str
    primary: Table
    secondary: Table | None  # metrics that few readers need


def model_tables(scope: Scope) -> tuple[ModelTables, ...]:
    """One pair of tables per protocol and predictor, the main ones first."""
    keys = dict.fromkeys((record.protocol, record.predictor) for record in scope.results.models)
    order = sorted(keys, key=lambda key: (key[1] != scope.predictor, key[0] != scope.protocol))
    return tuple(_tables_of(scope, protocol, predictor) for protocol, predictor in order)


def _tables_of(scope: Scope, protocol: str, predictor: str) -> ModelTables:
    records = [r for r in scope.results.models if (r.protocol, r.predictor) == (protocol, predictor)]
    title = f"Protocol: {name_of(protocol, PROTOCOLS)}. Predictor: {name_of(predictor, PREDICTORS)}."
    present = dict.fromkeys(record.metric for record in records)
    unnamed = [metric for metric in present if metric not in {*METRICS, *YARDSTICKS.values()}]
    metrics = [*(metric for metric in METRICS if metric in present), *unnamed]
    others = [metric for metric in metrics if metric not in _PRIMARY]
    return ModelTables(
        title=title,
        primary=_pivot(scope, records, [metric for metric in metrics if metric in _PRIMARY], title),
        secondary=_pivot(scope, records, others, title) if others else None,
    )


def _pivot(scope: Scope, records: Sequence[ModelRecord], metrics: Sequence[str], title: str) -> Table:
    models = ordered_models(scope, (record.model for record in records))
    rows = []
    for metric in metrics:
        for group in ("all", *TYPES):
            here = {r.model: r for r in records if r.metric == metric and r.cell_type == group}
            if not here:
                continue
            values = [_score(here.get(model), metric, _beside(records, metric, group, model)) for model in models]
            units = _range([record.n_units for record in here.values()])
            people = _range([record.n_participants for record in here.values()])
            rows.append((*text_cells(name_of(metric, METRICS), CELL_TYPES[group]), *values, *text_cells(units, people)))
    roles = {scope.model: " (main)", "main": " (main)"}
    scores = [f"{model_name(scope, model)}{roles.get(model, '')}" for model in models]
    headers = ("Metric", "Units", *scores, "n units", "n participants")
    numeric = range(2, len(headers))
    return Table(caption=f"{title} Mean [95 % interval].", headers=headers, numeric=numeric, rows=tuple(rows))


def _beside(records: Sequence[ModelRecord], metric: str, group: str, model: str) -> ModelRecord | None:
    """Find the yardstick of a metric; those of the data alone may be recorded under any model."""
    wanted = [r for r in records if r.metric == YARDSTICKS.get(metric) and r.cell_type == group]
    own = [record for record in wanted if record.model == model]
    if own or metric == "roc_auc":
        return own[0] if own else None
    return wanted[0] if wanted else None


def _score(record: ModelRecord | None, metric: str, yardstick: ModelRecord | None) -> Cell:
    if record is None:
        return Cell(DASH, "this model has no such score")
    if metric in REQUIRED_YARDSTICKS and (yardstick is None or not is_known(yardstick.mean)):
        return Cell(DASH, "accuracy is not shown without the accuracy of the majority class")
    cell = estimate_cell(record.mean, record.low, record.high, record.n_participants)
    if yardstick is None:
        return cell
    name = YARDSTICK_NAMES[YARDSTICKS[metric]]
    return replace(cell, beside=(*cell.beside, f"{name} {format_number(yardstick.mean)}"))


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}–{high}"
