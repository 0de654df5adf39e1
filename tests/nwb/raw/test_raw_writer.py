"""NWB files of raw sessions."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from pynwb import NWBHDF5IO

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.origin import own_identifier
from nwb_spikeinference.nwb.raw.raw_records import LfpSource, Period, RecordedEvents, SessionContent, VoltageSource
from nwb_spikeinference.nwb.raw.raw_writer import write_session
from nwb_spikeinference.nwb.raw.read_back import locate_raw, require_identical
from nwb_spikeinference.recordings import Electrode, Unit
from nwb_spikeinference.session_config import DeviceSettings, SessionInfo, SubjectSettings

RATE_HZ = 30000.0
STEPS = np.random.default_rng(3).integers(-32768, 32767, (70000, 3)).astype(np.int16)
GAIN = np.array([0.25e-6, 0.25e-6, 0.5e-6])
PERIODS = (
    Period(start_s=0.0, n_samples=40000, rate_hz=30000.0),
    Period(start_s=10.0, n_samples=30000, rate_hz=30000.0),
)
FIRST_SAMPLE = (0, 40000)


def read_steps(block: int, start: int, stop: int) -> np.ndarray:
    return STEPS[FIRST_SAMPLE[block] + start : FIRST_SAMPLE[block] + stop]


def every_30th(pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    n_read = 0
    for piece in pieces:
        yield piece[-n_read % 30 :: 30].astype(np.float32)
        n_read += len(piece)


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
            periods=tuple(Period(start_s=p.start_s, n_samples=-(-p.n_samples // 30), rate_hz=1000.0) for p in PERIODS),
            filter=every_30th,
        ),
    ),
    units=(
        Unit(
            row=0, unit_id=0, electrode_rows=(2,), spike_times_s=np.array([0.5, 10.5]), cluster_id=4, sorter="Combinato"
        ),
        Unit(
            row=1,
            unit_id=1,
            electrode_rows=(0,),
            spike_times_s=np.array([0.1, 0.2, 11.00002]),
            waveform_mean=np.array([0, -5e-5, 1e-5]),
            waveform_rate_hz=RATE_HZ,
            cell_type="inhibitory",
        ),
    ),
    recorded_periods=((0.0, 40000 / 30000), (10.0, 11.0)),
    events=(
        RecordedEvents(
            name="digital_events",
            description="Values on the digital input",
            column="value",
            times_s=np.array([0.25, 0.75]),
            values=np.array([1, 0]),
            meanings=((1, "stimulus on"), (2, "answer"), (0, "not described")),
            resolution_s=1 / 30000,
        ),
    ),
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


def test_lfp_is_made_from_what_is_written(path: Path) -> None:
    with h5py.File(path) as file:
        data = file["processing/ecephys/LFP/ElectricalSeriesLFP001/data"]
        assert data.dtype == np.float32
        np.testing.assert_array_equal(data[()], STEPS[40000::30])


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


def test_measures_of_like_names_have_columns_of_their_own(tmp_path: Path) -> None:
    quality = {"Amp": 1.0, "amp": 2.0, "amp 2": 3.0, "%": 4.0, "#": 5.0}
    units = (replace(CONTENT.units[0], quality=quality), replace(CONTENT.units[1], quality={"amp": 6.0}))
    write_session(tmp_path / "session.nwb", replace(CONTENT, units=units))
    with h5py.File(tmp_path / "session.nwb") as file:
        columns = {name: file[f"units/{name}"][()].tolist() for name in file["units"] if name.startswith("sorter_")}
        described = file["units/sorter_amp_2"].attrs["description"]
    expected = {
        "sorter_amp": [1, np.nan],
        "sorter_amp_2": [2, 6],
        "sorter_amp_2_2": [3, np.nan],
        "sorter_measure": [4, np.nan],
        "sorter_measure_2": [5, np.nan],
    }
    np.testing.assert_equal(columns, expected)
    assert described == "'amp' as the sorter gave it"


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


def test_a_source_is_read_once(tmp_path: Path) -> None:
    asked = []

    def read(block: int, start: int, stop: int) -> np.ndarray:
        asked.append((block, start, stop))
        return read_steps(block, start, stop)

    write_session(tmp_path / "a.nwb", replace(CONTENT, raw=(replace(RAW, read=read),)))
    assert asked == [(0, 0, 30000), (0, 30000, 40000), (1, 0, 30000)]


def test_a_source_that_gives_less_than_it_announced_is_refused(tmp_path: Path) -> None:
    short = replace(RAW, read=lambda block, start, stop: read_steps(block, start, stop)[:-1])
    with pytest.raises(InputError, match="ElectricalSeriesRaw000: the source gave 39998 samples, 40000 were announced"):
        write_session(tmp_path / "a.nwb", replace(CONTENT, raw=(short,)))


def test_a_source_that_fails_while_it_is_read_says_so(tmp_path: Path) -> None:
    def read(block: int, start: int, stop: int) -> np.ndarray:
        raise InputError("raw.ns6: the network drive is gone")

    with pytest.raises(InputError, match="the network drive is gone"):
        write_session(tmp_path / "a.nwb", replace(CONTENT, raw=(replace(RAW, read=read),)))


def test_reading_back_finds_the_channel_that_differs(path: Path) -> None:
    require_identical(path, locate_raw(path, CONTENT))

    def one_sample_off(block: int, start: int, stop: int) -> np.ndarray:
        samples = read_steps(block, start, stop).copy()
        samples[-1, 1] ^= 1
        return samples

    with pytest.raises(InputError, match="ElectricalSeriesRaw000/data: channel b differs"):
        require_identical(path, locate_raw(path, replace(CONTENT, raw=(replace(RAW, read=one_sample_off),))))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_reading_back_finds_a_flipped_bit_in_a_chunk(path: Path, tmp_path: Path, share: float) -> None:
    with h5py.File(path) as file:
        chunk = file["acquisition/ElectricalSeriesRaw001/data"].id.get_chunk_info(0)
    damaged = bytearray(path.read_bytes())
    damaged[chunk.byte_offset + int(share * chunk.size)] ^= 1
    (tmp_path / "damaged.nwb").write_bytes(damaged)
    with pytest.raises(InputError, match=r"ElectricalSeriesRaw001/data: damaged chunk .*; the disk may be failing"):
        require_identical(tmp_path / "damaged.nwb", locate_raw(tmp_path / "damaged.nwb", CONTENT))


def test_reading_back_finds_a_chunk_that_was_never_written(path: Path, tmp_path: Path) -> None:
    (tmp_path / "hollow.nwb").write_bytes(path.read_bytes())
    with h5py.File(tmp_path / "hollow.nwb", "r+") as file:
        name = "acquisition/ElectricalSeriesRaw001/data"
        shape, chunks = file[name].shape, file[name].chunks
        del file[name]
        file.create_dataset(name, shape=shape, dtype="i2", chunks=chunks, compression="gzip", shuffle=True)
    with pytest.raises(InputError, match="ElectricalSeriesRaw001/data: 1 chunks are missing"):
        locate_raw(tmp_path / "hollow.nwb", CONTENT)
