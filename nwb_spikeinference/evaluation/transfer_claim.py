"""The claim of transfer (H3): whether the relation holds from one place of the brain to others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nwb_spikeinference.evaluation.claims import MIN_PLACE_PARTICIPANTS, Claim, usable
from nwb_spikeinference.evaluation.evidence import (
    StudyContext,
    UnitEvidence,
    above_chance,
    difference,
    format_interval,
    mean_interval,
    participants_of,
    place_name,
)
from nwb_spikeinference.evaluation.statistics import (
    Interval,
    is_equivalent,
    lie_below_zero,
    p_greater,
    p_less,
    p_two_sided,
)
from nwb_spikeinference.records import Verdict

_OTHER_SIDE = {"left": "right", "right": "left"}  # what lies in the midline has none
ABOUT_AS_MANY = 0.8  # share of another model's training units from which two scores can be compared


def transfers(rows: Sequence[UnitEvidence], context: StudyContext) -> Claim:
    """
    H3: a model from one place scores the units of other places as well as models of those places do.

    All are trained and tested by one protocol, on other participants. The claim is supported if the two scores are
    equivalent. It is not supported if transfer lies below 0.5, or is clearly worse, on average or at one place: an
    average must not hide it.

    A comparison of models that learned from unequal numbers of units says little of places, so the model of all places
    stands in. A transferred model that is clearly worse but learned from fewer units speaks against transfer only if it
    keeps up with the model of all places where it was trained: its units were enough. If the models of the places
    learned from fewer units, or are beaten, they are a poor yardstick: then the transferred model must not be worse, by
    the margin, than the model of all places, which has seen these places and more data. Where it is, the claim is
    inconclusive.

    The claim is about regions and hemispheres: it is supported only if another region, and the other side of the place
    where the model was trained, were judged on their own.
    """
    elsewhere = [row for row in rows if row.transfer_roc_auc is not None and _is_elsewhere(row, context)]
    reached = mean_interval(elsewhere, above_chance("transfer_roc_auc"), context, "H3", "transfer")
    found, lack = usable({"units at other places with scores by the transferred model": reached}, context)
    if lack:
        return Claim(verdict="inconclusive", reason=lack)
    (reached,) = found
    turned = _turned_place(elsewhere, reached, context)
    paired = [row for row in elsewhere if row.within_roc_auc is not None]
    gap = mean_interval(paired, _transfer_gap, context, "H3", "gap")
    within = mean_interval(paired, above_chance("within_roc_auc"), context, "H3", "within")
    found, lack = usable(
        {"units elsewhere that are scored by a model of their own place": gap, "models of places": within}, context
    )
    if lack and turned:
        return Claim(verdict="not-supported", reason=turned, interval=reached, p=p_greater(reached.draws))
    if lack:
        return Claim(verdict="inconclusive", reason=lack)
    gap, within = found
    beyond = mean_interval(paired, _gap_to_all_places, context, "H3", "all places")
    p = max(_p_keeps_up(gap, beyond, paired, context), p_two_sided(reached.draws), p_two_sided(within.draws))
    verdict: Verdict
    if turned:
        verdict, because = "not-supported", turned
    elif worse := _worse(paired, gap, rows, context):
        verdict, because = worse
    elif within.low <= 0 or reached.low <= 0:
        verdict, because = "inconclusive", "without scores above 0.5 there is nothing to transfer"
    else:
        verdict, because = _judge_gap(gap, beyond, paired, context)
    claim = Claim(verdict=verdict, reason=f"{_words(gap, paired, context)}; {because}", interval=gap, p=p)
    return _with_places(claim, elsewhere, context)


def _is_elsewhere(row: UnitEvidence, context: StudyContext) -> bool:
    """Whether a unit surely lies outside the training place; one whose region or side is unknown may lie in it."""
    if row.region is None or context.is_training_place(row):
        return False
    return row.region != context.train_region or row.hemisphere is not None


def _judge_gap(
    gap: Interval, beyond: Interval | None, paired: Sequence[UnitEvidence], context: StudyContext
) -> tuple[Verdict, str]:
    """Judge a transferred model that is not clearly worse than the models of the tested places."""
    comparable = _learned_about_as_much(paired, "within_train_units", "transfer_train_units")
    if comparable and is_equivalent(gap, context.margin):
        return "supported", "equivalent"
    if gap.bounds(0.9)[0] <= -context.margin:
        return "inconclusive", "neither equivalent nor clearly worse"
    ahead = "clearly better than" if gap.low > 0 else "not worse than"
    if beyond is not None and beyond.bounds(0.9)[0] > -context.margin:
        return "supported", f"{ahead} training at the tested places, and not worse than training at all places"
    poor = "is a poor yardstick" if comparable else "had fewer units"
    return "inconclusive", (
        f"{ahead} training at the tested places, which {poor}, and not shown to keep up with training at all places"
    )


def _p_keeps_up(gap: Interval, beyond: Interval | None, paired: Sequence[UnitEvidence], context: StudyContext) -> float:
    """Bootstrap p of not falling behind; of two conditions that either may meet, the smaller p is doubled."""
    not_worse = p_greater(gap.draws, -context.margin)
    keeps_up = p_greater(beyond.draws, -context.margin) if beyond is not None else 1.0
    if not _learned_about_as_much(paired, "within_train_units", "transfer_train_units"):
        return max(not_worse, keeps_up)
    return max(not_worse, min(1.0, 2 * min(p_less(gap.draws, context.margin), keeps_up)))


def _worse(
    paired: Sequence[UnitEvidence], gap: Interval, rows: Sequence[UnitEvidence], context: StudyContext
) -> tuple[Verdict, str] | None:
    """Say that transfer is clearly worse, on average or at one place by more than the margin, if that counts."""
    found = _failing_places(paired, context)
    if gap.high < 0 and gap.bounds(0.9)[0] <= -context.margin:  # else it is too small to be named
        found.append((f"transfer is clearly worse ({gap.mean:+.3f})", paired))
    if not found:
        return None
    home = [row for row in rows if context.is_training_place(row)]
    at_home = mean_interval(home, _gap_to_all_places, context, "H3", "home")
    for reason, members in found:
        if _learned_about_as_much(members, "transfer_train_units", "within_train_units") or _holds(at_home, context):
            return "not-supported", reason
    return "inconclusive", (
        f"{found[0][0]}, but the transferred model learned from fewer units, and where it was trained it is not shown "
        f"to keep up with the model of all places"
    )


def _holds(at_home: Interval | None, context: StudyContext) -> bool:
    """Whether the transferred model loses less than the margin where it was trained; that it may gain is no concern."""
    if at_home is None or at_home.n_participants < MIN_PLACE_PARTICIPANTS:
        return False
    return at_home.bounds(0.9)[0] > -context.margin


def _learned_about_as_much(rows: Sequence[UnitEvidence], first: str, second: str) -> bool:
    """Whether one kind of model learned from about as many units as another, or more; not if it is not known."""
    counts = [(getattr(row, first), getattr(row, second)) for row in rows]
    if not counts or any(None in pair for pair in counts):
        return False
    means = np.mean(counts, axis=0)
    return bool(means[0] >= ABOUT_AS_MANY * means[1])


def _judged_places(rows: Sequence[UnitEvidence]) -> dict[str, list[UnitEvidence]]:
    """Units of every place with enough participants to be judged on its own."""
    places: dict[str, list[UnitEvidence]] = {}
    for row in rows:
        places.setdefault(place_name(row.region, row.hemisphere), []).append(row)
    return {
        name: places[name] for name in sorted(places) if len(participants_of(places[name])) >= MIN_PLACE_PARTICIPANTS
    }


def _turned_place(elsewhere: Sequence[UnitEvidence], reached: Interval, context: StudyContext) -> str | None:
    """Say that transfer is below 0.5, on average or at one place: an average must not hide it."""
    if reached.high < 0:
        return f"transfer is below 0.5 ({reached.mean + 0.5:.3f}): the relation runs the other way"
    found = {
        place: score
        for place, here in _judged_places(elsewhere).items()
        if (score := mean_interval(here, above_chance("transfer_roc_auc"), context, "H3", place)) is not None
    }
    for (place, score), is_below in zip(found.items(), lie_below_zero(list(found.values())), strict=True):
        if is_below:
            return f"transfer to {place} is below 0.5 ({score.mean + 0.5:.3f}): the relation runs the other way"
    return None


def _failing_places(paired: Sequence[UnitEvidence], context: StudyContext) -> list[tuple[str, Sequence[UnitEvidence]]]:
    """Places where transfer is worse by more than the margin, in words and with their units."""
    found: list[tuple[str, Sequence[UnitEvidence]]] = []
    for place, here in _judged_places(paired).items():
        gap = mean_interval(here, _transfer_gap, context, "H3", place, "gap")
        if gap is not None and gap.high < -context.margin:
            found.append((f"transfer to {place} is clearly worse ({gap.mean:+.3f})", here))
    return found


def _with_places(claim: Claim, elsewhere: Sequence[UnitEvidence], context: StudyContext) -> Claim:
    """Name the places that could not be judged on their own; without those the claim needs, it is not supported."""
    judged = _judged_places([row for row in elsewhere if row.within_roc_auc is not None])
    unjudged = sorted({place_name(row.region, row.hemisphere) for row in elsewhere} - set(judged))
    verdict, reason = claim.verdict, claim.reason
    if not judged:
        reason += f"; no other place has {MIN_PLACE_PARTICIPANTS} participants, so none could be judged on its own"
        verdict = "inconclusive" if verdict == "supported" else verdict
    elif unjudged:
        reason += f"; too few participants to judge on its own: {', '.join(unjudged)}"
    if verdict == "supported" and (untested := _untested(judged, context)):
        verdict, reason = "inconclusive", f"{reason}; not tested: {' and '.join(untested)}"
    return replace(claim, verdict=verdict, reason=reason)


def _untested(judged: Mapping[str, Sequence[UnitEvidence]], context: StudyContext) -> list[str]:
    """What a claim about regions and hemispheres needs and no judged place stands for, in words."""
    other_side = place_name(context.train_region, _OTHER_SIDE.get(context.train_hemisphere or ""))
    lacking = []
    if context.train_hemisphere in _OTHER_SIDE and other_side not in judged:
        lacking.append(f"the {other_side}")
    if all(row.region == context.train_region for rows in judged.values() for row in rows):
        lacking.append(f"any region other than {context.train_region}")
    return lacking


def _words(gap: Interval, paired: Sequence[UnitEvidence], context: StudyContext) -> str:
    low, high = gap.bounds(0.9)
    transferred, local = (
        np.mean([getattr(row, name) for row in paired]) for name in ("transfer_roc_auc", "within_roc_auc")
    )
    return (
        f"transferred model minus the models of the tested places {format_interval(gap)}, 90 % interval [{low:+.3f}, "
        f"{high:+.3f}] against +-{context.margin:g}; transferred {transferred:.3f}, of the places {local:.3f}"
    )


def _transfer_gap(row: UnitEvidence) -> float | None:
    return difference(row.transfer_roc_auc, row.within_roc_auc)


def _gap_to_all_places(row: UnitEvidence) -> float | None:
    return difference(row.transfer_roc_auc, row.all_places_roc_auc)
