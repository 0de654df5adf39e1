"""Intan recordings, written from the description of the format."""

from pathlib import Path

import h5py
import neo.rawio
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference_converters.sessions.convert_session import convert_session
from tests.converters.vendor_files import (
    BITS,
    RATE_HZ,
    SIGNED,
    STAMPS,
    volts_of,
    write_intan_folder,
    write_rhd,
)


@pytest.fixture
def rhd(tmp_path: Path) -> Path:
    write_rhd(tmp_path / "raw.rhd", STAMPS, BITS[:, :3], BITS[:, 3:])
    return tmp_path / "raw.rhd"


def test_intan_samples_are_those_of_the_file_less_half_the_range(rhd: Path, open_recording) -> None:
    samples = open_recording("intan", rhd).read(0, 0, len(BITS))
    assert samples.dtype == np.int16
    np.testing.assert_array_equal(samples, BITS[:, :3].astype(np.int64) - 32768)


def test_intan_volts_are_those_that_neo_gives(rhd: Path, open_recording) -> None:
    reader = neo.rawio.IntanRawIO(filename=str(rhd))
    reader.parse_header()
    raw = reader.get_analogsignal_chunk(stream_index=0)
    expected_uv = reader.rescale_signal_raw_to_float(raw, dtype="float64", stream_index=0)
    np.testing.assert_allclose(volts_of(open_recording("intan", rhd), len(BITS)), expected_uv * 1e-6, atol=1e-15)


def test_intan_amplifier_has_no_offset(rhd: Path, open_recording) -> None:
    assert {channel.offset_v for channel in open_recording("intan", rhd).channels} == {0.0}


def test_intan_channels_are_numbered_as_on_the_port(rhd: Path, open_recording) -> None:
    channels = open_recording("intan", rhd).channels
    assert [(channel.number, channel.label) for channel in channels] == [(0, "A-000"), (1, "A-001"), (2, "A-002")]


def test_intan_analog_inputs_are_the_stream_of_role_analog(rhd: Path, open_recording) -> None:
    recording = open_recording("intan", rhd, role="analog")
    np.testing.assert_allclose(volts_of(recording, 1280)[:, 0], (BITS[:, 3] - 32768.0) * 0.00015259, atol=1e-9)


def test_intan_auxiliary_inputs_have_a_quarter_of_the_rate(rhd: Path, open_recording) -> None:
    recording = open_recording("intan", rhd, stream="RHD2000 auxiliary input channel", role="analog")
    assert (recording.rate_hz, recording.blocks[0].n_samples) == (7500, 320)
    np.testing.assert_allclose(volts_of(recording, 320)[:, 0], np.arange(320) * 37.4e-6, atol=1e-12)


def test_intan_gap_makes_two_blocks_on_the_recorders_clock(tmp_path: Path, open_recording) -> None:
    stamps = np.where(STAMPS < 640, STAMPS - 300, STAMPS + 60000)  # triggered: recording began before zero
    write_rhd(tmp_path / "raw.rhd", stamps, BITS[:, :3], BITS[:, 3:])
    recording = open_recording("intan", tmp_path / "raw.rhd")
    assert [(round(b.start_s * RATE_HZ), b.n_samples) for b in recording.blocks] == [(-300, 640), (60640, 640)]
    np.testing.assert_array_equal(recording.read(1, 10, 20), SIGNED[650:660, :3] ^ np.int16(-32768))


def test_intan_slow_streams_share_the_gap(tmp_path: Path, open_recording) -> None:
    write_rhd(tmp_path / "raw.rhd", np.where(STAMPS < 640, STAMPS, STAMPS + 60000), BITS[:, :3], BITS[:, 3:])
    recording = open_recording("intan", tmp_path / "raw.rhd", stream="RHD2000 auxiliary input channel")
    assert [(round(b.start_s * RATE_HZ), b.n_samples) for b in recording.blocks] == [(0, 160), (60640, 160)]


def test_intan_files_of_a_minute_each_become_one_block(tmp_path: Path, open_recording) -> None:
    for part, rows in enumerate((slice(0, 640), slice(640, 1280))):
        write_rhd(tmp_path / f"raw_{part}.rhd", STAMPS[rows], BITS[rows, :3], BITS[rows, 3:])
    recording = open_recording("intan", tmp_path / "raw_*.rhd")
    assert [block.n_samples for block in recording.blocks] == [1280]
    np.testing.assert_array_equal(recording.read(0, 600, 700), BITS[600:700, :3].astype(np.int64) - 32768)
    assert [path.name for path in recording.files] == ["raw_0.rhd", "raw_1.rhd"]


