"""
From evidence to the records of ``results.json``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Literal

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.evidence import UnitEvidence
from nwb_spikeinference.evaluation.flags import study_flags
from nwb_spikeinference.evaluation.hypotheses import judge_hypotheses
from nwb_spikeinference.evaluation.summary import UnitValue, lobo_records, model_records, transfer_records
from nwb_spikeinference.pipeline.findings.flags_of_data import leaves_discharges_out, pipeline_flags, repeated_units
from nwb_spikeinference.pipeline.findings.unit_outcomes import (
    Outcomes,
    UnitOutcome,
    full_outcomes,
    lobo_deltas,
    own_head_aucs,
    study_context,
    unit_evidence,
)
from nwb_spikeinference.pipeline.fits.cohort import Cohort, UnitKey
from nwb_spikeinference.pipeline.fits.plan import StudyPlan, band_names
from nwb_spikeinference.records import (
    FoldRecord,
    ModelRecord,
    ParticipantRecord,
    Protocol,
    Provenance,
    Results,
    UnitModelScore,
    UnitRecord,
)

METRICS = (
    "roc_auc",
    "bits_per_spike",
    "pr_auc",
    "base_rate",
    "sensitivity",
    "specificity",
    "balanced_accuracy",
    "accuracy",
    "majority_accuracy",
    "calibration_slope",
    "brier_skill",
)
WITH_DISCHARGES = "roc_auc_with_discharges"  # counts the bins around interictal discharges too
_PROTOCOLS: Mapping[str, Protocol] = {"unseen": "unseen-participant", "within": "within-session"}


def assemble_results(
    settings: StudySettings,
    provenance: Provenance,
    cohort: Cohort,
    plan: StudyPlan,
    outcomes: Outcomes,
    left_out: Mapping[str, str],
) -> tuple[Results, tuple[UnitModelScore, ...]]:
    """
    Everything that the study found, and each unit's score under each model.

    Parameters
    ----------
    left_out : mapping
        Participants without usable data -> the reason.
    """
    context = study_context(settings, cohort)
    rows = unit_evidence(outcomes, cohort, settings, plan)
    tables = _outcome_tables(outcomes)
    modes: tuple[Literal["drop", "only"], ...] = ("drop", "only") if settings.lobo.only else ("drop",)
    lobo = [
        record
        for mode in modes
        for model in settings.lobo_models()
        for record in lobo_records(
            _with_lobo_of(rows, outcomes, model, cohort), model=model, mode=mode, context=context
        )
    ]
    results = Results(
        name=settings.name,
        provenance=provenance,
        participants=_participants(cohort, left_out),
        folds=_folds(cohort, plan),
        units=_unit_records(cohort, tables, settings, bool(plan.folds.folds)),
        models=tuple(_model_records(tables, outcomes, cohort, settings)),
        lobo=tuple(lobo),
        transfer=transfer_records(rows, context),
        hypotheses=judge_hypotheses(rows, context) if plan.folds.folds else (),
        flags=(
            *study_flags(rows, context, repeated_units(cohort) if settings.units.drop_duplicates else ()),
            *pipeline_flags(cohort, plan, settings),
        ),
    )
    return results, tuple(_scores(tables, cohort, settings))


def _with_lobo_of(
    rows: Sequence[UnitEvidence], outcomes: Outcomes, model: str, cohort: Cohort
) -> tuple[UnitEvidence, ...]:
    """The rows with the band effects of another model."""
    bands = band_names(cohort)
    drop = lobo_deltas(outcomes, model, "drop", bands)
    only = lobo_deltas(outcomes, model, "only", bands)
    return tuple(
        replace(
            row,
            lobo_drop={band: drop[band][key] for band in bands if key in drop[band]},
            lobo_only={band: only[band][key] for band in bands if key in only[band]},
        )
        for row in rows
        for key in [(row.participant, row.session, row.unit_id)]
    )


def _outcome_tables(outcomes: Outcomes) -> dict[tuple[str, str], dict[UnitKey, UnitOutcome]]:
    """(``unseen`` or ``within``, model) -> outcome per unit."""
    return {
        (protocol, model): full_outcomes(results)
        for group, results in outcomes.items()
        for protocol, _, model in [group.partition("/")]
        if protocol in _PROTOCOLS
    }


def _participants(cohort: Cohort, left_out: Mapping[str, str]) -> tuple[ParticipantRecord, ...]:
    records = []
    for participant in sorted({session.facts["participant"] for session in cohort.sessions}):
        sessions = [one.facts for one in cohort.sessions if one.facts["participant"] == participant]
        n_units = sum(key[0] == participant for key in cohort.cell_types)
        records.append(
            ParticipantRecord(
                participant=participant,
                sessions=len(sessions),
                bundles=max(facts["bundles"] for facts in sessions),
                wires=max(facts["wires"] for facts in sessions),
                units=n_units,
                excluded_reason=None if n_units else "no unit passed the quality criteria",
            )
        )
    known = {record.participant for record in records}
    records += [
        ParticipantRecord(participant=name, sessions=1, bundles=0, wires=0, units=0, excluded_reason=reason)
        for name, reason in sorted(left_out.items())
        if name not in known
    ]
    return tuple(records)


def _folds(cohort: Cohort, plan: StudyPlan) -> tuple[FoldRecord, ...]:
    def count(participants: Iterable[str]) -> int:
        return sum(key[0] in set(participants) for key in cohort.cell_types)

    return tuple(
        FoldRecord(
            fold=fold.index, held_out=fold.held_out, train_units=count(fold.train), test_units=count(fold.held_out)
        )
        for fold in plan.folds.folds
    )


def _unit_records(
    cohort: Cohort,
    tables: Mapping[tuple[str, str], Mapping[UnitKey, UnitOutcome]],
    settings: StudySettings,
    has_folds: bool,
) -> tuple[UnitRecord, ...]:
    main = tables.get(("unseen" if has_folds else "within", settings.model.name), {})
    records = []
    for key, facts in cohort.units():
        found = main.get(key)
        scores = asdict(found.scores) if found else {}
        reason = cohort.excluded.get(key) or (
            found.scores.reason
            if found
            else "not tested: the recording is too short, the unit was not observed in what tests, or the training "
            "failed (nsi status)"
        )
        if found and found.scores.n_spikes < settings.units.min_spikes:
            reason = f"{found.scores.n_spikes} spikes in the tested stretch, fewer than {settings.units.min_spikes}"
            scores = {}
        records.append(
            UnitRecord(
                participant=key[0],
                session=key[1],
                unit_id=key[2],
                region=facts["region"],
                hemisphere=facts["hemisphere"],
                cell_type=cohort.cell_types.get(key, "unclassified"),
                predictor=settings.signal.predictor,
                n_spikes=facts["n_spikes"],
                rate_hz=facts["rate_hz"],
                excluded_reason=reason,
                roc_auc_null=found.null_mean if found and scores else None,
                roc_auc_p=found.p if found and scores else None,
                **{metric: scores.get(metric) for metric in METRICS if metric in UnitRecord.model_fields},
            )
        )
    return tuple(records)


def _model_records(
    tables: Mapping[tuple[str, str], Mapping[UnitKey, UnitOutcome]],
    outcomes: Outcomes,
    cohort: Cohort,
    settings: StudySettings,
) -> Iterable[ModelRecord]:
    context = study_context(settings, cohort)
    for (protocol, model), units in tables.items():
        scored = {key: one for key, one in units.items() if one.scores.n_spikes >= settings.units.min_spikes}
        for metric in (*METRICS, "roc_auc_null", "roc_auc_swapped", *_discharge_metrics(cohort, settings)):
            if model == "rate" and metric.startswith("roc_auc_"):
                continue
            values = [
                UnitValue(participant=key[0], cell_type=cohort.cell_types[key], value=_metric(one, metric))
                for key, one in scored.items()
            ]
            yield from model_records(values, protocol=_PROTOCOLS[protocol], model=model, metric=metric, context=context)
    own = own_head_aucs(outcomes.get("own/logistic", ()))
    main = tables.get(("unseen", settings.model.name), {})
    values = [
        UnitValue(participant=key[0], cell_type=cohort.cell_types[key], value=auc)
        for key, auc in own.items()
        if key in main and main[key].scores.n_spikes >= settings.units.min_spikes
    ]
    yield from model_records(
        values, protocol="unseen-participant", model="logistic", metric="roc_auc", context=context, predictor="own"
    )


def _discharge_metrics(cohort: Cohort, settings: StudySettings) -> tuple[str, ...]:
    return (WITH_DISCHARGES,) if leaves_discharges_out(cohort, settings) else ()


def _metric(outcome: UnitOutcome, metric: str) -> float | None:
    if metric == "roc_auc_null":
        return outcome.null_mean
    if metric == "roc_auc_swapped":
        return outcome.swapped
    if metric == WITH_DISCHARGES:
        return outcome.with_discharges
    value: float | None = getattr(outcome.scores, metric)
    return value


def _scores(
    tables: Mapping[tuple[str, str], Mapping[UnitKey, UnitOutcome]], cohort: Cohort, settings: StudySettings
) -> Iterable[UnitModelScore]:
    for (protocol, model), units in tables.items():
        for key, outcome in units.items():
            if outcome.scores.n_spikes < settings.units.min_spikes:
                continue
            for metric in (*METRICS, "roc_auc_null", *_discharge_metrics(cohort, settings)):
                yield UnitModelScore(
                    participant=key[0],
                    session=key[1],
                    unit_id=key[2],
                    protocol=_PROTOCOLS[protocol],
                    model=model,
                    metric=metric,
                    value=_metric(outcome, metric),
                )
