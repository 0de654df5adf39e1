"""
From the results of the trainings to one row of evidence per unit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nwb_spikeinference.config import StudySettings, WithinSettings
from nwb_spikeinference.evaluation.evidence import StudyContext, UnitEvidence, difference
from nwb_spikeinference.evaluation.metrics import UnitScores, mean_scores
from nwb_spikeinference.evaluation.surrogates import p_value
from nwb_spikeinference.model_kinds import LOGISTIC
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_result import FitResult, FullScore, UnitFit
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.pipeline.fits.group import FitGroup, Purpose
from nwb_spikeinference.pipeline.fits.plan import StudyPlan, band_names, judged_lobo_model, participants_by_place
from nwb_spikeinference.pipeline.fits.split_list import count_training_units
from nwb_spikeinference.recordings import FloatArray, UnitKey

Outcomes = Mapping[FitGroup, Sequence[FitResult]]  # result per fold that succeeded


def results_of(outcomes: Outcomes, purpose: Purpose, model: str, **parts: Any) -> Sequence[FitResult]:
    """Results of one group, per fold that succeeded; none of a group that was not planned."""
    return outcomes.get(FitGroup(purpose=purpose, model=model, **parts), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOutcome:
    """One unit by one model and protocol, averaged over folds."""

    scores: UnitScores
    heads: Mapping[str, float]
    null: FloatArray  # (n_shifts,) ROC-AUC after circular shifts, averaged over the folds that have any
    swapped: float | None
    clock: float | None
    with_discharges: float | None  # ROC-AUC that counts the bins around interictal discharges

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


def full_outcomes(results: Iterable[FitResult]) -> dict[UnitKey, UnitOutcome]:
    """Scores of every unit of a group of full fits; folds are averaged, never pooled."""
    found: dict[UnitKey, list[tuple[UnitFit, FullScore, FloatArray]]] = {}
    for result in results:
        for unit, null in zip(result.units, result.null, strict=True):
            assert unit.full is not None, "only groups that are scored in full are asked for"
            found.setdefault(unit.key, []).append((unit, unit.full, null))
    return {key: _average(parts) for key, parts in found.items()}


def _average(parts: Sequence[tuple[UnitFit, FullScore, FloatArray]]) -> UnitOutcome:
    units, scores, all_nulls = zip(*parts, strict=True)
    # A fold without spikes has neither ROC-AUC nor null, and takes neither from the others.
    nulls = [known for null in all_nulls if len(known := null[np.isfinite(null)])]
    heads = {head: _mean(unit.heads[head] for unit in units) for head in units[0].heads}
    shortest = min((len(null) for null in nulls), default=0)
    return UnitOutcome(
        scores=mean_scores([one.scores for one in scores]),
        heads={head: mean for head, mean in heads.items() if mean is not None},
        null=np.mean([null[:shortest] for null in nulls], axis=0) if nulls else np.empty(0),
        swapped=_mean(one.swapped for one in scores),
        clock=_mean(one.clock for one in scores),
        with_discharges=_mean(one.with_discharges for one in scores),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def own_head_aucs(results: Iterable[FitResult], *, without: str | None = None) -> dict[UnitKey, float]:
    """
    ROC-AUC of every unit of a group by the head of its type.

    Parameters
    ----------
    without : str, optional
        A band: give the scores where it was ablated. Units for which none was have no score.
    """
    found: dict[UnitKey, float] = {}
    for result in results:
        for unit in result.units:
            head = "any" if unit.cell_type == "unclassified" else unit.cell_type
            auc = (unit.heads if without is None else unit.ablated.get(without, {})).get(head)
            if auc is not None:
                found[unit.key] = auc
    return found


def lobo_deltas(
    outcomes: Outcomes, model: str, mode: Literal["drop", "only"], bands: Sequence[str]
) -> dict[str, dict[UnitKey, float]]:
    """
    Per band and unit: all bands minus without the band (drop), or the band alone minus 0.5 (only).

    Without the band is a model trained without it or, where there is none, the one of all bands with the band ablated.
    """
    scored = results_of(outcomes, "score", model)
    whole = outcomes.get(FitGroup(purpose="all-bands", model=model), scored)
    full = own_head_aucs(whole)
    deltas: dict[str, dict[UnitKey, float]] = {}
    for band in bands:
        if mode == "only":
            alone = own_head_aucs(results_of(outcomes, "band-alone", model, band=band))
            deltas[band] = {key: value - 0.5 for key, value in alone.items()}
            continue
        trained = results_of(outcomes, "without-band", model, band=band)
        part = own_head_aucs(trained) if trained else own_head_aucs(whole, without=band)
        deltas[band] = {key: full[key] - value for key, value in part.items() if key in full}
    return deltas


def unit_evidence(
    outcomes: Outcomes, cohort: Cohort, settings: StudySettings, plan: StudyPlan
) -> tuple[UnitEvidence, ...]:
    """One row per unit, scored by the main model on unseen participants or, with a single one, within the session."""
    model = settings.model.name
    unseen = full_outcomes(results_of(outcomes, "score", model))
    main = unseen or full_outcomes(results_of(outcomes, "score", model, protocol="within-session"))
    compared = results_of(outcomes, "score", LOGISTIC) or results_of(outcomes, "compare", LOGISTIC)
    logistic = own_head_aucs(compared) if unseen else _within_aucs(outcomes)
    own_wire = own_head_aucs(results_of(outcomes, "own-wire", LOGISTIC))
    thinned = _thinned(outcomes)
    bands = band_names(cohort)
    judged = judged_lobo_model(settings)
    drop = lobo_deltas(outcomes, judged, "drop", bands)
    only = lobo_deltas(outcomes, judged, "only", bands)
    places = _place_scores(outcomes, cohort, model, plan, settings.validation.within)
    rows = []
    for key, unit in cohort.units():
        found = main.get(key)
        if found is None or found.scores.n_spikes < settings.units.min_spikes:
            continue
        rows.append(
            UnitEvidence(
                participant=key.participant,
                session=key.session,
                unit_id=unit.unit_id,
                unit_row=unit.row,
                region=unit.region,
                hemisphere=unit.hemisphere,
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
    outcomes: Outcomes, cohort: Cohort, model: str, plan: StudyPlan, within: WithinSettings
) -> dict[UnitKey, dict[str, Any]]:
    """Per unit that the transferred model scored: that score, the one of its own place's model, and what they had."""
    places = {key: (unit.region, unit.hemisphere) for key, unit in cohort.units()}
    transfer = FitGroup(purpose="transfer", model=model)
    learned = _training_units(plan.groups.get(transfer, ()), cohort, within)
    found: dict[UnitKey, dict[str, Any]] = {
        key: {"transfer_roc_auc": auc, "transfer_train_units": learned[key.participant]}
        for key, auc in own_head_aucs(outcomes.get(transfer, ())).items()
    }
    for place in participants_by_place(cohort):
        home = FitGroup(purpose="home", model=model, place=place)
        learned = _training_units(plan.groups.get(home, ()), cohort, within)
        for key, auc in own_head_aucs(outcomes.get(home, ())).items():
            if places[key] == place and key in found:
                found[key] |= {"within_roc_auc": auc, "within_train_units": learned[key.participant]}
    return found


def _training_units(fits: Sequence[FitSpec], cohort: Cohort, within: WithinSettings) -> dict[str, int]:
    """Participant that is tested -> how many units the model learned from."""
    return {
        participant: learned
        for spec in fits
        for learned in [count_training_units(spec, cohort, within)]
        for participant in spec.test
    }


def _within_aucs(outcomes: Outcomes) -> dict[UnitKey, float]:
    found = full_outcomes(results_of(outcomes, "score", LOGISTIC, protocol="within-session"))
    return {key: one.scores.roc_auc for key, one in found.items() if one.scores.roc_auc is not None}


def _own_wire(main: float | None, own: float | None, neighbour: float | None) -> float | None:
    """The main model's score on the own wire, taking its gain over the neighbours from logistic regression."""
    gain = difference(own, neighbour)
    return None if main is None or gain is None else main + gain


def _thinned(outcomes: Outcomes) -> dict[UnitKey, float]:
    """Mean over thinning draws."""
    draws: dict[UnitKey, list[float]] = {}
    for group, results in outcomes.items():
        if group.purpose == "thinned":
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
