"""Real files of spikes, converted beside their own recording, or one made to their rate, channels and time."""

import struct
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference_converters.conversion_report import ConversionReport
from nwb_spikeinference_converters.sessions.convert_session import convert_session
from tests.converters.blackrock_files import make_samples, write_nsx
from tests.converters.neuralynx_files import write_ncs
from tests.converters.sessions.test_convert_real import read_trains

TICKS_HZ = 30000
RESET_PACKETS = ((0, 4020), (96, 3981))  # time stamp and samples of both data packets of reset.ns2
SPEC_3_0_START = 26_800_000  # a time stamp before the first of file_spec_3_0.nev, which span 10 s
PHY_RATE_HZ, PHY_CHANNELS = 32000, 32


def read_packets(nev: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time stamp, electrode and class of all spikes, in file order, straight from the bytes."""
    content = nev.read_bytes()
    start, packet_bytes = struct.unpack_from("<II", content, 12)
    stamp = "<u8" if content[8] >= 3 else "<u4"
    fields = [("ticks", stamp), ("id", "<u2"), ("class", "u1")]
    kind = np.dtype({"names": [name for name, _ in fields], "formats": [one for _, one in fields],
                     "offsets": [0, int(stamp[2]), int(stamp[2]) + 2], "itemsize": packet_bytes})  # fmt: skip
    packets = np.frombuffer(content, kind, offset=start)
    packets = packets[(packets["id"] > 0) & (packets["id"] <= 2048)]
    return packets["ticks"].astype(np.int64), packets["id"], packets["class"]


@pytest.fixture(scope="module")
def clock_reset(shared_data: Path, write_session, tmp_path_factory: pytest.TempPathFactory) -> ConversionReport:
    """The recorder's clock went back to zero half way; units on 96 channels."""
    folder, source = tmp_path_factory.mktemp("clock_reset"), shared_data / "blackrock" / "clock_reset"
    session_file = write_session(
        folder,
        recordings=[{"format": "blackrock", "file": str(source / "reset.ns2"), "role": "analog"}],
        units=[{"format": "nev", "file": str(source / "reset.nev")}],
        bundles=[{"label": "B1", "region": "amygdala", "hemisphere": "L", "channels": list(range(1, 97))}],
    )
    return convert_session(session_file, folder / "nwb")


def test_the_samples_of_both_sides_of_a_reset_are_those_of_the_file(
    clock_reset: ConversionReport, shared_data: Path
) -> None:
    content = (shared_data / "blackrock" / "clock_reset" / "reset.ns2").read_bytes()
    (position,) = struct.unpack_from("<I", content, 10)
    with h5py.File(clock_reset.path) as file:
        assert list(file["acquisition"]) == ["AnalogSignals000", "AnalogSignals001"]
        for series, (ticks, n_samples) in zip(file["acquisition"].values(), RESET_PACKETS, strict=True):
            assert struct.unpack_from("<BII", content, position) == (1, ticks, n_samples)
            expected = np.frombuffer(content, "<i2", n_samples * 16, position + 9).reshape(n_samples, 16)
            np.testing.assert_array_equal(series["data"][()], expected)
            position += 9 + expected.nbytes
    assert position == len(content)


def test_the_block_after_a_reset_does_not_overlap_the_one_before(clock_reset: ConversionReport) -> None:
    with h5py.File(clock_reset.path) as file:
        starts_s, stops_s = (file[f"intervals/recorded_periods/{edge}_time"][()] for edge in ("start", "stop"))
    assert starts_s[0] == 0
    assert starts_s[1] >= stops_s[0]
    np.testing.assert_allclose(stops_s - starts_s, [4.02, 3.981])
    assert any("clock was set back" in note for note in clock_reset.notes)


def test_all_sorted_spikes_around_a_reset_lie_in_the_block_they_were_recorded_in(
    clock_reset: ConversionReport, shared_data: Path
) -> None:
    ticks, electrode, klass = read_packets(shared_data / "blackrock" / "clock_reset" / "reset.nev")
    (reset,) = np.flatnonzero(np.diff(ticks) < 0) + 1
    with h5py.File(clock_reset.path) as file:
        second_s = file["acquisition/AnalogSignals001/starting_time"][()]
        trains = read_trains(file)
    times_s = ticks / TICKS_HZ
    times_s[reset:] = second_s + (ticks[reset:] - RESET_PACKETS[1][0]) / TICKS_HZ
    is_sorted = (klass > 0) & (klass < 255)
    assert set(trains) == set(zip(electrode[is_sorted].tolist(), klass[is_sorted].tolist(), strict=True))
    for (channel, cluster), found in trains.items():
        expected = np.unique(times_s[(electrode == channel) & (klass == cluster)])
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_units_of_a_real_spec_3_0_nev_reach_the_file(shared_data: Path, write_session, tmp_path: Path) -> None:
    source = shared_data / "blackrock" / "spec_3_0" / "file_spec_3_0.nev"
    samples = make_samples(330_000, 8) // 1024
    started = datetime(2022, 10, 1, 4, 3, 59, 441_000, tzinfo=UTC)  # as the .nev says
    write_nsx(tmp_path / "raw.ns6", [(SPEC_3_0_START, samples)], spec=(3, 0), started=started)
    session_file = write_session(
        tmp_path,
        recordings=[{"format": "blackrock", "file": "raw.ns6"}],
        units=[{"format": "nev", "file": str(source)}],
        bundles=[{"label": "LHIP", "region": "hippocampus", "hemisphere": "left", "channels": list(range(1, 9))}],
        write_lfp=False,
    )
    with h5py.File(convert_session(session_file, tmp_path / "nwb").path) as file:
        trains = read_trains(file)
    ticks, electrode, klass = read_packets(source)
    assert sum(map(len, trains.values())) == np.sum(klass > 0) == 108
    for (channel, cluster), found in trains.items():
        expected = np.sort(ticks[(electrode == channel) & (klass == cluster)] - SPEC_3_0_START) / TICKS_HZ
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_a_real_phy_folder_keeps_its_spike_times_and_labels(shared_data: Path, write_session, tmp_path: Path) -> None:
    source = shared_data / "phy"
    samples = make_samples(330_000, PHY_CHANNELS) // 1024
    (tmp_path / "raw").mkdir()
    for channel in range(1, PHY_CHANNELS + 1):
        piece = (0.0, samples[:, channel - 1])
        write_ncs(tmp_path / "raw" / f"CSC{channel:02d}.ncs", [piece], channel=channel, rate_hz=PHY_RATE_HZ)
    session_file = write_session(
        tmp_path,
        recordings=[{"format": "neuralynx", "file": "raw"}],
        units=[{"format": "phy", "file": str(source)}],
        bundles=[
            {
                "label": f"LHIP{n}",
                "region": "hippocampus",
                "hemisphere": "L",
                "channels": [*range(8 * n + 1, 8 * n + 9)],
            }
            for n in range(4)
        ],
        write_lfp=False,
    )
    with h5py.File(convert_session(session_file, tmp_path / "nwb").path) as file:
        trains = {cluster: times_s for (_, cluster), times_s in read_trains(file).items()}
        labels = dict(zip(file["units/cluster_id"][()], file["units/sorter_label"].asstr()[()], strict=True))
    ticks, clusters = (np.load(source / f"spike_{name}.npy").ravel() for name in ("times", "clusters"))
    assert sorted(trains) == list(range(13))
    for cluster, found in trains.items():
        expected = np.unique(ticks[clusters == cluster]) / PHY_RATE_HZ
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    assert [cluster for cluster, label in labels.items() if label == "good"] == [9, 10, 11]
