"""The eight worlds, and the closed forms that hold in them."""

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.stats import norm

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.recordings import CellType, FloatArray
from nwb_spikeinference.simulate.latents import PRIVATE_TAU_MS, Latents, make_latents, ornstein_uhlenbeck
from nwb_spikeinference.simulate.spikes import draw_spikes, private_modulation, shared_intensity
from nwb_spikeinference.simulate.worlds import WORLDS, Coupling, World, find_world

N_MS = 100_000
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


def couplings(broadband: tuple[float, float], gamma: tuple[float, float]) -> dict[str, Coupling]:
    """Couplings of the excitatory and the inhibitory, whose gamma is a quarter of a cycle later."""
    return {
        name: Coupling(slow=0.35, theta=0.25, broadband=broadband[k], gamma=gamma[k], gamma_phase_rad=k * math.pi / 2)
        for k, name in enumerate(("excitatory", "inhibitory"))
    }


DEFAULT = World(
    name="default",
    **couplings((0.30, 0.45), (0.25, 0.60)),
    gain=1.0,
    gate=0.0,
    ap_uv=70.0,
    inverted_outside_left_hippocampus=False,
    lfp_of_other_latents=False,
    drift=0.0,
)


@pytest.mark.parametrize(
    "world",
    [
        DEFAULT,
        replace(DEFAULT, name="gated", gate=2.0, **couplings((0.30, 0.45), (0.5, 0.9))),
        replace(DEFAULT, name="no-gamma", **couplings((0.30, 0.45), (0.0, 0.0))),
        replace(DEFAULT, name="bleed", ap_uv=120.0),
        replace(DEFAULT, name="equal-coupling", **couplings((0.375, 0.375), (0.425, 0.425))),
        replace(DEFAULT, name="polarity", inverted_outside_left_hippocampus=True),
        replace(DEFAULT, name="null", lfp_of_other_latents=True),
        replace(DEFAULT, name="drift", lfp_of_other_latents=True, drift=0.8),
    ],
    ids=lambda world: world.name,
)
def test_a_world_is_the_default_with_the_change_that_is_specified(world: World) -> None:
    assert WORLDS[world.name] == world


def test_equal_coupling_world_makes_both_types_equally_predictable() -> None:
    world = WORLDS["equal-coupling"]
    assert world.log_intensity_sd("excitatory") == world.log_intensity_sd("inhibitory")


@pytest.mark.parametrize(("cell_type", "expected"), [("excitatory", 0.691), ("inhibitory", 0.750)])
def test_oracle_auc_of_the_default_world_by_its_closed_form(cell_type: CellType, expected: float) -> None:
    sd = WORLDS["default"].log_intensity_sd(cell_type)
    assert norm.cdf(sd / math.sqrt(2)) == pytest.approx(expected, abs=0.0005)


@functools.cache
def drives(neuron: int) -> tuple[Latents, FloatArray]:
    """What a neuron shares with others, and the factor that is its own."""
    rng = np.random.default_rng(neuron)
    latents = make_latents(rng, N_MS, gamma_centre_hz=45)
    return latents, private_modulation(ornstein_uhlenbeck(rng, N_MS, PRIVATE_TAU_MS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Neurons:
    """Neurons of one type in one world, each with 100 s of its own."""

    sd: float  # of the log intensity, as the world announces it
    intensities: list[FloatArray]  # spikes per second


@pytest.fixture(
    scope="module",
    params=[
        ("default", "excitatory"),
        ("default", "inhibitory"),
        ("no-gamma", "inhibitory"),
        ("equal-coupling", "excitatory"),
    ],
    ids="-".join,
)
def neurons(request: pytest.FixtureRequest) -> Neurons:
    name, cell_type = request.param
    intensities = []
    for neuron in range(20):
        latents, private = drives(neuron)
        intensities.append(shared_intensity(latents, WORLDS[name], cell_type, rate_hz=RATE_HZ) * private)
    return Neurons(sd=WORLDS[name].log_intensity_sd(cell_type), intensities=intensities)


def test_oracle_auc_has_its_closed_form(neurons: Neurons) -> None:
    areas = []
    for intensity in neurons.intensities:
        ranked = np.sort(intensity)  # a spike falls on a moment as often as its intensity says
        areas.append(np.sum(ranked * (np.arange(N_MS) + 0.5)) / (N_MS * ranked.sum()))
    assert np.mean(areas) == pytest.approx(norm.cdf(neurons.sd / math.sqrt(2)), abs=0.005)


def test_oracle_bits_per_spike_have_their_closed_form(neurons: Neurons) -> None:
    bits = [np.average(np.log2(one / one.mean()), weights=one) for one in neurons.intensities]
    assert np.mean(bits) == pytest.approx(neurons.sd**2 / (2 * math.log(2)), rel=0.05)


def test_oracle_auc_of_drawn_spikes_is_that_of_the_intensity(neurons: Neurons) -> None:
    rng = np.random.default_rng(0)
    areas = [
        np.mean(np.searchsorted(np.sort(one), one[draw_spikes(rng, one) // 30]) / N_MS) for one in neurons.intensities
    ]
    assert np.mean(areas) == pytest.approx(norm.cdf(neurons.sd / math.sqrt(2)), abs=0.02)  # of some 2000 spikes


def test_log_intensity_has_the_announced_deviation(neurons: Neurons) -> None:
    deviation = np.sqrt(np.mean([np.var(np.log(intensity)) for intensity in neurons.intensities]))
    assert deviation == pytest.approx(neurons.sd, rel=0.03)


def test_mean_intensity_is_the_rate(neurons: Neurons) -> None:
    assert np.mean([intensity.mean() for intensity in neurons.intensities]) == pytest.approx(RATE_HZ, rel=0.05)


@pytest.mark.parametrize("cell_type", TYPES)
def test_gating_leaves_the_deviation_of_the_log_intensity(cell_type: CellType) -> None:
    latents, _ = drives(0)
    shared = shared_intensity(latents, WORLDS["gated"], cell_type, rate_hz=RATE_HZ)
    assert np.std(np.log(shared)) == pytest.approx(math.sqrt(WORLDS["gated"].coupling(cell_type).variance), rel=0.03)


def test_a_closed_gate_leaves_gamma_without_grip() -> None:
    latents, _ = drives(0)
    gamma = latents.gamma.real
    log_rate = np.log(shared_intensity(latents, WORLDS["gated"], "excitatory", rate_hz=RATE_HZ))
    closed, open_ = np.abs(latents.theta + 0.5) < 0.1, np.abs(latents.theta - 1) < 0.1  # 1 + gate * theta: 0 and 3
    grip = [np.polyfit(gamma[moments], log_rate[moments], 1)[0] for moments in (closed, open_)]
    np.testing.assert_allclose(grip, [0.0, 0.5 * 3 / math.sqrt(5)], atol=0.05)
