"""From LFP and spikes to raw signal at 30 kHz."""

import numpy as np
import pytest

from nwb_spikeinference.recordings import CellType
from nwb_spikeinference.simulate.action_potentials import action_potential, add_action_potentials, cut_waveforms
from nwb_spikeinference.simulate.simulated_session import SimulatedSession
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, simulate_session
from nwb_spikeinference.simulate.streams import Purpose, make_rng
from nwb_spikeinference.simulate.upsample import upsample


@pytest.fixture(scope="module")
def session() -> SimulatedSession:
    return simulate_session(SimulationSettings(participants=1, seconds=7, bundles=1), 0)


@pytest.fixture(scope="module")
def raw_uv(session: SimulatedSession) -> np.ndarray:
    return np.concatenate(list(session.raw_blocks())) * session.conversion * 1e6


def test_raw_signal_is_as_long_as_the_lfp(session: SimulatedSession, raw_uv: np.ndarray) -> None:
    assert raw_uv.shape == (7 * 30_000, 8) == (session.n_raw_samples, len(session.channels))


def test_raw_blocks_are_the_same_whenever_they_are_made(session: SimulatedSession) -> None:
    for first, second in zip(session.raw_blocks(), session.raw_blocks(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_raw_signal_is_lfp_noise_and_the_same_action_potential_at_every_spike_to_the_bit(
    session: SimulatedSession,
) -> None:
    first_2_s = next(session.raw_blocks())
    expected = upsample(session.lfp_uv, 0, 2000, 30)
    noise = make_rng(session.seed, session.index, Purpose.RAW_NOISE, 0).standard_normal(expected.shape, np.float32)
    expected += 8.0 * noise
    for unit in session.units:
        wire = expected[:, session.channels.index(unit.channel)]
        same = np.ones(len(unit.spike_samples), np.float32)
        add_action_potentials(wire, 0, unit.spike_samples, action_potential(unit.cell_type, 70.0), same)
    np.testing.assert_array_equal(first_2_s, np.rint(expected / 0.25).astype(np.int16))


def test_raw_noise_has_eight_microvolts(raw_uv: np.ndarray) -> None:
    silent = simulate_session(SimulationSettings(participants=1, seconds=7, bundles=1, ap_uv=0.0), 0)
    without = np.concatenate(list(silent.raw_blocks())) * 0.25
    noise = without - upsample(silent.lfp_uv, 0, 7000, 30)
    assert noise.std() == pytest.approx(8, rel=0.01)
    assert abs(noise.mean()) < 0.05


@pytest.mark.parametrize(("cell_type", "width_ms"), [("excitatory", 0.65), ("inhibitory", 0.28)])
def test_action_potential_has_the_width_of_its_type(cell_type: CellType, width_ms: float) -> None:
    waveform = action_potential(cell_type, 120.0)
    assert waveform.min() == pytest.approx(-120)
    assert (np.argmax(waveform) - np.argmin(waveform)) / 30 == pytest.approx(width_ms, abs=1 / 30)


def test_action_potential_ends_within_its_window() -> None:
    for cell_type in ("excitatory", "inhibitory"):
        waveform = action_potential(cell_type, 70.0)
        assert np.abs(waveform[[0, -1]]).max() < 0.1


def test_action_potentials_across_block_borders_are_whole() -> None:
    waveform = action_potential("excitatory", 70.0)
    spikes = np.array([3, 95, 100, 180, 199])
    scales = np.array([1, 1, 0.5, 2, 1], dtype=np.float32)
    whole = np.zeros(200, dtype=np.float32)
    add_action_potentials(whole, 0, spikes, waveform, scales)
    pieces = np.zeros(200, dtype=np.float32)
    for start in range(0, 200, 50):
        add_action_potentials(pieces[start : start + 50], start, spikes, waveform, scales)
    np.testing.assert_allclose(pieces, whole, atol=1e-4)
    assert whole[95] < -70


def test_each_action_potential_has_its_own_scale() -> None:
    waveform = action_potential("excitatory", 70.0)
    wire = np.zeros(600, dtype=np.float32)
    add_action_potentials(wire, 0, np.array([100, 400]), waveform, np.array([0.5, 2.0], dtype=np.float32))
    np.testing.assert_array_equal(wire[70:160], 0.5 * waveform)
    np.testing.assert_array_equal(wire[370:460], 2.0 * waveform)


def test_upsampling_adds_no_delay_and_keeps_a_sine() -> None:
    time_s = np.arange(2000)[:, None] / 1000
    fine_s = np.arange(60_000)[:, None] / 30_000
    fine = upsample(np.sin(2 * np.pi * 170 * time_s).astype(np.float32), 0, 2000, 30)
    np.testing.assert_allclose(fine[600:-600], np.sin(2 * np.pi * 170 * fine_s)[600:-600], atol=0.01)


def test_upsampled_blocks_equal_the_whole() -> None:
    signal = np.random.default_rng(0).standard_normal((300, 2)).astype(np.float32)
    pieces = [upsample(signal, start, start + 100, 30) for start in (0, 100, 200)]
    np.testing.assert_allclose(np.concatenate(pieces), upsample(signal, 0, 300, 30), atol=1e-5)


def test_cut_waveforms_stand_at_their_spikes() -> None:
    wire = np.zeros(30_000, dtype=np.float32)
    spikes = np.array([5000, 12_000, 29_990])  # the last is cut off by the end
    add_action_potentials(wire, 0, spikes, action_potential("inhibitory", 70.0), np.ones(3, np.float32))
    waveforms = cut_waveforms((4 * wire).astype(np.int16), spikes)
    assert waveforms.shape == (3, 48)
    assert (np.argmin(waveforms[:2], axis=1) == 16).all()
    assert waveforms[:2].min() == pytest.approx(-280, rel=0.15)


def test_cut_waveforms_of_a_silent_unit_are_none() -> None:
    assert cut_waveforms(np.zeros(1000, dtype=np.int16), np.array([], dtype=np.int64)).shape == (0, 48)
