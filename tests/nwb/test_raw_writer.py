"""NWB files of raw sessions."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from pynwb import NWBHDF5IO

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.chunks import fill_dataset
from nwb_spikeinference.nwb.origin import own_identifier
from nwb_spikeinference.nwb.raw_records import DigitalEvents, LfpSource, Period, SessionContent, VoltageSource
from nwb_spikeinference.nwb.raw_writer import write_session
from nwb_spikeinference.nwb.read_back import require_identical
from nwb_spikeinference.recordings import Electrode, Unit
from nwb_spikeinference.session_config import DeviceSettings, SessionInfo, SubjectSettings

RATE_HZ = 30000.0
STEPS = np.random.default_rng(3).integers(-32768, 32767, (70000, 3)).astype(np.int16)
GAIN = np.array([0.25e-6, 0.25e-6, 0.5e-6])
PERIODS = (Period(start_s=0.0, n_samples=40000), Period(start_s=10.0, n_samples=30000))
FIRST_SAMPLE = (0, 40000)


def read_steps(block: int, start: int, stop: int) -> np.ndarray:
    return STEPS[FIRST_SAMPLE[block] + start : FIRST_SAMPLE[block] + stop]


def stream_lfp(block: int) -> Iterator[np.ndarray]:
    for start in range(0, -(-PERIODS[block].n_samples // 30), 300):
        yield np.full((min(300, -(-PERIODS[block].n_samples // 30) - start), 3), block + 1, dtype=np.float32)


RAW = VoltageSource(
    name="",
    description="Voltages",
    rate_hz=RATE_HZ,
    gain=GAIN,
    offset_v=np.zeros(3),
    labels=("a", "b", "c"),
    electrode_rows=(0, 1, 2),
    periods=PERIODS,
    read=read_steps,
)
CONTENT = SessionContent(
    identifier="e3b0c442",
    subject=SubjectSettings(subject_id="P01", age="P34Y", sex="F"),
    session=SessionInfo(session_id="baseline"),
    devices=(DeviceSettings(name="NSP1", model="Cerebus", manufacturer="Blackrock Neurotech"),),
    electrodes=tuple(
        Electrode(
            row=n, label=f"RAMY{n + 1}", bundle="RAMY", region="amygdala", hemisphere="right", wire=n + 1, channel=n + 9
        )
        for n in range(3)
    ),
    raw=(RAW,),
    analog=(replace(RAW, electrode_rows=(), description="Analog inputs"),),
    lfp=(
        LfpSource(
            name="",
            description="LFP",
            rate_hz=1000.0,
            electrode_rows=(0, 1, 2),
            periods=tuple(Period(start_s=p.start_s, n_samples=-(-p.n_samples // 30)) for p in PERIODS),
            stream=stream_lfp,
        ),
    ),
    units=(
        Unit(unit_id=0, electrode_rows=(2,), spike_times_s=np.array([0.5, 10.5]), cluster_id=4, sorter="Combinato"),
        Unit(
            unit_id=1,
            electrode_rows=(0,),
            spike_times_s=np.array([0.1, 0.2, 11.00002]),
            waveform_mean=np.array([0, -5e-5, 1e-5]),
            waveform_rate_hz=RATE_HZ,
            cell_type="inhibitory",
        ),
    ),
    recorded_periods=((0.0, 40000 / 30000), (10.0, 11.0)),
    events=DigitalEvents(times_s=np.array([0.25, 0.75]), values=np.array([1, 0]), resolution_s=1 / 30000),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("raw") / "session.nwb"
    write_session(target, CONTENT)
    return target


def test_samples_survive_unchanged_in_both_blocks(path: Path) -> None:
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["acquisition/ElectricalSeriesRaw000/data"][()], STEPS[:40000])
        np.testing.assert_array_equal(file["acquisition/ElectricalSeriesRaw001/data"][()], STEPS[40000:])


def test_pynwb_gives_volts_with_each_channels_gain(path: Path) -> None:
    with NWBHDF5IO(str(path), mode="r") as io:
        series = io.read().acquisition["ElectricalSeriesRaw001"]
        volts = series.get_data_in_units()[:100]
        assert (series.rate, series.starting_time) == (RATE_HZ, 10.0)
    np.testing.assert_allclose(volts, STEPS[40000:40100] * GAIN)


def test_analog_channels_of_another_scale_make_another_series(path: Path) -> None:
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["acquisition/AnalogSignals000/data"][()], STEPS[:40000, :2])
        np.testing.assert_array_equal(file["acquisition/AnalogSignalsScale1000/data"][()], STEPS[:40000, 2:])
        assert "columns: c" in file["acquisition/AnalogSignalsScale1000"].attrs["description"]


def test_lfp_is_streamed_into_its_series(path: Path) -> None:
    with h5py.File(path) as file:
        data = file["processing/ecephys/LFP/ElectricalSeriesLFP001/data"]
        assert (data.shape, data.dtype, float(data[-1, 0])) == ((1000, 3), np.float32, 2.0)


def test_the_full_structure_name_carries_the_side(path: Path) -> None:
    with NWBHDF5IO(str(path), mode="r") as io:
        file = io.read()
        assert set(file.electrodes["location"][:]) == {"right amygdala"}
        assert file.electrode_groups["RAMY"].device.model.manufacturer == "Blackrock Neurotech"


def test_units_keep_their_wire_cluster_and_type(path: Path) -> None:
    with NWBHDF5IO(str(path), mode="r") as io:
        units = io.read().units.to_dataframe()
    assert [list(rows["channel"]) for rows in units["electrodes"]] == [[11], [9]]
    assert units["cluster_id"].tolist() == [4, -1]
    assert units["cell_type"].tolist() == ["unclassified", "inhibitory"]


def test_a_unit_without_a_waveform_has_none(path: Path) -> None:
    with h5py.File(path) as file:
        waveforms = file["units/waveform_mean"][()]
    assert np.all(np.isnan(waveforms[0]))
    np.testing.assert_allclose(waveforms[1], [0, -5e-5, 1e-5])


def test_observed_periods_reach_to_a_spike_in_the_last_sample(path: Path) -> None:
    with h5py.File(path) as file:
        observed = file["units/obs_intervals"][()]
    np.testing.assert_allclose(observed[2:], [[0, 4 / 3], [10, 11.00002]])


def test_digital_events_are_a_table_of_events(path: Path) -> None:
    with NWBHDF5IO(str(path), mode="r") as io:
        table = io.read().events["digital_events"]
        assert table["timestamp"][:].tolist() == [0.25, 0.75]
        assert table["value"][:].tolist() == [1, 0]


def test_f20_every_numeric_dataset_is_chunked_and_filtered(path: Path) -> None:
    bare = []

    def visit(name: str, item: object) -> None:
        numeric = isinstance(item, h5py.Dataset) and item.shape and np.issubdtype(item.dtype, np.number)
        if numeric and not (item.chunks and item.compression == "gzip" and item.shuffle):
            bare.append(name)

    with h5py.File(path) as file:
        file.visititems(visit)
    assert bare == []


def test_the_file_says_who_made_it_and_from_what(path: Path, tmp_path: Path) -> None:
    assert own_identifier(path) == "e3b0c442"
    (tmp_path / "other.nwb").write_bytes(b"text")
    assert own_identifier(tmp_path / "other.nwb") is None
    assert own_identifier(tmp_path / "gone.nwb") is None


def test_reading_back_finds_the_channel_that_differs(path: Path) -> None:
    require_identical(path, CONTENT)

    def one_sample_off(block: int, start: int, stop: int) -> np.ndarray:
        samples = read_steps(block, start, stop).copy()
        samples[-1, 1] ^= 1
        return samples

    with pytest.raises(InputError, match="ElectricalSeriesRaw000/data: channel b differs"):
        require_identical(path, replace(CONTENT, raw=(replace(RAW, read=one_sample_off),)))


def test_pieces_of_any_length_fill_a_dataset(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("a", shape=(1000, 3), dtype="i2", chunks=(100, 3))
        fill_dataset(dataset, np.array_split(STEPS[:1000], [7, 8, 130, 650]))
        np.testing.assert_array_equal(dataset[()], STEPS[:1000])


@pytest.mark.parametrize(("given", "match"), [(999, "gave 999 samples, 1000 were announced"), (1001, "gave more than")])
def test_a_source_of_another_length_is_refused(tmp_path: Path, given: int, match: str) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("a", shape=(1000, 3), dtype="i2", chunks=(100, 3))
        with pytest.raises(InputError, match=match):
            fill_dataset(dataset, [STEPS[:given]])
