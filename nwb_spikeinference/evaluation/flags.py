"""
Flags: warnings that a reader must know before believing a number.

Each rule is one small function that looks at the evidence and returns a flag or None.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from nwb_spikeinference.evaluation.duplicates import Duplicate
from nwb_spikeinference.evaluation.evidence import (
    StudyContext,
    UnitEvidence,
    above_chance,
    difference,
    mean_interval,
    participants_of,
    place_name,
)
from nwb_spikeinference.evaluation.fingerprint import UNCHECKED, bleed_fingerprint, is_bleed_checked
from nwb_spikeinference.evaluation.statistics import Interval, lie_below_zero
from nwb_spikeinference.evaluation.summary import MIN_PARTICIPANTS
from nwb_spikeinference.recordings import name_unit
from nwb_spikeinference.records import FlagRecord

Rule = Callable[[Sequence[UnitEvidence], StudyContext], FlagRecord | None]
BLEED_MARGIN = 0.03
NULL_MARGIN = 0.02
MIN_BASE_RATE = 0.05
TOO_GOOD_AUC = 0.85
FEW_PARTICIPANTS = 10
NETWORK_LOSS = 0.01  # the main model may fall this far behind logistic regression
MIN_MEDIAN_SPIKES = 30
_DRIFTING_CLOCK = 0.1  # departure from 0.5 of a unit's AUC by time alone
_DRIFTING_SHARE = 0.2


def study_flags(
    rows: Sequence[UnitEvidence], context: StudyContext, duplicates: Sequence[tuple[str, Duplicate]] = ()
) -> tuple[FlagRecord, ...]:
    """
    All flags of a study.

    Parameters
    ----------
    duplicates : sequence of (session, Duplicate)
        Units that repeat another one, by the session they were found in.
    """
    found = [flag for rule in _RULES if (flag := rule(rows, context)) is not None]
    return (*found, *polarity_flags(rows, context), *(_duplicate_flag(session, one) for session, one in duplicates))


def bleed_through_flag(rows: Sequence[UnitEvidence], context: StudyContext) -> FlagRecord | None:
    """Say that the unit's own wire predicts better than the predictor in use by more than 0.03."""
    gap = mean_interval(rows, lambda row: difference(row.own_wire_roc_auc, row.roc_auc), context, "bleed")
    if gap is None or gap.mean <= BLEED_MARGIN:
        return None
    message = (
        f"the own wire's ROC-AUC exceeds the {context.predictor} predictor's by {gap.mean:.3f} over {gap.n_units} "
        f"units of {gap.n_participants} participants: action potentials reach the LFP of their wire; verdicts do not "
        f"rest on it"
    )
    return FlagRecord(id="bleed-through", severity="info", message=message, where="study")


def fingerprint_flag(rows: Sequence[UnitEvidence], context: StudyContext) -> FlagRecord | None:
    """Say that the predictor in use looks like leaked action potentials."""
    compared = participants_of(row for row in rows if is_bleed_checked([row], context))
    fingerprint = bleed_fingerprint(rows, context)
    if fingerprint is None or (context.predictor != "own" and len(compared) < MIN_PARTICIPANTS):
        return None
    message = f"{fingerprint}: H2 and H4 cannot be supported by the {context.predictor} predictor"
    return FlagRecord(id="bleed-fingerprint", severity="serious", message=message, where="study")


def unchecked_flag(rows: Sequence[UnitEvidence], context: StudyContext) -> FlagRecord | None:
    """Say that nobody looked for leaked action potentials in a study that is large enough for verdicts."""
    n_participants = len(participants_of(row for row in rows if row.roc_auc is not None))
    if n_participants < context.min_participants or is_bleed_checked(rows, context):
        return None
    message = f"{UNCHECKED}; H2 and H4 cannot be supported without it"
    return FlagRecord(id="bleed-unchecked", severity="warning", message=message, where="study")


def drift_flag(rows: Sequence[UnitEvidence], context: StudyContext) -> FlagRecord | None:
    """Say that a null score is far from 0.5, or time alone predicts many units."""
    for name, word in (("null_roc_auc", "circular shifts"), ("swapped_roc_auc", "LFP of other participants")):
        null = mean_interval(rows, above_chance(name), context, name)
        if null is None or null.n_participants < MIN_PARTICIPANTS:
            continue
        if abs(null.mean) > NULL_MARGIN and not null.low <= 0 <= null.high:
            message = f"the null by {word} scores {null.mean + 0.5:.3f} over {null.n_units} units: slow drift"
            return FlagRecord(id="drift", severity="serious", message=message, where="study")
    timed = [(auc, row.n_spikes) for row in rows if (auc := row.clock_roc_auc) is not None]
    drifting = [auc for auc, n in timed if abs(auc - 0.5) > max(_DRIFTING_CLOCK, 3 * _standard_error(n))]
    if not timed or len(drifting) < _DRIFTING_SHARE * len(timed):
        return None
    message = f"{len(drifting)} of {len(timed)} units drift in rate so far that time alone predicts their spikes"
    return FlagRecord(id="drift", severity="warning", message=message, where="study")


