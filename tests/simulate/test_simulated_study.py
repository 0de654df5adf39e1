"""Simulated studies: who takes part, and what depends on what."""

from typing import Any

import numpy as np
import pytest

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.simulate.simulated_bundles import place_bundles
from nwb_spikeinference.simulate.simulated_session import SimulatedSession
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, simulate_session


def simulate(world: str = "default", index: int = 0, **changes: Any) -> SimulatedSession:
    settings: dict[str, Any] = {"participants": 3, "seconds": 10, "bundles": 1} | changes
    return simulate_session(SimulationSettings(world=world, **settings), index)


@pytest.fixture(scope="module")
def session() -> SimulatedSession:
    return simulate(seconds=60, bundles=2)


def assert_same(one: SimulatedSession, other: SimulatedSession) -> None:
    np.testing.assert_array_equal(one.lfp_uv, other.lfp_uv)
    for unit, twin in zip(one.units, other.units, strict=True):
        np.testing.assert_array_equal(unit.spike_samples, twin.spike_samples)


def test_same_seed_gives_the_same_session() -> None:
    assert_same(simulate(index=1), simulate(index=1))


def test_another_seed_gives_another_session() -> None:
    assert np.abs(simulate(seed=1).lfp_uv - simulate(seed=2).lfp_uv).max() > 1


def test_a_participant_does_not_depend_on_how_many_there_are() -> None:
    assert_same(simulate(index=1, participants=2), simulate(index=1, participants=9))


def test_participants_differ() -> None:
    assert abs(np.corrcoef(simulate(index=0).lfp_uv[:, 0], simulate(index=1).lfp_uv[:, 0])[0, 1]) < 0.3


def test_a_participant_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"participant 3 is none of the study's 3"):
        simulate(index=3)


def test_units_of_a_bundle_stand_on_different_wires(session: SimulatedSession) -> None:
    assert len(session.units) == 14
    assert len({unit.channel for unit in session.units}) == 14


def test_more_units_than_wires_share_wires_under_different_classes() -> None:
    crowded = simulate(excitatory_units=8, inhibitory_units=4, bundles=1)
    assert len({(unit.channel, unit.sorted_class) for unit in crowded.units}) == 12
    assert {unit.sorted_class for unit in crowded.units} == {1, 2}


def test_rates_are_those_of_the_cell_type(session: SimulatedSession) -> None:
    for unit, intensity in zip(session.units, session.truth.intensity_hz, strict=True):
        low_hz, high_hz = (0.8, 3.0) if unit.cell_type == "excitatory" else (4.0, 14.0)
        assert 0.8 * low_hz < intensity.mean() < 1.25 * high_hz
        assert 0.6 * low_hz < len(unit.spike_samples) / 60 < 1.25 * high_hz


def test_spikes_lie_inside_the_recording(session: SimulatedSession) -> None:
    for unit in session.units:
        assert unit.spike_samples[0] >= 0
        assert unit.spike_samples[-1] < session.n_raw_samples


def test_neighbouring_wires_tell_when_an_inhibitory_unit_fires(session: SimulatedSession) -> None:
    unit = next(unit for unit in session.units if unit.cell_type == "inhibitory")
    own = session.channels.index(unit.channel)
    others = [wire for wire in range(8 * (own // 8), 8 * (own // 8) + 8) if wire != own]
    neighbours = np.median(session.lfp_uv[:, others], axis=1)
    spikes = unit.spike_samples // 30
    triggered = [np.mean(neighbours[spikes[spikes < 59_900] + lag]) for lag in range(0, 40)]
    assert np.argmax(triggered) == pytest.approx(11, abs=5)
    assert np.ptp(triggered) > 10


@pytest.mark.parametrize("world", ["null", "drift"])
def test_null_worlds_make_the_lfp_from_other_latents(world: str) -> None:
    null = simulate(world, seconds=60, bundles=1)
    latents = null.truth.latents[0]
    for drive in (latents.slow, latents.theta, latents.broadband, latents.gamma.real, latents.gamma.imag):
        coupling = [np.corrcoef(drive[: -lag or None], null.lfp_uv[lag:, :8].mean(axis=1))[0, 1] for lag in range(30)]
        assert np.abs(coupling).max() < 0.1


def test_null_world_spikes_as_the_default_world_does() -> None:
    for unit, twin in zip(simulate("null").units, simulate("default").units, strict=True):
        np.testing.assert_array_equal(unit.spike_samples, twin.spike_samples)


def test_drift_world_changes_every_rate_by_the_same_factor() -> None:
    ratio = simulate("drift").truth.intensity_hz / simulate("default").truth.intensity_hz
    np.testing.assert_allclose(np.abs(np.log(ratio[:, -1] / ratio[:, 0])), 1.6, rtol=1e-4)


def test_bleed_world_has_larger_action_potentials_and_nothing_else() -> None:
    clean, bled = simulate("default"), simulate("bleed")
    assert_same(clean, bled)
    assert {unit.ap_uv for unit in clean.units} == {70.0}
    assert {unit.ap_uv for unit in bled.units} == {120.0}


def test_polarity_world_inverts_all_bundles_but_the_left_hippocampus() -> None:
    upright, inverted = simulate("default", bundles=2), simulate("polarity", bundles=2)
    assert upright.bundles[0].label == "LHIP"
    np.testing.assert_array_equal(upright.lfp_uv[:, :8], inverted.lfp_uv[:, :8])
    assert not np.allclose(upright.lfp_uv[:, 8:], inverted.lfp_uv[:, 8:])


def test_nearly_everybody_has_a_left_hippocampus_first() -> None:
    firsts = [place_bundles(index, 2)[0].label for index in range(30)]
    assert firsts.count("LHIP") >= 26


def test_twelve_participants_put_three_bundles_into_each_place_of_transfer() -> None:
    seconds = [place_bundles(index, 2)[1] for index in range(12)]
    for region in ("amygdala", "orbitofrontal", "anterior cingulate"):
        assert sum(bundle.region == region for bundle in seconds) == 3
    assert sum(bundle.label == "RHIP" for bundle in seconds) == 3


@pytest.mark.parametrize("index", range(8))
def test_bundles_of_a_participant_have_different_places_and_channels(index: int) -> None:
    bundles = place_bundles(index, 4)
    assert len({bundle.label for bundle in bundles}) == 4
    assert [channel for bundle in bundles for channel in bundle.channels] == list(range(1, 33))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"world": "flat"}, "world 'flat' is unknown"),
        ({"participants": 0}, "at least 1 participant, got 0"),
        ({"seconds": 1.0}, "seconds must be at least 5, got 1"),
        ({"seconds": float("nan")}, "seconds must be at least 5, got nan"),
        ({"seed": -1}, "seed must not be negative, got -1"),
        ({"bundles": 5}, "bundles must be 1 to 4 per participant, got 5"),
        ({"excitatory_units": 0, "inhibitory_units": 0}, "a bundle needs units, got 0 excitatory and 0 inhibitory"),
        ({"line_hz": 55}, "line_hz must be 50 or 60, got 55"),
        ({"ap_uv": -1.0}, "ap_uv must be 0 to 1000 microvolts, got -1"),
        ({"electrode_drift": 2.0}, r"electrode_drift must be at least 0 and below 2 .*, got 2"),
        ({"amplitude_jitter": -0.1}, "amplitude_jitter must be 0 to 1, got -0.1"),
        ({"missed_spikes": 1.0}, "missed_spikes must be a share of at least 0 and below 1, got 1"),
        ({"missed_spikes": float("nan")}, "missed_spikes must be a share of at least 0 and below 1, got nan"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        SimulationSettings(**changes)
