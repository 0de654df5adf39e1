"""Figure of the bands: what a model loses without each, or reaches with each alone."""

from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nwb_spikeinference.bands import GAMMA_BANDS, default_bands
from nwb_spikeinference.records import LoboRecord, Results
from nwb_spikeinference.report.cells import format_number, is_known
from nwb_spikeinference.report.figures.canvas import BAND, Drawing, draw, mark_level
from nwb_spikeinference.report.figures.dots import add_legend, paint_estimate, side_by_side, types_present
from nwb_spikeinference.report.scope import Scope, model_name, ordered_models, rests_on, setting, without_band
from nwb_spikeinference.report.words import CELL_TYPES, name_of

Panel = tuple[Literal["drop", "only"], str]  # mode, model
_LABELS = {"drop": "drop in AUC", "only": "AUC − 0.5"}
_TITLES = {"drop": "without the band", "only": "with the band alone"}


def draw_lobo(scope: Scope) -> Drawing | None:
    """Change of AUC per band with its interval, one panel per mode and model; None without any."""
    records = [record for record in scope.results.lobo if is_known(record.delta_roc_auc)]
    if not records:
        return None
    models = ordered_models(scope, (record.model for record in records))
    modes: tuple[Literal["drop", "only"], ...] = ("drop", "only")
    panels = [(mode, model) for mode in modes for model in models if _of_panel(records, (mode, model))]
    edges = band_edges(scope.results)
    bands = sorted(dict.fromkeys(record.band for record in records), key=lambda band: edges.get(band, (1e9, 1e9)))
    kinds = types_present(record.cell_type for record in records)

    def paint(figure: Figure) -> None:
        for axes, panel in zip(figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0], panels, strict=True):
            _paint_panel(axes, _of_panel(records, panel), bands, panel[0])
            axes.set_title(f"{model_name(scope, panel[1])}, {_TITLES[panel[0]]}")
            axes.set_xticks(range(len(bands)), [_label(band, edges) for band in bands])
            axes.set_xlim(-0.5, len(bands) - 0.5)
        add_legend(figure, axes, kinds)

    n_units = max((sum(r.n_units for r in _one_band(records, kinds, panel)) for panel in panels), default=0)
    caption = (
        f"Mean and 95 % interval of AUC with all bands minus AUC of {without_band(scope.results)}, both without "
        "features of the whole spectrum, neighbours side by side; shaded: gamma. A band drives the predictions only if "
        "its interval lies above zero and it exceeds its neighbours. "
        f"{rests_on(scope.protocol, scope.predictor, n_units, len(scope.participants))}"
    )
    main = [record for record in _of_panel(records, panels[0]) if record.cell_type in kinds]
    alt = "Change of AUC by band: " + "; ".join(
        f"{name_of(r.band, {})}, {CELL_TYPES[r.cell_type]} {format_number(r.delta_roc_auc)}" for r in main
    )
    size = (7.2, 0.9 + 1.9 * len(panels))
    return draw(paint, name="lobo", title="Which bands carry it?", caption=caption, alt=alt, size_in=size)


def band_edges(results: Results) -> dict[str, tuple[float, float]]:
    """Edges of the study's bands in Hz, as its settings give them; empty if they do not."""
    bands = setting(results, "bands")
    if bands == "default":
        line_hz = setting(results, "signal", "line_hz")
        return {band.name: (band.low_hz, band.high_hz) for band in default_bands(60 if line_hz is None else line_hz)}
    return {name: (float(low), float(high)) for name, (low, high) in bands.items()} if isinstance(bands, dict) else {}


def _paint_panel(axes: Axes, records: list[LoboRecord], bands: list[str], mode: str) -> None:
    for index, band in enumerate(bands):
        if band in GAMMA_BANDS:
            axes.axvspan(index - 0.5, index + 0.5, color=BAND, linewidth=0, antialiased=False, zorder=0)
    mark_level(axes, 0.0)
    axes.grid(axis="y")
    for record, shift in side_by_side(records, types_present(record.cell_type for record in records)):
        estimate = (record.delta_roc_auc, record.low, record.high)
        paint_estimate(axes, bands.index(record.band) + shift, estimate, record.cell_type, upright=True)
    axes.set_ylabel(_LABELS[mode])
    axes.tick_params(axis="x", length=0)


def _label(band: str, edges: dict[str, tuple[float, float]]) -> str:
    name = name_of(band, {}).replace(" ", "\n", 1)
    return f"{name}\n{edges[band][0]:g}–{edges[band][1]:g} Hz" if band in edges else name


def _of_panel(records: list[LoboRecord], panel: Panel) -> list[LoboRecord]:
    return [record for record in records if (record.mode, record.model) == panel]


def _one_band(records: list[LoboRecord], kinds: tuple[str, ...], panel: Panel) -> list[LoboRecord]:
    """Pick records of the panel's first band: together they hold each unit once."""
    here = _of_panel(records, panel)
    return [record for record in here if record.band == here[0].band and record.cell_type in kinds]