def class_imbalance_flag(rows: Sequence[UnitEvidence], context: StudyContext) -> FlagRecord | None:
    """Say that so few bins hold a spike that accuracy says nothing."""
    rates = [row.base_rate for row in rows if row.base_rate is not None]
    rate = float(np.median(rates)) if rates else 1.0
    if rate >= MIN_BASE_RATE:
        return None
    message = f"{rate:.2%} of bins hold a spike (median unit): never predicting one is {1 - rate:.1%} accurate"
    return FlagRecord(id="class-imbalance", severity="info", message=message, where="study")


def few_participants_flag(rows: Sequence[UnitEvidence], context: StudyContext) -> FlagRecord | None:
    """Say that intervals over few participants rest on each of them; over very few there are no verdicts."""
    n_participants = len(participants_of(rows))
    if n_participants >= FEW_PARTICIPANTS:
        return None
    people = f"{n_participants} participant{'' if n_participants == 1 else 's'}"
    if n_participants < context.min_participants:
        message = f"{people}: no verdicts below {context.min_participants}"
        return FlagRecord(id="few-participants", severity="serious", message=message, where="study")
    message = f"{people}: every one of them weighs heavily in the intervals"
    return FlagRecord(id="few-participants", severity="warning", message=message, where="study")


def too_little_data_flag(rows: Sequence[UnitEvidence], context: StudyContext) -> FlagRecord | None:
    """Say that the network falls behind logistic regression, or most units have too few spikes to be scored."""
    gap = mean_interval(rows, lambda row: difference(row.roc_auc, row.baseline_roc_auc), context, "network")
    spikes = float(np.median([row.n_spikes for row in rows])) if rows else 0.0
    if gap is not None and gap.mean < -NETWORK_LOSS:
        message = (
            f"the main model is {-gap.mean:.3f} behind logistic regression over {gap.n_units} units: "
            f"read the baseline first"
        )
    elif rows and spikes < MIN_MEDIAN_SPIKES:
        message = (
            f"half of the units have at most {spikes:.0f} spikes: one unit's ROC-AUC then has a standard error near "
            f"{_standard_error(spikes):.2f}"
        )
    else:
        return None
    return FlagRecord(id="too-little-data", severity="warning", message=message, where="study")


def too_good_flag(rows: Sequence[UnitEvidence], context: StudyContext) -> FlagRecord | None:
    """Say that a score is higher than LFP has a right to."""
    high = [(auc, row) for row in rows if (auc := row.roc_auc) is not None and auc > TOO_GOOD_AUC]
    if not high:
        return None
    auc, best = max(high, key=lambda pair: pair[0])
    message = f"{len(high)} units have a ROC-AUC above {TOO_GOOD_AUC:g}, up to {auc:.3f}: look for a leak"
    where = f"{best.participant} {best.session} {name_unit(best.unit_id, best.unit_row)}"
    return FlagRecord(id="too-good", severity="warning", message=message, where=where)


def polarity_flags(rows: Sequence[UnitEvidence], context: StudyContext) -> tuple[FlagRecord, ...]:
    """Name the places where a score lies below 0.5, after Holm's correction over all places and scores."""
    found: list[tuple[str, str, Interval]] = []
    for place in sorted({place_name(row.region, row.hemisphere) for row in rows}):
        here = [row for row in rows if place_name(row.region, row.hemisphere) == place]
        for name, word in (("roc_auc", "ROC-AUC"), ("transfer_roc_auc", "transfer ROC-AUC")):
            score = mean_interval(here, above_chance(name), context, "polarity", name, place)
            if score is not None and score.n_participants >= MIN_PARTICIPANTS:
                found.append((place, word, score))
    below = lie_below_zero([score for _, _, score in found])
    return tuple(_polarity_flag(*one) for one, is_below in zip(found, below, strict=True) if is_below)


def _polarity_flag(place: str, word: str, score: Interval) -> FlagRecord:
    message = (
        f"{word} {score.mean + 0.5:.3f} [{score.low + 0.5:.3f}, {score.high + 0.5:.3f}] over "
        f"{score.n_units} units of {score.n_participants} participants is below 0.5: "
        f"the relation runs the other way here"
    )
    return FlagRecord(id="polarity", severity="serious", message=message, where=place)


def _duplicate_flag(session: str, one: Duplicate) -> FlagRecord:
    message = (
        f"{one.kept} and {one.dropped} share {one.share:.0%} of the sparser one's spikes, {one.excess_sd:.0f} SD "
        f"above jitter: one neuron; {one.kept}, the better isolated one, is kept"
    )
    return FlagRecord(id="duplicate-unit", severity="warning", message=message, where=session)


def _standard_error(n_spikes: float) -> float:
    return 0.29 / math.sqrt(max(n_spikes, 1))  # of a ROC-AUC near 0.5: 1 / sqrt(12 n)


_RULES: tuple[Rule, ...] = (
    bleed_through_flag,
    fingerprint_flag,
    unchecked_flag,
    drift_flag,
    class_imbalance_flag,
    few_participants_flag,
    too_little_data_flag,
    too_good_flag,
)
