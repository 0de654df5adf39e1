"""
Frequency bands of the local field potential.

The default edges leave gaps around the mains and its harmonics, so that a band never holds line noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nwb_spikeinference.errors import BandError


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One frequency band, edges in Hz."""

    name: str
    low_hz: float
    high_hz: float

    def __post_init__(self) -> None:
        if not 0 < self.low_hz < self.high_hz:
            raise BandError(
                f"band {self.name!r} must have 0 < low < high, got {self.low_hz:g}-{self.high_hz:g} Hz; "
                f"swap or raise the edges"
            )


_LOW_BANDS = (
    Band(name="delta", low_hz=1, high_hz=4),
    Band(name="theta", low_hz=4, high_hz=8),
    Band(name="alpha", low_hz=8, high_hz=13),
    Band(name="beta", low_hz=13, high_hz=30),
)
_HIGH_BANDS = {
    60: (
        Band(name="low_gamma", low_hz=30, high_hz=55),
        Band(name="high_gamma", low_hz=65, high_hz=115),
        Band(name="high_frequency", low_hz=125, high_hz=175),
    ),
    50: (
        Band(name="low_gamma", low_hz=30, high_hz=45),
        Band(name="high_gamma", low_hz=55, high_hz=95),
        Band(name="high_frequency", low_hz=105, high_hz=145),
    ),
}

GAMMA_BANDS = ("low_gamma", "high_gamma")


def default_bands(line_hz: int) -> tuple[Band, ...]:
    """
    Delta to high-frequency activity, with gaps around mains of 50 or 60 Hz.

    Raises
    ------
    BandError
        If `line_hz` is neither 50 nor 60.
    """
    if line_hz not in _HIGH_BANDS:
        raise BandError(f"mains of {line_hz} Hz are unknown; signal.line_hz must be 50 or 60")
    return _LOW_BANDS + _HIGH_BANDS[line_hz]


def split_by_nyquist(bands: Sequence[Band], rate_hz: float) -> tuple[tuple[Band, ...], tuple[Band, ...]]:
    """Bands that a signal sampled at `rate_hz` holds, and those that reach or pass its Nyquist frequency."""
    kept = tuple(band for band in bands if band.high_hz < rate_hz / 2)
    return kept, tuple(band for band in bands if band not in kept)
