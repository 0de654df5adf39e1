"""Blackrock continuous files, on real recordings."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.session_config import RecordingSettings
from nwb_spikeinference_converters.blackrock.blackrock_recording import BlackrockConverter, BlackrockRecording
from nwb_spikeinference_converters.blackrock.nev import read_nev
from nwb_spikeinference_converters.protocol import find_converter
from nwb_spikeinference_converters.timing.clock import RecorderClock


def open_recording(path: Path) -> BlackrockRecording:
    return BlackrockConverter().open(path, RecordingSettings(format="blackrock", file=path.name))


def test_the_format_is_found_by_its_entry_point() -> None:
    assert isinstance(find_converter("blackrock"), BlackrockConverter)


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"'blakrock' is unknown; did you mean 'blackrock'.*neuralynx"):
        find_converter("blakrock")


def test_spec_2_1_samples_agree_with_another_tools_reading(shared_data: Path) -> None:
    folder = shared_data / "blackrock" / "spec_2_1"
    recording = open_recording(folder / "l101210-001.ns2")
    expected = loadmat(folder / "l101210-001.mat")["lfp"].view(np.int16).T
    np.testing.assert_array_equal(recording.read(0, 0, 3640), expected)
    assert recording.blocks[0].n_samples == 3641  # that tool, as neo, leaves out the last one


def test_spec_2_1_scale_comes_from_the_nev(shared_data: Path) -> None:
    recording = open_recording(shared_data / "blackrock" / "spec_2_1" / "l101210-001.ns2")
    np.testing.assert_allclose([channel.gain for channel in recording.channels], 5.0 / 32767, rtol=1e-3)  # +-5 V inputs
    recording.close()


def test_spec_2_1_without_its_nev_is_refused(shared_data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "alone.ns2"
    copy.write_bytes((shared_data / "blackrock" / "spec_2_1" / "l101210-001.ns2").read_bytes())
    with pytest.raises(InputError, match=r"alone\.ns2: spec 2\.1 keeps its scale in the \.nev"):
        open_recording(copy)


def test_a_paused_recording_is_two_blocks_that_do_not_overlap(shared_data: Path) -> None:
    recording = open_recording(shared_data / "blackrock" / "paused" / "pause_correct.ns2")
    first, second = recording.blocks
    recording.close()
    assert (first.start_s, first.n_samples, second.n_samples) == (0.0, 4000, 4000)
    assert second.start_s == pytest.approx(31.0087)


def test_a_clock_reset_makes_two_blocks_that_do_not_overlap(shared_data: Path) -> None:
    recording = open_recording(shared_data / "blackrock" / "clock_reset" / "reset.ns2")
    first, second = recording.blocks
    recording.close()
    assert second.start_s >= first.start_s + first.n_samples / recording.rate_hz
    assert len(recording.clock_offsets_s) == 2


def test_spikes_of_a_recording_with_a_clock_reset_run_forward_inside_its_blocks(shared_data: Path) -> None:
    folder = shared_data / "blackrock" / "clock_reset"
    recording = open_recording(folder / "reset.ns2")
    recording.close()
    nev = read_nev(folder / "reset.nev")
    clock = RecorderClock(offsets_s=recording.clock_offsets_s, blocks=recording.blocks, rate_hz=recording.rate_hz)
    times_s = nev.seconds(clock)[nev.find_spikes()]
    last = recording.blocks[-1]
    assert np.all(np.diff(times_s) >= 0)
    assert times_s[-1] <= last.start_s + last.n_samples / recording.rate_hz


@pytest.mark.parametrize("suffix", ["ns2", "NS2"])
def test_names_in_capitals_and_damaged_neighbours_do_not_matter(shared_data: Path, tmp_path: Path, suffix: str) -> None:
    copy = tmp_path / f"a.b-001.{suffix}"
    copy.write_bytes((shared_data / "blackrock" / "paused" / "pause_correct.ns2").read_bytes())
    (tmp_path / "a.b-001.ns6").write_bytes(b"broken")
    recording = open_recording(copy)
    recording.close()
    assert len(recording.blocks) == 2


@pytest.mark.parametrize("kept", [0, 100, 320, 2000, 128000, -33, -1])
def test_a_cut_file_is_refused_in_one_line(shared_data: Path, tmp_path: Path, kept: int) -> None:
    copy = tmp_path / "cut.ns2"
    copy.write_bytes((shared_data / "blackrock" / "paused" / "pause_correct.ns2").read_bytes()[:kept])
    with pytest.raises(InputError, match=r"^[^\n]*cut\.ns2: (truncated|damaged|not a)[^\n]*$"):
        open_recording(copy)


def test_a_header_that_claims_65535_channels_is_refused(shared_data: Path, tmp_path: Path) -> None:
    content = bytearray((shared_data / "blackrock" / "paused" / "pause_correct.ns2").read_bytes())
    content[310:314] = (65535).to_bytes(4, "little")
    (tmp_path / "wide.ns2").write_bytes(content)
    with pytest.raises(InputError, match=r"wide\.ns2: damaged header \(65535 channels\)"):
        open_recording(tmp_path / "wide.ns2")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"raw\.edf: not a continuous Blackrock recording"):
        open_recording(tmp_path / "raw.edf")
