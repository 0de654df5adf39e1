"""
The fingerprint of action potentials in the predictor in use.

Spikes that leak into the LFP lift the highest band first; where that shows, neither cell types nor gamma can be judged.
"""

from collections.abc import Sequence

from nwb_spikeinference.bands import GAMMA_BANDS, Band
from nwb_spikeinference.evaluation.evidence import StudyContext, UnitEvidence, difference, mean_interval
from nwb_spikeinference.evaluation.statistics import Interval

_HIGH_HZ = 100.0  # where high-frequency activity begins, with mains of 50 or 60 Hz
_FIELD_HZ = 60.0  # below this, action potentials hardly reach


def bleed_fingerprint(rows: Sequence[UnitEvidence], context: StudyContext) -> str | None:
    """
    Why the predictor in use looks like leaked action potentials, or None.

    It is the unit's own wire; or dropping high-frequency activity costs more than dropping low gamma; or
    high-frequency activity alone beats every band below 60 Hz alone. Comparisons are paired within units and count
    where the lower bound of the 90 % interval is above 0.
    """
    if context.predictor == "own":
        return "the predictor in use is the unit's own wire"
    high = [band for band in context.bands if band.low_hz >= _HIGH_HZ]
    for band in high:
        if _costs_more(rows, band.name, GAMMA_BANDS[0], context):
            return f"dropping {band.name} costs more than dropping {GAMMA_BANDS[0]}"
        if _beats_field(rows, band, context):
            return f"{band.name} alone beats every band below {_FIELD_HZ:g} Hz alone"
    return None


def _costs_more(rows: Sequence[UnitEvidence], high: str, low: str, context: StudyContext) -> bool:
    gap = mean_interval(
        rows, lambda row: difference(row.lobo_drop.get(high), row.lobo_drop.get(low)), context, "costs", high, low
    )
    return _is_above(gap)


def _beats_field(rows: Sequence[UnitEvidence], high: Band, context: StudyContext) -> bool:
    below = [band.name for band in context.bands if band.high_hz <= _FIELD_HZ]
    return bool(below) and all(_beats(rows, high.name, name, context) for name in below)


def _beats(rows: Sequence[UnitEvidence], high: str, low: str, context: StudyContext) -> bool:
    gap = mean_interval(
        rows, lambda row: difference(row.lobo_only.get(high), row.lobo_only.get(low)), context, "beats", high, low
    )
    return _is_above(gap)


def _is_above(gap: Interval | None) -> bool:
    return gap is not None and gap.bounds(0.9)[0] > 0
