"""Planted action potentials: removed from their wire, found on the wires that show them."""

import numpy as np
import pytest

from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.signal.despike import (
    AFTER_S,
    BEFORE_S,
    CROSSTALK_BAND_HZ,
    ReadSamples,
    SpikeTemplate,
    TriggeredSums,
    filter_mean,
    make_template,
    spike_band_sd,
    subtract_templates,
    sum_around_spikes,
    wires_showing_unit,
)

RATE_HZ = 30_000.0
N_SAMPLES = 300_000
BEFORE, AFTER = round(BEFORE_S * RATE_HZ), round(AFTER_S * RATE_HZ)
NOISE_V = 8e-6
WIRE, ECHO = 1, 2  # wires with the action potential, and with a tenth of it
N_WIRES = 4


def action_potential(time_ms: FloatArray) -> FloatArray:
    """30 uV, trough-to-peak 0.65 ms."""
    return 1e-6 * (-30 * np.exp(-0.5 * (time_ms / 0.17) ** 2) + 11 * np.exp(-0.5 * ((time_ms - 0.65) / 0.25) ** 2))


AROUND_MS = np.arange(-930, 960) / RATE_HZ * 1e3  # of an average around spikes
PLANTED = action_potential((np.arange(BEFORE + AFTER) - BEFORE) / RATE_HZ * 1e3)


def reader(signal: FloatArray) -> ReadSamples:
    return lambda start, stop: signal[start:stop]


def triggered(signal: FloatArray, spikes: IntArray, block_s: float = 10.0) -> TriggeredSums:
    return sum_around_spikes(reader(signal), len(signal), RATE_HZ, [spikes], block_s)


@pytest.fixture(scope="module")
def noise() -> FloatArray:
    return np.random.default_rng(0).normal(0, NOISE_V, size=(N_SAMPLES, N_WIRES))


@pytest.fixture(scope="module")
def spikes() -> IntArray:
    return np.sort(np.random.default_rng(1).choice(np.arange(2000, N_SAMPLES - 2000, 200), size=100, replace=False))


@pytest.fixture(scope="module")
def signal(noise: FloatArray, spikes: IntArray) -> FloatArray:
    planted = noise.copy()
    for spike in spikes:
        planted[spike - BEFORE : spike + AFTER, WIRE] += PLANTED
        planted[spike - BEFORE : spike + AFTER, ECHO] += 0.1 * PLANTED
    return planted


@pytest.fixture(scope="module")
def template(signal: FloatArray, spikes: IntArray) -> SpikeTemplate:
    return make_template(triggered(signal, spikes).mean(0), RATE_HZ, WIRE, spikes)


def test_sum_around_spikes_is_the_sum_of_the_windows(signal: FloatArray, spikes: IntArray) -> None:
    windows = sum(signal[spike - 930 : spike + 960] for spike in spikes)
    np.testing.assert_allclose(triggered(signal, spikes).total[0], windows, atol=1e-12)


@pytest.mark.parametrize("block_s", [0.013, 0.5, 3.3])
def test_sum_around_spikes_does_not_see_where_blocks_are_cut(
    signal: FloatArray, spikes: IntArray, block_s: float
) -> None:
    np.testing.assert_array_equal(triggered(signal, spikes, block_s).total, triggered(signal, spikes).total)


def test_sum_around_spikes_leaves_out_windows_that_reach_over_the_ends(signal: FloatArray) -> None:
    assert triggered(signal, np.array([929, 930, N_SAMPLES - 960, N_SAMPLES - 959])).n_spikes[0] == 2


def test_sums_of_two_stretches_add_up(signal: FloatArray, spikes: IntArray) -> None:
    both = triggered(signal, spikes[:100]) + triggered(signal, spikes[100:])
    np.testing.assert_allclose(both.mean(0), triggered(signal, spikes).mean(0), atol=1e-15)


