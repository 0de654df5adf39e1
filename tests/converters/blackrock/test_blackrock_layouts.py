"""Blackrock continuous files of every specification, written from the format's documentation, beside neo's reading."""

import struct
from pathlib import Path

import numpy as np
import pytest
from neo.rawio import BlackrockRawIO

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import RecordingSettings
from nwb_spikeinference_converters.blackrock.blackrock_recording import BlackrockConverter, BlackrockRecording
from nwb_spikeinference_converters.blackrock.nsx_header import read_nsx_header
from nwb_spikeinference_converters.blackrock.nsx_packets import list_runs
from nwb_spikeinference_converters.neo_readers.neo_files import close_files
from tests.converters.blackrock_files import (
    PTP_START_NS,
    Spec,
    make_samples,
    ptp_stamps,
    write_nev,
    write_nsx,
    write_nsx_2_1,
    write_ptp_nsx,
)

SAMPLE_S = 1 / 30000


def open_recording(path: Path) -> BlackrockRecording:
    return BlackrockConverter().open(path, RecordingSettings(format="blackrock", file=path.name))


def read_by_neo(path: Path) -> list[tuple[float, np.ndarray]]:
    """Start and samples of every segment."""
    number = int(path.suffix[-1])
    reader = BlackrockRawIO(filename=str(path), nsx_to_load=number, load_nev=False, gap_tolerance_ms=0.1)
    reader.parse_header()
    segments = [
        (
            reader.get_signal_t_start(0, segment, 0),
            np.array(reader.get_analogsignal_chunk(block_index=0, seg_index=segment, stream_index=0)),
        )
        for segment in range(reader.segment_count(0))
    ]
    close_files(reader)
    return segments


def read_blocks(recording: BlackrockRecording) -> list[tuple[float, np.ndarray]]:
    return [(block.start_s, recording.read(n, 0, block.n_samples)) for n, block in enumerate(recording.blocks)]


@pytest.mark.parametrize("spec", [(2, 2), (2, 3), (3, 0)])
def test_f40_paused_recordings_agree_bit_for_bit_with_neo(tmp_path: Path, spec: Spec) -> None:
    first, second = make_samples(3000, 4, seed=1), make_samples(2000, 4, seed=2)
    path = write_nsx(tmp_path / "raw.ns6", [(0, first), (90000, second)], spec=spec)
    ours, neos = read_blocks(open_recording(path)), read_by_neo(path)
    assert [start for start, _ in ours] == [start for start, _ in neos] == [0.0, 3.0]
    for written, (_, kept), (_, by_neo) in zip((first, second), ours, neos, strict=True):
        np.testing.assert_array_equal(kept, written)
        np.testing.assert_array_equal(by_neo, written)
        assert kept.dtype == np.int16


def test_f40_ptp_with_a_gap_agrees_bit_for_bit_with_neo(tmp_path: Path) -> None:
    samples = make_samples(9000, 3)
    stamps = ptp_stamps(9000)
    stamps[4000:] += 2_500_000_000
    path = write_ptp_nsx(tmp_path / "raw.ns6", stamps, samples)
    ours, neos = read_blocks(open_recording(path)), read_by_neo(path)
    assert [len(kept) for _, kept in ours] == [len(by_neo) for _, by_neo in neos] == [4000, 5000]
    np.testing.assert_array_equal(np.concatenate([kept for _, kept in ours]), samples)
    np.testing.assert_array_equal(np.concatenate([by_neo for _, by_neo in neos]), samples)
    assert [start for start, _ in ours] == pytest.approx([start for start, _ in neos], abs=1e-6)
    assert ours[1][0] - ours[0][0] == pytest.approx(4000 / 30000 + 2.5, abs=1e-6)


def test_volts_agree_with_neo(tmp_path: Path) -> None:
    path = write_nsx(tmp_path / "raw.ns6", [(0, make_samples(100, 2))])
    reader = BlackrockRawIO(filename=str(path), nsx_to_load=6, load_nev=False)
    reader.parse_header()
    volts = reader.rescale_signal_raw_to_float(reader.get_analogsignal_chunk(0, 0, 0, 100, stream_index=0)) * 1e-6
    close_files(reader)
    recording = open_recording(path)
    ours = recording.read(0, 0, 100) * [one.gain for one in recording.channels] + [
        one.offset_v for one in recording.channels
    ]
    np.testing.assert_allclose(ours, volts, rtol=1e-5)
    assert recording.channels[0].gain == pytest.approx(0.25e-6)
    assert [(one.number, one.label) for one in recording.channels] == [(1, "wire1"), (2, "wire2")]


def test_spec_2_1_keeps_its_last_sample(tmp_path: Path) -> None:
    samples = make_samples(777, 2)
    path = write_nsx_2_1(tmp_path / "old.ns5", samples, [3, 5])
    write_nev(tmp_path / "old.nev", spec=(2, 1), channels=[3, 5])
    recording = open_recording(path)
    np.testing.assert_array_equal(recording.read(0, 0, recording.blocks[0].n_samples), samples)
    assert [one.gain for one in recording.channels] == pytest.approx([0.25e-6] * 2)


