"""The LFP of a bundle."""

import numpy as np
import pytest

from nwb_spikeinference.simulate import field
from nwb_spikeinference.simulate.latents import make_latents
from nwb_spikeinference.simulate.worlds import WORLDS

EXCITATORY, INHIBITORY = field.POPULATIONS


def test_populations_are_those_of_the_specification() -> None:
    assert [(p.n_cells, p.rate_hz, p.amplitude_uv, p.width_ms) for p in field.POPULATIONS] == [
        (4000, 1.5, 0.48, 3.15),
        (1000, 8.0, 3.0, 2.1),
    ]


def test_rings_share_out_the_whole_population() -> None:
    assert field.cells_per_ring(4000).sum() == pytest.approx(4000)


def test_unitary_field_peaks_about_ten_milliseconds_after_the_spike() -> None:
    nearest = field.unitary_field(INHIBITORY)[:, 0]
    assert np.argmax(nearest) in (10, 11)
    assert nearest.max() == pytest.approx(3.0 * np.exp(-0.02 / 0.2), rel=0.03)  # half a millisecond off the samples


def test_unitary_field_is_later_and_weaker_with_distance() -> None:
    near, far = field.unitary_field(EXCITATORY)[:, [0, -1]].T
    assert np.argmax(far) - np.argmax(near) == pytest.approx(0.48 / 0.2, abs=1)
    assert far.max() / near.max() == pytest.approx(np.exp(-0.48 / 0.2), rel=0.02)


class ExpectedCounts:
    """Stands for a random generator whose Poisson counts are their own mean."""

    def poisson(self, mean: np.ndarray) -> np.ndarray:
        return mean


@pytest.mark.parametrize("block_ms", [60_000, 2_020, 37])
def test_expected_population_field_is_the_intensity_seen_through_the_unitary_fields(
    monkeypatch: pytest.MonkeyPatch, block_ms: int
) -> None:
    monkeypatch.setattr(field, "_BLOCK_MS", block_ms)
    intensity = np.full(5_000, INHIBITORY.rate_hz)
    intensity[2_000:2_050] *= 10  # a burst that a block's border cuts
    mean = field.population_field(ExpectedCounts(), intensity, INHIBITORY, n_wires=1)[:, 0]
    kernel = field.unitary_field(INHIBITORY) @ field.cells_per_ring(INHIBITORY.n_cells)
    expected = np.convolve(intensity / 1000, kernel)[:5_000]
    np.testing.assert_allclose(mean, expected - expected.mean(), atol=1e-3)


def test_population_field_fluctuates_as_shot_noise_does() -> None:
    noise = field.population_field(np.random.default_rng(0), np.full(60_000, 8.0), INHIBITORY, n_wires=4)[1000:]
    kernel = field.unitary_field(INHIBITORY)
    variance = 8.0 / 1000 * (kernel**2 @ field.cells_per_ring(INHIBITORY.n_cells)).sum()
    assert noise.var() == pytest.approx(variance, rel=0.05)


def test_wires_have_independent_populations() -> None:
    noise = field.population_field(np.random.default_rng(0), np.full(60_000, 8.0), INHIBITORY, n_wires=2)
    assert abs(np.corrcoef(noise[1000:].T)[0, 1]) < 0.05


def test_background_has_thirty_microvolts_and_shares_most_of_them() -> None:
    noise = np.concatenate([field.background(np.random.default_rng(seed), 60_000, 4) for seed in range(10)])
    assert noise.std() == pytest.approx(30, rel=0.05)
    assert np.corrcoef(noise.T)[np.triu_indices(4, 1)].mean() == pytest.approx(0.6, abs=0.08)


def test_background_falls_with_the_square_of_the_frequency() -> None:
    noise = field.background(np.random.default_rng(0), 200_000, 8)
    power = (np.abs(np.fft.rfft(noise, axis=0)) ** 2).mean(axis=1)
    frequency = np.fft.rfftfreq(200_000, 1e-3)
    low, high = (power[(frequency > f / 1.1) & (frequency < f * 1.1)].mean() for f in (10, 100))
    assert low / high == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("line_hz", [50, 60])
def test_mains_have_four_microvolts_over_the_order_of_the_harmonic(line_hz: float) -> None:
    hum = field.mains(np.random.default_rng(0), 10_000, line_hz)[:, 0]
    amplitude = 2 * np.abs(np.fft.rfft(hum)) / len(hum)
    np.testing.assert_allclose(amplitude[[int(10 * line_hz * h) for h in (1, 2, 3, 4)]], [4, 2, 4 / 3, 1], rtol=1e-3)


def test_inverted_bundle_has_the_opposite_population_field() -> None:
    latents = make_latents(np.random.default_rng(0), 10_000, 45)
    upright, inverted = (
        field.bundle_lfp(np.random.default_rng(1), latents, WORLDS["default"], polarity=polarity, n_wires=2, line_hz=60)
        for polarity in (1, -1)
    )
    rng = np.random.default_rng(1)
    other = field.background(rng, 10_000, 2) + field.mains(rng, 10_000, 60)
    other += field.WHITE_UV * rng.standard_normal(other.shape, dtype=np.float32)
    np.testing.assert_allclose((upright + inverted) / 2, other, atol=1e-3)