def test_f28_windows_with_nan_are_left_out_of_the_average_of_their_wire(signal: FloatArray, spikes: IntArray) -> None:
    broken = signal.copy()
    broken[: N_SAMPLES // 2, ECHO] = np.nan
    whole = spikes[spikes >= N_SAMPLES // 2 + 930]
    sums = triggered(broken, spikes)
    assert sums.n_whole[0].tolist() == [len(spikes), len(spikes), len(whole), len(spikes)]
    np.testing.assert_allclose(sums.mean(0)[:, ECHO], triggered(signal, whole).mean(0)[:, ECHO], atol=1e-15)
    np.testing.assert_array_equal(sums.mean(0)[:, WIRE], triggered(signal, spikes).mean(0)[:, WIRE])


def test_a_unit_without_spikes_has_a_mean_of_zeros(signal: FloatArray) -> None:
    np.testing.assert_array_equal(triggered(signal, np.array([], dtype=np.int64)).mean(0), 0.0)


def test_make_template_finds_the_planted_waveform(template: SpikeTemplate) -> None:
    assert np.corrcoef(template.waveform, PLANTED)[0, 1] > 0.98  # the noise of 100 spikes, and a low-pass at 3000 Hz
    assert np.max(np.abs(template.waveform - PLANTED)) < 3e-6


def test_make_template_ends_in_zeros(template: SpikeTemplate) -> None:
    assert template.waveform[0] == template.waveform[-1] == 0.0


def test_the_planted_unit_is_gone_below_3_standard_errors(
    signal: FloatArray, spikes: IntArray, template: SpikeTemplate
) -> None:
    cleaned = subtract_templates(signal, 0, [template])
    residual = filter_mean(triggered(cleaned, spikes).mean(0), RATE_HZ, CROSSTALK_BAND_HZ)[:, WIRE]
    standard_error = spike_band_sd(reader(cleaned), N_SAMPLES, RATE_HZ)[WIRE] / np.sqrt(len(spikes))
    assert np.max(np.abs(residual)) < 3 * standard_error


@pytest.mark.parametrize("frequency_hz", [10, 50, 150, 300])
def test_subtraction_leaves_a_thousandth_of_the_action_potential_in_the_lfp(frequency_hz: int) -> None:
    spike = action_potential(AROUND_MS)
    template = make_template(spike[:, None], RATE_HZ, 0, np.array([930]))
    cleaned = subtract_templates(spike[:, None], 0, [template])[:, 0]
    spectrum = np.abs(np.fft.rfft([spike, cleaned], round(RATE_HZ), axis=1))  # one line per Hz
    assert spectrum[1, frequency_hz] < 0.001 * spectrum[0, frequency_hz]


@pytest.mark.parametrize(("frequency_hz", "taken"), [(8, 0.001), (40, 0.01), (80, 0.15), (120, 0.5)])
@pytest.mark.parametrize("phase", [0.0, 1.0, 2.0])
def test_lfp_that_the_spikes_are_locked_to_is_not_taken_for_a_waveform(
    frequency_hz: float, taken: float, phase: float
) -> None:
    lfp = np.cos(2 * np.pi * frequency_hz * AROUND_MS / 1e3 + phase)
    assert np.abs(make_template(lfp[:, None], RATE_HZ, 0, np.array([930])).waveform).max() < taken


def test_the_signal_around_spikes_keeps_its_noise(
    signal: FloatArray, noise: FloatArray, spikes: IntArray, template: SpikeTemplate
) -> None:
    cleaned = subtract_templates(signal, 0, [template])
    around = spikes[:, None] + np.arange(-10, 25)
    assert np.corrcoef(cleaned[around, WIRE].ravel(), noise[around, WIRE].ravel())[0, 1] > 0.98  # nothing interpolated


def test_the_signal_away_from_spikes_and_on_other_wires_is_untouched(
    signal: FloatArray, spikes: IntArray, template: SpikeTemplate
) -> None:
    cleaned = subtract_templates(signal, 0, [template])
    away = np.ones((N_SAMPLES, N_WIRES), dtype=bool)
    away[(spikes[:, None] + np.arange(-BEFORE, AFTER)).ravel(), WIRE] = False
    np.testing.assert_array_equal(cleaned[away], signal[away])


def test_subtract_templates_leaves_its_input_as_it_was(template: SpikeTemplate) -> None:
    flat = np.zeros((N_SAMPLES, N_WIRES))
    subtract_templates(flat, 0, [template])
    assert not flat.any()


@pytest.mark.parametrize("seed", range(5))
def test_subtract_templates_does_not_see_where_blocks_are_cut(
    signal: FloatArray, spikes: IntArray, template: SpikeTemplate, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    through = spikes[rng.integers(0, len(spikes), 5)] + rng.integers(-BEFORE, AFTER, 5)  # cuts inside waveforms
    cuts = np.unique(np.concatenate([through, rng.integers(0, N_SAMPLES, 10)]))
    starts = [0, *cuts]
    pieces = [
        subtract_templates(piece, start, [template])
        for start, piece in zip(starts, np.split(signal, cuts), strict=True)
    ]
    np.testing.assert_array_equal(np.concatenate(pieces), subtract_templates(signal, 0, [template]))


@pytest.mark.parametrize(("given", "kept"), [(np.int16, np.float32), (np.float32, np.float32), (float, float)])
def test_subtract_templates_makes_samples_no_wider_than_it_must(given: type, kept: type) -> None:
    assert subtract_templates(np.zeros((5, 1), dtype=given), 0, []).dtype == kept


def test_waveforms_that_overlap_are_both_subtracted() -> None:
    waveform = np.arange(90.0)
    template = SpikeTemplate(wire=0, spike_samples=np.array([100, 110]), waveform=waveform, before=30)
    expected = np.zeros(300)
    expected[70:160] -= waveform
    expected[80:170] -= waveform
    np.testing.assert_array_equal(subtract_templates(np.zeros((300, 1)), 0, [template])[:, 0], expected)


def test_a_waveform_that_reaches_over_an_end_is_cut_there() -> None:
    template = SpikeTemplate(wire=0, spike_samples=np.array([10, 95]), waveform=np.ones(90), before=30)
    cleaned = subtract_templates(np.zeros((100, 1)), 0, [template])[:, 0]
    np.testing.assert_array_equal(cleaned, -((np.arange(100) < 70) * 1.0 + (np.arange(100) >= 65)))


def test_wires_showing_unit_are_the_planted_ones(signal: FloatArray, spikes: IntArray) -> None:
    sd_v = spike_band_sd(reader(signal), N_SAMPLES, RATE_HZ)
    shown = wires_showing_unit(triggered(signal, spikes).mean(0), len(spikes), RATE_HZ, sd_v)
    assert shown.tolist() == [False, True, True, False]


def test_wires_showing_unit_are_none_after_despiking_but_the_echo(
    signal: FloatArray, spikes: IntArray, template: SpikeTemplate
) -> None:
    cleaned = subtract_templates(signal, 0, [template])
    sd_v = spike_band_sd(reader(cleaned), N_SAMPLES, RATE_HZ)
    shown = wires_showing_unit(triggered(cleaned, spikes).mean(0), len(spikes), RATE_HZ, sd_v)
    assert shown.tolist() == [False, False, True, False]


def test_at_most_1_wire_in_370_shows_a_unit_by_chance(noise: FloatArray) -> None:
    n_wires, n_spikes = 6000, 100
    sd_v = spike_band_sd(reader(noise), N_SAMPLES, RATE_HZ)[0]
    rng = np.random.default_rng(2)
    means = rng.normal(0, NOISE_V / np.sqrt(n_spikes), size=(1890, n_wires))  # of 100 windows of noise each
    n_shown = wires_showing_unit(means, n_spikes, RATE_HZ, np.full(n_wires, sd_v)).sum()
    assert 1 <= n_shown <= n_wires / 370  # neighbouring samples are alike, so fewer than the bound allows


def test_spike_band_sd_is_that_of_the_band(noise: FloatArray) -> None:
    expected = NOISE_V * np.sqrt((3000 - 300) / (RATE_HZ / 2))  # white noise; filter skirts take a few per cent
    np.testing.assert_allclose(spike_band_sd(reader(noise), N_SAMPLES, RATE_HZ), expected, rtol=0.12)


def test_f28_spike_band_sd_of_a_wire_with_some_nan_is_finite(noise: FloatArray) -> None:
    broken = noise.copy()
    broken[150_000:151_000, 0] = np.nan
    np.testing.assert_allclose(
        spike_band_sd(reader(broken), N_SAMPLES, RATE_HZ), spike_band_sd(reader(noise), N_SAMPLES, RATE_HZ), rtol=0.01
    )


@pytest.mark.parametrize("n_samples", [0, 1, 100])
def test_f38_spike_band_sd_of_a_signal_too_short_to_filter_is_0(n_samples: int) -> None:
    np.testing.assert_array_equal(spike_band_sd(reader(np.ones((n_samples, 2))), n_samples, RATE_HZ), [0.0, 0.0])


@pytest.mark.parametrize("n_samples", [0, 1, 100])
def test_f38_sums_of_a_signal_shorter_than_a_window_hold_no_spike(n_samples: int) -> None:
    assert triggered(np.ones((n_samples, 2)), np.array([0])).n_spikes[0] == 0
