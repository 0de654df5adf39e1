"""One session with units of wave_clus, OSort and Combinato, from their files to an NWB file."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import loadmat

from nwb_spikeinference.errors import InputError
from nwb_spikeinference_converters.sessions.convert_session import convert_session
from tests.converters.sorter_files import write_combinato, write_osort, write_wave_clus

Trains = dict[int, np.ndarray]  # spike times in seconds by cluster
EditSession = Callable[..., Path]


@pytest.fixture
def trains(simulated_session: Path) -> Trains:
    """Three trains of the simulated sorter, as long as they need to be to count."""
    units = loadmat(simulated_session.parent / "units.mat", squeeze_me=True)
    times_s = np.unique(units["sample"]) / 30000
    return {cluster: times_s[cluster::7][:40] for cluster in (1, 2, 3)}


def write_sorters(folder: Path, trains: Trains) -> list[dict[str, object]]:
    write_wave_clus(
        folder / "times_NSX1.mat",
        cluster_class=np.stack([np.full(len(trains[1]), 1.0), trains[1] * 1e3], axis=1),
        spikes=np.tile(np.sin(np.arange(64.0)), (len(trains[1]), 1)),
    )
    write_osort(
        folder / "A2_sorted_new.mat",
        assignedNegative=np.full((1, len(trains[2])), 2.0),
        newTimestampsNegative=trains[2][np.newaxis] * 1e6,
        newSpikesNegative=np.tile(np.sin(np.arange(256.0)), (len(trains[2]), 1)),
        useNegative=np.array([[2.0]]),
    )
    n_spikes = len(trains[3])
    write_combinato(
        folder / "ch3",
        index=np.arange(n_spikes),
        classes=np.ones(n_spikes, dtype=np.uint16),
        groups=np.array([[1, 3]]),
        types=np.array([[3, 2]]),
    )
    (folder / "ch3" / "data_CSC12.h5").rename(folder / "ch3" / "data_ch3.h5")
    with h5py.File(folder / "ch3" / "data_ch3.h5", "r+") as file:
        del file["neg"]
        file["neg/times"], file["neg/spikes"] = trains[3] * 1e3, np.zeros((n_spikes, 64))
    return [
        {"format": "wave_clus", "file": "times_NSX1.mat"},
        {"format": "osort", "file": "A2_sorted_new.mat"},
        {"format": "combinato", "file": "ch3"},
    ]


def test_spike_times_and_channels_reach_the_nwb_file(
    edited_session: EditSession, trains: Trains, tmp_path: Path
) -> None:
    session_file = edited_session(units=write_sorters(tmp_path, trains), write_lfp=False)
    report = convert_session(session_file, tmp_path / "nwb")
    with h5py.File(report.path) as file:
        units = file["units"]
        found = np.split(units["spike_times"][()], units["spike_times_index"][()][:-1])
        assert units["sorter"].asstr()[()].tolist() == ["wave_clus", "OSort", "Combinato"]
        channels = file["general/extracellular_ephys/electrodes/channel"][()]
        assert channels[units["electrodes"][()]].tolist() == [1, 2, 3]
    for times_s, expected in zip(found, trains.values(), strict=True):
        np.testing.assert_allclose(times_s, expected, atol=1 / 30000)


def test_milliseconds_taken_for_seconds_are_refused(
    edited_session: EditSession, trains: Trains, tmp_path: Path
) -> None:
    entry = {**write_sorters(tmp_path, trains)[0], "time_unit": "s"}
    with pytest.raises(InputError, match=r"times_NSX1\.mat: \d+ of 40 spikes lie outside the recording"):
        convert_session(edited_session(units=[entry]), tmp_path / "nwb")
