"""
From the results of the trainings to one row of evidence per unit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.evidence import StudyContext, UnitEvidence, difference
from nwb_spikeinference.evaluation.metrics import UnitScores, mean_scores
from nwb_spikeinference.evaluation.surrogates import p_value
from nwb_spikeinference.pipeline.fits.cohort import Cohort, UnitKey
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.pipeline.fits.plan import (
    LOGISTIC,
    StudyPlan,
    band_names,
    home_group,
    judged_lobo_model,
    participants_by_place,
)
from nwb_spikeinference.pipeline.fits.split_list import count_training_units
from nwb_spikeinference.pipeline.tasks.store import TaskResult
from nwb_spikeinference.recordings import FloatArray

Outcomes = Mapping[str, Sequence[TaskResult]]  # group of the plan -> result per fold that succeeded


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOutcome:
    """One unit by one model and protocol, averaged over folds."""

    scores: UnitScores
    heads: Mapping[str, float]
    null: FloatArray  # (n_shifts,) ROC-AUC after circular shifts, averaged over the folds that have any
    swapped: float | None
    clock: float | None
    with_discharges: float | None  # ROC-AUC that counts the bins around interictal discharges
    fold: int

    @property
    def null_mean(self) -> float | None:
        """Mean of the null."""
        return float(np.mean(self.null)) if len(self.null) else None

    @property
    def p(self) -> float | None:
        """One-sided p against circular shifts."""
        if self.scores.roc_auc is None or not len(self.null):
            return None
        return p_value(self.scores.roc_auc, self.null)


def key_of(unit: Mapping[str, Any]) -> UnitKey:
    """Who a unit of a fit's facts is."""
    return unit["participant"], unit["session"], int(unit["unit_id"])


def full_outcomes(results: Iterable[TaskResult]) -> dict[UnitKey, UnitOutcome]:
    """Scores of every unit of a group of full fits; folds are averaged, never pooled."""
    found: dict[UnitKey, list[tuple[dict[str, Any], FloatArray]]] = {}
    for result in results:
        for k, unit in enumerate(result.facts["units"]):
            found.setdefault(key_of(unit), []).append((unit, result.arrays["null"][k]))
    return {key: _average(parts) for key, parts in found.items()}


