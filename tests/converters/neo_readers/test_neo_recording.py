"""Recordings of any format that neo reads."""

from pathlib import Path

import numpy as np
import pytest

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference_converters.neo_readers.neo_recording import number_channels, to_int16
from tests.converters.vendor_files import (
    BITS,
    SIGNED,
    STAMPS,
    wideband,
    write_plx,
    write_rhd,
)


def write_brain_vision(folder: Path, samples: np.ndarray) -> Path:
    """Two channels at 1 kHz, as Brain Products' core data format 1.0 has it."""
    kind = {"int16": "INT_16", "float32": "IEEE_FLOAT_32"}[samples.dtype.name]
    header = (
        "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nDataFile=raw.eeg\nMarkerFile=raw.vmrk\n"
        "DataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels=2\nSamplingInterval=1000\n"
        f"[Binary Infos]\nBinaryFormat={kind}\n[Channel Infos]\nCh1=LHIP1,,0.5,µV\nCh2=LHIP2,,0.5,µV\n"
    )
    markers = "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nDataFile=raw.eeg\n[Marker Infos]\n"
    (folder / "raw.vhdr").write_text(header, encoding="utf-8")
    (folder / "raw.vmrk").write_text(markers + "Mk1=New Segment,,1,1,0,20000101000000000000\n", encoding="utf-8")
    (folder / "raw.eeg").write_bytes(samples.tobytes())
    (folder / "raw.yaml").write_text("a note", encoding="utf-8")
    return folder / "raw.vhdr"


def test_the_ending_of_a_file_tells_neos_reader(tmp_path: Path, open_recording) -> None:
    recording = open_recording("neo", write_brain_vision(tmp_path, SIGNED[:, :2]))
    np.testing.assert_array_equal(recording.read(0, 0, 1280), SIGNED[:, :2])
    assert recording.channels[1].gain == pytest.approx(0.5e-6)
    assert [path.name for path in recording.files] == ["raw.eeg", "raw.vhdr", "raw.vmrk"]


def test_samples_that_int16_cannot_hold_are_refused(tmp_path: Path, open_recording) -> None:
    header = write_brain_vision(tmp_path, SIGNED[:, :2].astype(np.float32))
    with pytest.raises(InputError, match="its samples are float32, which 16-bit integers cannot hold without loss"):
        open_recording("neo", header)


def test_neo_reads_corrected_formats_as_they_are_under_their_names(tmp_path: Path, open_recording) -> None:
    write_plx(tmp_path / "raw.plx", wideband(SIGNED, 400, 40000))
    assert len(open_recording("neo", tmp_path / "raw.plx").blocks) == 2


def test_unknown_neo_reader_is_a_wrong_setting(tmp_path: Path, open_recording) -> None:
    (tmp_path / "raw.bin").touch()
    with pytest.raises(SettingsError, match=r"neo reader 'TdtRawIo' is unknown; did you mean 'TdtRawIO'\?"):
        open_recording("neo", tmp_path / "raw.bin", reader="TdtRawIo")


@pytest.mark.parametrize(
    ("reader", "advice"),
    [("NeuralynxRawIO", "format: neuralynx"), ("OpenEphysRawIO", "gaps with zeros"), ("RawBinarySignalRawIO", "rate")],
)
def test_readers_that_would_mislead_are_refused(tmp_path: Path, open_recording, reader: str, advice: str) -> None:
    (tmp_path / "raw.bin").touch()
    with pytest.raises(InputError, match=rf"raw\.bin: cannot be read as {reader}: .*{advice}"):
        open_recording("neo", tmp_path / "raw.bin", reader=reader)


@pytest.mark.parametrize(("name", "found"), [("raw.xyz", "none of neo's readers fits"), ("raw.h5", "4 of neo's")])
def test_a_file_whose_reader_is_not_plain_is_refused(tmp_path: Path, open_recording, name: str, found: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=rf"{found}.*name one as 'reader'"):
        open_recording("neo", tmp_path / name)


def test_missing_stream_is_refused_with_those_there_are(tmp_path: Path, open_recording) -> None:
    write_rhd(tmp_path / "raw.rhd", STAMPS, BITS[:, :3], BITS[:, 3:])
    with pytest.raises(InputError, match=r"does not hold a stream 'WB', but 'RHD2000 amplifier channel', "):
        open_recording("intan", tmp_path / "raw.rhd", stream="WB")


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [
        (["A-000", "A-012"], [0, 12]),
        (["A-000", "B-000"], [1, 2]),  # two ports
        (["CH1", "CH2", "AUX1"], [1, 2, 3]),
        (["Fp1", "Cz"], [1, 2]),
    ],
)
def test_channels_are_numbered_by_their_labels_where_these_differ(labels: list[str], numbers: list[int]) -> None:
    assert number_channels(labels) == numbers


@pytest.mark.parametrize(
    ("dtype", "lowest", "highest"),
    [("<i2", -32768, 32767), (">i2", -32768, 32767), ("i1", -128, 127), ("u1", 0, 255)],
)
def test_narrow_integers_stay_as_they_are(dtype: str, lowest: int, highest: int) -> None:
    kept = to_int16(np.array([lowest, highest], dtype=dtype), Path("raw"))
    assert (kept.dtype, kept.tolist()) == (np.dtype(np.int16), [lowest, highest])


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_unsigned_samples_move_down_by_half_the_range(dtype: str) -> None:
    kept = to_int16(np.array([0, 32767, 32768, 65535], dtype=dtype), Path("raw"))
    assert kept.tolist() == [-32768, -1, 0, 32767]
