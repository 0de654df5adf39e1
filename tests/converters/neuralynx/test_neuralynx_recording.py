"""Neuralynx folders, on a real recording."""

from pathlib import Path

import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import RecordingSettings, UnitsSettings
from nwb_spikeinference_converters.neuralynx.neuralynx_recording import NeuralynxConverter, NeuralynxRecording
from nwb_spikeinference_converters.units import read_units
from nwb_spikeinference_converters.units.shape import ReadContext


def open_recording(path: Path) -> NeuralynxRecording:
    return NeuralynxConverter().open(path, RecordingSettings(format="neuralynx", file=path.name))


def test_samples_agree_with_another_tools_reading(shared_data: Path) -> None:
    folder = shared_data / "neuralynx" / "v5_5_1"
    recording = open_recording(folder)
    expected = np.loadtxt(folder / "Tet3a.txt", max_rows=50)[:, 4:].ravel()  # 50 records of 512 samples
    np.testing.assert_array_equal(recording.read(0, 0, len(expected))[:, 0], expected)
    recording.close()


def test_a_gap_makes_two_blocks(shared_data: Path) -> None:
    recording = open_recording(shared_data / "neuralynx" / "v5_5_1")
    recording.close()
    assert [block.n_samples for block in recording.blocks] == [1278976, 427008]
    assert recording.blocks[1].start_s - recording.blocks[0].start_s == pytest.approx(243.803)


def test_channels_are_those_of_the_header(shared_data: Path) -> None:
    recording = open_recording(shared_data / "neuralynx" / "v5_5_1")
    recording.close()
    assert [(channel.number, channel.label) for channel in recording.channels] == [(8, "Tet3a"), (9, "Tet3b")]
    assert recording.channels[0].gain == pytest.approx(3.05185e-8)


def test_an_inverted_input_changes_the_sign_of_the_gain_and_no_sample(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "neuralynx" / "v5_5_1" / "Tet3a.ncs"
    content = source.read_bytes().replace(b"-InputInverted False", b"-InputInverted True ")
    (tmp_path / source.name).write_bytes(content)
    plain, inverted = open_recording(source), open_recording(tmp_path)
    np.testing.assert_array_equal(plain.read(0, 0, 1000), inverted.read(0, 0, 1000))
    assert inverted.channels[0].gain == -plain.channels[0].gain
    plain.close()
    inverted.close()


def test_threshold_crossings_agree_with_another_tools_reading(shared_data: Path) -> None:
    folder = shared_data / "neuralynx" / "v5_5_1"
    (unit,) = read_units(folder / "STet3a.nse", UnitsSettings(format="nse", file="STet3a.nse"), ReadContext()).units
    expected = np.loadtxt(folder / "STet3a.txt", max_rows=50)[:, 0] / 1e6
    np.testing.assert_allclose(unit.spike_times_s[: len(expected)], expected, atol=1e-9)
    assert (len(unit.spike_times_s), unit.channel, unit.sorter) == (1398, 8, "threshold crossings")


def test_a_truncated_file_is_refused(shared_data: Path, tmp_path: Path) -> None:
    content = (shared_data / "neuralynx" / "v5_5_1" / "Tet3a.ncs").read_bytes()
    (tmp_path / "Tet3a.ncs").write_bytes(content[:-100])
    with pytest.raises(InputError, match=r"Tet3a\.ncs: truncated in the middle of a record \(944 of 1044 bytes\)"):
        open_recording(tmp_path)


def test_wires_with_other_gaps_are_refused(shared_data: Path, tmp_path: Path) -> None:
    for name, cut in (("Tet3a.ncs", 0), ("Tet3b.ncs", 1044)):
        content = (shared_data / "neuralynx" / "v5_5_1" / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) - cut])
    with pytest.raises(InputError, match=r"Tet3b\.ncs: start or gaps differ from Tet3a\.ncs"):
        open_recording(tmp_path)


def test_a_folder_without_wires_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \.ncs file"):
        open_recording(tmp_path)
