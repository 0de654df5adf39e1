"""Zero-phase filters on sines whose answer is known."""

import numpy as np
import pytest

from nwb_spikeinference.bands import Band, default_bands
from nwb_spikeinference.errors import BandError
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.filters import analytic_signal, bandpass, remove_line_noise

RATE_HZ = 1000.0
SETTLED = slice(4000, -4000)
THETA = Band(name="theta", low_hz=4, high_hz=8)


def sine(frequency_hz: float, seconds: float = 20.0) -> FloatArray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def gain(filtered: FloatArray) -> float:
    """Amplitude of a filtered sine of amplitude 1."""
    return float(np.sqrt(2) * np.std(filtered[SETTLED]))


def test_bandpass_keeps_the_centre_of_the_band_without_delay() -> None:
    kept = bandpass(sine(6.0), RATE_HZ, THETA)
    np.testing.assert_allclose(kept[SETTLED], sine(6.0)[SETTLED], atol=0.002)


@pytest.mark.parametrize("edge_hz", [4.0, 8.0])
def test_bandpass_halves_the_edges(edge_hz: float) -> None:
    assert gain(bandpass(sine(edge_hz), RATE_HZ, THETA)) == pytest.approx(0.5, abs=0.01)  # -3 dB, twice


@pytest.mark.parametrize("frequency_hz", [1.0, 2.0, 16.0, 60.0])
def test_bandpass_stops_an_octave_away_by_40_db(frequency_hz: float) -> None:
    assert gain(bandpass(sine(frequency_hz), RATE_HZ, THETA)) < 0.01


@pytest.mark.parametrize("frequency_hz", [4.5, 7.5])
def test_bandpass_turns_no_phase_off_centre(frequency_hz: float) -> None:
    kept = bandpass(sine(frequency_hz), RATE_HZ, THETA)[SETTLED]
    turn = np.exp(-2j * np.pi * frequency_hz * np.arange(20_000) / RATE_HZ)[SETTLED]
    assert np.angle(np.mean(kept * turn) * 1j) == pytest.approx(0.0, abs=0.002)


def test_bandpass_filters_each_channel_alone() -> None:
    both = np.stack([sine(6.0), sine(30.0)], axis=1)
    np.testing.assert_allclose(bandpass(both, RATE_HZ, THETA)[:, 0], bandpass(sine(6.0), RATE_HZ, THETA), atol=1e-12)


@pytest.mark.parametrize("high_hz", [125.0, 175.0])
def test_bandpass_refuses_a_band_at_or_above_nyquist(high_hz: float) -> None:
    band = Band(name="fast", low_hz=100, high_hz=high_hz)
    with pytest.raises(BandError, match=rf"band 'fast' ends at {high_hz:g} Hz, .* 250 Hz holds nothing above 125 Hz"):
        bandpass(sine(6.0), 250.0, band)


@pytest.mark.parametrize(("line_hz", "harmonics"), [(60, [60, 120, 180, 240, 480]), (50, [50, 100, 150, 200, 450])])
def test_remove_line_noise_removes_mains_and_harmonics_by_40_db(line_hz: int, harmonics: list[int]) -> None:
    for frequency_hz in harmonics:
        assert gain(remove_line_noise(sine(frequency_hz), RATE_HZ, line_hz)) < 0.01


def test_remove_line_noise_of_60_hz_leaves_50_hz() -> None:
    cleaned = remove_line_noise(sine(50.0), RATE_HZ, 60)
    np.testing.assert_allclose(cleaned[SETTLED], sine(50.0)[SETTLED], atol=0.02)


@pytest.mark.parametrize("line_hz", [50, 60])
def test_remove_line_noise_leaves_the_default_bands(line_hz: int) -> None:
    for band in default_bands(line_hz):
        for frequency_hz in (band.low_hz, band.high_hz):
            assert gain(remove_line_noise(sine(frequency_hz), RATE_HZ, line_hz)) > 0.95


def test_remove_line_noise_ignores_harmonics_above_nyquist() -> None:
    np.testing.assert_array_equal(remove_line_noise(sine(10.0), 100.0, 60), sine(10.0))


def test_analytic_signal_of_a_cosine_turns() -> None:
    phase = 2 * np.pi * 6.0 * np.arange(20_000) / RATE_HZ
    np.testing.assert_allclose(analytic_signal(np.cos(phase)), np.exp(1j * phase), atol=1e-9)


@pytest.mark.parametrize("n_samples", [0, 1, 2])
def test_f38_filters_keep_the_length_of_nearly_empty_signals(n_samples: int) -> None:
    signal = np.zeros((n_samples, 2))
    assert bandpass(signal, RATE_HZ, THETA).shape == remove_line_noise(signal, RATE_HZ, 60).shape == (n_samples, 2)


def test_f38_filters_accept_strided_arrays() -> None:
    wide = np.repeat(sine(6.0)[:, None], 4, axis=1)
    np.testing.assert_array_equal(bandpass(wide[:, ::2], RATE_HZ, THETA), bandpass(wide[:, :2].copy(), RATE_HZ, THETA))