def test_a_piece_across_packets_that_follow_each_other_is_one_signal(tmp_path: Path) -> None:
    samples = make_samples(900, 2)
    packets = [(first, samples[first : first + 300]) for first in (0, 300, 600)]
    recording = open_recording(write_nsx(tmp_path / "raw.ns6", packets))
    assert [block.n_samples for block in recording.blocks] == [900]
    np.testing.assert_array_equal(recording.read(0, 250, 750), samples[250:750])


def test_packets_of_several_samples_with_ptp_stamps_are_one_signal(tmp_path: Path) -> None:
    samples, stamps = make_samples(3000, 2), ptp_stamps(3000, rate_hz=30000 * (1 + 20e-6))
    packets = [(stamps[first], samples[first : first + 100]) for first in range(0, 3000, 100)]
    recording = open_recording(write_nsx(tmp_path / "raw.ns6", packets, spec=(3, 0), ticks_hz=1_000_000_000))
    (block,) = recording.blocks
    np.testing.assert_array_equal(recording.read(0, 0, 3000), samples)
    assert block.rate_hz == pytest.approx(30000.6, abs=0.01)


@pytest.mark.parametrize("n_lost", [1, 2, 29, 30000])
def test_lost_ptp_samples_begin_a_block_whose_times_are_right(tmp_path: Path, n_lost: int) -> None:
    stamps = ptp_stamps(60000 + n_lost)
    kept = np.r_[:20000, 20000 + n_lost : len(stamps)]
    recording = open_recording(write_ptp_nsx(tmp_path / "raw.ns6", stamps[kept], make_samples(60000, 1)))
    assert [block.n_samples for block in recording.blocks] == [20000, 40000]
    starts = [block.start_s - PTP_START_NS / 1e9 for block in recording.blocks]
    assert starts == pytest.approx([0, (20000 + n_lost) * SAMPLE_S], abs=1e-6)


def test_ptp_stamps_that_are_late_for_a_moment_are_no_gap(tmp_path: Path) -> None:
    stamps = ptp_stamps(30000)
    stamps[12345:12350] += 40_000  # more than a sample
    recording = open_recording(write_ptp_nsx(tmp_path / "raw.ns6", stamps, make_samples(30000, 1)))
    assert [block.n_samples for block in recording.blocks] == [30000]


def test_a_ptp_clock_that_was_set_back_begins_a_block_after_the_first(tmp_path: Path) -> None:
    stamps = np.concatenate([ptp_stamps(6000), ptp_stamps(6000, start_ns=1_000_000)])
    recording = open_recording(write_ptp_nsx(tmp_path / "raw.ns6", stamps, make_samples(12000, 1)))
    first, second = recording.blocks
    assert len(recording.clock_offsets_s) == 2
    assert second.start_s == pytest.approx(first.start_s + 6000 * SAMPLE_S + 0.001, abs=1e-6)


@pytest.mark.parametrize("drift", [20e-6, -20e-6])
def test_a_drift_of_20_ppm_is_measured(tmp_path: Path, drift: float) -> None:
    stamps = ptp_stamps(90000, rate_hz=30000 * (1 + drift))
    stamps += np.random.default_rng(0).integers(-2000, 2000, len(stamps))  # microseconds
    (block,) = open_recording(write_ptp_nsx(tmp_path / "raw.ns6", stamps, make_samples(90000, 1))).blocks
    assert block.rate_hz == pytest.approx(30000 * (1 + drift), abs=0.03)  # 1 ppm


def test_f40_times_of_all_samples_of_a_drifting_clock_are_right(tmp_path: Path) -> None:
    stamps = ptp_stamps(300_000, rate_hz=30000.6)
    (block,) = open_recording(write_ptp_nsx(tmp_path / "raw.ns6", stamps, make_samples(300_000, 1))).blocks
    assert block.rate_hz is not None
    times_s = block.start_s + np.arange(300_000) / block.rate_hz
    np.testing.assert_allclose(times_s - PTP_START_NS / 1e9, (stamps - PTP_START_NS) / 1e9, atol=1e-6)


def test_a_rate_within_its_uncertainty_is_the_nominal_one(tmp_path: Path) -> None:
    stamps = ptp_stamps(30000, rate_hz=30000.06)  # 2 ppm
    stamps += np.random.default_rng(0).integers(-10000, 10000, len(stamps))
    (block,) = open_recording(write_ptp_nsx(tmp_path / "raw.ns6", stamps, make_samples(30000, 1))).blocks
    assert block.rate_hz is None


def test_a_rate_that_contradicts_the_header_is_refused(tmp_path: Path) -> None:
    path = write_ptp_nsx(tmp_path / "raw.ns6", ptp_stamps(30000, rate_hz=29900), make_samples(30000, 1))
    with pytest.raises(InputError, match=r"raw\.ns6: its header says 30000 Hz, its time stamps 29900 Hz"):
        open_recording(path)


