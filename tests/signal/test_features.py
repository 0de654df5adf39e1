"""Features of signals whose amplitude and phase are known."""

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from nwb_spikeinference.bands import Band, default_bands
from nwb_spikeinference.errors import BandError, InputError
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.features import (
    columns_of_band,
    feature_names,
    standardise,
    stream_features,
    wide_columns,
)

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


def features_of(
    lfp: FloatArray,
    bands: Sequence[Band],
    centres: np.ndarray,
    *,
    wide_band: bool = False,
    block_samples: int = 10**6,
) -> FloatArray:
    pieces = stream_features(
        lambda start, stop: lfp[start:stop],
        len(lfp),
        RATE_HZ,
        bands,
        centres,
        wide_band=wide_band,
        block_samples=block_samples,
    )
    width = len(feature_names(bands, wide_band=wide_band))
    return np.concatenate([np.empty((0, width), np.float32), *(rows for _, rows in pieces)])


def features_of_tone(band: Band) -> tuple[FloatArray, FloatArray]:
    """Features of a tone at the band's (geometric) centre, and the tone's phase at the bin centres."""
    frequency_hz = np.sqrt(band.low_hz * band.high_hz)
    phase = 2 * np.pi * frequency_hz * np.arange(20_000) / RATE_HZ + 0.7
    return features_of(AMPLITUDE_V * np.cos(phase), [band], CENTRES)[SETTLED], phase[CENTRES][SETTLED]


def brown_noise(n_samples: int) -> FloatArray:
    """Noise whose power falls as 1/f^2 above 0.3 Hz, and white noise."""
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.normal(size=n_samples)) / np.maximum(np.fft.rfftfreq(n_samples, 1 / RATE_HZ), 0.3)
    slow = np.fft.irfft(spectrum, n_samples)
    return 30e-6 * slow / slow.std() + 3e-6 * rng.normal(size=n_samples)


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


@pytest.mark.parametrize("wide_band", [False, True])
def test_features_of_silence_are_finite(wide_band: bool) -> None:
    assert np.all(np.isfinite(features_of(np.zeros(5000), BANDS, CENTRES[:900], wide_band=wide_band)))


@pytest.mark.parametrize("wide_band", [False, True])
def test_features_have_one_row_per_bin_and_one_column_per_name(wide_band: bool) -> None:
    features = features_of(np.zeros(5000), BANDS, CENTRES[:900], wide_band=wide_band)
    assert features.shape == (900, len(feature_names(BANDS, wide_band=wide_band)))
    assert features.dtype == np.float32


def test_phase_of_a_tone_is_its_generalised_phase() -> None:
    phase = 2 * np.pi * 12.0 * np.arange(20_000) / RATE_HZ
    features = features_of(AMPLITUDE_V * np.cos(phase), (), CENTRES, wide_band=True)
    expected = np.stack([np.cos(phase), np.sin(phase)], axis=1)[CENTRES]
    np.testing.assert_allclose(features[SETTLED, 1:3], expected[SETTLED], atol=0.01)


def test_motor_potential_of_a_slow_tone_is_the_tone() -> None:
    tone = AMPLITUDE_V * np.cos(2 * np.pi * 0.5 * np.arange(20_000) / RATE_HZ)
    motor_potential = features_of(tone, (), CENTRES, wide_band=True)[:, 0]
    np.testing.assert_allclose(motor_potential[SETTLED], tone[CENTRES][SETTLED], atol=0.002 * AMPLITUDE_V)


def test_aperiodic_features_are_the_power_law_of_the_noise() -> None:
    offset, exponent = features_of(brown_noise(60_000), (), CENTRES, wide_band=True)[:, 3:].T
    assert exponent.mean() == pytest.approx(2.0, abs=0.1)
    # Half of the variance lies below the corner; the mean of a logarithm lies 0.25 decades below that of the mean.
    assert offset.mean() == pytest.approx(np.log10((30e-6) ** 2 * 0.3 / 2) - 0.25, abs=0.1)


