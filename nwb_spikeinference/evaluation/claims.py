"""
The hypotheses, each tested on its own; that of transfer stands in `transfer_claim.py`.

Each function returns what the data say before correction for four tests; `hypotheses.py` corrects and words it. A claim
with several conditions holds if all of them hold, and its p value is the largest of theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nwb_spikeinference.bands import Band
from nwb_spikeinference.evaluation.evidence import (
    Score,
    StudyContext,
    UnitEvidence,
    above_chance,
    difference,
    format_interval,
    in_group,
    mean_interval,
    participants_of,
)
from nwb_spikeinference.evaluation.fingerprint import Objection, drop_gap
from nwb_spikeinference.evaluation.statistics import Interval, bootstrap_difference, p_greater, p_two_sided
from nwb_spikeinference.records import Verdict

MIN_PLACE_PARTICIPANTS = 3  # below, a place is not judged on its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the data say of one hypothesis, before correction for several tests."""

    verdict: Verdict
    reason: str
    interval: Interval | None = None
    p: float | None = None


def separable_heads(rows: Sequence[UnitEvidence], context: StudyContext) -> Claim:
    """H1: on units of either type, the head of that type beats the head of the other type."""
    contrasts = {
        "excitatory": _head_contrast(rows, "excitatory", "inhibitory", context),
        "inhibitory": _head_contrast(rows, "inhibitory", "excitatory", context),
    }
    found, lack = usable({f"{kind} units with scores by both heads": gap for kind, gap in contrasts.items()}, context)
    if lack:
        return Claim(verdict="inconclusive", reason=lack)
    words = "; ".join(f"{kind}: {format_interval(gap)}" for kind, gap in zip(contrasts, found, strict=True))
    return Claim(
        verdict=_conjunction(found, context),
        reason=f"own head minus the other type's head, {words}",
        interval=min(found, key=lambda gap: gap.low),
        p=max(p_two_sided(gap.draws) for gap in found),
    )


def inhibitory_better(rows: Sequence[UnitEvidence], context: StudyContext, objection: Objection | None) -> Claim:
    """H2: inhibitory units are predicted better, with as many spikes as excitatory ones and as recorded."""
    raw, lack = _type_difference(rows, lambda row: row.roc_auc, context, "raw")
    if raw is None:
        return Claim(verdict="inconclusive", reason=lack)
    matched, lack = _type_difference(rows, lambda row: row.thinned_roc_auc, context, "matched")
    if matched is None:
        return Claim(verdict="inconclusive", reason=f"no count-matched comparison: {lack}", interval=raw)
    chance = mean_interval(in_group(rows, "inhibitory"), above_chance("thinned_roc_auc"), context, "H2")
    conditions = (matched, raw, *((chance,) if chance else ()))
    verdict = _conjunction(conditions, context)
    reason = f"inhibitory minus excitatory, count-matched: {format_interval(matched)}; raw: {format_interval(raw)}"
    if raw.low > 0 and matched.low <= 0:
        verdict, reason = "confounded", f"{reason}; the difference may come from spike counts"
    elif chance is not None and chance.low <= 0:
        reason = f"{reason}; inhibitory units are not predicted above chance"
    p = max(p_two_sided(one.draws) for one in conditions)
    return _guard_bleed(Claim(verdict=verdict, reason=reason, interval=matched, p=p), objection)


def gamma_drives(rows: Sequence[UnitEvidence], context: StudyContext, objection: Objection | None) -> Claim:
    """H4: leaving out a gamma band costs something, and more than leaving out the bands beside gamma."""
    gamma = context.gamma_bands()
    if not gamma:
        return Claim(verdict="inconclusive", reason="no band of this study is named gamma")
    beside = _bands_beside(gamma, context)
    if not beside:
        return Claim(verdict="inconclusive", reason="there is no band beside gamma to compare with")
    claims = [_band_drives(rows, band, beside, context) for band in gamma]
    judged = [(claim, claim.p) for claim in claims if claim.p is not None]
    if not judged:
        return claims[0]
    order: tuple[Verdict, ...] = ("supported", "inconclusive", "not-supported")
    best, p = min(judged, key=lambda pair: (order.index(pair[0].verdict), pair[1]))
    p = min(1.0, len(judged) * p)  # Bonferroni: the best of the gamma bands was chosen
    reason = "; ".join(claim.reason for claim in claims)
    return _guard_bleed(Claim(verdict=best.verdict, reason=reason, interval=best.interval, p=p), objection)


