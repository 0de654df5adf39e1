"""The headline: the answer in words, generated from the results."""

from dataclasses import dataclass

from nwb_spikeinference.records import ModelRecord
from nwb_spikeinference.report.cells import count, format_interval, format_number, is_known
from nwb_spikeinference.report.scope import Scope, model_name
from nwb_spikeinference.report.words import (
    CELL_TYPES,
    PREDICTOR_MEANINGS,
    PROTOCOL_MEANINGS,
    PROTOCOLS,
    TYPES,
    VERDICTS,
    name_of,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One key number with what it must be read beside."""

    label: str
    value: str
    beside: tuple[str, ...]
    kind: str = "plain"


def write_answer(scope: Scope) -> tuple[str, ...]:
    """Write the study in a few sentences, each a plain text."""
    if not scope.scored:
        return (
            f"No unit could be scored: {count(len(scope.unscored), 'unit')} of "
            f"{count(len(scope.results.participants), 'participant')} stand below, each with its reason.",
        )
    sentences = [_what_was_done(scope), _what_came_out(scope)]
    sentences += [_beside_logistic(scope), _with_discharges(scope), _what_follows(scope)]
    return tuple(sentence for sentence in sentences if sentence)


def key_numbers(scope: Scope) -> tuple[Tile, ...]:
    """Tiles below the title: who, and how well per putative cell type."""
    listed = f"{len(scope.unscored)} more listed with reasons" if scope.unscored else "none left out"
    tiles = [
        Tile("Participants", str(len(scope.participants)), (name_of(scope.protocol, PROTOCOLS),)),
        Tile("Units scored", str(len(scope.scored)), (listed,)),
    ]
    for group in TYPES:
        units = scope.units_of(group)
        record = scope.score("roc_auc", group)
        value, low, high = (record.mean, record.low, record.high) if record else (None, None, None)
        beside: tuple[str, ...] = (
            f"95 % interval {format_interval(low, high)}",
            f"null {format_number(scope.mean_null(group))}, chance 0.500",
            f"{count(len(units), 'unit')}, {count(len({unit.participant for unit in units}), 'participant')}",
        )
        beside = beside if units else ("no such unit",)
        tiles.append(Tile(f"AUC, {CELL_TYPES[group]}", format_number(value), beside, group))
    return tuple(tiles)


def _what_was_done(scope: Scope) -> str:
    total = len(scope.scored) + len(scope.unscored)
    left_out = f" ({len(scope.unscored)} left out, listed below)" if scope.unscored else ""
    source = PREDICTOR_MEANINGS.get(scope.predictor, f"the LFP chosen as “{scope.predictor}”")
    return (
        f"The spikes of {len(scope.scored)} of {count(total, 'unit')}{left_out} in "
        f"{count(len(scope.participants), 'participant')} were inferred from {source} with the "
        f"{model_name(scope, scope.model)} model, {PROTOCOL_MEANINGS[scope.protocol]}."
    )


def _what_came_out(scope: Scope) -> str:
    parts = []
    for group in TYPES:
        record = scope.score("roc_auc", group)
        if record is None or not is_known(record.mean):
            parts.append(f"not known for {CELL_TYPES[group]} units")
            continue
        parts.append(
            f"{_estimate(record)} for {CELL_TYPES[group]} units "
            f"(null {format_number(scope.mean_null(group))}; {count(record.n_units, 'unit')}, "
            f"{count(record.n_participants, 'participant')})"
        )
    return f"Mean ROC-AUC is {' and '.join(parts)}; 0.5 is chance."


def _beside_logistic(scope: Scope) -> str:
    main, baseline = scope.score("roc_auc", "all"), scope.score("roc_auc", "all", model="logistic")
    if main is None or baseline is None or scope.model == "logistic":
        return ""
    first = ""
    if any(flag.id == "too-little-data" for flag in scope.results.flags):
        first = "There was too little data for the network, so read the baseline first. "
    return (
        f"{first}Over all units, lagged logistic regression reaches {_estimate(baseline)}, the main model "
        f"{_estimate(main)}."
    )


def _with_discharges(scope: Scope) -> str:
    without, included = scope.score("roc_auc", "all"), scope.score("roc_auc_with_discharges", "all")
    if without is None or included is None:
        return ""
    return (
        f"The seconds around interictal discharges neither train nor score; scored as well, they bring the main "
        f"model's AUC over all units from {format_number(without.mean)} to {_estimate(included)}."
    )


def _what_follows(scope: Scope) -> str:
    parts = [f"{hypothesis.id} is {VERDICTS[hypothesis.verdict]}" for hypothesis in scope.results.hypotheses]
    if not parts:
        return "No hypothesis was judged."
    first = f"{', '.join(parts[:-1])} and " if len(parts) > 1 else ""
    return f"Of the hypotheses, {first}{parts[-1]}."


def _estimate(record: ModelRecord) -> str:
    return f"{format_number(record.mean)} {format_interval(record.low, record.high)}"
