"""Waveforms by generalised least squares: planted ones come back, also from bursts, and LFP stays."""

import numpy as np
import pytest

from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.signal.despike import make_template, subtract_templates, sum_around_spikes
from nwb_spikeinference.signal.despike_gls import make_gls_template, noise_power

RATE_HZ = 30_000.0
N_SAMPLES = 300_000
N_WINDOW = 1890  # samples of an average around spikes
AROUND_MS = np.arange(-930, 960) / RATE_HZ * 1e3
SPIKE = np.array([930])
FREQUENCIES_HZ = np.fft.rfftfreq(N_WINDOW, 1 / RATE_HZ)
WHITE = np.ones((len(FREQUENCIES_HZ), 1))
LFP = (1 / np.maximum(FREQUENCIES_HZ, 1) ** 2 + 1 / 200**2)[:, None]  # 1/f^2 above white noise, equal at 200 Hz
AFTER_BURST = 105  # samples from a spike to the next one: 3.5 ms


def action_potential(time_ms: FloatArray) -> FloatArray:
    """30 units deep, trough-to-peak 0.65 ms."""
    return -30 * np.exp(-0.5 * (time_ms / 0.17) ** 2) + 11 * np.exp(-0.5 * ((time_ms - 0.65) / 0.25) ** 2)


PLANTED = action_potential(AROUND_MS)[900:990]


def plant(signal: FloatArray, spikes: IntArray) -> FloatArray:
    planted = signal.copy()
    for spike in spikes:
        planted[spike - 30 : spike + 60, 0] += PLANTED
    return planted


def average(signal: FloatArray, spikes: IntArray) -> FloatArray:
    return sum_around_spikes(lambda start, stop: signal[start:stop], len(signal), RATE_HZ, [spikes]).mean(0)