@pytest.mark.parametrize("block_samples", [1, 70_001])
def test_blocks_change_no_feature(block_samples: int) -> None:
    lfp, centres, bands = brown_noise(120_000), np.arange(2, 120_000, 5), default_bands(60)
    whole = features_of(lfp, bands, centres, wide_band=True)
    blocks = features_of(lfp, bands, centres, wide_band=True, block_samples=block_samples)
    rounding = np.finfo(np.float32).eps * np.abs(whole)
    error = (np.abs(blocks - whole) - rounding) / whole.std(axis=0)
    assert np.max(np.quantile(error, 0.999, axis=0)) < 1e-6
    assert np.max(error) < 1e-5  # phases and logarithms where the amplitude is next to nothing


def test_pieces_follow_one_another_and_cover_every_bin_once() -> None:
    centres = np.arange(2, 120_000, 5)
    lfp = brown_noise(120_000)
    pieces = stream_features(
        lambda start, stop: lfp[start:stop], 120_000, RATE_HZ, BANDS, centres, wide_band=False, block_samples=1
    )
    slices = [piece for piece, rows in pieces if len(rows) == piece.stop - piece.start]
    assert len(slices) > 2
    assert [piece.start for piece in slices] == [0, *(piece.stop for piece in slices[:-1])]
    assert slices[-1].stop == len(centres)


def test_memory_does_not_grow_with_the_recording() -> None:
    def peak_mb(n_samples: int) -> float:
        centres = np.arange(2, n_samples, 5)
        tracemalloc.start()
        for _ in stream_features(
            lambda start, stop: np.zeros(stop - start), n_samples, RATE_HZ, BANDS, centres, wide_band=True
        ):
            pass
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        return peak

    peak_mb(400_000)  # makes what is kept between calls
    assert peak_mb(1_200_000) < 1.1 * peak_mb(400_000) < 60


def test_centres_off_any_grid_read_the_same_features() -> None:
    lfp = brown_noise(40_000)
    irregular = np.floor(np.arange(2, 40_000, 5.12)).astype(np.int64)
    every = features_of(lfp, BANDS, np.arange(40_000), wide_band=True)
    found = features_of(lfp, BANDS, irregular, wide_band=True)
    np.testing.assert_allclose(found, every[irregular], atol=1e-5)


def test_a_rate_off_the_nominal_one_is_followed() -> None:
    rate_hz = 1000.02
    phase = 2 * np.pi * 80.0 * np.arange(400_000) / rate_hz
    centres = np.floor((np.arange(79_000) + 0.5) * 0.005 * rate_hz).astype(np.int64)
    pieces = stream_features(
        lambda start, stop: np.cos(phase[start:stop]), 400_000, rate_hz, [BANDS[1]], centres, wide_band=False
    )
    envelope = np.concatenate([rows for _, rows in pieces])[:, 2]
    assert envelope.shape == (79_000,)


def test_a_bin_without_samples_around_has_no_row() -> None:
    assert features_of(np.zeros(0), BANDS, np.zeros(0, np.int64), wide_band=True).shape == (0, 14)


@pytest.mark.parametrize("n_samples", [1, 2, 300])
def test_f38_features_of_a_few_samples_are_finite(n_samples: int) -> None:
    lfp = brown_noise(1000)[:n_samples]
    assert np.all(np.isfinite(features_of(lfp, BANDS, np.arange(n_samples), wide_band=True)))


def test_f38_features_of_a_strided_trace_are_those_of_its_copy() -> None:
    wide = np.repeat(brown_noise(5000)[:, None], 3, axis=1)[::-1]
    found = features_of(wide[:, 1], BANDS, CENTRES[:900], wide_band=True)
    np.testing.assert_array_equal(found, features_of(wide[:, 1].copy(), BANDS, CENTRES[:900], wide_band=True))


def test_f28_a_trace_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="NaN or infinite at sample 77"):
        features_of(np.where(np.arange(5000) == 77, np.nan, 0.0), BANDS, CENTRES[:900])


def test_a_band_above_nyquist_is_refused() -> None:
    with pytest.raises(BandError, match="band 'fast' ends at 500 Hz"):
        features_of(np.zeros(5000), [Band(name="fast", low_hz=300, high_hz=500)], CENTRES[:900])


def test_names_of_the_whole_spectrum_come_last() -> None:
    assert feature_names(BANDS[:1], wide_band=True) == (
        "theta:trace",
        "theta:quadrature",
        "theta:log_envelope",
        "wide:motor_potential",
        "wide:phase_cosine",
        "wide:phase_sine",
        "wide:aperiodic_offset",
        "wide:aperiodic_exponent",
    )


