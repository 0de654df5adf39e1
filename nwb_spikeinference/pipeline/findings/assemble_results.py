"""
From evidence to the records of ``results.json``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Literal

from nwb_spikeinference.config import SignalSettings, StudySettings
from nwb_spikeinference.evaluation.evidence import UnitEvidence
from nwb_spikeinference.evaluation.flags import study_flags
from nwb_spikeinference.evaluation.hypotheses import judge_hypotheses
from nwb_spikeinference.evaluation.summary import UnitValue, lobo_records, model_records, transfer_records
from nwb_spikeinference.model_kinds import LOGISTIC, RATE
from nwb_spikeinference.pipeline.findings.flags_of_data import leaves_discharges_out, pipeline_flags, repeated_units
from nwb_spikeinference.pipeline.findings.unit_outcomes import (
    Outcomes,
    UnitOutcome,
    full_outcomes,
    lobo_deltas,
    own_head_aucs,
    results_of,
    study_context,
    unit_evidence,
)
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.plan import StudyPlan, band_names
from nwb_spikeinference.recordings import UnitKey
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
Tables = Mapping[tuple[Protocol, str], Mapping[UnitKey, UnitOutcome]]  # protocol and model -> outcome per unit


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
        units=_unit_records(cohort, tables, settings, "unseen-participant" if plan.folds.folds else "within-session"),
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
        for key in [UnitKey(row.participant, row.session, row.unit_row)]
    )


def _outcome_tables(outcomes: Outcomes) -> Tables:
    return {
        (group.protocol, group.model): full_outcomes(results)
        for group, results in outcomes.items()
        if group.purpose == "score"
    }


def _participants(cohort: Cohort, left_out: Mapping[str, str]) -> tuple[ParticipantRecord, ...]:
    records = []
    for participant in sorted({session.participant for session in cohort.sessions}):
        sessions = [one for one in cohort.sessions if one.participant == participant]
        n_units = sum(key.participant == participant for key in cohort.cell_types)
        records.append(
            ParticipantRecord(
                participant=participant,
                sessions=len(sessions),
                bundles=max(one.bundles for one in sessions),
                wires=max(one.wires for one in sessions),
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
        return sum(key.participant in set(participants) for key in cohort.cell_types)

    return tuple(
        FoldRecord(
            fold=fold.index, held_out=fold.held_out, train_units=count(fold.train), test_units=count(fold.held_out)
        )
        for fold in plan.folds.folds
    )


def _unit_records(
    cohort: Cohort, tables: Tables, settings: StudySettings, protocol: Protocol
) -> tuple[UnitRecord, ...]:
    main = tables.get((protocol, settings.model.name), {})
    records = []
    for key, unit in cohort.units():
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
                participant=key.participant,
                session=key.session,
                unit_id=unit.unit_id,
                unit_row=unit.row,
                region=unit.region,
                hemisphere=unit.hemisphere,
                cell_type=cohort.cell_types.get(key, "unclassified"),
                predictor=settings.signal.predictor,
                n_spikes=unit.n_spikes,
                rate_hz=unit.rate_hz,
                excluded_reason=reason,
                roc_auc_null=found.null_mean if found and scores else None,
                roc_auc_p=found.p if found and scores else None,
                **{metric: scores.get(metric) for metric in METRICS if metric in UnitRecord.model_fields},
            )
        )
    return tuple(records)


def _model_records(
    tables: Tables, outcomes: Outcomes, cohort: Cohort, settings: StudySettings
) -> Iterable[ModelRecord]:
    context, min_spikes = study_context(settings, cohort), settings.units.min_spikes
    for (protocol, model), units in tables.items():
        scored = {key: one for key, one in units.items() if one.scores.n_spikes >= min_spikes}
        for metric in (*METRICS, "roc_auc_null", "roc_auc_swapped", *_discharge_metrics(cohort, settings.signal)):
            if model == RATE and metric.startswith("roc_auc_"):
                continue
            values = [_unit_value(key, cohort, _metric(one, metric)) for key, one in scored.items()]
            yield from model_records(values, protocol=protocol, model=model, metric=metric, context=context)
    own = own_head_aucs(results_of(outcomes, "own-wire", LOGISTIC))
    main = tables.get(("unseen-participant", settings.model.name), {})
    values = [
        _unit_value(key, cohort, auc)
        for key, auc in own.items()
        if key in main and main[key].scores.n_spikes >= min_spikes
    ]
    yield from model_records(
        values, protocol="unseen-participant", model=LOGISTIC, metric="roc_auc", context=context, predictor="own"
    )


def _unit_value(key: UnitKey, cohort: Cohort, value: float | None) -> UnitValue:
    return UnitValue(participant=key.participant, cell_type=cohort.cell_types[key], value=value)


def _discharge_metrics(cohort: Cohort, signal: SignalSettings) -> tuple[str, ...]:
    return (WITH_DISCHARGES,) if leaves_discharges_out(cohort, signal) else ()


def _metric(outcome: UnitOutcome, metric: str) -> float | None:
    if metric == "roc_auc_null":
        return outcome.null_mean
    if metric == "roc_auc_swapped":
        return outcome.swapped
    if metric == WITH_DISCHARGES:
        return outcome.with_discharges
    value: float | None = getattr(outcome.scores, metric)
    return value


def _scores(tables: Tables, cohort: Cohort, settings: StudySettings) -> Iterable[UnitModelScore]:
    for (protocol, model), units in tables.items():
        for key, outcome in units.items():
            if outcome.scores.n_spikes < settings.units.min_spikes:
                continue
            for metric in (*METRICS, "roc_auc_null", *_discharge_metrics(cohort, settings.signal)):
                yield UnitModelScore(
                    participant=key.participant,
                    session=key.session,
                    unit_row=key.row,
                    protocol=protocol,
                    model=model,
                    metric=metric,
                    value=_metric(outcome, metric),
                )
