"""Waveforms measured on the raw signal, against planted ones."""

import numpy as np
import pytest

from nwb_spikeinference.nwb.raw.raw_records import Period, VoltageSource
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference_converters.sessions.measured_waveforms import measure_waveforms
from nwb_spikeinference_converters.units.shape import Waveform

RATE_HZ = 30000.0
GAIN = np.array([0.25e-6, 0.5e-6])
PERIODS = (
    Period(start_s=0.0, n_samples=150_000, rate_hz=RATE_HZ),
    Period(start_s=8.0, n_samples=90_000, rate_hz=RATE_HZ),
)
TIME_S = np.arange(-30, 60) / RATE_HZ
SHAPE_V = -60e-6 * np.exp(-0.5 * (TIME_S / 0.00012) ** 2) + 25e-6 * np.exp(-0.5 * ((TIME_S - 0.0005) / 0.0002) ** 2)
NOISE_V = 5e-6


def spike_times() -> FloatArray:
    """80 spikes in the first stretch, 40 in the second, none within 10 ms of another."""
    rng = np.random.default_rng(5)
    return np.concatenate([np.linspace(0.1, 4.9, 80), np.linspace(8.1, 10.9, 40)]) + rng.uniform(0, 0.02, 120)


@pytest.fixture(scope="module")
def source() -> VoltageSource:
    rng = np.random.default_rng(6)
    stretches = []
    for period in PERIODS:
        volts = rng.normal(0, NOISE_V, (period.n_samples, 2))
        for time_s in spike_times():
            first = round((time_s - period.start_s) * RATE_HZ) - 30
            if 0 <= first < period.n_samples - 90:
                volts[first : first + 90, 1] += SHAPE_V
        stretches.append(np.rint(volts / GAIN).astype(np.int16))

    def read(stretch: int, start: int, stop: int) -> IntArray:
        return stretches[stretch][start:stop]

    return VoltageSource(
        name="", description="", rate_hz=RATE_HZ, gain=GAIN, offset_v=np.zeros(2), labels=("a", "b"),
        electrode_rows=(4, 7), periods=PERIODS, read=read,
    )  # fmt: skip


@pytest.fixture(scope="module")
def measured(source: VoltageSource) -> Waveform:
    (found,) = measure_waveforms([(7, spike_times())], [source])
    assert found is not None
    return found


def test_mean_is_the_planted_waveform_without_its_slow_part(measured: Waveform) -> None:
    correlation = np.corrcoef(measured.mean, SHAPE_V)[0, 1]
    assert correlation > 0.98
    assert measured.mean.min() == pytest.approx(SHAPE_V.min(), rel=0.15)


def test_trough_lies_at_the_spike(measured: Waveform) -> None:
    assert abs(int(np.argmin(measured.mean)) - 30) <= 1


def test_sd_over_spikes_is_that_of_the_noise_in_the_band(measured: Waveform) -> None:
    in_band = NOISE_V * np.sqrt(2900 / 15000)
    np.testing.assert_allclose(np.mean(measured.sd), in_band, rtol=0.2)


def test_a_wire_that_was_not_recorded_has_no_waveform(source: VoltageSource) -> None:
    assert measure_waveforms([(3, spike_times())], [source]) == [None]


def test_spikes_too_near_the_ends_leave_no_waveform(source: VoltageSource) -> None:
    assert measure_waveforms([(7, np.array([0.001, 4.999, 8.002]))], [source]) == [None]


def test_units_do_not_change_each_other(source: VoltageSource, measured: Waveform) -> None:
    _, again = measure_waveforms([(4, np.array([1.0, 2.0])), (7, spike_times())], [source])
    assert again is not None
    np.testing.assert_array_equal(again.mean, measured.mean)
