"""What makes a simulated recording less than perfect: moving electrodes, uneven spikes, a sorter that misses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neo.rawio import BlackrockRawIO
from scipy.io import loadmat

from nwb_spikeinference.simulate.simulated_session import SimulatedSession
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, simulate_session, write_blackrock_study

SETTINGS = SimulationSettings(participants=1, seconds=12, bundles=1, seed=2)


def simulate(**options: float) -> SimulatedSession:
    return simulate_session(replace(SETTINGS, **options), 0)


@pytest.fixture(scope="module")
def perfect() -> SimulatedSession:
    return simulate()


def all_scales(session: SimulatedSession) -> np.ndarray:
    return np.concatenate([unit.scales for unit in session.units])


def test_by_default_the_sorter_finds_every_spike(perfect: SimulatedSession) -> None:
    assert not any(unit.missed.any() for unit in perfect.units)


def test_by_default_every_action_potential_has_the_same_size(perfect: SimulatedSession) -> None:
    np.testing.assert_array_equal(all_scales(perfect), 1.0)


@pytest.mark.parametrize(
    "options",
    [{"ap_uv": 0.0}, {"electrode_drift": 0.5}, {"amplitude_jitter": 0.2}, {"missed_spikes": 0.3}],
    ids=lambda options: next(iter(options)),
)
def test_an_option_leaves_the_lfp_and_what_the_neurons_do(perfect: SimulatedSession, options: dict[str, float]) -> None:
    changed = simulate(**options)
    np.testing.assert_array_equal(changed.lfp_uv, perfect.lfp_uv)
    for unit, twin in zip(changed.units, perfect.units, strict=True):
        np.testing.assert_array_equal(unit.spike_samples, twin.spike_samples)


def test_no_option_reaches_a_wire_without_units(perfect: SimulatedSession) -> None:
    changed = simulate(ap_uv=0.0, electrode_drift=0.5, amplitude_jitter=0.2, missed_spikes=0.3)
    blocks = zip(perfect.raw_blocks(), changed.raw_blocks(), strict=True)
    same = np.all([(one == other).all(axis=0) for one, other in blocks], axis=0)
    silent = {channel for channel, equal in zip(perfect.channels, same, strict=True) if equal}
    assert silent == set(perfect.channels) - {unit.channel for unit in perfect.units}


def test_action_potentials_drift_by_the_share_asked_for_up_or_down() -> None:
    directions = set()
    session = simulate(electrode_drift=0.5)
    for unit in session.units:
        slope, start = np.polyfit(unit.spike_samples / session.n_raw_samples, unit.scales, 1)
        assert abs(slope) == pytest.approx(0.5, abs=1e-4)
        assert start + slope / 2 == pytest.approx(1.0, abs=1e-4)
        directions.add(np.sign(slope))
    assert directions == {-1, 1}


def test_amplitudes_jitter_by_the_deviation_asked_for() -> None:
    scales = all_scales(simulate(amplitude_jitter=0.2))
    assert np.log(scales).std() == pytest.approx(0.2, rel=0.05)
    assert scales.mean() == pytest.approx(1.0, abs=0.02)


def test_the_sorter_misses_the_share_asked_for() -> None:
    missed = np.concatenate([unit.missed for unit in simulate(missed_spikes=0.3).units])
    assert missed.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / len(missed)))


def test_missed_spikes_stay_in_the_raw_signal(perfect: SimulatedSession) -> None:
    for one, other in zip(perfect.raw_blocks(), simulate(missed_spikes=0.3).raw_blocks(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def badly_sorted(tmp_path_factory: pytest.TempPathFactory) -> tuple[SimulatedSession, Path]:
    settings = replace(SETTINGS, seconds=8, missed_spikes=0.3)
    folder = tmp_path_factory.mktemp("study")
    write_blackrock_study(folder, settings)
    return simulate_session(settings, 0), folder / "S01"


def test_the_unit_file_lacks_missed_spikes(badly_sorted: tuple[SimulatedSession, Path]) -> None:
    session, folder = badly_sorted
    content: dict[str, Any] = loadmat(folder / "units.mat", squeeze_me=True)
    for unit in session.units:
        found = content["sample"][content["unit"] == unit.number]
        np.testing.assert_array_equal(found, unit.spike_samples[~unit.missed])


def test_the_recorder_keeps_missed_spikes_as_unsorted(badly_sorted: tuple[SimulatedSession, Path]) -> None:
    session, folder = badly_sorted
    reader = BlackrockRawIO(filename=str(folder / "raw"), nsx_to_load=6)
    reader.parse_header()
    names = list(reader.header["spike_channels"]["name"])
    for unit in session.units:
        unsorted = reader.get_spike_timestamps(spike_channel_index=names.index(f"ch{unit.channel}#0"))
        assert set(unit.spike_samples[unit.missed]) <= set(unsorted)
