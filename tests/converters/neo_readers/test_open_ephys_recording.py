"""Open Ephys recordings, written from the description of the format."""

from pathlib import Path

import neo.rawio
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from tests.converters.vendor_files import (
    RATE_HZ,
    SIGNED,
    STAMPS,
    volts_of,
    write_open_ephys,
)


def test_open_ephys_samples_are_kept_bit_for_bit(tmp_path: Path, open_recording) -> None:
    write_open_ephys(tmp_path, [(STAMPS + 5000, SIGNED)], n_adc=1)
    recording = open_recording("openephys", tmp_path)
    np.testing.assert_array_equal(recording.read(0, 0, 1280), SIGNED[:, :3])
    assert [(channel.number, channel.label) for channel in recording.channels] == [(1, "CH1"), (2, "CH2"), (3, "CH3")]
    assert recording.channels[0].gain == pytest.approx(0.195e-6)
    assert recording.blocks[0].start_s == pytest.approx(5000 / RATE_HZ, abs=1e-9)


def test_open_ephys_agrees_with_neo(tmp_path: Path, open_recording) -> None:
    write_open_ephys(tmp_path, [(STAMPS, SIGNED)])
    reader = neo.rawio.OpenEphysBinaryRawIO(dirname=str(tmp_path))
    reader.parse_header()
    np.testing.assert_array_equal(
        open_recording("openephys", tmp_path).read(0, 100, 200),
        reader.get_analogsignal_chunk(stream_index=0, i_start=100, i_stop=200),
    )


def test_open_ephys_analog_inputs_are_the_stream_of_role_analog(tmp_path: Path, open_recording) -> None:
    write_open_ephys(tmp_path, [(STAMPS, SIGNED)], n_adc=1)
    recording = open_recording("openephys", tmp_path, role="analog")
    np.testing.assert_allclose(volts_of(recording, 1280)[:, 0], SIGNED[:, 3] * 1.5e-4)


def test_open_ephys_lost_samples_make_two_blocks(tmp_path: Path, open_recording) -> None:
    write_open_ephys(tmp_path, [(np.where(STAMPS < 500, STAMPS, STAMPS + 1), SIGNED)])
    blocks = open_recording("openephys", tmp_path).blocks
    assert [(round(block.start_s * RATE_HZ), block.n_samples) for block in blocks] == [(0, 500), (501, 780)]


def test_open_ephys_recordings_of_one_experiment_share_its_clock(tmp_path: Path, open_recording) -> None:
    write_open_ephys(tmp_path, [(STAMPS, SIGNED), (STAMPS + 90000, SIGNED[::-1])])
    recording = open_recording("openephys", tmp_path)
    assert [block.start_s for block in recording.blocks] == pytest.approx([0, 3])
    np.testing.assert_array_equal(recording.read(1, 0, 5), SIGNED[::-1][:5])


def test_open_ephys_experiments_are_refused_together_and_read_apart(tmp_path: Path, open_recording) -> None:
    write_open_ephys(tmp_path, [(STAMPS, SIGNED)])
    write_open_ephys(tmp_path, [(STAMPS, SIGNED)], experiment=2)
    with pytest.raises(InputError, match="holds 2 experiments, each with its own clock"):
        open_recording("openephys", tmp_path)
    assert open_recording("openephys", tmp_path / "Record Node 101" / "experiment2").blocks[0].n_samples == 1280


@pytest.mark.parametrize("cut", [1, 8, 800])
def test_open_ephys_truncated_samples_are_refused(tmp_path: Path, open_recording, cut: int) -> None:
    held = write_open_ephys(tmp_path, [(STAMPS, SIGNED)])
    held.write_bytes(held.read_bytes()[:-cut])
    with pytest.raises(InputError, match=r"time stamps for|truncated, damaged"):
        open_recording("openephys", tmp_path)


def test_open_ephys_with_empty_sample_numbers_is_refused(tmp_path: Path, open_recording) -> None:
    write_open_ephys(tmp_path, [(STAMPS, SIGNED)]).with_name("sample_numbers.npy").write_bytes(b"")
    with pytest.raises(InputError, match="No data left in file"):
        open_recording("openephys", tmp_path)


def test_open_ephys_without_sample_numbers_is_refused(tmp_path: Path, open_recording) -> None:
    write_open_ephys(tmp_path, [(STAMPS, SIGNED)]).with_name("sample_numbers.npy").unlink()
    with pytest.raises(InputError, match=r"sample_numbers\.npy is missing"):
        open_recording("openephys", tmp_path)


def test_open_ephys_foreign_folder_is_refused(tmp_path: Path, open_recording) -> None:
    with pytest.raises(InputError, match=r"no structure\.oebin in it"):
        open_recording("openephys", tmp_path)
