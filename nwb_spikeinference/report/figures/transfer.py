"""Figure of the places: trained at one, tested at each."""

from matplotlib.figure import Figure

from nwb_spikeinference.records import TransferRecord
from nwb_spikeinference.regions import name_place
from nwb_spikeinference.report.cells import format_number, is_known
from nwb_spikeinference.report.figures.canvas import INK, LINE, Drawing, draw, mark_level
from nwb_spikeinference.report.figures.dots import add_legend, paint_estimate, side_by_side, types_present
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
    trained = " and ".join(dict.fromkeys(name_place(r.train_region, r.train_hemisphere) for r in shown))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        mark_level(axes, 0.5, vertical=True)
        axes.grid(axis="x")
        for record, shift in side_by_side(shown, kinds, 0.36):
            height = places.index(_test_place(record)) + shift
            within = record.within_roc_auc
            if is_known(within):
                axes.barh(height, 2 * EQUIVALENCE, left=within - EQUIVALENCE, height=0.26, color=LINE, zorder=2)
                axes.plot([within] * 2, [height - 0.13, height + 0.13], color=INK, linewidth=1.4, zorder=3)
            paint_estimate(axes, height, (record.roc_auc, record.low, record.high), record.cell_type)
        axes.set_yticks(range(len(places)), places)
        axes.set_ylim(len(places) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("ROC-AUC")
        stroke = axes.plot([], [], "|", color=INK, markersize=9, markeredgewidth=1.6)
        stroke[0].set_label("trained at the tested place")
        add_legend(figure, axes, kinds, *stroke)

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
    size, title = (7.2, 1.3 + 0.5 * len(places)), "Does it carry over to other places?"
    return draw(paint, name="transfer", title=title, caption=caption, alt=alt, size_in=size)


def _test_place(record: TransferRecord) -> str:
    return name_place(record.test_region, record.test_hemisphere)
