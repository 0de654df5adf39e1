"""
The fingerprint of action potentials in the predictor in use.

Spikes that leak into the LFP lift the highest band first; where that shows, neither cell types nor gamma can be judged.
Where no two bands can be compared, nobody knows.
"""

from collections.abc import Sequence
from itertools import product

from nwb_spikeinference.bands import Band
from nwb_spikeinference.evaluation.evidence import Score, StudyContext, UnitEvidence, difference, mean_interval
from nwb_spikeinference.records import Verdict

_HIGH_HZ = 100.0  # where high-frequency activity begins, with mains of 50 or 60 Hz
_FIELD_HZ = 60.0  # below this, action potentials hardly reach
UNCHECKED = (
    "whether action potentials leak into the predictor was not checked: it needs lobo.mode: retrain or ablate, and a "
    f"band above {_HIGH_HZ:g} Hz beside a gamma band"
)

Objection = tuple[Verdict, str]  # what a supported claim becomes, and why


def bleed_fingerprint(rows: Sequence[UnitEvidence], context: StudyContext) -> str | None:
    """
    Why the predictor in use looks like leaked action potentials, or None.

    It is the unit's own wire; or dropping high-frequency activity costs more than dropping the lowest gamma band; or
    high-frequency activity alone beats every band below 60 Hz alone. Comparisons are paired within units and count
    where the lower bound of the 90 % interval is above 0. None also where `is_bleed_checked` says that nothing could
    be compared.
    """
    if context.predictor == "own":
        return "the predictor in use is the unit's own wire"
    for high, gamma in _gamma_pairs(context):
        if _is_above(rows, drop_gap(high, gamma), context, "costs", high.name, gamma.name):
            return f"dropping {high.name} costs more than dropping {gamma.name}"
    field = _field_bands(context)
    for high in _high_bands(context):
        beaten = [_is_above(rows, _only_gap(high, low), context, "beats", high.name, low.name) for low in field]
        if beaten and all(beaten):
            return f"{high.name} alone beats every band below {_FIELD_HZ:g} Hz alone"
    return None


def is_bleed_checked(rows: Sequence[UnitEvidence], context: StudyContext) -> bool:
    """Whether the predictor is known to be the own wire, or any comparison of `bleed_fingerprint` could be made."""
    drops = [drop_gap(high, gamma) for high, gamma in _gamma_pairs(context)]
    alone = [_only_gap(high, low) for high, low in product(_high_bands(context), _field_bands(context))]
    return context.predictor == "own" or any(gap(row) is not None for gap in (*drops, *alone) for row in rows)


def bleed_objection(rows: Sequence[UnitEvidence], context: StudyContext) -> Objection | None:
    """Say what speaks against supporting a claim on cell types or gamma, if anything does."""
    fingerprint = bleed_fingerprint(rows, context)
    if fingerprint is not None:
        return "confounded", f"{fingerprint}, as leaked action potentials would make it"
    return None if is_bleed_checked(rows, context) else ("inconclusive", UNCHECKED)


def _high_bands(context: StudyContext) -> tuple[Band, ...]:
    return tuple(band for band in context.bands if band.low_hz >= _HIGH_HZ)


def _field_bands(context: StudyContext) -> tuple[Band, ...]:
    return tuple(band for band in context.bands if band.high_hz <= _FIELD_HZ)


def _gamma_pairs(context: StudyContext) -> tuple[tuple[Band, Band], ...]:
    """Pair each high band with the lowest gamma band, where there is one."""
    return tuple((high, gamma) for high in _high_bands(context) for gamma in context.gamma_bands()[:1] if high != gamma)


def drop_gap(high: Band, low: Band) -> Score:
    """Make a getter of what leaving out one band costs more than leaving out another."""
    return lambda row: difference(row.lobo_drop.get(high.name), row.lobo_drop.get(low.name))


def _only_gap(high: Band, low: Band) -> Score:
    return lambda row: difference(row.lobo_only.get(high.name), row.lobo_only.get(low.name))


def _is_above(rows: Sequence[UnitEvidence], gap: Score, context: StudyContext, *purpose: str) -> bool:
    interval = mean_interval(rows, gap, context, *purpose)
    return interval is not None and interval.bounds(0.9)[0] > 0
