"""A simulated session at 30 kHz, from recorder files to an NWB file."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import loadmat

from nwb_spikeinference.errors import ExistsError
from nwb_spikeinference_converters.conversion_report import ConversionReport
from nwb_spikeinference_converters.sessions.convert_session import convert_session

ELECTRODES = "general/extracellular_ephys/electrodes"


@pytest.fixture(scope="module")
def report(simulated_session: Path, tmp_path_factory: pytest.TempPathFactory) -> ConversionReport:
    return convert_session(simulated_session, tmp_path_factory.mktemp("nwb"))


def raw_samples(session_file: Path) -> np.ndarray:
    """Samples of the simulated file of 8 channels, read without the converter."""
    content = (session_file.parent / "raw.ns6").read_bytes()
    return np.frombuffer(content, dtype="<i2", offset=314 + 8 * 66 + 9).reshape(-1, 8)


def test_the_name_is_the_archives(report: ConversionReport) -> None:
    assert report.path.name == "sub-S01_ses-simulated_ecephys.nwb"
    assert report.path.parent.name == "sub-S01"


def test_the_report_says_what_was_converted(report: ConversionReport) -> None:
    assert (report.status, report.channels, report.blocks, report.gaps) == ("written", 8, 1, ())
    assert report.seconds == pytest.approx(10.0)
    assert report.notes == ()


def test_every_raw_sample_is_kept(report: ConversionReport, simulated_session: Path) -> None:
    with h5py.File(report.path) as file:
        data = file["acquisition/ElectricalSeriesRaw/data"]
        assert data.dtype == np.int16
        assert data.chunks == (30000, 8)
        np.testing.assert_array_equal(data[()], raw_samples(simulated_session))


def test_spike_times_are_those_of_the_sorter(report: ConversionReport, simulated_session: Path) -> None:
    source = loadmat(simulated_session.parent / "units.mat")
    with h5py.File(report.path) as file:
        times_s, ends = file["units/spike_times"][()], file["units/spike_times_index"][()]
        numbers = file["units/cluster_id"][()]
        assert file["units/spike_times"].attrs["resolution"] == pytest.approx(1 / 30000)
    for number, train in zip(numbers, np.split(times_s, ends), strict=False):
        expected = np.sort(source["sample"].ravel()[source["unit"].ravel() == number])
        np.testing.assert_allclose(train * 30000, expected, atol=1e-6)


def test_lfp_is_the_raw_signal_below_300_hz_at_1_khz(report: ConversionReport) -> None:
    with h5py.File(report.path) as file:
        raw = file["acquisition/ElectricalSeriesRaw/data"]
        volts = raw[()] * raw.attrs["conversion"]
        lfp = file["processing/ecephys/LFP/ElectricalSeriesLFP/data"][()]
    assert lfp.shape == (10000, 8)
    smooth = np.apply_along_axis(np.convolve, 0, volts, np.ones(30) / 30, "same")[::30]
    assert np.corrcoef(smooth[:, 0], lfp[:, 0])[0, 1] > 0.99
    assert np.std(lfp) == pytest.approx(np.std(smooth), rel=0.05)


def test_mean_waveforms_are_action_potentials_in_volts(report: ConversionReport) -> None:
    with h5py.File(report.path) as file:
        waveforms = file["units/waveform_mean"][()]
        widths_ms = file["units/trough_to_peak_ms"][()]
        types = file["units/cell_type"].asstr()[()]
    assert np.all((waveforms.min(axis=1) < -20e-6) & (waveforms.min(axis=1) > -300e-6))
    assert np.array_equal(types == "inhibitory", widths_ms < 0.5)
    assert set(types) == {"excitatory", "inhibitory"}


def test_waveforms_that_the_sorter_left_out_are_measured(edited_session, tmp_path: Path) -> None:
    session_file = edited_session(units=[{"format": "csv", "file": "units.csv", "rate_hz": 30000}])
    source = loadmat(tmp_path / "units.mat")
    rows = zip(source["unit"].ravel(), source["channel"].ravel(), source["sample"].ravel(), strict=True)
    text = "\ufeffunit;channel;sample\r\n" + "".join(f"{u};{c};{s}\r\n" for u, c, s in rows)
    (tmp_path / "units.csv").write_text(text, encoding="utf-8")
    measured = convert_session(session_file, tmp_path / "nwb")
    with h5py.File(measured.path) as file:
        widths_ms = file["units/trough_to_peak_ms"][()]
        snr = file["units/snr"][()]
        numbers = file["units/cluster_id"][()]
    known_ms = [width_of_unit(source, number) for number in numbers]
    np.testing.assert_allclose(widths_ms, known_ms, atol=0.15)
    assert np.all(snr > 3)


def width_of_unit(source: dict[str, np.ndarray], number: int) -> float:
    mean = source["waveform"][source["unit"].ravel() == number].mean(axis=0)
    trough = int(np.argmin(mean))
    return float(np.argmax(mean[trough:])) / 30


def test_electrodes_say_region_side_wire_and_channel(report: ConversionReport) -> None:
    with h5py.File(report.path) as file:
        table = file[ELECTRODES]
        region, side = table["region"].asstr()[0], table["hemisphere"].asstr()[0]
        assert table["location"].asstr()[0] == f"{ {'L': 'left', 'R': 'right'}[side] } {region}"
        assert table["wire"][()].tolist() == list(range(1, 9))
        assert len(set(table["channel"][()])) == 8
        assert set(table["electrode_type"].asstr()[()]) == {"micro"}


def test_a_second_run_finds_the_file_up_to_date(report: ConversionReport, simulated_session: Path) -> None:
    before = report.path.stat().st_mtime_ns
    again = convert_session(simulated_session, report.path.parents[1])
    assert again.status == "up to date"
    assert report.path.stat().st_mtime_ns == before


def test_a_file_of_another_program_is_not_replaced_unasked(simulated_session: Path, tmp_path: Path) -> None:
    target = tmp_path / "sub-S01" / "sub-S01_ses-simulated_ecephys.nwb"
    target.parent.mkdir()
    target.write_bytes(b"somebody's work")
    with pytest.raises(ExistsError, match="was not made by this program; add --overwrite"):
        convert_session(simulated_session, tmp_path)
    assert target.read_bytes() == b"somebody's work"


def test_a_file_that_is_replaced_is_told(edited_session, tmp_path: Path) -> None:
    convert_session(edited_session(), tmp_path / "nwb")
    again = convert_session(edited_session(clip={"start_s": 2}), tmp_path / "nwb", dry_run=True)
    assert "what is there was made from other files or settings, and is replaced" in again.notes[-1]


def test_sample_numbers_at_another_rate_than_the_recordings_are_told(edited_session, tmp_path: Path) -> None:
    units = [{"format": "mat", "file": "units.mat", "rate_hz": 32000}]
    notes = convert_session(edited_session(units=units), tmp_path / "nwb", dry_run=True).notes
    assert any("counted at 32000 Hz, as 'rate_hz' says, but raw.ns6 was sampled at 30000 Hz" in note for note in notes)


def test_spikes_in_a_hundredth_of_the_recording_are_told(edited_session, tmp_path: Path) -> None:
    lines = [f"1,1,{0.001 * number}" for number in range(1, 30)]
    (tmp_path / "units.csv").write_text("\n".join(["unit,channel,time_s", *lines]), encoding="utf-8")
    units = [{"format": "csv", "file": "units.csv"}]
    notes = convert_session(edited_session(units=units), tmp_path / "nwb", dry_run=True).notes
    assert any("all spikes lie within 0.028 s of a recording of 10 s; is 'time_unit' right?" in note for note in notes)


def test_a_clip_keeps_only_its_stretch_on_the_same_clock(edited_session, tmp_path: Path) -> None:
    session_file = edited_session(clip={"start_s": 2, "stop_s": 5}, write_lfp=False)
    clipped = convert_session(session_file, tmp_path / "nwb")
    with h5py.File(clipped.path) as file:
        series = file["acquisition/ElectricalSeriesRaw"]
        np.testing.assert_array_equal(series["data"][()], raw_samples(session_file)[60000:150000])
        assert series["starting_time"][()] == 2.0
        times_s = file["units/spike_times"][()]
        assert "processing" not in file or "ecephys" not in file["processing"]
    assert times_s.min() >= 2
    assert times_s.max() <= 5.0001
    assert any("outside the kept recording left out" in note for note in clipped.notes)


def test_a_session_without_units_is_converted(edited_session, tmp_path: Path) -> None:
    assert convert_session(edited_session(units=[]), tmp_path / "nwb").units == 0
