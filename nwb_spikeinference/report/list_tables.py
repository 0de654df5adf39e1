"""Lists behind the numbers: participants, folds, units, bands, places, input files."""

from nwb_spikeinference.recordings import name_unit
from nwb_spikeinference.records import LoboRecord, Results, TransferRecord, UnitRecord
from nwb_spikeinference.regions import name_place
from nwb_spikeinference.report.cells import (
    DASH,
    Cell,
    Table,
    count,
    estimate_cell,
    format_number,
    format_p,
    is_known,
    number_cell,
    text_cell,
    text_cells,
)
from nwb_spikeinference.report.scope import Scope, model_name, without_band
from nwb_spikeinference.report.words import CELL_TYPES, name_of

_UNIT_HEADERS = ("Participant", "Session", "Unit", "Place", "Putative type", "Spikes", "Rate (Hz)")
_NO_SCORE = "not scored, e.g. no spike in the part that tests it"


def participants_table(results: Results) -> Table:
    """Who took part, and who did not and why."""
    headers = ("Participant", "Sessions", "Bundles", "Wires", "Usable units", "Used, or left out because")
    rows = tuple(
        text_cells(who.participant, who.sessions, who.bundles, who.wires, who.units, who.excluded_reason or "used")
        for who in results.participants
    )
    used = sum(record.excluded_reason is None for record in results.participants)
    caption = f"{count(used, 'participant')} used of {len(results.participants)}."
    return Table(caption=caption, headers=headers, numeric=range(1, 5), rows=rows)


def folds_table(results: Results) -> Table:
    """Which participants were held out together."""
    rows = tuple(
        text_cells(fold.fold + 1, ", ".join(fold.held_out), fold.train_units, fold.test_units) for fold in results.folds
    )
    headers = ("Fold", "Held-out participants", "Training units", "Test units")
    caption = "Everything that is fitted is fitted inside a fold, without the participants that it holds out."
    return Table(caption=caption, headers=headers, numeric=(2, 3), rows=rows)


def unscored_table(scope: Scope) -> Table:
    """Units without a score, each with its reason."""
    headers = (*_UNIT_HEADERS, "Reason")
    rows = tuple((*_unit_cells(unit), Cell(unit.excluded_reason or _NO_SCORE)) for unit in scope.unscored)
    caption = f"{count(len(rows), 'unit')} without a score."
    return Table(caption=caption, headers=headers, numeric=(2, 5, 6), rows=rows)


def units_table(scope: Scope) -> Table:
    """Scored units, main model."""
    headers = (
        *(*_UNIT_HEADERS, "ROC-AUC", "Null", "p", "Bits per spike"),
        *("PR-AUC · base rate", "Accuracy · majority", "Calibration slope"),
    )
    rows = tuple(
        (
            *_unit_cells(unit),
            number_cell(unit.roc_auc, _NO_SCORE),
            number_cell(unit.roc_auc_null, "no shifted spikes were scored"),
            Cell(format_p(unit.roc_auc_p), None if is_known(unit.roc_auc_p) else "no shifted spikes were scored"),
            number_cell(unit.bits_per_spike, _NO_SCORE),
            _beside(unit.pr_auc, unit.base_rate),
            _beside(unit.accuracy, unit.majority_accuracy),
            number_cell(unit.calibration_slope, "no slope could be fitted", digits=2),
        )
        for unit in scope.scored
    )
    caption = (
        f"{count(len(rows), 'unit')} of {count(len(scope.participants), 'participant')}, "
        f"model {model_name(scope, scope.model)}. One unit’s p rests on few spikes: judge participants, not units."
    )
    return Table(caption=caption, headers=headers, numeric=(2, *range(5, 14)), rows=rows)


def lobo_table(scope: Scope) -> Table:
    """List the numbers of the figure on bands."""
    headers = ("Band", "Mode", "Model", "Units’ putative type", "Change of AUC [95 % interval]", "p", "n units")
    rows = tuple(_lobo_row(scope, record) for record in scope.results.lobo)
    caption = (
        f"drop: all bands minus {without_band(scope.results)}, both without features of the whole spectrum. only: the "
        f"band alone minus 0.5. p: two-sided, over participants, corrected over bands (Benjamini-Hochberg)."
    )
    return Table(caption=caption, headers=headers, numeric=(4, 5, 6), rows=rows)


def transfer_table(results: Results) -> Table:
    """List the numbers of the figure on places."""
    headers = (
        *("Trained on", "Tested on", "Units’ putative type", "AUC [95 % interval]", "Trained at the tested place"),
        *("Difference", "Trained on all places", "Units trained on · at the place", "n units", "n participants"),
    )
    rows = tuple(_transfer_row(record) for record in results.transfer)
    caption = (
        "No participant tested on was trained on, whatever the place. Difference: minus training at the tested place."
    )
    return Table(caption=caption, headers=headers, numeric=range(3, 10), rows=rows)


def inputs_table(results: Results) -> Table:
    """List the files that were read, by content."""
    rows = tuple(text_cells(item.file, item.sha256) for item in results.provenance.inputs)
    return Table(caption=f"{count(len(rows), 'input file')}.", headers=("File", "SHA-256"), numeric=(), rows=rows)


def _unit_cells(unit: UnitRecord) -> tuple[Cell, ...]:
    return (
        *text_cells(unit.participant, unit.session, name_unit(unit.unit_id, unit.unit_row).removeprefix("unit ")),
        text_cell(name_place(unit.region, unit.hemisphere), "the file does not say where the unit lies"),
        *text_cells(unit.cell_type, unit.n_spikes),  # the column says that the type is putative
        number_cell(unit.rate_hz, "the rate is not known", digits=2),
    )


def _beside(value: float | None, yardstick: float | None) -> Cell:
    if not (is_known(value) and is_known(yardstick)):
        return Cell(DASH, "not shown: the score or the number it must be read beside is missing")
    return Cell(f"{format_number(value)} · {format_number(yardstick)}")


def _lobo_row(scope: Scope, record: LoboRecord) -> tuple[Cell, ...]:
    band, model = name_of(record.band, {}), model_name(scope, record.model)
    return (
        *text_cells(band, record.mode, model, CELL_TYPES[record.cell_type]),
        estimate_cell(record.delta_roc_auc, record.low, record.high, len(scope.participants)),
        Cell(format_p(record.p), None if is_known(record.p) else "p was not computed"),
        Cell(str(record.n_units)),
    )


def _transfer_row(record: TransferRecord) -> tuple[Cell, ...]:
    within = record.within_roc_auc
    no_within = "no score with training at the tested place: too few participants have units there"
    difference = record.roc_auc - within if within is not None else None
    return (
        Cell(name_place(record.train_region, record.train_hemisphere)),
        Cell(name_place(record.test_region, record.test_hemisphere)),
        Cell(CELL_TYPES[record.cell_type]),
        estimate_cell(record.roc_auc, record.low, record.high, record.n_participants),
        number_cell(within, no_within),
        number_cell(difference, no_within),
        number_cell(record.all_places_roc_auc, "no score with training on all places"),
        Cell(" · ".join(DASH if n is None else str(n) for n in (record.train_units, record.within_train_units))),
        *text_cells(record.n_units, record.n_participants),
    )
