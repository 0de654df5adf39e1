"""Plexon recordings, written from the description of the format."""

from pathlib import Path

import neo.rawio
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from tests.converters.vendor_files import (
    SIGNED,
    wideband,
    write_plx,
)


def test_plexon_samples_are_kept_bit_for_bit(tmp_path: Path, open_recording) -> None:
    write_plx(tmp_path / "raw.plx", wideband(SIGNED, 800))
    recording = open_recording("plexon", tmp_path / "raw.plx")
    np.testing.assert_array_equal(recording.read(0, 0, 1280), SIGNED)
    assert [(channel.number, channel.label) for channel in recording.channels] == [
        (wire, f"WB{wire:02d}") for wire in (1, 2, 3, 4)
    ]
    assert (recording.rate_hz, recording.blocks[0].start_s) == (40000, 0.02)


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (99, 101), (250, 1000), (1199, 1200), (1279, 1280)])
def test_plexon_pieces_agree_with_the_whole(tmp_path: Path, open_recording, start: int, stop: int) -> None:
    write_plx(tmp_path / "raw.plx", wideband(SIGNED, 0))
    recording = open_recording("plexon", tmp_path / "raw.plx")
    np.testing.assert_array_equal(recording.read(0, start, stop), SIGNED[start:stop])


def test_plexon_agrees_with_neo_before_the_last_block(tmp_path: Path, open_recording) -> None:
    write_plx(tmp_path / "raw.plx", wideband(SIGNED, 0))
    reader = neo.rawio.PlexonRawIO(filename=str(tmp_path / "raw.plx"), progress_bar=False)
    reader.parse_header()
    expected = reader.get_analogsignal_chunk(stream_index=0, i_start=0, i_stop=1150)
    np.testing.assert_array_equal(open_recording("plexon", tmp_path / "raw.plx").read(0, 0, 1150), expected)


def test_plexon_scale_is_that_of_the_continuous_channels(tmp_path: Path, open_recording) -> None:
    write_plx(tmp_path / "raw.plx", wideband(SIGNED, 0))
    gain = open_recording("plexon", tmp_path / "raw.plx").channels[0].gain
    assert gain == pytest.approx(5.0 / 2**15 / 1000)  # 5 V, 16 bits, amplified 10 x 100


def test_plexon_pause_makes_two_blocks(tmp_path: Path, open_recording) -> None:
    write_plx(tmp_path / "raw.plx", wideband(SIGNED, 400, 40000))
    recording = open_recording("plexon", tmp_path / "raw.plx")
    assert [(block.start_s, block.n_samples) for block in recording.blocks] == [(0.01, 640), (1.0, 640)]
    np.testing.assert_array_equal(recording.read(1, 0, 640), SIGNED[640:])


def test_plexon_single_missing_sample_makes_two_blocks(tmp_path: Path, open_recording) -> None:
    write_plx(tmp_path / "raw.plx", wideband(SIGNED, 0, 641))
    assert [block.n_samples for block in open_recording("plexon", tmp_path / "raw.plx").blocks] == [640, 640]


def test_plexon_wideband_is_preferred_to_its_filtered_copies(tmp_path: Path, open_recording) -> None:
    write_plx(tmp_path / "raw.plx", wideband(SIGNED[:, :2], 0) + wideband(SIGNED[:, 2:], 0, name="SPKC"))
    assert [c.label for c in open_recording("plexon", tmp_path / "raw.plx").channels] == ["WB01", "WB02"]


def test_plexon_ambiguous_streams_are_refused_and_read_by_name(tmp_path: Path, open_recording) -> None:
    write_plx(tmp_path / "raw.plx", wideband(SIGNED[:, :2], 0, name="FP") + wideband(SIGNED[:, 2:], 0, name="SPKC"))
    with pytest.raises(InputError, match=r"'FPl-Low Pass Filtered', 'SPKC'; name one as 'stream'"):
        open_recording("plexon", tmp_path / "raw.plx")
    recording = open_recording("plexon", tmp_path / "raw.plx", stream="SPKC")
    np.testing.assert_array_equal(recording.read(0, 0, 1280), SIGNED[:, 2:])


def test_plexon_channels_that_pause_apart_are_refused(tmp_path: Path, open_recording) -> None:
    first, second = wideband(SIGNED[:, :1], 0, 700), wideband(SIGNED[:, 1:2], 0, 800)
    write_plx(tmp_path / "raw.plx", [*first, ("WB02", *second[0][1:])])
    with pytest.raises(InputError, match="start or pause at different times"):
        open_recording("plexon", tmp_path / "raw.plx")


@pytest.mark.parametrize("cut", [1, 100, 170])
def test_plexon_truncated_file_is_refused(tmp_path: Path, open_recording, cut: int) -> None:
    write_plx(tmp_path / "raw.plx", wideband(SIGNED, 0))
    (tmp_path / "raw.plx").write_bytes((tmp_path / "raw.plx").read_bytes()[:-cut])
    with pytest.raises(InputError, match=r"raw\.plx: truncated"):
        open_recording("plexon", tmp_path / "raw.plx")


def test_plexon_foreign_file_is_refused(tmp_path: Path, open_recording) -> None:
    (tmp_path / "raw.plx").write_bytes(b"no such thing" * 1000)
    with pytest.raises(InputError, match=r"raw\.plx: not a Plexon \.plx file"):
        open_recording("plexon", tmp_path / "raw.plx")
