"""Figure of the places: trained at one, tested at each."""

from matplotlib.figure import Figure

from nwb_spikeinference.records import TransferRecord
from nwb_spikeinference.report.cells import format_number, is_known
from nwb_spikeinference.report.figures.canvas import COLOURS, INK, LINE, MARKERS, Drawing, draw_svg, mark_level
from nwb_spikeinference.report.figures.dots import dodge, paint_estimate, types_present
from nwb_spikeinference.report.list_tables import place_name
from nwb_spikeinference.report.scope import Scope, rests_on
from nwb_spikeinference.report.words import CELL_TYPES

EQUIVALENCE = 0.02  # difference in AUC that counts as none


def draw_transfer(scope: Scope) -> Drawing | None:
    """AUC by test place with its interval, beside training at the tested place; None without any."""
    records = [record for record in scope.results.transfer if is_known(record.roc_auc)]
    if not records:
        return None
    kinds = types_present(record.cell_type for record in records)
    shown = [record for record in records if record.cell_type in kinds]
    places = list(dict.fromkeys(_test_place(record) for record in shown))
    trained = " and ".join(dict.fromkeys(place_name(r.train_region, r.train_hemisphere) for r in shown))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        mark_level(axes, 0.5, vertical=True)
        axes.grid(axis="x")
        for kind, shift in zip(kinds, dodge(len(kinds), 0.36), strict=True):
            for record in shown:
                if record.cell_type != kind:
                    continue
                height = places.index(_test_place(record)) + shift
                within = record.within_roc_auc
                if is_known(within):
                    axes.barh(height, 2 * EQUIVALENCE, left=within - EQUIVALENCE, height=0.26, color=LINE, zorder=2)
                    axes.plot([within] * 2, [height - 0.13, height + 0.13], color=INK, linewidth=1.4, zorder=3)
                paint_estimate(axes, height, (record.roc_auc, record.low, record.high), kind)
        axes.set_yticks(range(len(places)), places)
        axes.set_ylim(len(places) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("ROC-AUC")
        handles = [axes.plot([], [], MARKERS[kind], color=COLOURS[kind], label=CELL_TYPES[kind])[0] for kind in kinds]
        beside = axes.plot(
            [], [], "|", color=INK, markersize=9, markeredgewidth=1.6, label="trained at the tested place"
        )[0]
        figure.legend(handles=[*handles, beside], loc="outside upper center", ncols=4)

    n_units = sum(record.n_units for record in shown)
    caption = (
        f"Trained on {trained}, tested on other participants at each place: mean and 95 % interval. The upright stroke "
        "is the score of training at the tested place with the same participants held out, the grey bar "
        f"±{EQUIVALENCE:g} around it: transfer generalises where the interval lies inside. "
        f"{rests_on(scope.protocol, scope.predictor, n_units, max(r.n_participants for r in shown), per_place=True)}"
    )
    alt = "ROC-AUC by test place: " + "; ".join(
        f"{_test_place(r)}, {CELL_TYPES[r.cell_type]} {format_number(r.roc_auc)}, "
        f"trained at the tested place {format_number(r.within_roc_auc)}"
        for r in shown
    )
    svg = draw_svg(paint, name="transfer", alt=alt, size_in=(7.2, 1.3 + 0.5 * len(places)))
    return Drawing(name="transfer", title="Does it carry over to other places?", caption=caption, svg=svg)


def _test_place(record: TransferRecord) -> str:
    return place_name(record.test_region, record.test_hemisphere)