def test_intan_parts_of_other_channels_are_refused(tmp_path: Path, open_recording) -> None:
    write_rhd(tmp_path / "raw_0.rhd", STAMPS, BITS[:, :3], BITS[:, 3:])
    write_rhd(tmp_path / "raw_1.rhd", STAMPS + 1280, BITS[:, :2], BITS[:, 3:])
    with pytest.raises(InputError, match=r"raw_1\.rhd: rate, channels or scale differ from raw_0\.rhd"):
        open_recording("intan", tmp_path / "raw_*.rhd")


def test_intan_one_file_per_signal_is_kept_bit_for_bit(tmp_path: Path, open_recording) -> None:
    recording = open_recording("intan", write_intan_folder(tmp_path, STAMPS, SIGNED))
    np.testing.assert_array_equal(recording.read(0, 0, 1280), SIGNED)
    assert {path.name for path in recording.files} == {"info.rhd", "time.dat", "amplifier.dat"}


@pytest.mark.parametrize("cut", [1, 64, 1000])
def test_intan_truncated_file_is_refused(rhd: Path, open_recording, cut: int) -> None:
    rhd.write_bytes(rhd.read_bytes()[:-cut])
    with pytest.raises(InputError, match=r"raw\.rhd: truncated, damaged or not read by neo"):
        open_recording("intan", rhd)


def test_intan_truncated_folder_is_refused(tmp_path: Path, open_recording) -> None:
    header = write_intan_folder(tmp_path, STAMPS, SIGNED)
    (tmp_path / "amplifier.dat").write_bytes(SIGNED[:-10].tobytes())
    with pytest.raises(InputError, match="1280 time stamps for 1270 samples"):
        open_recording("intan", header)


def test_intan_random_time_stamps_are_refused(tmp_path: Path, open_recording) -> None:
    signal = np.zeros((20480, 1), dtype=np.int16)
    header = write_intan_folder(tmp_path, np.random.default_rng(1).integers(0, 2**31, 20480), signal)
    with pytest.raises(InputError, match="jump more than 10000 times"):
        open_recording("intan", header)


def test_intan_foreign_file_is_refused(tmp_path: Path, open_recording) -> None:
    (tmp_path / "raw.rhd").write_bytes(b"no such thing" * 100)
    with pytest.raises(InputError, match=r"raw\.rhd: not an Intan recording"):
        open_recording("intan", tmp_path / "raw.rhd")


@pytest.mark.parametrize("rate_hz", [0.0, -30000.0, np.nan, np.inf])
def test_intan_impossible_rate_is_refused(tmp_path: Path, open_recording, rate_hz: float) -> None:
    write_rhd(tmp_path / "raw.rhd", STAMPS, BITS[:, :3], BITS[:, 3:], rate_hz=rate_hz)
    with pytest.raises(InputError, match=r"raw\.rhd: (damaged header|truncated, damaged)"):
        open_recording("intan", tmp_path / "raw.rhd")


def test_intan_session_becomes_an_inspected_file(rhd: Path, write_session, tmp_path: Path) -> None:
    write_rhd(rhd, np.arange(3840), np.tile(BITS[:, :3], (3, 1)), np.tile(BITS[:, 3:], (3, 1)))
    session_file = write_session(
        tmp_path,
        recordings=[
            {"format": "intan", "file": "raw.rhd"},
            {"format": "intan", "file": "raw.rhd", "role": "analog"},
        ],
        bundles=[{"label": "LHIP", "region": "hippocampus", "hemisphere": "left", "channels": [0, 1, 2]}],
    )
    report = convert_session(session_file, tmp_path / "nwb")
    with h5py.File(report.path) as file:
        series = file["acquisition/ElectricalSeriesRaw/data"]
        np.testing.assert_array_equal(series[:1280], BITS[:, :3].astype(np.int64) - 32768)
        assert series.attrs["conversion"] == pytest.approx(0.195e-6)
        assert series.attrs["offset"] == 0


@pytest.mark.parametrize(("gap", "blocks"), [(0, [(0, 2**20 + 1000)]), (50, [(0, 2**20), (2**20 + 50, 1000)])])
def test_intan_gap_is_found_wherever_the_time_stamps_are_read_in_pieces(
    tmp_path: Path, open_recording, gap: int, blocks: list[tuple[int, int]]
) -> None:
    stamps = np.arange(2**20 + 1000)
    header = write_intan_folder(tmp_path, stamps + gap * (stamps >= 2**20), np.zeros((len(stamps), 1), dtype=np.int16))
    found = open_recording("intan", header).blocks
    assert [(round(block.start_s * RATE_HZ), block.n_samples) for block in found] == blocks