def _average(parts: Sequence[tuple[dict[str, Any], FloatArray]]) -> UnitOutcome:
    units = [unit for unit, _ in parts]
    # A fold without spikes has neither ROC-AUC nor null, and takes neither from the others.
    nulls = [known for _, null in parts if len(known := null[np.isfinite(null)])]
    shortest = min((len(null) for null in nulls), default=0)
    return UnitOutcome(
        scores=mean_scores([UnitScores(**unit["scores"]) for unit in units]),
        heads={
            head: mean
            for head in units[0]["heads"]
            if (mean := _mean(unit["heads"][head] for unit in units)) is not None
        },
        null=np.mean([null[:shortest] for null in nulls], axis=0) if nulls else np.empty(0),
        swapped=_mean(unit["swapped"] for unit in units),
        clock=_mean(unit["clock"] for unit in units),
        with_discharges=_mean(unit["with_discharges"] for unit in units),
        fold=units[0]["fold"],
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def own_head_aucs(results: Iterable[TaskResult], *, without: str | None = None) -> dict[UnitKey, float]:
    """
    ROC-AUC of every unit of a group by the head of its type.

    Parameters
    ----------
    without : str, optional
        A band: give the scores where it was ablated. Units for which none was have no score.
    """
    found: dict[UnitKey, float] = {}
    for result in results:
        for unit in result.facts["units"]:
            head = "any" if unit["cell_type"] == "unclassified" else unit["cell_type"]
            heads = unit["heads"] if without is None else unit.get("ablated", {}).get(without, {})
            if heads.get(head) is not None:
                found[key_of(unit)] = heads[head]
    return found


def lobo_deltas(outcomes: Outcomes, model: str, mode: str, bands: Sequence[str]) -> dict[str, dict[UnitKey, float]]:
    """
    Per band and unit: all bands minus without the band (drop), or the band alone minus 0.5 (only).

    Without the band is a model trained without it or, where there is none, the one of all bands with the band ablated.
    """
    whole = outcomes.get(f"bands/{model}", outcomes.get(f"unseen/{model}", ()))
    full = own_head_aucs(whole)
    deltas: dict[str, dict[UnitKey, float]] = {}
    for band in bands:
        trained = outcomes.get(f"{mode}/{model}/{band}")
        part = own_head_aucs(trained or ()) if trained or mode == "only" else own_head_aucs(whole, without=band)
        if mode == "drop":
            deltas[band] = {key: full[key] - value for key, value in part.items() if key in full}
        else:
            deltas[band] = {key: value - 0.5 for key, value in part.items()}
    return deltas


def unit_evidence(
    outcomes: Outcomes, cohort: Cohort, settings: StudySettings, plan: StudyPlan
) -> tuple[UnitEvidence, ...]:
    """One row per unit, scored by the main model on unseen participants or, with a single one, within the session."""
    model = settings.model.name
    unseen = full_outcomes(outcomes.get(f"unseen/{model}", ()))
    main = unseen or full_outcomes(outcomes.get(f"within/{model}", ()))
    compared = outcomes.get(f"unseen/{LOGISTIC}") or outcomes.get(f"compared/{LOGISTIC}", ())
    logistic = own_head_aucs(compared) if unseen else _within_aucs(outcomes)
    own_wire = own_head_aucs(outcomes.get(f"own/{LOGISTIC}", ()))
    thinned = _thinned(outcomes)
    bands = band_names(cohort)
    judged = judged_lobo_model(settings)
    drop = lobo_deltas(outcomes, judged, "drop", bands)
    only = lobo_deltas(outcomes, judged, "only", bands)
    places = _place_scores(outcomes, cohort, settings, plan)
    rows = []
    for key, facts in cohort.units():
        found = main.get(key)
        if found is None or found.scores.n_spikes < settings.units.min_spikes:
            continue
        rows.append(
            UnitEvidence(
                participant=key[0],
                session=key[1],
                unit_id=key[2],
                region=facts["region"],
                hemisphere=facts["hemisphere"],
                cell_type=cohort.cell_types[key],
                n_spikes=found.scores.n_spikes,
                base_rate=found.scores.base_rate,
                roc_auc=found.scores.roc_auc,
                head_roc_auc=found.heads,
                thinned_roc_auc=thinned.get(key),
                baseline_roc_auc=None if model == LOGISTIC else logistic.get(key),  # else it would be itself
                own_wire_roc_auc=_own_wire(found.scores.roc_auc, own_wire.get(key), logistic.get(key)),
                null_roc_auc=found.null_mean,
                swapped_roc_auc=found.swapped,
                clock_roc_auc=found.clock,
                lobo_drop={band: values[key] for band, values in drop.items() if key in values},
                lobo_only={band: values[key] for band, values in only.items() if key in values},
                all_places_roc_auc=found.scores.roc_auc if key in places else None,
                **places.get(key, {}),
            )
        )
    return tuple(rows)


def _place_scores(
    outcomes: Outcomes, cohort: Cohort, settings: StudySettings, plan: StudyPlan
) -> dict[UnitKey, dict[str, Any]]:
    """Per unit that the transferred model scored: that score, the one of its own place's model, and what they had."""
    model = settings.model.name
    places = {
        (unit.participant, unit.session, unit.unit_id): (unit.region, unit.hemisphere) for unit in cohort.unit_infos()
    }
    group = f"transfer/{model}"
    learned = _training_units(plan.groups.get(group, ()), cohort, settings)
    found: dict[UnitKey, dict[str, Any]] = {
        key: {"transfer_roc_auc": auc, "transfer_train_units": learned[key[0]]}
        for key, auc in own_head_aucs(outcomes.get(group, ())).items()
    }
    for place in participants_by_place(cohort):
        group = home_group(model, place)
        learned = _training_units(plan.groups.get(group, ()), cohort, settings)
        for key, auc in own_head_aucs(outcomes.get(group, ())).items():
            if places[key] == place and key in found:
                found[key] |= {"within_roc_auc": auc, "within_train_units": learned[key[0]]}
    return found


def _training_units(fits: Sequence[FitSpec], cohort: Cohort, settings: StudySettings) -> dict[str, int]:
    """Participant that is tested -> how many units the model learned from."""
    return {
        participant: learned
        for spec in fits
        for learned in [count_training_units(spec, cohort, settings)]
        for participant in spec.test
    }


def _within_aucs(outcomes: Outcomes) -> dict[UnitKey, float]:
    found = full_outcomes(outcomes.get(f"within/{LOGISTIC}", ()))
    return {key: one.scores.roc_auc for key, one in found.items() if one.scores.roc_auc is not None}


def _own_wire(main: float | None, own: float | None, neighbour: float | None) -> float | None:
    """The main model's score on the own wire, taking its gain over the neighbours from logistic regression."""
    gain = difference(own, neighbour)
    return None if main is None or gain is None else main + gain


def _thinned(outcomes: Outcomes) -> dict[UnitKey, float]:
    """Mean over thinning draws."""
    draws: dict[UnitKey, list[float]] = {}
    for group, results in outcomes.items():
        if group.startswith("thin/"):
            for key, value in own_head_aucs(results).items():
                draws.setdefault(key, []).append(value)
    return {key: float(np.mean(values)) for key, values in draws.items()}


def study_context(settings: StudySettings, cohort: Cohort) -> StudyContext:
    """What all verdicts share."""
    held = band_names(cohort)
    return StudyContext(
        predictor=settings.signal.predictor,
        bands=tuple(band for band in settings.band_list() if band.name in held),
        train_region=settings.transfer.train.region,
        train_hemisphere=settings.transfer.train.hemisphere,
        seed=settings.seed,
    )