def _head_contrast(rows: Sequence[UnitEvidence], own: str, other: str, context: StudyContext) -> Interval | None:
    mine = [row for row in rows if row.cell_type == own]
    return mean_interval(
        mine, lambda row: difference(row.head_roc_auc.get(own), row.head_roc_auc.get(other)), context, "H1", own
    )


def _type_difference(
    rows: Sequence[UnitEvidence], score: Score, context: StudyContext, purpose: str
) -> tuple[Interval | None, str]:
    """Inhibitory minus excitatory, participants redrawn jointly; or None and what is lacking."""
    scored = [(row, value) for row in rows if row.cell_type != "unclassified" and (value := score(row)) is not None]
    for kind in ("excitatory", "inhibitory"):
        people = participants_of(row for row, _ in scored if row.cell_type == kind)
        if len(people) < context.min_participants:
            return None, f"scored {kind} units of {len(people)} participants, {context.min_participants} needed"
    gap = bootstrap_difference(
        [value for _, value in scored],
        [row.participant for row, _ in scored],
        [row.cell_type == "inhibitory" for row, _ in scored],
        context.rng("H2", purpose),
        context.n_draws,
    )
    return gap, ""


def _bands_beside(gamma: Sequence[Band], context: StudyContext) -> tuple[Band, ...]:
    """
    Find the nearest bands below and above gamma.

    The gamma bands are not each other's neighbours: if both carry the drive, neither needs to beat the other.
    """
    others = [band for band in context.bands_by_frequency() if band not in gamma]
    below = [band for band in others if band.low_hz < gamma[0].low_hz]
    above = [band for band in others if band.low_hz > gamma[-1].low_hz]
    return (*below[-1:], *above[:1])


def _band_drives(rows: Sequence[UnitEvidence], band: Band, beside: Sequence[Band], context: StudyContext) -> Claim:
    drop = mean_interval(rows, lambda row: row.lobo_drop.get(band.name), context, "H4", band.name)
    excesses = {
        other.name: mean_interval(rows, drop_gap(band, other), context, "H4", band.name, other.name) for other in beside
    }
    needs = {f"{band.name} left out": drop, **{f"{name} left out": gap for name, gap in excesses.items()}}
    found, lack = usable(needs, context)
    if lack:
        return Claim(verdict="inconclusive", reason=lack)
    drop, *gaps = found
    verdict = _conjunction((drop,), context)
    if verdict == "supported" and not all(gap.bounds(0.9)[0] > 0 for gap in gaps):
        exceeded = any(gap.mean <= 0 and gap.high < context.margin for gap in gaps)
        verdict = "not-supported" if exceeded else "inconclusive"
    beyond = ", ".join(f"{gap.mean:+.3f} beyond {name}" for name, gap in zip(excesses, gaps, strict=True))
    return Claim(
        verdict=verdict,
        reason=f"{band.name} left out costs {format_interval(drop)} ({beyond})",
        interval=drop,
        p=max(p_two_sided(drop.draws), *(p_greater(gap.draws) for gap in gaps)),
    )


def _guard_bleed(claim: Claim, objection: Objection | None) -> Claim:
    if claim.verdict != "supported" or objection is None:
        return claim
    verdict, why = objection
    return replace(claim, verdict=verdict, reason=f"{claim.reason}; but {why}")


def _conjunction(intervals: Sequence[Interval], context: StudyContext) -> Verdict:
    """Supported if all are above 0; not supported if one that is not excludes an effect worth naming."""
    open_ones = [interval for interval in intervals if interval.low <= 0]
    if not open_ones:
        return "supported"
    return "not-supported" if any(interval.high < context.margin for interval in open_ones) else "inconclusive"


def usable(intervals: Mapping[str, Interval | None], context: StudyContext) -> tuple[tuple[Interval, ...], str]:
    """All intervals if each rests on enough participants; else what is lacking."""
    for name, interval in intervals.items():
        n_participants = interval.n_participants if interval else 0
        if n_participants < context.min_participants:
            return (), f"{name}: {n_participants} participants, {context.min_participants} needed"
    return tuple(interval for interval in intervals.values() if interval is not None), ""
