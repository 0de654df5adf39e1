"""
Leaks between bands: those that a band's filter lets through.

A Butterworth filter has skirts: much of a band still stands in the features of those beside it, and a regression over
several lags can raise it again. So a band that is left out must be stopped in what remains.
"""

import math
from collections.abc import Sequence

from nwb_spikeinference.bands import Band
from nwb_spikeinference.signal.filter_bank import BUTTERWORTH_ORDER

SMALLEST_LEAK = 0.01  # gain at the nearest edge of the other band, from which it counts


def leaking_pairs(bands: Sequence[Band]) -> tuple[tuple[Band, Band], ...]:
    """
    Bands, each with one that leaks into it.

    It depends on the edges alone, so that recordings of different rates have the same pairs.
    """
    return tuple(
        (band, other)
        for band in bands
        for other in bands
        if other != band and _gain(band, _nearest_hz(band, other)) > SMALLEST_LEAK
    )


def _nearest_hz(band: Band, other: Band) -> float:
    """The frequency of the other band that a band's filter lets through most."""
    centre_hz = math.sqrt(band.low_hz * band.high_hz)
    return min(max(centre_hz, other.low_hz), other.high_hz)


def _gain(band: Band, frequency_hz: float) -> float:
    """Of the band-pass run both ways, as designed before it is made digital."""
    away = (frequency_hz**2 - band.low_hz * band.high_hz) / (frequency_hz * (band.high_hz - band.low_hz))
    return float(1 / (1 + away**BUTTERWORTH_ORDER))
