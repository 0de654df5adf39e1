"""Features of signals whose amplitude and phase are known."""

import numpy as np
import pytest

from nwb_spikeinference.bands import Band
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.features import band_features, columns_of_band, feature_names, robust_standardise

RATE_HZ = 1000.0
AMPLITUDE_V = 40e-6
CENTRES = np.arange(2, 20_000, 5)  # of 5 ms bins
SETTLED = slice(400, -400)
ALL_VALID = np.ones(1001, dtype=bool)

BANDS = (
    Band(name="theta", low_hz=4, high_hz=8),
    Band(name="low_gamma", low_hz=30, high_hz=55),
    Band(name="high_frequency", low_hz=125, high_hz=175),  # above the 100 Hz that 5 ms bins could follow
)


def features_of_tone(band: Band) -> tuple[FloatArray, FloatArray]:
    """Features of a tone at the band's (geometric) centre, and the tone's phase at the bin centres."""
    frequency_hz = np.sqrt(band.low_hz * band.high_hz)
    phase = 2 * np.pi * frequency_hz * np.arange(20_000) / RATE_HZ + 0.7
    return band_features(AMPLITUDE_V * np.cos(phase), RATE_HZ, [band], CENTRES)[SETTLED], phase[CENTRES][SETTLED]


@pytest.mark.parametrize("band", BANDS, ids=lambda band: band.name)
def test_trace_is_the_tone_at_the_bin_centres(band: Band) -> None:
    features, phase = features_of_tone(band)
    np.testing.assert_allclose(features[:, 0], AMPLITUDE_V * np.cos(phase), atol=0.01 * AMPLITUDE_V)


@pytest.mark.parametrize("band", BANDS, ids=lambda band: band.name)
def test_quadrature_is_the_tone_a_quarter_later(band: Band) -> None:
    features, phase = features_of_tone(band)
    np.testing.assert_allclose(features[:, 1], AMPLITUDE_V * np.sin(phase), atol=0.01 * AMPLITUDE_V)


@pytest.mark.parametrize("band", BANDS, ids=lambda band: band.name)
def test_log_envelope_is_the_log_amplitude(band: Band) -> None:
    features, _ = features_of_tone(band)
    np.testing.assert_allclose(features[:, 2], np.log10(AMPLITUDE_V), atol=0.005)


def test_log_envelope_of_silence_is_finite() -> None:
    assert np.all(np.isfinite(band_features(np.zeros(5000), RATE_HZ, BANDS, CENTRES[:900])))


def test_features_have_one_row_per_bin_and_one_column_per_name() -> None:
    features = band_features(np.zeros(5000), RATE_HZ, BANDS, CENTRES[:900])
    assert features.shape == (900, len(feature_names(BANDS)))


def test_columns_of_band_are_its_trace_quadrature_and_envelope() -> None:
    names = feature_names(BANDS)
    assert [names[column] for column in columns_of_band(names, "low_gamma")] == [
        "low_gamma:trace",
        "low_gamma:quadrature",
        "low_gamma:log_envelope",
    ]


def test_columns_of_band_know_a_name_with_a_colon() -> None:
    assert columns_of_band(feature_names([Band(name="gamma:slow", low_hz=30, high_hz=55)]), "gamma:slow") == (0, 1, 2)


def test_robust_standardise_gives_median_0_and_mad_1() -> None:
    scaled = robust_standardise(np.random.default_rng(0).normal(3.0, 7.0, size=(1001, 2)), ALL_VALID)
    np.testing.assert_allclose(np.median(scaled, axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(1.4826 * np.median(np.abs(scaled), axis=0), 1.0, atol=1e-6)


def test_robust_standardise_is_moved_by_no_outlier() -> None:
    clean = np.random.default_rng(1).normal(size=(1001, 1))
    spoilt = clean.copy()
    spoilt[:5] = 1e6
    np.testing.assert_allclose(
        robust_standardise(spoilt, ALL_VALID)[5:], robust_standardise(clean, ALL_VALID)[5:], atol=0.05
    )


def test_robust_standardise_clips_at_5() -> None:
    features = np.random.default_rng(2).normal(size=(1001, 1))
    features[[3, 4]] = [[1e3], [-1e3]]
    np.testing.assert_array_equal(robust_standardise(features, ALL_VALID)[[3, 4], 0], [5.0, -5.0])


def test_robust_standardise_takes_no_statistics_from_invalid_bins_and_makes_them_0() -> None:
    features = np.random.default_rng(3).normal(size=(1001, 1))
    valid = np.arange(1001) < 500
    features[~valid] = np.nan
    scaled = robust_standardise(features, valid)
    np.testing.assert_array_equal(scaled[valid], robust_standardise(features[valid], valid[valid]))
    np.testing.assert_array_equal(scaled[~valid], 0.0)


def test_robust_standardise_of_a_constant_is_0() -> None:
    np.testing.assert_array_equal(robust_standardise(np.full((1001, 1), 4.2), ALL_VALID), 0.0)


def test_robust_standardise_without_a_valid_bin_is_0() -> None:
    np.testing.assert_array_equal(robust_standardise(np.ones((1001, 2)), ~ALL_VALID), 0.0)
