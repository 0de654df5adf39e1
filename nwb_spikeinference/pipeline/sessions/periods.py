"""
Periods of time, as start and end in seconds on a session's clock.
"""

from collections.abc import Iterable

Period = tuple[float, float]


def merge_periods(periods: Iterable[Period], *, gap_s: float = 0.0) -> list[Period]:
    """Periods in order, those as one that overlap or lie no further apart than `gap_s` seconds."""
    merged: list[Period] = []
    for start, stop in sorted(periods):
        if merged and start <= merged[-1][1] + gap_s:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged
