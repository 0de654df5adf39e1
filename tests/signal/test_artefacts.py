"""Channels that hold no brain signal, and one that does."""

import numpy as np
import pytest

from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.artefacts import channel_fault


@pytest.fixture
def noise() -> FloatArray:
    return np.random.default_rng(0).normal(0, 30e-6, size=30_000)


def test_a_noise_channel_has_no_fault(noise: FloatArray) -> None:
    assert channel_fault(noise) is None


def test_noise_in_steps_of_a_quarter_microvolt_has_no_fault(noise: FloatArray) -> None:
    assert channel_fault(np.round(noise / 0.25e-6)) is None


def test_a_sine_that_touches_its_extremes_has_no_fault() -> None:
    assert channel_fault(np.sin(2 * np.pi * 7 * np.arange(30_000) / 30_000)) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_f28_values_that_are_no_numbers_are_named_with_their_share(noise: FloatArray, bad: float) -> None:
    noise[:300] = bad
    assert channel_fault(noise) == "1.0% of samples are NaN or infinite"


def test_f28_a_constant_channel_is_named_with_its_value() -> None:
    assert channel_fault(np.full(1000, 0.25)) == "constant at 0.25"


def test_f28_a_saturated_channel_is_named(noise: FloatArray) -> None:
    slow = noise + 60e-6 * np.sin(2 * np.pi * 2 * np.arange(30_000) / 30_000)
    fault = channel_fault(np.clip(slow, -50e-6, 50e-6))
    assert fault is not None
    assert fault.startswith("saturated: ")


def test_f28_saturation_at_one_side_is_enough(noise: FloatArray) -> None:
    noise[1000:1400] = noise.max() + 1e-6  # 1.3 %
    assert channel_fault(noise) == "saturated: 1.3% of samples sit at the extremes"


def test_f38_a_channel_without_samples_is_named() -> None:
    assert channel_fault(np.array([])) == "no samples"


def test_f38_one_sample_is_constant() -> None:
    assert channel_fault(np.array([3.0])) == "constant at 3"
