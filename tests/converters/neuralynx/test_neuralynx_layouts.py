"""Neuralynx folders written from the format's documentation, beside neo's reading."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from neo.rawio import NeuralynxRawIO

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.session_config import RecordingSettings
from nwb_spikeinference_converters.neo_readers.neo_files import close_files
from nwb_spikeinference_converters.neuralynx.neuralynx_recording import NeuralynxConverter, NeuralynxRecording
from nwb_spikeinference_converters.sessions.convert_session import convert_session
from tests.converters.blackrock_files import make_samples
from tests.converters.neuralynx_files import START_US, write_ncs


def open_recording(path: Path, stream: str | None = None) -> NeuralynxRecording:
    return NeuralynxConverter().open(path, RecordingSettings(format="neuralynx", file=path.name, stream=stream))


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two microwires at 32 kHz and a macro contact at 2 kHz."""
    folder = tmp_path / "raw"
    folder.mkdir()
    micro, macro = make_samples(512 * 80, 2), make_samples(512 * 5, 1, seed=1)
    write_ncs(folder / "uAHL1.ncs", [(0, micro[:, 0])], channel=1)
    write_ncs(folder / "uAHL2.ncs", [(0, micro[:, 1])], channel=2)
    write_ncs(folder / "AHL1.ncs", [(0, macro[:, 0])], channel=65, rate_hz=2000)
    write_ncs(folder / "off.ncs", [], channel=99)
    return folder


@pytest.mark.parametrize("n_samples", [512 * 20, 512 * 20 - 100])
def test_f40_a_gap_agrees_bit_for_bit_with_neo(tmp_path: Path, n_samples: int) -> None:
    samples = make_samples(n_samples, 1)[:, 0]
    path = write_ncs(tmp_path / "CSC1.ncs", [(0, samples[:5120]), (3.5, samples[5120:])])
    recording = open_recording(path)
    reader = NeuralynxRawIO(dirname=str(tmp_path), keep_original_times=True, gap_tolerance_ms=1.0)
    reader.parse_header()
    for number, written in enumerate((samples[:5120], samples[5120:])):
        by_neo = reader.get_analogsignal_chunk(block_index=0, seg_index=number, stream_index=0)
        np.testing.assert_array_equal(recording.read(number, 0, len(written))[:, 0], written)
        np.testing.assert_array_equal(by_neo[:, 0], written)
        assert reader.get_signal_t_start(0, number, 0) == pytest.approx(recording.blocks[number].start_s, abs=1e-6)
    close_files(reader)
    assert [block.start_s for block in recording.blocks] == [START_US / 1e6, START_US / 1e6 + 3.5]


def test_a_piece_begins_and_ends_within_records(tmp_path: Path) -> None:
    samples = make_samples(512 * 4, 1)[:, 0]
    recording = open_recording(write_ncs(tmp_path / "CSC1.ncs", [(0, samples)]))
    np.testing.assert_array_equal(recording.read(0, 500, 1100)[:, 0], samples[500:1100])


def test_a_drift_is_measured(tmp_path: Path) -> None:
    samples = np.zeros(512 * 2000, np.int16)
    path = write_ncs(tmp_path / "CSC1.ncs", [(0, samples)], true_rate_hz=32000 * (1 + 20e-6))
    assert open_recording(path).blocks[0].rate_hz == pytest.approx(32000.64, abs=0.01)


def test_a_folder_of_two_rates_asks_which_one_is_meant(mixed: Path) -> None:
    with pytest.raises(InputError, match=r"32000 Hz .uAHL1\.ncs and 1 more., 2000 Hz .*'stream: 32000 Hz'"):
        open_recording(mixed)


def test_an_unknown_stream_names_the_known_ones(mixed: Path) -> None:
    with pytest.raises(SettingsError, match=r"stream '4000 Hz' is none of 32000 Hz .*, 2000 Hz"):
        open_recording(mixed, "4000 Hz")


def test_micro_and_macro_of_one_folder_become_two_series(mixed: Path, write_session: Callable[..., Path]) -> None:
    entry = {"format": "neuralynx", "file": "raw"}
    session_file = write_session(
        mixed.parent,
        recordings=[
            {**entry, "stream": "32000 Hz"},
            {**entry, "stream": "2000 Hz", "electrode_type": "macro"},
        ],
        bundles=[
            {"label": "AHL", "region": "hippocampus", "hemisphere": "left", "channels": [1, 2], "macro_channels": [65]}
        ],
    )
    report = convert_session(session_file, mixed.parent / "nwb")
    with h5py.File(report.path) as file:
        rates = {name: series["starting_time"].attrs["rate"] for name, series in file["acquisition"].items()}
    assert rates == {"ElectricalSeriesRaw": 32000, "ElectricalSeriesRawMacro": 2000}


def test_channels_that_were_switched_off_are_left_out(mixed: Path) -> None:
    assert [path.name for path in open_recording(mixed, "32000 Hz").files] == ["uAHL1.ncs", "uAHL2.ncs"]


def test_an_inverted_input_has_a_negative_scale(tmp_path: Path) -> None:
    recording = open_recording(write_ncs(tmp_path / "CSC1.ncs", [(0, make_samples(512, 1)[:, 0])], inverted=True))
    assert recording.channels[0].gain == -3.05e-8


@pytest.mark.parametrize(
    ("text", "value", "match"),
    [
        (b"-SamplingFrequency 32000", b"-SamplingFrequency -3200", "damaged header .-3200 samples per second"),
        (b"-ADBitVolts 0.0000000305", b"-ADBitVolts          inf", "damaged header .ADBitVolts inf"),
        (b"-ADChannel 0", b"-ADChannel x", "its header does not say ADChannel"),
    ],
)
def test_f41_a_header_that_makes_no_sense_is_refused(tmp_path: Path, text: bytes, value: bytes, match: str) -> None:
    path = write_ncs(tmp_path / "CSC1.ncs", [(0, make_samples(512, 1)[:, 0])])
    content = path.read_bytes()
    assert text in content
    path.write_bytes(content.replace(text, value))
    with pytest.raises(InputError, match=match):
        open_recording(path)


def test_f41_a_record_that_claims_too_many_samples_is_refused(tmp_path: Path) -> None:
    path = write_ncs(tmp_path / "CSC1.ncs", [(0, make_samples(1024, 1)[:, 0])])
    content = bytearray(path.read_bytes())
    content[16384 + 16 : 16384 + 20] = (2**32 - 1).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"CSC1\.ncs: damaged: a record claims 4294967295 of at most 512 samples"):
        open_recording(path)
