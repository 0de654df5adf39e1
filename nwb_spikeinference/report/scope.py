"""The scope of the report's main numbers: model, protocol, predictor, units and participants."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nwb_spikeinference.records import CellGroup, ModelRecord, Protocol, Results, UnitRecord
from nwb_spikeinference.report.cells import count, is_known
from nwb_spikeinference.report.words import MODELS, PREDICTORS, PROTOCOLS, name_of

_BASELINES = ("rate", "logistic", "gradient-boosting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The main model under the main protocol, and the units that it was scored on."""

    results: Results
    model: str
    protocol: Protocol
    predictor: str
    scored: tuple[UnitRecord, ...]
    unscored: tuple[UnitRecord, ...]  # excluded, or without a score

    @property
    def participants(self) -> tuple[str, ...]:
        """Participants with at least one scored unit, in the order of the units."""
        return tuple(dict.fromkeys(unit.participant for unit in self.scored))

    def units_of(self, group: CellGroup) -> tuple[UnitRecord, ...]:
        """Scored units of one putative cell type."""
        return tuple(unit for unit in self.scored if group in ("all", unit.cell_type))

    def score(self, metric: str, group: CellGroup, model: str | None = None) -> ModelRecord | None:
        """One mean score with the main predictor under the main protocol, by default of the main model."""
        wanted = (metric, group, model or self.model, self.protocol, self.predictor)
        found = (r for r in self.results.models if (r.metric, r.cell_type, r.model, r.protocol, r.predictor) == wanted)
        return next(found, None)

    def mean_null(self, group: CellGroup) -> float | None:
        """Mean circular-shift AUC: the recorded one, else the mean over units."""
        record = self.score("roc_auc_null", group)
        if record is not None:
            return record.mean
        values = [unit.roc_auc_null for unit in self.units_of(group) if is_known(unit.roc_auc_null)]
        return float(np.mean(np.array(values, dtype=float))) if values else None


def find_scope(results: Results) -> Scope:
    """Decide which of the results carry the report."""
    return Scope(
        results=results,
        model=_main_model(results),
        protocol=_main_protocol(results),
        predictor=_main_predictor(results),
        scored=tuple(unit for unit in results.units if _is_scored(unit)),
        unscored=tuple(unit for unit in results.units if not _is_scored(unit)),
    )


def _is_scored(unit: UnitRecord) -> bool:
    return unit.excluded_reason is None and is_known(unit.roc_auc)


def setting(results: Results, *keys: str) -> Any:
    """One value of the settings that made the results, or None."""
    value: Any = results.provenance.settings
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def without_band(results: Results) -> str:
    """How a band was left out, in words."""
    ablated = setting(results, "lobo", "mode") == "ablate"
    return "the same model with the band set to 0" if ablated else "a model trained without the band"


def usable_participants(results: Results) -> int:
    """How many participants have units and were not excluded."""
    return sum(record.excluded_reason is None and record.units > 0 for record in results.participants)


def ordered_models(scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
    """Put the main model first, then the others; baselines first where there was too little data for the network."""
    distinct = tuple(dict.fromkeys(names))
    main_last = any(flag.id == "too-little-data" for flag in scope.results.flags)
    return tuple(sorted(distinct, key=lambda name: (name in (scope.model, "main")) == main_last))


def rests_on(protocol: str, predictor: str, n_units: int, n_participants: int, *, per_place: bool = False) -> str:
    """Say what a caption rests on; `per_place` where places have participants of their own."""
    people = count(n_participants, "participant")
    return (
        f"Protocol: {name_of(protocol, PROTOCOLS)}. Predictor: {name_of(predictor, PREDICTORS)}. "
        f"n\u00a0=\u00a0{count(n_units, 'unit')}, {f'at most {people} at one place' if per_place else people}."
    )


def model_name(scope: Scope, model: str) -> str:
    """Written form of a model; ``main`` is the main model under its own name."""
    return name_of(scope.model if model == "main" else model, MODELS)


def _main_model(results: Results) -> str:
    present = [record.model for record in results.models]
    named = str(setting(results, "model", "name") or "main")
    candidates = [named, "main", *(model for model in present if model not in _BASELINES)]
    return next((model for model in candidates if model in present), named)


def _main_protocol(results: Results) -> Protocol:
    protocols = {record.protocol for record in results.models}
    if protocols:
        return "unseen-participant" if "unseen-participant" in protocols else "within-session"
    return "unseen-participant" if usable_participants(results) > 1 else "within-session"


def _main_predictor(results: Results) -> str:
    used = [unit.predictor for unit in results.units] or [record.predictor for record in results.models]
    wanted = setting(results, "signal", "predictor")
    return str(wanted) if wanted and (not used or wanted in used) else (used[0] if used else "neighbour")
