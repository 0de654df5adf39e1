"""Wires that sorters' files name."""

from pathlib import Path

import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.timing.clock import RecorderClock
from nwb_spikeinference_converters.units.shape import ReadContext
from nwb_spikeinference_converters.units.wires import Wire, find_wire


def wire_of(
    name: str, channel: int | None = None, channels: tuple[int, ...] = (), files: tuple[Path, ...] = ()
) -> Wire:
    settings = UnitsSettings(format="wave_clus", file="x.mat", channel=channel)
    context = ReadContext(channels=channels, clock=RecorderClock(files=files))
    return find_wire(Path("x.mat"), name, settings, context)


@pytest.fixture
def ncs_file(tmp_path: Path) -> Path:
    header = "######## Neuralynx Data File Header\r\n-ADChannel 11\r\n-SamplingFrequency 32556\r\n"
    path = tmp_path / "CSC12.ncs"
    path.write_bytes(header.encode().ljust(16384, b"\0"))
    return path


@pytest.mark.parametrize(
    "name", ["CSC12", "NSX12", "NSX_12", "12", "ch12", "chan_12", "Channel-12", "P05_CSC12", "CSC12_clean", "elec012"]
)
def test_a_number_behind_a_word_for_channels_is_one(name: str) -> None:
    assert wire_of(name) == Wire(channel=12, notes=("channel 12 taken from the name",))


@pytest.mark.parametrize("name", ["LHIP3", "P05", "mLAMY3_raw_261", "epoch12", "NSX5-6", "NSX15-16", "signal", ""])
def test_other_numbers_are_no_channels(name: str) -> None:
    with pytest.raises(InputError, match=r"x\.mat: .* does not say which channel; add 'channel'"):
        wire_of(name)


def test_two_channels_are_refused() -> None:
    with pytest.raises(InputError, match="'CSC1_CSC2' names more than one channel; add 'channel'"):
        wire_of("CSC1_CSC2")


def test_session_yaml_wins_and_needs_no_note() -> None:
    assert wire_of("CSC12", channel=3) == Wire(channel=3)


@pytest.mark.parametrize("name", ["CSC12", "csc12", "P05_CSC12"])
def test_the_recording_of_that_name_tells_channel_and_rate(ncs_file: Path, name: str) -> None:
    assert wire_of(name, files=(ncs_file,)) == Wire(channel=11, rate_hz=32556)


def test_the_recording_may_have_any_name(ncs_file: Path) -> None:
    renamed = ncs_file.rename(ncs_file.with_name("LHIP3.ncs"))
    assert wire_of("LHIP3", files=(renamed,)).channel == 11


def test_other_recordings_tell_nothing(ncs_file: Path) -> None:
    assert wire_of("ch12", files=(ncs_file,)).channel == 12


def test_neuralynx_numbers_are_refused_where_the_recorder_counts_from_0() -> None:
    with pytest.raises(InputError, match="count from 0, so 'CSC12' may be channel 12 or 11; add 'channel'"):
        wire_of("CSC12", channels=(0, 1, 11, 12))
    assert wire_of("CSC12", channels=(1, 12)).channel == 12
