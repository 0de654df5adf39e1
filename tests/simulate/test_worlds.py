"""The eight worlds, and the closed forms that hold in them."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.recordings import CellType, FloatArray, IntArray
from nwb_spikeinference.simulate.latents import PRIVATE_TAU_MS, make_latents, ornstein_uhlenbeck
from nwb_spikeinference.simulate.spikes import draw_spikes, private_modulation, shared_intensity
from nwb_spikeinference.simulate.worlds import WORLDS, find_world

N_MS = 200_000
RATE_HZ = 1.0  # refractoriness costs a neuron its best spikes: at 4 per second a tenth of the bits per spike
TYPES: tuple[CellType, ...] = ("excitatory", "inhibitory")


def test_the_worlds_are_the_eight_of_the_specification() -> None:
    assert set(WORLDS) == {
        "default",
        "gated",
        "no-gamma",
        "bleed",
        "equal-coupling",
        "polarity",
        "null",
        "drift",
    }


def test_unknown_world_is_refused_with_the_known_names() -> None:
    with pytest.raises(SettingsError, match=r"world 'nul' is unknown; choose one of default, gated"):
        find_world("nul")


def test_no_gamma_world_couples_no_neuron_to_gamma() -> None:
    world = WORLDS["no-gamma"]
    assert world.excitatory.gamma == world.inhibitory.gamma == 0


def test_equal_coupling_world_makes_both_types_equally_predictable() -> None:
    world = WORLDS["equal-coupling"]
    assert world.log_intensity_sd("excitatory") == world.log_intensity_sd("inhibitory")


def _intensity_and_spikes(cell_type: CellType, neuron: int) -> tuple[FloatArray, IntArray]:
    rng = np.random.default_rng((neuron, TYPES.index(cell_type)))
    latents = make_latents(rng, N_MS, gamma_centre_hz=45)
    private = private_modulation(ornstein_uhlenbeck(rng, N_MS, PRIVATE_TAU_MS))
    intensity = shared_intensity(latents, WORLDS["default"], cell_type, rate_hz=RATE_HZ) * private
    return intensity, draw_spikes(rng, intensity)


@pytest.fixture(scope="module", params=TYPES)
def population(request: pytest.FixtureRequest) -> tuple[CellType, list[tuple[FloatArray, IntArray]]]:
    return request.param, [_intensity_and_spikes(request.param, neuron) for neuron in range(20)]


def test_oracle_auc_has_its_closed_form(population: tuple[CellType, list[tuple[FloatArray, IntArray]]]) -> None:
    cell_type, neurons = population
    areas = []
    for intensity, spikes in neurons:
        at_spikes = intensity[spikes // 30]
        areas.append(np.mean(np.searchsorted(np.sort(intensity), at_spikes) / len(intensity)))
    expected = norm.cdf(WORLDS["default"].log_intensity_sd(cell_type) / math.sqrt(2))
    assert np.mean(areas) == pytest.approx(expected, abs=0.012)


def test_oracle_bits_per_spike_have_their_closed_form(
    population: tuple[CellType, list[tuple[FloatArray, IntArray]]],
) -> None:
    cell_type, neurons = population
    bits = [np.mean(np.log2(intensity[spikes // 30] / intensity.mean())) for intensity, spikes in neurons]
    expected = WORLDS["default"].log_intensity_sd(cell_type) ** 2 / (2 * math.log(2))
    assert np.mean(bits) == pytest.approx(expected, rel=0.08)


def test_log_intensity_has_the_announced_deviation(
    population: tuple[CellType, list[tuple[FloatArray, IntArray]]],
) -> None:
    cell_type, neurons = population
    deviation = np.sqrt(np.mean([np.var(np.log(intensity)) for intensity, _ in neurons]))
    assert deviation == pytest.approx(WORLDS["default"].log_intensity_sd(cell_type), rel=0.03)


def test_mean_intensity_is_the_rate(population: tuple[CellType, list[tuple[FloatArray, IntArray]]]) -> None:
    assert np.mean([intensity.mean() for intensity, _ in population[1]]) == pytest.approx(RATE_HZ, rel=0.05)
