"""The LFP trace itself as samples per bin: its scale, and bands taken out of it or alone."""

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from nwb_spikeinference.bands import Band
from nwb_spikeinference.errors import BandError
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.raw_trace import Effect, filter_raw, samples_per_bin, standardise_raw

RATE_HZ, BIN_S, PER_BIN = 1000.0, 0.005, 5
N_BINS = 8000
WHOLE = (slice(0, N_BINS),)
THETA = Band(name="theta", low_hz=4, high_hz=8)
GAMMA = Band(name="low_gamma", low_hz=30, high_hz=55)
SETTLED = slice(2000, -2000)  # bins away from the ends


def sine(frequency_hz: float) -> FloatArray:
    wave: FloatArray = np.sin(2 * np.pi * frequency_hz * np.arange(N_BINS * PER_BIN) / RATE_HZ)
    return wave.reshape(-1, PER_BIN).astype(np.float32)


def noise(seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((N_BINS, PER_BIN)).astype(np.float32)


def power(raw: FloatArray, low_hz: float, high_hz: float) -> float:
    """Mean power between two frequencies."""
    trace = raw[SETTLED].ravel()
    frequency_hz = np.fft.rfftfreq(len(trace), 1 / RATE_HZ)
    spectrum = np.abs(np.fft.rfft(trace * np.hanning(len(trace)))) ** 2
    return float(spectrum[(frequency_hz >= low_hz) & (frequency_hz <= high_hz)].mean())


@pytest.mark.parametrize(
    ("rate_hz", "bin_s", "expected"),
    [(1000, 0.005, 5), (1024, 0.005, 5), (1000, 0.003, 3), (1000, 0.007, 7), (500, 0.001, 1), (100, 0.005, 1)],
)
def test_a_bin_holds_the_samples_that_fit_and_at_least_one(rate_hz: float, bin_s: float, expected: int) -> None:
    assert samples_per_bin(rate_hz, bin_s) == expected


def test_a_trace_is_scaled_as_one_and_not_sample_by_sample() -> None:
    raw = 3.0 * noise() * np.array([1, 1, 5, 1, 1], np.float32) + 7.0
    expected = raw.copy()
    expected = (expected - np.median(raw)) / (1.4826 * np.median(np.abs(raw - np.median(raw))))
    every = np.ones(N_BINS, bool)
    standardise_raw(raw, every, every)
    np.testing.assert_allclose(raw, np.clip(expected, -10, 10), atol=1e-4)
    assert np.abs(raw).max() == 10.0


def test_a_trace_is_scaled_by_its_good_bins_and_nothing_outside_what_was_recorded() -> None:
    raw = noise()
    good, recorded = np.zeros(N_BINS, bool), np.zeros(N_BINS, bool)
    good[2000:5000], recorded[1000:6000] = True, True
    raw[1000:2000] *= 3.0
    raw[6000:] = 99.0
    standardise_raw(raw, good, recorded)
    assert raw[2000:5000].std() == pytest.approx(1.0, abs=0.03)
    assert raw[1000:2000].std() == pytest.approx(3.0, abs=0.1)
    assert not raw[:1000].any()
    assert not raw[6000:].any()


@pytest.mark.parametrize(("band", "centre_hz"), [(THETA, np.sqrt(32.0)), (GAMMA, np.sqrt(1650.0))])
def test_a_stopped_band_is_gone_and_what_lies_outside_stays_where_it_was(band: Band, centre_hz: float) -> None:
    outside = sine(band.low_hz / 4) + sine(band.high_hz * 3)
    kept = filter_raw(sine(centre_hz) + outside, WHOLE, BIN_S, band, "stop")
    np.testing.assert_allclose(kept[SETTLED], outside[SETTLED], atol=0.02)


@pytest.mark.parametrize("band", [THETA, GAMMA], ids=["theta", "low_gamma"])
def test_of_noise_a_stopped_band_keeps_little_inside_and_all_outside(band: Band) -> None:
    kept = filter_raw(noise(), WHOLE, BIN_S, band, "stop")
    width_hz = band.high_hz - band.low_hz
    middle = (band.low_hz + width_hz / 4, band.high_hz - width_hz / 4)
    assert power(kept, *middle) < 0.02 * power(noise(), *middle)
    assert power(kept, band.low_hz, band.high_hz) < 0.06 * power(noise(), band.low_hz, band.high_hz)
    for far in ((band.low_hz / 8, band.low_hz / 4), (band.high_hz + 2 * width_hz, 400.0)):
        assert power(kept, *far) == pytest.approx(power(noise(), *far), rel=0.05)


@pytest.mark.parametrize("effect", ["stop", "pass"])
@pytest.mark.parametrize("band", [THETA, GAMMA], ids=["theta", "low_gamma"])
def test_bands_are_those_of_scipy_both_ways(band: Band, effect: Effect) -> None:
    sos = butter(2, (band.low_hz, band.high_hz), btype=effect, fs=RATE_HZ, output="sos")
    expected = sosfiltfilt(sos, noise().astype(float).ravel()).reshape(-1, PER_BIN)
    np.testing.assert_allclose(filter_raw(noise(), WHOLE, BIN_S, band, effect)[SETTLED], expected[SETTLED], atol=1e-4)


def test_a_band_alone_and_the_rest_add_up_to_the_trace() -> None:
    alone, rest = (filter_raw(noise(), WHOLE, BIN_S, THETA, effect) for effect in ("pass", "stop"))
    np.testing.assert_allclose(alone + rest, noise(), atol=1e-5)


def test_nothing_crosses_from_one_segment_to_another() -> None:
    segments = (slice(500, 3000), slice(3500, 8000))
    changed = noise()
    changed[3500:] = 50.0
    first, second = (filter_raw(raw, segments, BIN_S, THETA, "stop") for raw in (noise(), changed))
    np.testing.assert_array_equal(first[:3500], second[:3500])
    assert not first[:500].any()
    assert not first[3000:3500].any()


def test_a_band_that_the_trace_cannot_hold_is_refused() -> None:
    with pytest.raises(BandError, match="band 'low_gamma' ends at 55 Hz, but a signal sampled at 100 Hz"):
        filter_raw(np.zeros((1000, 1), np.float32), (slice(0, 1000),), 0.01, GAMMA, "stop")
