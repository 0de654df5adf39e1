"""Features of the whole spectrum, on signals whose phase and spectrum are known."""

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.wide_band import (
    aperiodic_at,
    aperiodic_fit,
    generalised_phase,
    holds_wide_band,
    motor_potential,
)

RATE_HZ = 1000.0
TIME_S = np.arange(4000) / RATE_HZ
EVERY = np.arange(4000)


def turning(frequency_hz: float, amplitude: float = 1.0) -> np.ndarray:
    return amplitude * np.exp(2j * np.pi * frequency_hz * TIME_S)


def power_law(exponent: float, seconds: float = 200.0) -> FloatArray:
    """Noise of power density ``1e-12 * f ** -exponent`` V^2/Hz."""
    n_samples = round(seconds * RATE_HZ)
    frequency_hz = np.fft.rfftfreq(n_samples, 1 / RATE_HZ)
    frequency_hz[0] = np.inf
    rng = np.random.default_rng(0)
    spectrum = rng.normal(size=len(frequency_hz)) + 1j * rng.normal(size=len(frequency_hz))
    return np.fft.irfft(spectrum * np.sqrt(1e-12 * frequency_hz**-exponent * RATE_HZ * n_samples / 4), n_samples)


def windows_of(signal: FloatArray) -> FloatArray:
    return signal.reshape(-1, 1000)


def distance(phase: FloatArray, expected: FloatArray) -> float:
    """Largest angle between two phases."""
    return float(np.abs(np.angle(np.exp(1j * (phase - expected)))).max())


def test_motor_potential_is_the_mean_over_51_samples() -> None:
    signal = np.random.default_rng(0).normal(size=4000)
    centres = np.arange(25, 3975, 5)
    expected = [signal[centre - 25 : centre + 26].mean() for centre in centres]
    np.testing.assert_allclose(motor_potential(signal, centres, RATE_HZ), expected, atol=1e-12)


def test_generalised_phase_of_a_tone_is_its_phase() -> None:
    assert distance(generalised_phase(turning(12.0), EVERY), 2 * np.pi * 12.0 * TIME_S) < 1e-9


def test_generalised_phase_of_some_samples_is_that_among_all() -> None:
    analytic = turning(3.0) + turning(20.0, 0.4)
    np.testing.assert_array_equal(generalised_phase(analytic, EVERY[7::5]), generalised_phase(analytic, EVERY)[7::5])


def test_a_faster_and_smaller_component_turns_a_plain_phase_back() -> None:
    assert np.diff(np.unwrap(np.angle(turning(3.0) + turning(20.0, 0.4)))).min() < -0.001


def test_generalised_phase_runs_forwards_nonetheless() -> None:
    phase = np.unwrap(generalised_phase(turning(3.0) + turning(20.0, 0.4), EVERY))
    assert np.diff(phase).min() > -1e-9


def test_generalised_phase_follows_the_component_that_dominates() -> None:
    analytic = turning(3.0) + turning(20.0, 0.4)
    assert distance(generalised_phase(analytic, EVERY), 2 * np.pi * 3.0 * TIME_S) < np.arcsin(0.4) + 0.01


def test_generalised_phase_is_the_signals_own_where_it_runs_forwards() -> None:
    analytic = turning(3.0) + turning(20.0, 0.4) * (TIME_S > 2.0)
    np.testing.assert_array_equal(generalised_phase(analytic, EVERY[:2000]), np.angle(analytic[:2000]))


def test_generalised_phase_is_bridged_by_the_cubic_through_all_other_samples() -> None:
    rng = np.random.default_rng(0)
    analytic = turning(3.0) + turning(20.0, 0.3) + turning(37.0, 0.1) * np.repeat(rng.normal(size=40), 100)
    backward = np.angle(analytic[1:] / analytic[:-1]) < 0
    bridged = np.zeros(len(analytic), dtype=bool)
    run = 0
    for sample, turns_back in enumerate([*backward, False]):
        if turns_back:
            run += 1
        elif run:
            bridged[sample - run : sample + 2 * run] = True
            run = 0
    cubic = PchipInterpolator(EVERY[~bridged], np.unwrap(np.angle(analytic[~bridged])))
    inside = slice(*EVERY[~bridged][[0, -1]])
    assert 100 < bridged.sum() < 3900
    assert distance(generalised_phase(analytic, EVERY)[inside], cubic(EVERY)[inside]) < 1e-9


