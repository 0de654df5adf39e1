"""
Flags of the data: what a reader must know of them before believing a number.
"""

from nwb_spikeinference.config import SignalSettings, StudySettings
from nwb_spikeinference.evaluation.duplicates import Duplicate
from nwb_spikeinference.model_kinds import MODEL_KINDS
from nwb_spikeinference.pipeline.findings.same_person import identity_flags
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.plan import StudyPlan, judged_lobo_model
from nwb_spikeinference.pipeline.sessions.bins import MAX_DISCHARGE_SHARE
from nwb_spikeinference.pipeline.sessions.prepared import BundleDischarges
from nwb_spikeinference.records import FlagRecord
from nwb_spikeinference.report.cells import count

# On 40 s of a rat's hippocampus a network lost .035 to logistic regression, on 18 minutes it gained .02.
MIN_NETWORK_S = 300.0


def leaves_discharges_out(cohort: Cohort, signal: SignalSettings) -> bool:
    """Whether any bin is left out for an interictal discharge alone."""
    return signal.exclude_discharges and bool(_discharging_bundles(cohort))


def repeated_units(cohort: Cohort) -> list[tuple[str, Duplicate]]:
    """Units that repeat another one, by the session they were found in."""
    return [(" ".join(session.name), one) for session in cohort.sessions for one in session.duplicates]


def pipeline_flags(cohort: Cohort, plan: StudyPlan, settings: StudySettings) -> tuple[FlagRecord, ...]:
    """Protocols left out, the predictor, stretches left out, notes of the readers."""
    flags = [FlagRecord(id="cell-types", severity="info", message=f"cell types by {cohort.type_method}", where="study")]
    if not settings.units.drop_duplicates:
        for where, one in repeated_units(cohort):
            message = (
                f"{one.kept} and {one.dropped} share {one.share:.0%} of the sparser one's spikes and may be one "
                f"neuron; both are scored (units.drop_duplicates: false)"
            )
            flags.append(FlagRecord(id="duplicate-unit", severity="warning", message=message, where=where))
    if plan.folds.reason:
        message = f"unseen-participant protocol left out: {plan.folds.reason}"
        flags.append(FlagRecord(id="protocol-left-out", severity="warning", message=message, where="study"))
    flags += [FlagRecord(id="folds", severity="info", message=text, where="study") for text in plan.folds.notices]
    flags += identity_flags(cohort.sessions)
    flags += _short_flag(cohort, settings.model.name)
    if settings.lobo.mode == "ablate":
        message = "each band was set to 0 in the input of one trained model; no model was trained without it"
        flags.append(FlagRecord(id="lobo-mode", severity="info", message=message, where="study"))
    if settings.lobo.mode != "off" and judged_lobo_model(settings) != settings.model.name:
        message = f"bands were left out of the {judged_lobo_model(settings)} baseline only: H4 rests on it"
        flags.append(FlagRecord(id="lobo-model", severity="info", message=message, where="study"))
    if settings.signal.predictor.startswith("own"):
        message = "units are predicted from their own wire, where their action potentials leak into the LFP"
        flags.append(FlagRecord(id="own-wire", severity="serious", message=message, where="study"))
    flags += _discharge_flag(cohort, settings.signal)
    if settings.signal.exclude_discharges:
        flags += _burst_flag(cohort)
    for session in cohort.sessions:
        where = " ".join(session.name)
        flags += [FlagRecord(id="note", severity="info", message=note, where=where) for note in session.notes]
    return tuple(flags)


def _short_flag(cohort: Cohort, model: str) -> tuple[FlagRecord, ...]:
    """Say that a network had less to learn from than it needs, whatever it scored."""
    recorded_s = sum(session.span_s for session in cohort.sessions)
    if not MODEL_KINDS[model].is_network or recorded_s >= MIN_NETWORK_S:
        return ()
    message = (
        f"{recorded_s:.0f} s of recording in all, and a network needs at least {MIN_NETWORK_S:.0f} s: "
        f"read the baseline first"
    )
    return (FlagRecord(id="too-little-data", severity="warning", message=message, where="study"),)


def _discharging_bundles(cohort: Cohort) -> list[tuple[str, float, BundleDischarges]]:
    """Participant, seconds and discharges of each bundle that has some; what fills most of the time is none."""
    return [
        (session.participant, session.span_s, bundle)
        for session in cohort.sessions
        for bundle in session.discharges
        if bundle.n and bundle.share_of_time <= MAX_DISCHARGE_SHARE
    ]


def _discharge_flag(cohort: Cohort, signal: SignalSettings) -> tuple[FlagRecord, ...]:
    """Say how much time lies around interictal discharges, over the bundles that show any."""
    found = _discharging_bundles(cohort)
    if not found:
        return ()
    around_s = sum(seconds * bundle.share_of_time for _, seconds, bundle in found)
    share = around_s / sum(seconds for _, seconds, _ in found)
    n_participants = len({participant for participant, _, _ in found})
    consequence = "trains and scores like the rest (signal.exclude_discharges: false)"
    if signal.exclude_discharges:
        consequence = "neither trains nor scores; roc_auc_with_discharges counts it too"
    message = (
        f"{sum(bundle.n for *_, bundle in found)} interictal discharges in {count(len(found), 'bundle')} of "
        f"{count(n_participants, 'participant')}: what surrounds them, {share:.1%} of their time, {consequence}"
    )
    return (FlagRecord(id="discharges", severity="info", message=message, where="study"),)


def _burst_flag(cohort: Cohort) -> tuple[FlagRecord, ...]:
    """Say where the search for discharges found so many that it must have found something else."""
    shares = [
        bundle.share_of_time
        for session in cohort.sessions
        for bundle in session.discharges
        if bundle.share_of_time > MAX_DISCHARGE_SHARE
    ]
    if not shares:
        return ()
    message = (
        f"in {count(len(shares), 'bundle')} {min(shares):.0%} to {max(shares):.0%} of the time lies around supposed "
        f"discharges: kept, since so many are rather bursts of a rhythm; look at the signal"
    )
    return (FlagRecord(id="bursts", severity="info", message=message, where="study"),)
