"""Waveforms and spike trains whose width, quality and type are known."""

import numpy as np
import pytest

from nwb_spikeinference.cell_types import cell_type_from_width
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.waveforms import (
    isi_violation_share,
    trough_to_peak_ms,
    waveform_snr,
)

RATE_HZ = 30_000.0


def action_potential(width_ms: float, trough_ms: float = 1.0, length_ms: float = 3.0) -> FloatArray:
    """A negative and a positive Gaussian, `width_ms` apart and too narrow to move each other's extremes."""
    time_ms = np.arange(round(length_ms * RATE_HZ / 1e3)) / RATE_HZ * 1e3
    sd_ms = width_ms / 5
    return -70e-6 * np.exp(-0.5 * ((time_ms - trough_ms) / sd_ms) ** 2) + 25e-6 * np.exp(
        -0.5 * ((time_ms - trough_ms - width_ms) / sd_ms) ** 2
    )


@pytest.mark.parametrize("trough_ms", [1.0, 1.01, 1.02])
@pytest.mark.parametrize("width_ms", [0.28, 0.65])
def test_trough_to_peak_is_the_planted_width(width_ms: float, trough_ms: float) -> None:
    assert trough_to_peak_ms(action_potential(width_ms, trough_ms), RATE_HZ) == pytest.approx(width_ms, abs=0.005)


def test_trough_to_peak_does_not_depend_on_the_unit_of_voltage() -> None:
    assert trough_to_peak_ms(action_potential(0.65), RATE_HZ) == trough_to_peak_ms(
        1e6 * action_potential(0.65), RATE_HZ
    )


@pytest.mark.parametrize("offset_v", [0.0, 200e-6])
@pytest.mark.parametrize("sign", [1, -1], ids=["trough-down", "peak-up"])
@pytest.mark.parametrize(("width_ms", "cell_type"), [(0.28, "inhibitory"), (0.65, "excitatory")])
def test_trough_to_peak_and_type_do_not_depend_on_which_way_up_the_waveform_is_stored(
    width_ms: float, cell_type: str, sign: int, offset_v: float
) -> None:
    measured = trough_to_peak_ms(sign * action_potential(width_ms) + offset_v, RATE_HZ)
    assert measured == pytest.approx(width_ms, abs=0.005)
    assert cell_type_from_width(measured) == cell_type


def test_trough_to_peak_ignores_a_higher_peak_before_the_trough() -> None:
    waveform = action_potential(0.28) + 60e-6 * np.exp(-0.5 * ((np.arange(90) - 12) / 2.0) ** 2)
    assert trough_to_peak_ms(waveform, RATE_HZ) == pytest.approx(0.28, abs=0.005)


def test_trough_to_peak_is_unknown_where_the_window_ends_before_the_peak() -> None:
    assert trough_to_peak_ms(action_potential(0.65, length_ms=1.5), RATE_HZ) is None


def test_trough_to_peak_is_unknown_where_the_window_ends_in_the_trough() -> None:
    assert trough_to_peak_ms(action_potential(0.65, length_ms=1.0), RATE_HZ) is None


@pytest.mark.parametrize(
    "waveform", [[], [1.0, -1.0, 2.0], [0.0] * 40, [np.nan] * 40], ids=["empty", "short", "flat", "nan"]
)
def test_trough_to_peak_is_unknown_without_a_shape(waveform: list[float]) -> None:
    assert trough_to_peak_ms(np.array(waveform), RATE_HZ) is None


@pytest.mark.parametrize(
    ("width_ms", "cell_type"), [(0.28, "inhibitory"), (0.65, "excitatory"), (None, "unclassified")]
)
def test_cell_type_follows_width(width_ms: float | None, cell_type: str) -> None:
    assert cell_type_from_width(width_ms) == cell_type


def test_isi_violations_are_the_share_of_intervals_below_2_ms() -> None:
    assert isi_violation_share(np.array([0.0, 0.001, 0.010, 0.0115, 0.5])) == 0.5


def test_f30_isi_violations_do_not_depend_on_order() -> None:
    assert isi_violation_share(np.array([0.010, 0.0, 0.5, 0.001, 0.0115])) == 0.5


@pytest.mark.parametrize("times_s", [[], [1.0]])
def test_isi_violations_need_an_interval(times_s: list[float]) -> None:
    assert isi_violation_share(np.array(times_s)) == 0.0


def test_waveform_snr_is_peak_over_noise() -> None:
    waveform = np.zeros(60)
    waveform[20] = -70.0
    assert waveform_snr(waveform + 500.0, noise_sd=10.0) == pytest.approx(7.0)


@pytest.mark.parametrize("noise_sd", [0.0, -1.0, 1e-12, np.nan])
def test_waveform_snr_is_unknown_without_noise(noise_sd: float) -> None:
    assert waveform_snr(np.arange(10.0), noise_sd) is None
