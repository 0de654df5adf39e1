"""Default bands, and what a band may be."""

from itertools import pairwise

import pytest

from nwb_spikeinference.bands import GAMMA_BANDS, Band, default_bands, split_by_nyquist
from nwb_spikeinference.errors import BandError


@pytest.mark.parametrize("line_hz", [50, 60])
def test_default_bands_hold_no_mains_or_harmonic(line_hz: int) -> None:
    for harmonic_hz in range(line_hz, 301, line_hz):
        assert not [band for band in default_bands(line_hz) if band.low_hz - 5 < harmonic_hz < band.high_hz + 5]


@pytest.mark.parametrize("line_hz", [50, 60])
def test_default_bands_rise_without_overlap(line_hz: int) -> None:
    bands = default_bands(line_hz)
    assert all(lower.high_hz <= upper.low_hz for lower, upper in pairwise(bands))


@pytest.mark.parametrize("line_hz", [50, 60])
def test_default_bands_include_the_gamma_bands(line_hz: int) -> None:
    assert set(GAMMA_BANDS) < {band.name for band in default_bands(line_hz)}


def test_default_bands_refuse_other_mains() -> None:
    with pytest.raises(BandError, match=r"mains of 55 Hz are unknown; signal.line_hz must be 50 or 60"):
        default_bands(55)


@pytest.mark.parametrize(("low_hz", "high_hz"), [(8, 4), (4, 4), (0, 4), (-1, 4), (float("nan"), 4)])
def test_a_band_must_rise_from_above_0(low_hz: float, high_hz: float) -> None:
    with pytest.raises(BandError, match="band 'theta' must have 0 < low < high, got"):
        Band(name="theta", low_hz=low_hz, high_hz=high_hz)


def test_split_by_nyquist_names_the_bands_that_a_slow_signal_lacks() -> None:
    kept, dropped = split_by_nyquist(default_bands(60), 250.0)
    assert [band.name for band in kept] == ["delta", "theta", "alpha", "beta", "low_gamma", "high_gamma"]
    assert [band.name for band in dropped] == ["high_frequency"]


def test_split_by_nyquist_drops_a_band_that_ends_at_nyquist() -> None:
    band = Band(name="fast", low_hz=80, high_hz=125)
    assert split_by_nyquist([band], 250.0) == ((), (band,))