def lfp_noise(seed: int) -> FloatArray:
    """Noise with the spectrum `LFP`, 30 units strong; shape (n_samples, 1)."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=N_SAMPLES))
    frequencies_hz = np.fft.rfftfreq(N_SAMPLES, 1 / RATE_HZ)
    noise = np.fft.irfft(spectrum * np.sqrt(1 / np.maximum(frequencies_hz, 1) ** 2 + 1 / 200**2), N_SAMPLES)
    return (30 * noise / noise.std())[:, None]


@pytest.fixture(scope="module")
def bursts() -> IntArray:
    """Pairs of spikes 3.5 ms apart, every 100 ms."""
    first = np.arange(3000, N_SAMPLES - 3000, 3000)
    return np.sort(np.concatenate([first, first + AFTER_BURST]))


def test_one_planted_waveform_comes_back() -> None:
    template = make_gls_template(action_potential(AROUND_MS)[:, None], RATE_HZ, 0, SPIKE, LFP, [SPIKE])
    np.testing.assert_allclose(template.waveform, PLANTED, atol=0.02)


def test_waveform_of_bursts_comes_back_where_a_mean_is_misled(bursts: IntArray) -> None:
    mean = average(plant(np.zeros((N_SAMPLES, 1)), bursts), bursts)
    np.testing.assert_allclose(make_gls_template(mean, RATE_HZ, 0, bursts, LFP, [bursts]).waveform, PLANTED, atol=0.1)
    assert np.abs(make_template(mean, RATE_HZ, 0, bursts).waveform - PLANTED).max() > 1


def test_in_white_noise_it_is_the_least_squares_solution(bursts: IntArray) -> None:
    crowded = np.sort(np.concatenate([bursts, bursts + 70]))  # waveforms overlap
    signal = plant(np.random.default_rng(0).normal(size=(N_SAMPLES, 1)), crowded)
    position = np.zeros((N_SAMPLES, 90), dtype=np.float32)
    for lag in range(90):
        np.add.at(position[:, lag], crowded - 30 + lag, 1.0)
    expected = np.linalg.solve(position.T @ position, position.T @ signal[:, 0])
    found = make_gls_template(average(signal, crowded), RATE_HZ, 0, crowded, WHITE, [crowded]).waveform
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


def test_in_an_lfp_the_area_of_its_waveform_is_nearer_than_that_of_least_squares() -> None:
    spikes = np.sort(np.random.default_rng(0).choice(np.arange(2000, N_SAMPLES - 2000, 100), 60, replace=False))
    errors = {"gls": 0.0, "least squares": 0.0}
    for seed in range(10):
        mean = average(plant(lfp_noise(seed), spikes), spikes)
        for name, power in (("gls", LFP), ("least squares", WHITE)):
            waveform = make_gls_template(mean, RATE_HZ, 0, spikes, power, [spikes]).waveform
            errors[name] += float(np.sum(waveform - PLANTED) ** 2)  # the area is what the LFP holds of a spike
    assert errors["gls"] < 0.4 * errors["least squares"]


@pytest.mark.parametrize(("frequency_hz", "taken"), [(8, 0.02), (20, 0.1), (40, 0.3)])
@pytest.mark.parametrize("phase", [0.0, 1.0, 2.0])
def test_lfp_that_the_spikes_are_locked_to_stays(frequency_hz: float, taken: float, phase: float) -> None:
    lfp = np.cos(2 * np.pi * frequency_hz * AROUND_MS / 1e3 + phase)
    assert np.abs(make_gls_template(lfp[:, None], RATE_HZ, 0, SPIKE, LFP, [SPIKE]).waveform).max() < taken


def test_an_offset_is_no_waveform() -> None:
    spike = action_potential(AROUND_MS)[:, None]
    shifted, plain = (make_gls_template(mean, RATE_HZ, 0, SPIKE, LFP, [SPIKE]) for mean in (spike + 1e4, spike))
    np.testing.assert_allclose(shifted.waveform, plain.waveform, atol=1e-6)


def test_its_template_is_subtracted_as_that_of_the_mean_is(bursts: IntArray) -> None:
    signal = plant(np.zeros((N_SAMPLES, 1)), bursts)
    template = make_gls_template(average(signal, bursts), RATE_HZ, 0, bursts, LFP, [bursts])
    assert np.abs(subtract_templates(signal, 0, [template])).max() < 0.1


def test_pairs_are_counted_within_blocks_and_not_across(bursts: IntArray) -> None:
    mean = average(plant(np.zeros((N_SAMPLES, 1)), bursts), bursts)
    whole = make_gls_template(mean, RATE_HZ, 0, bursts, LFP, [bursts])
    cut = make_gls_template(mean, RATE_HZ, 0, bursts, LFP, [bursts[:100], bursts[100:]])  # between two bursts
    np.testing.assert_allclose(cut.waveform, whole.waveform, atol=1e-9)


def test_noise_power_is_the_spectrum_of_the_wire() -> None:
    signal = np.concatenate([lfp_noise(1), np.random.default_rng(1).normal(size=(N_SAMPLES, 1))], axis=1)
    power = noise_power(lambda start, stop: signal[start:stop], N_SAMPLES, RATE_HZ)
    settled = slice(3, 600)  # from 48 Hz
    for wire, expected in ((0, LFP[:, 0]), (1, WHITE[:, 0])):
        ratio = power[settled, wire] / expected[settled]
        np.testing.assert_allclose(ratio / np.median(ratio), 1.0, atol=0.35)


def test_noise_power_hardly_sees_spikes() -> None:
    noise = lfp_noise(2)
    spikes = np.arange(3000, N_SAMPLES - 3000, 15_000)
    large = noise + 30 * (plant(noise, spikes) - noise)
    clean, planted = (
        noise_power(lambda start, stop, s=signal: s[start:stop], N_SAMPLES, RATE_HZ) for signal in (noise, large)
    )
    assert np.median(planted[20:190] / clean[20:190]) < 1.3  # 300-3000 Hz; of a mean over windows 3.8


def test_f28_noise_power_of_a_wire_with_some_nan_is_finite() -> None:
    signal = lfp_noise(3)
    signal[140_000:141_000] = np.nan
    assert np.isfinite(noise_power(lambda start, stop: signal[start:stop], N_SAMPLES, RATE_HZ)).all()


@pytest.mark.parametrize("n_samples", [0, 1, N_WINDOW - 1])
def test_f38_noise_power_of_a_signal_shorter_than_a_window_is_white(n_samples: int) -> None:
    power = noise_power(lambda start, stop: np.zeros((stop - start, 2)), n_samples, RATE_HZ)
    np.testing.assert_array_equal(power, np.ones((946, 2)))


def test_f29_a_dead_wire_has_a_waveform_of_zeros() -> None:
    dead = np.zeros((N_WINDOW, 1))
    np.testing.assert_array_equal(make_gls_template(dead, RATE_HZ, 0, SPIKE, 0 * WHITE, [SPIKE]).waveform, 0.0)


def test_a_unit_without_spikes_has_a_waveform_of_zeros() -> None:
    none = np.array([], dtype=np.int64)
    np.testing.assert_array_equal(
        make_gls_template(np.zeros((N_WINDOW, 1)), RATE_HZ, 0, none, LFP, [none]).waveform, 0.0
    )
