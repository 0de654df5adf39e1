"""Real recordings, from recorder files to inspected NWB files."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import loadmat
from scipy.signal import butter, sosfiltfilt

from nwb_spikeinference_converters.conversion_report import ConversionReport
from nwb_spikeinference_converters.sessions.convert_session import convert_session

TICKS_HZ = 30000


@pytest.fixture(scope="module")
def spec_2_1(shared_data: Path, write_session, tmp_path_factory: pytest.TempPathFactory) -> ConversionReport:
    """96 sorted electrodes and 6 analog inputs."""
    folder, source = tmp_path_factory.mktemp("spec_2_1"), shared_data / "blackrock" / "spec_2_1"
    session_file = write_session(
        folder,
        recordings=[{"format": "blackrock", "file": str(source / "l101210-001.ns2"), "role": "analog"}],
        events=[{"format": "blackrock", "file": str(source / "l101210-001.nev")}],
        units=[{"format": "nev", "file": str(source / "l101210-001.nev")}],
        bundles=[
            {
                "label": f"B{bundle + 1}",
                "region": "hippocampus",
                "hemisphere": "left",
                "channels": list(range(8 * bundle + 1, 8 * bundle + 9)),
            }
            for bundle in range(12)
        ],
    )
    return convert_session(session_file, folder / "nwb")


@pytest.fixture(scope="module")
def neuralynx(shared_data: Path, write_session, tmp_path_factory: pytest.TempPathFactory) -> ConversionReport:
    """Two wires with a gap, and their threshold crossings."""
    folder, source = tmp_path_factory.mktemp("neuralynx"), shared_data / "neuralynx" / "v5_5_1"
    session_file = write_session(
        folder,
        recordings=[{"format": "neuralynx", "file": str(source)}],
        units=[{"format": "nse", "file": str(source / f"STet3{wire}.nse")} for wire in "ab"],
        bundles=[{"label": "TET", "region": "CA1", "hemisphere": "right", "channels": [8, 9]}],
    )
    return convert_session(session_file, folder / "nwb")


@pytest.fixture(scope="module")
def paused(shared_data: Path, write_session, tmp_path_factory: pytest.TempPathFactory) -> ConversionReport:
    """Two blocks; the first 8 analog inputs taken for wires."""
    folder, source = tmp_path_factory.mktemp("paused"), shared_data / "blackrock" / "paused"
    session_file = write_session(
        folder,
        recordings=[
            {"format": "blackrock", "file": str(source / "pause_correct.ns2"), "role": "analog"},
        ],
        units=[{"format": "nev", "file": str(source / "pause_correct.nev")}],
        bundles=[{"label": "B1", "region": "amygdala", "hemisphere": "L", "channels": list(range(1, 97))}],
    )
    return convert_session(session_file, folder / "nwb")


def read_trains(file: h5py.File) -> dict[tuple[int, int], np.ndarray]:
    """Spike times by channel and cluster."""
    units = file["units"]
    rows = units["electrodes"][()]  # one electrode per unit
    channels = file["general/extracellular_ephys/electrodes/channel"][()][rows]
    trains = np.split(units["spike_times"][()], units["spike_times_index"][()])[:-1]
    return {(int(c), int(k)): t for c, k, t in zip(channels, units["cluster_id"][()], trains, strict=True)}


def test_the_122_sorted_trains_of_spec_2_1_are_exactly_those_of_another_tool(
    spec_2_1: ConversionReport, shared_data: Path
) -> None:
    expected = loadmat(shared_data / "blackrock" / "spec_2_1" / "l101210-001.mat")
    electrode, unit, ticks = (expected[name].ravel().astype(np.int64) for name in ("el", "un", "ts"))
    with h5py.File(spec_2_1.path) as file:
        trains = read_trains(file)
    assert len(trains) == 122
    assert set(trains) == {(e, u) for e, u in zip(electrode, unit, strict=True) if u > 0}
    for (channel, cluster), times_s in trains.items():
        np.testing.assert_array_equal(np.rint(times_s * TICKS_HZ), ticks[(electrode == channel) & (unit == cluster)])


def test_the_analog_samples_of_spec_2_1_are_exactly_those_of_another_tool(
    spec_2_1: ConversionReport, shared_data: Path
) -> None:
    expected = loadmat(shared_data / "blackrock" / "spec_2_1" / "l101210-001.mat")["lfp"].view(np.int16).T
    with h5py.File(spec_2_1.path) as file:
        series = file["acquisition/AnalogSignals"]
        assert series.attrs["neurodata_type"] == "TimeSeries"
        np.testing.assert_array_equal(series["data"][:3640], expected)  # that tool leaves out the last one


def test_the_digital_events_of_spec_2_1_are_exactly_those_of_another_tool(
    spec_2_1: ConversionReport, shared_data: Path
) -> None:
    expected = loadmat(shared_data / "blackrock" / "spec_2_1" / "l101210-001.mat")
    with h5py.File(spec_2_1.path) as file:
        table = file["events/digital_events"]
        np.testing.assert_array_equal(np.rint(table["timestamp"][()] * TICKS_HZ), expected["mts"].ravel())
        np.testing.assert_array_equal(table["value"][()], expected["mid"].ravel())


@pytest.mark.parametrize("recording", ["spec_2_1", "neuralynx", "paused"])
def test_the_inspector_reports_nothing_worse_than_a_suggestion(recording: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(recording)
    assert [finding for finding in report.findings if not finding.startswith("suggestion")] == []


def test_no_date_comment_or_path_of_the_recorder_reaches_the_file(spec_2_1: ConversionReport) -> None:
    content = spec_2_1.path.read_bytes()
    for text in (b"File Dialog", b"l101210", b"2010-12", b"/blackrock/"):
        assert text not in content
    with h5py.File(spec_2_1.path) as file:
        assert file["session_start_time"].asstr()[()] == "2000-01-01T00:00:00+00:00"


def test_a_gap_makes_two_series_of_raw_and_of_lfp(neuralynx: ConversionReport) -> None:
    assert (neuralynx.blocks, len(neuralynx.gaps)) == (2, 1)
    with h5py.File(neuralynx.path) as file:
        assert list(file["acquisition"]) == ["ElectricalSeriesRaw000", "ElectricalSeriesRaw001"]
        raw = file["acquisition/ElectricalSeriesRaw001"]
        lfp = file["processing/ecephys/LFP/ElectricalSeriesLFP001"]
        assert raw["starting_time"][()] == pytest.approx(243.803)
        assert lfp["starting_time"][()] == raw["starting_time"][()]
        assert (raw["starting_time"].attrs["rate"], lfp["starting_time"].attrs["rate"]) == (32000, 1000)
        assert len(lfp["data"]) == 427008 // 32
        assert list(file["intervals/recorded_periods/stop_time"][()]) == pytest.approx([39.968, 243.803 + 13.344])


def test_threshold_crossings_lie_inside_the_recorded_periods(neuralynx: ConversionReport) -> None:
    with h5py.File(neuralynx.path) as file:
        starts, stops = (file[f"intervals/recorded_periods/{edge}_time"][()] for edge in ("start", "stop"))
        times_s = file["units/spike_times"][()]
        assert set(file["units/sorter"].asstr()[()]) == {"threshold crossings"}
    assert len(times_s) == 1398 + 1405
    assert np.all(np.any((times_s[:, None] >= starts) & (times_s[:, None] <= stops), axis=1))


def test_threshold_crossings_and_signal_share_one_clock(neuralynx: ConversionReport) -> None:
    with h5py.File(neuralynx.path) as file:
        raw = file["acquisition/ElectricalSeriesRaw000/data"][:, 0].astype(float)
        times_s = file["units/spike_times"][: file["units/spike_times_index"][0]]
        recorders_mean = file["units/waveform_mean"][0]
    spike_band = sosfiltfilt(butter(2, (600, 6000), "bandpass", fs=32000, output="sos"), raw)
    samples = np.rint(times_s[times_s < 39.9] * 32000).astype(int)
    mean = np.mean([spike_band[sample - 100 : sample + 100] for sample in samples[samples > 100]], axis=0)
    likeness = [np.corrcoef(mean[shift : shift + 32], recorders_mean)[0, 1] for shift in range(168)]
    assert np.argmax(likeness) == 100  # the recorder's waveforms start at the time stamp


def test_spikes_of_a_paused_recording_fall_into_its_two_blocks(paused: ConversionReport) -> None:
    with h5py.File(paused.path) as file:
        periods = file["units/obs_intervals"][:2]
        times_s = file["units/spike_times"][()]
    assert periods[:, 0].tolist() == pytest.approx([0, 31.0087])
    assert np.sum(times_s < 4.001) > 1000
    assert np.sum(times_s > 31.008) > 1000
    assert not np.any((times_s > 4.001) & (times_s < 31.008))


@pytest.mark.parametrize(("column", "spikes", "n_notes"), [("sample", (500, 32500), 1), ("time_s", (0.5, 32.5), 0)])
def test_samples_of_a_paused_recording_are_said_to_include_the_pause(
    shared_data: Path, write_session, tmp_path: Path, column: str, spikes: tuple[float, float], n_notes: int
) -> None:
    (tmp_path / "units.csv").write_text(f"unit,{column}\n1,{spikes[0]}\n1,{spikes[1]}\n", encoding="utf-8")
    source = shared_data / "blackrock" / "paused" / "pause_correct.ns2"
    session_file = write_session(
        tmp_path,
        recordings=[{"format": "blackrock", "file": str(source), "role": "analog"}],
        units=[{"format": "csv", "file": "units.csv", "channel": 1, "rate_hz": 1000}],
        bundles=[{"label": "B1", "region": "amygdala", "hemisphere": "L", "channels": list(range(1, 9))}],
    )
    notes = convert_session(session_file, tmp_path / "nwb", dry_run=True).notes
    assert len([note for note in notes if "to count pauses" in note]) == n_notes
    assert not any("left out" in note for note in notes)  # both spikes are in a block