@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_f38_generalised_phase_of_a_few_samples_is_their_phase(n_samples: int) -> None:
    analytic = turning(12.0)[:n_samples]
    np.testing.assert_allclose(generalised_phase(analytic, EVERY[:n_samples]), np.angle(analytic))


def test_generalised_phase_that_only_runs_backwards_is_left() -> None:
    np.testing.assert_allclose(generalised_phase(turning(-5.0), EVERY), np.angle(turning(-5.0)))


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0])
def test_aperiodic_exponent_is_that_of_the_noise(exponent: float) -> None:
    fitted = aperiodic_fit(windows_of(power_law(exponent)), RATE_HZ)
    assert fitted[:, 1].mean() == pytest.approx(exponent, abs=0.1)


def test_aperiodic_offset_is_the_power_at_1_hz() -> None:
    fitted = aperiodic_fit(windows_of(power_law(2.0)), RATE_HZ)
    # The mean of the logarithm of an exponential variable lies 0.25 decades below the logarithm of its mean.
    assert fitted[:, 0].mean() == pytest.approx(-12 - np.euler_gamma / np.log(10), abs=0.06)


def test_aperiodic_fit_does_not_depend_on_an_offset_voltage() -> None:
    windows = windows_of(power_law(2.0, 5.0))
    np.testing.assert_allclose(aperiodic_fit(windows + 1e-3, RATE_HZ), aperiodic_fit(windows, RATE_HZ), atol=1e-6)


def test_ten_times_the_voltage_is_two_decades_of_offset_and_the_same_exponent() -> None:
    windows = windows_of(power_law(2.0, 5.0))
    more = aperiodic_fit(10 * windows, RATE_HZ) - aperiodic_fit(windows, RATE_HZ)
    np.testing.assert_allclose(more, np.tile([2.0, 0.0], (5, 1)), atol=1e-9)


def test_aperiodic_fit_of_silence_is_finite() -> None:
    assert np.isfinite(aperiodic_fit(np.zeros((2, 1000)), RATE_HZ)).all()


def test_aperiodic_values_of_a_recording_are_those_of_the_windows_around() -> None:
    signal = power_law(2.0, 6.0)
    offset, exponent = aperiodic_at(signal, 0, 6000, RATE_HZ, np.array([3000]))
    np.testing.assert_allclose([offset[0], exponent[0]], aperiodic_fit(signal[None, 2500:3500], RATE_HZ)[0])


def test_aperiodic_windows_stay_inside_the_recording() -> None:
    signal = power_law(2.0, 6.0)
    offset, _ = aperiodic_at(signal, 0, 6000, RATE_HZ, np.array([0, 400, 5600, 5999]))
    ends = aperiodic_fit(np.stack([signal[:1000], signal[-1000:]]), RATE_HZ)[:, 0]
    np.testing.assert_allclose(offset, np.repeat(ends, 2))


def test_aperiodic_values_do_not_depend_on_the_piece() -> None:
    signal = power_law(2.0, 12.0)
    centres = np.arange(5002, 7000, 5)
    whole = aperiodic_at(signal, 0, 12_000, RATE_HZ, centres)
    piece = aperiodic_at(signal[4001:8001], 4001, 12_000, RATE_HZ, centres)
    np.testing.assert_allclose(piece, whole, rtol=1e-12)


def test_f38_a_recording_shorter_than_a_window_has_no_slope() -> None:
    offset, exponent = aperiodic_at(np.ones(999), 0, 999, RATE_HZ, np.array([3, 900]))
    np.testing.assert_array_equal([offset, exponent], np.zeros((2, 2)))


@pytest.mark.parametrize(("rate_hz", "held"), [(1000.0, True), (100.5, True), (100.0, False), (32.0, False)])
def test_a_signal_holds_the_wide_band_above_100_hz(rate_hz: float, held: bool) -> None:
    assert holds_wide_band(rate_hz) is held
