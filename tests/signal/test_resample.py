"""Resampling by whole-number ratios on signals whose answer is known."""

import numpy as np
import pytest

from nwb_spikeinference.signal.resample import find_ratio, resample_stream


def wave(rate_hz: float, frequency_hz: float, seconds: float = 4.0) -> np.ndarray:
    times_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.cos(2 * np.pi * frequency_hz * times_s)[:, None].astype(np.float32)


@pytest.mark.parametrize(("rate_hz", "up", "down"), [(500, 2, 1), (512, 125, 64), (1500, 2, 3)])
@pytest.mark.parametrize("frequency_hz", [3.0, 100.0, 225.0])
def test_an_oscillation_keeps_its_phase_and_size(rate_hz: float, up: int, down: int, frequency_hz: float) -> None:
    assert find_ratio(rate_hz, 1000) == (up, down)
    found = np.concatenate(list(resample_stream(wave(rate_hz, frequency_hz), up, down)))
    np.testing.assert_allclose(found[200:-200], wave(1000, frequency_hz)[200:-200], atol=5e-3)


def test_what_the_slower_rate_cannot_hold_is_gone() -> None:
    found = np.concatenate(list(resample_stream(wave(1500, 560.0), 2, 3)))
    assert np.abs(found[200:-200]).max() < 2e-3


@pytest.mark.parametrize("piece_samples", [1, 64, 100, 777])
def test_where_pieces_are_cut_changes_nothing(piece_samples: int) -> None:
    noise = np.random.default_rng(0).standard_normal((1200, 2)).astype(np.float32)
    whole = np.concatenate(list(resample_stream(noise, 125, 64)))
    pieces = np.concatenate(list(resample_stream(noise, 125, 64, piece_samples=piece_samples)))
    assert len(whole) == -(-1200 * 125 // 64)
    np.testing.assert_allclose(pieces, whole, atol=1e-5)


def test_a_constant_stays_one_up_to_its_ends() -> None:
    found = np.concatenate(list(resample_stream(np.full((50, 1), 3.0, np.float32), 2, 1)))
    np.testing.assert_allclose(found, 3.0, atol=1e-3)


def test_a_measured_rate_is_the_nominal_one() -> None:
    assert find_ratio(999.98, 1000) == (1, 1)