def test_numbered_parts_are_joined_in_order_on_one_clock(tmp_path: Path) -> None:
    samples = make_samples(3000, 2)
    for part, first in (("2", 1000), ("10", 2000), ("1", 0)):
        write_nsx(tmp_path / f"raw-{part}.NS6", [(first, samples[first : first + 1000])])
    write_nsx(tmp_path / "other-1.ns6", [(0, samples)])
    recording = open_recording(tmp_path / "raw-*.ns6")
    assert [path.name for path in recording.files] == ["raw-1.NS6", "raw-2.NS6", "raw-10.NS6"]
    assert [block.n_samples for block in recording.blocks] == [3000]
    np.testing.assert_array_equal(recording.read(0, 0, 3000), samples)


def test_a_pause_between_parts_begins_a_block(tmp_path: Path) -> None:
    for part, ticks in ((1, 0), (2, 60000)):
        write_nsx(tmp_path / f"raw-{part}.ns6", [(ticks, make_samples(1000, 2))])
    assert [block.start_s for block in open_recording(tmp_path / "raw-*.ns6").blocks] == [0.0, 2.0]


def test_parts_with_other_channels_are_refused(tmp_path: Path) -> None:
    write_nsx(tmp_path / "raw-1.ns6", [(0, make_samples(10, 2))], channels=[1, 2])
    write_nsx(tmp_path / "raw-2.ns6", [(10, make_samples(10, 2))], channels=[1, 3])
    with pytest.raises(InputError, match=r"raw-2\.ns6: rate, channels or scale differ from raw-1\.ns6"):
        open_recording(tmp_path / "raw-*.ns6")


def test_a_file_is_found_whatever_the_case_of_its_name(tmp_path: Path) -> None:
    write_nsx(tmp_path / "RAW.NS6", [(0, make_samples(10, 2))])
    assert open_recording(tmp_path / "raw.ns6").files[0].name == "RAW.NS6"


def cut(path: Path, n_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:-n_bytes])


@pytest.mark.parametrize("n_bytes", [1, 4, 11, 16, 4000])
def test_f39_a_packet_that_was_cut_is_refused(tmp_path: Path, n_bytes: int) -> None:
    path = write_nsx(tmp_path / "raw.ns6", [(0, make_samples(1000, 3)), (9000, make_samples(1000, 3))], spec=(3, 0))
    cut(path, n_bytes)
    with pytest.raises(InputError, match=r"raw\.ns6: truncated or damaged .packet 2 should hold 1000 samples"):
        open_recording(path)


def test_f39_a_ptp_packet_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = write_ptp_nsx(tmp_path / "raw.ns6", ptp_stamps(100), make_samples(100, 3))
    cut(path, 1)
    with pytest.raises(InputError, match=r"raw\.ns6: truncated or damaged .18 bytes beyond sample 99"):
        open_recording(path)


def test_f39_a_spec_2_1_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = write_nsx_2_1(tmp_path / "old.ns5", make_samples(100, 2), [3, 5])
    write_nev(tmp_path / "old.nev", spec=(2, 1), channels=[3, 5])
    cut(path, 1)
    with pytest.raises(InputError, match=r"old\.ns5: truncated or damaged .3 bytes beyond sample 99"):
        open_recording(path)


def test_f39_a_header_that_disagrees_with_the_length_is_refused(tmp_path: Path) -> None:
    path = write_nsx(tmp_path / "raw.ns6", [(0, make_samples(1000, 3))])
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, 314 + 3 * 66 + 5, 900)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"raw\.ns6: truncated or damaged .no data packet at byte 5921 of 6521"):
        open_recording(path)


def test_f39_a_recording_without_samples_is_refused(tmp_path: Path) -> None:
    path = write_nsx(tmp_path / "raw.ns6", [(0, make_samples(1000, 3)[:0])])
    with pytest.raises(InputError, match=r"raw\.ns6: holds no samples"):
        open_recording(path)


def test_an_unknown_specification_is_refused(tmp_path: Path) -> None:
    path = write_nsx(tmp_path / "raw.ns6", [(0, make_samples(10, 2))], spec=(4, 1))
    with pytest.raises(InputError, match=r"specification 4\.1 is unknown; known: 2\.1, 2\.2, 2\.3, 3\.0"):
        open_recording(path)


def test_channels_that_are_not_in_volts_are_refused(tmp_path: Path) -> None:
    path = write_nsx(tmp_path / "raw.ns6", [(0, make_samples(10, 2))], unit=b"mmHg")
    with pytest.raises(InputError, match=r"raw\.ns6: channel 1 is in 'mmHg'"):
        open_recording(path)


def test_f40_a_file_with_many_lost_samples_reads_few_stamps(tmp_path: Path) -> None:
    lost = np.arange(1000, 300_000, 1000)
    stamps = np.delete(ptp_stamps(300_000), lost)
    path = write_ptp_nsx(tmp_path / "raw.ns6", stamps, make_samples(len(stamps), 1))
    runs = list_runs(read_nsx_header(path))
    assert len(runs) == 300
    assert sum(len(run.ticks) for run in runs) < 3000
    starts = [block.start_s - PTP_START_NS / 1e9 for block in open_recording(path).blocks]
    np.testing.assert_allclose(starts, [0, *(lost + 1) * SAMPLE_S], atol=1e-6)
