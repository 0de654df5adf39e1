"""Figure of the models compared: main model and baselines, under each protocol."""

from matplotlib.figure import Figure

from nwb_spikeinference.records import ModelRecord
from nwb_spikeinference.report.cells import count, format_number, is_known
from nwb_spikeinference.report.figures.canvas import Drawing, draw, mark_level
from nwb_spikeinference.report.figures.dots import add_legend, paint_estimate, side_by_side, types_present
from nwb_spikeinference.report.scope import Scope, model_name, ordered_models
from nwb_spikeinference.report.words import CELL_TYPES, PREDICTORS, PROTOCOLS, name_of


def draw_models(scope: Scope) -> Drawing | None:
    """Mean AUC of each model with its interval, one panel per protocol; None without any."""
    records = [
        r for r in scope.results.models if r.metric == "roc_auc" and r.predictor == scope.predictor and is_known(r.mean)
    ]
    if not records:
        return None
    protocols = sorted({record.protocol for record in records}, key=lambda protocol: protocol != scope.protocol)
    models = ordered_models(scope, (record.model for record in records))
    kinds = types_present(record.cell_type for record in records)

    def paint(figure: Figure) -> None:
        panels = figure.subplots(1, len(protocols), sharex=True, sharey=True, squeeze=False)[0]
        for axes, protocol in zip(panels, protocols, strict=True):
            mark_level(axes, 0.5, vertical=True)
            axes.grid(axis="x")
            here = [record for record in records if record.protocol == protocol]
            for record, shift in side_by_side(here, kinds):
                estimate = (record.mean, record.low, record.high)
                paint_estimate(axes, models.index(record.model) + shift, estimate, record.cell_type)
            axes.set_title(PROTOCOLS[protocol])
            axes.set_xlabel("mean ROC-AUC")
            axes.tick_params(axis="y", length=0)
        panels[0].set_yticks(range(len(models)), [model_name(scope, model) for model in models])
        panels[0].set_ylim(len(models) - 0.5, -0.5)
        add_legend(figure, panels[0], kinds)

    caption = (
        "Mean and 95 % interval over participants. Dashed: chance, where the mean rate stands by construction. "
        f"Protocol: {'; '.join(_rests(records, protocol) for protocol in protocols)}. "
        f"Predictor: {name_of(scope.predictor, PREDICTORS)}."
    )
    alt = "Mean ROC-AUC by model: " + "; ".join(
        f"{model_name(scope, r.model)}, {CELL_TYPES[r.cell_type]}, {PROTOCOLS[r.protocol]} {format_number(r.mean)}"
        for r in records
        if r.cell_type in kinds
    )
    size = (7.2 if len(protocols) > 1 else 5.2, 1.3 + 0.5 * len(models))
    return draw(paint, name="models", title="Is the network worth it?", caption=caption, alt=alt, size_in=size)


def _rests(records: list[ModelRecord], protocol: str) -> str:
    here = [record for record in records if record.protocol == protocol]
    largest = [record for record in here if record.cell_type == "all"] or here
    n_units = count(max(record.n_units for record in largest), "unit")
    people = count(max(record.n_participants for record in largest), "participant")
    return f"{PROTOCOLS[protocol]} (n\u00a0=\u00a0{n_units}, {people})"