def test_wide_columns_are_those_of_the_whole_spectrum() -> None:
    assert wide_columns(feature_names(BANDS, wide_band=True)) == (9, 10, 11, 12, 13)
    assert wide_columns(feature_names(BANDS, wide_band=False)) == ()


def test_a_band_called_wide_is_no_column_of_the_whole_spectrum() -> None:
    names = feature_names([Band(name="wide", low_hz=1, high_hz=50)], wide_band=True)
    assert columns_of_band(names, "wide") == (0, 1, 2)
    assert wide_columns(names) == (3, 4, 5, 6, 7)


def test_columns_of_band_are_its_trace_quadrature_and_envelope() -> None:
    names = feature_names(BANDS)
    assert [names[column] for column in columns_of_band(names, "low_gamma")] == [
        "low_gamma:trace",
        "low_gamma:quadrature",
        "low_gamma:log_envelope",
    ]


def test_columns_of_band_know_a_name_with_a_colon() -> None:
    assert columns_of_band(feature_names([Band(name="gamma:slow", low_hz=30, high_hz=55)]), "gamma:slow") == (0, 1, 2)


def standardised(features: FloatArray, valid: np.ndarray) -> FloatArray:
    scaled = features.astype(np.float32)
    standardise(scaled, valid)
    return scaled


def test_standardise_gives_median_0_and_mad_1() -> None:
    scaled = standardised(np.random.default_rng(0).normal(3.0, 7.0, size=(1001, 2)), ALL_VALID)
    np.testing.assert_allclose(np.median(scaled, axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(1.4826 * np.median(np.abs(scaled), axis=0), 1.0, atol=1e-6)


def test_standardise_is_moved_by_no_outlier() -> None:
    clean = np.random.default_rng(1).normal(size=(1001, 1))
    spoilt = clean.copy()
    spoilt[:5] = 1e6
    np.testing.assert_allclose(standardised(spoilt, ALL_VALID)[5:], standardised(clean, ALL_VALID)[5:], atol=0.05)


def test_standardise_clips_at_5() -> None:
    features = np.random.default_rng(2).normal(size=(1001, 1))
    features[[3, 4]] = [[1e3], [-1e3]]
    np.testing.assert_array_equal(standardised(features, ALL_VALID)[[3, 4], 0], [5.0, -5.0])


def test_standardise_takes_no_statistics_from_invalid_bins_and_makes_them_0() -> None:
    features = np.random.default_rng(3).normal(size=(1001, 1))
    valid = np.arange(1001) < 500
    features[~valid] = np.nan
    scaled = standardised(features, valid)
    np.testing.assert_array_equal(scaled[valid], standardised(features[valid], valid[valid]))
    np.testing.assert_array_equal(scaled[~valid], 0.0)


def test_standardise_of_a_constant_is_0() -> None:
    np.testing.assert_array_equal(standardised(np.full((1001, 1), 4.2), ALL_VALID), 0.0)


def test_standardise_without_a_valid_bin_is_0() -> None:
    np.testing.assert_array_equal(standardised(np.ones((1001, 2)), ~ALL_VALID), 0.0)


@pytest.mark.parametrize("n_bins", [1, 2, 3, 10, 11])
def test_f38_standardise_of_a_few_bins_takes_their_median(n_bins: int) -> None:
    features = np.random.default_rng(4).normal(size=(n_bins, 1)).astype(np.float32)
    centre = np.median(features)
    spread = 1.4826 * np.median(np.abs(features - centre)) or 1.0
    expected = np.clip((features - centre) / spread, -5, 5)
    np.testing.assert_allclose(standardised(features, ALL_VALID[:n_bins]), expected, atol=1e-5)


def test_standardise_changes_a_file_in_place(tmp_path: Path) -> None:
    features = np.random.default_rng(5).normal(3, 7, size=(1001, 2)).astype(np.float32)
    np.save(tmp_path / "features.npy", features)
    on_disk = np.load(tmp_path / "features.npy", mmap_mode="r+")
    standardise(on_disk, ALL_VALID)
    on_disk.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "features.npy"), standardised(features, ALL_VALID))
