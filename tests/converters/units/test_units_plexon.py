"""Units of Plexon's Offline Sorter."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from neo.rawio import NeuroExplorerRawIO, PlexonRawIO
from scipy.io import savemat

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.neo_readers.neo_files import close_files
from nwb_spikeinference_converters.units import read_units
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile
from tests.converters.plexon_files import (
    EVENT,
    PLX_HEADERS,
    SLOW,
    SPIKE,
    plx_block,
    write_nex,
    write_nex5,
    write_plx,
)

NEURON, NEX_EVENT, WAVEFORM = 0, 1, 3
BLOCKS = (
    plx_block(SPIKE, 80000, 3, 1, [0, 100, -300, 50]),
    plx_block(SLOW, 0, 0, 0, [5] * 40),
    plx_block(EVENT, 100, 2, 77),
    plx_block(SPIKE, 40000, 3, 1, [0, 300, -500, 50]),
    plx_block(SPIKE, 1000, 3, 0, [1, 1, 1, 1]),
    plx_block(SPIKE, 2000, 4, 2, [0, 0, -7, 0]),
)
STEPS = np.array([[0, 100, -300, 50], [0, 300, -500, 50]], dtype=np.int16)
TABLE = np.array([[3, 1, 2.0, 0.1, 9], [3, 0, 0.1, 0.1, 9], [3, 1, 1.0, 0.2, 9], [3, -1, 0.2, 0.1, 9]])


def read(path: Path, **settings: object) -> UnitsFile:
    entry = UnitsSettings.model_validate({"format": "plexon", "file": path.name} | settings)
    return read_units(path, entry, ReadContext())


def trains(content: UnitsFile) -> dict[tuple[int, int], list[float]]:
    return {(unit.channel, unit.cluster_id): unit.spike_times_s.tolist() for unit in content.units}


def save(path: Path, **variables: object) -> Path:
    savemat(path, variables)
    return path


def test_plx_spikes_are_found_among_other_blocks(tmp_path: Path) -> None:
    content = read(write_plx(tmp_path / "a.plx", BLOCKS))
    assert trains(content) == {(3, 1): [1.0, 2.0], (4, 2): [0.05]}
    assert content.notes == ("1 unsorted or invalidated spikes left out",)


def test_plx_times_are_the_recorders(tmp_path: Path) -> None:
    content = read(write_plx(tmp_path / "a.PLX", BLOCKS))
    assert (content.clock, content.resolution_s, content.counts_samples) == ("recorder", 1 / 40000, False)


def test_plx_times_have_five_bytes(tmp_path: Path) -> None:
    path = write_plx(tmp_path / "a.plx", [plx_block(SPIKE, 2**32 + 40000, 3, 1)])
    assert trains(read(path)) == {(3, 1): [2**32 / 40000 + 1]}


def test_plx_spikes_without_waveforms_are_spikes(tmp_path: Path) -> None:
    (unit,) = read(write_plx(tmp_path / "a.plx", [plx_block(SPIKE, 40000, 3, 1)])).units
    assert unit.waveform is None


@pytest.mark.parametrize("version", [101, 104, 106])
def test_plx_agrees_with_another_reader(tmp_path: Path, version: int) -> None:
    by_time = [BLOCKS[index] for index in (1, 2, 4, 5, 3, 0)]  # the other one stops at the time of the last block
    path = write_plx(tmp_path / "a.plx", by_time, version=version)
    other = PlexonRawIO(filename=str(path), progress_bar=False)
    other.parse_header()
    index = [str(row["id"]) for row in other.header["spike_channels"]].index("ch3#1")
    ticks = other.get_spike_timestamps(spike_channel_index=index)
    steps = other.get_spike_raw_waveforms(spike_channel_index=index)
    millivolts = other.rescale_waveforms_to_float(steps, "float64", spike_channel_index=index)
    unit = read(path).units[0]
    assert unit.spike_times_s.tolist() == sorted(other.rescale_spike_timestamp(ticks, "float64"))
    np.testing.assert_allclose(unit.waveform.mean, millivolts[:, 0].mean(axis=0) / 1e3, rtol=1e-12)


def test_plx_waveforms_are_volts(tmp_path: Path) -> None:
    unit = read(write_plx(tmp_path / "a.plx", BLOCKS)).units[0]
    volts = 3.0 / 2048 / (4 * 500)  # 3000 mV in 2^11 steps, gain 4, preamplifier 500
    np.testing.assert_allclose(unit.waveform.mean, np.array([0, 200, -400, 50]) * volts)
    assert unit.waveform.rate_hz == 40000


def test_waveforms_sampled_at_no_rate_are_left_out(tmp_path: Path) -> None:
    assert read(write_plx(tmp_path / "a.plx", BLOCKS, waveform_hz=0)).units[0].waveform is None


def test_a_channel_without_gain_has_no_waveform(tmp_path: Path) -> None:
    assert read(write_plx(tmp_path / "a.plx", BLOCKS, gain=0)).units[0].waveform is None


@pytest.mark.parametrize(
    ("cut", "match"),
    [
        (-1, r"a\.plx: truncated: the data block at byte \d+ needs 1 more bytes"),
        (PLX_HEADERS + 3, rf"a\.plx: truncated: the data block at byte {PLX_HEADERS} needs 13 more bytes"),
        (PLX_HEADERS - 9, rf"a\.plx: ends within its headers, which need {PLX_HEADERS} bytes"),
        (100, r"a\.plx: not a \.plx file"),
        (0, r"a\.plx: not a \.plx file"),
    ],
)
def test_a_truncated_plx_is_refused(tmp_path: Path, cut: int, match: str) -> None:
    path = write_plx(tmp_path / "a.plx", BLOCKS)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=match):
        read(path)


@pytest.mark.parametrize("block", [plx_block(9, 0, 1, 1), plx_block(0, 0, 1, 1)])
def test_a_damaged_plx_is_refused(tmp_path: Path, block: bytes) -> None:
    with pytest.raises(InputError, match=r"a\.plx: damaged at byte \d+: no data block of type"):
        read(write_plx(tmp_path / "a.plx", [*BLOCKS, block]))


def test_a_plx_header_that_claims_billions_of_channels_is_refused(tmp_path: Path) -> None:
    path = write_plx(tmp_path / "a.plx", BLOCKS)
    content = bytearray(path.read_bytes())
    content[140:144] = b"\xff\xff\xff\x7f"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.plx: ends within its headers"):
        read(path)


def test_nex_units_are_named_after_channel_and_letter(tmp_path: Path) -> None:
    names = ("sig003a", "SPK_SPKC12b", "CSC7-c", "sig003U", "elec 9 d")
    path = write_nex(tmp_path / "a.nex", [(NEURON, name, [40000], None) for name in names])
    assert sorted(trains(read(path))) == [(3, 1), (7, 3), (9, 4), (12, 2)]


@pytest.mark.parametrize(("letters", "units"), [("ai", [1]), ("abcdefghi", [1, 2, 3, 4, 5, 6, 7, 8, 9])])
def test_the_letter_i_is_unsorted_unless_h_comes_before_it(tmp_path: Path, letters: str, units: list[int]) -> None:
    path = write_nex(tmp_path / "a.nex", [(NEURON, f"sig001{letter}", [40000], None) for letter in letters])
    assert [unit.cluster_id for unit in read(path).units] == units


def test_nex_waveforms_join_their_neuron(tmp_path: Path) -> None:
    variables = [
        (WAVEFORM, "sig003a_wf", [40000, 80000], STEPS),
        (NEX_EVENT, "Start", [1], None),
        (NEURON, "sig003a", [40000, 80000], None),
    ]
    (unit,) = read(write_nex(tmp_path / "a.nex", variables)).units
    assert unit.spike_times_s.tolist() == [1.0, 2.0]
    np.testing.assert_allclose(unit.waveform.mean, (np.array([0, 200, -400, 50]) * 0.01 - 0.5) / 1e3)


def test_nex_waveforms_of_some_spikes_only_are_not_those_of_the_unit(tmp_path: Path) -> None:
    variables = [(NEURON, "sig003a", [40000, 80000, 90000], None), (WAVEFORM, "sig003a_wf", [40000, 80000], STEPS)]
    (unit,) = read(write_nex(tmp_path / "a.nex", variables)).units
    assert len(unit.spike_times_s) == 3
    assert unit.waveform is None


def test_nex_agrees_with_another_reader(tmp_path: Path) -> None:
    path = write_nex(tmp_path / "a.nex", [(WAVEFORM, "sig003a_wf", [40000, 80000], STEPS)])
    other = NeuroExplorerRawIO(filename=str(path))
    other.parse_header()
    ticks = other.get_spike_timestamps(spike_channel_index=0)
    steps = other.get_spike_raw_waveforms(spike_channel_index=0)
    millivolts = other.rescale_waveforms_to_float(steps, "float64", spike_channel_index=0)
    (unit,) = read(path).units
    assert unit.spike_times_s.tolist() == other.rescale_spike_timestamp(ticks, "float64").tolist()
    np.testing.assert_allclose(unit.waveform.mean, millivolts[:, 0].mean(axis=0) / 1e3, rtol=1e-12)
    close_files(other)


def test_nex5_has_longer_times_and_waveforms_in_millivolts(tmp_path: Path) -> None:
    ticks, waveforms = [40000, 2**33], np.array([[0, -0.1], [0, -0.3]], dtype=np.float32)
    path = write_nex5(
        tmp_path / "a.nex5", [(NEURON, "sig003b", ticks, None), (WAVEFORM, "sig003b_wf", ticks, waveforms)]
    )
    (unit,) = read(path).units
    assert (unit.channel, unit.cluster_id, unit.spike_times_s.tolist()) == (3, 2, [1.0, 2**33 / 40000])
    np.testing.assert_allclose(unit.waveform.mean, [0, -2e-4], rtol=1e-6)
    assert unit.waveform.rate_hz == 40000


def test_a_channel_in_the_session_file_wins(tmp_path: Path) -> None:
    variables = [(NEURON, "a", [40000], None), (NEURON, "b", [80000], None)]
    assert trains(read(write_nex(tmp_path / "a.nex", variables), channel=8)) == {(8, 1): [1.0], (8, 2): [2.0]}


@pytest.mark.parametrize("name", ["Neuron04", "a", "sig001A", "Start"])
def test_a_name_without_channel_and_letter_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"a\.nex: train '{name}' does not end with channel number and unit letter"):
        read(write_nex(tmp_path / "a.nex", [(NEURON, name, [40000], None)]))


def test_two_names_of_one_unit_are_refused(tmp_path: Path) -> None:
    variables = [(NEURON, "sig001a", [40000], None), (NEURON, "SPK01a", [80000], None)]
    with pytest.raises(InputError, match=r"a\.nex: 'SPK01a' is a second unit 'a' of channel 1; rename one"):
        read(write_nex(tmp_path / "a.nex", variables))


@pytest.mark.parametrize(
    ("cut", "match"),
    [(-1, r"truncated: data up to byte"), (600, r"truncated, or its header is damaged"), (40, r"cannot be read")],
)
def test_a_truncated_nex_is_refused(tmp_path: Path, cut: int, match: str) -> None:
    path = write_nex(tmp_path / "a.nex", [(WAVEFORM, "sig003a_wf", [40000, 80000], STEPS)])
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=rf"a\.nex: {match}"):
        read(path)


def test_a_foreign_nex_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nex").write_bytes(b"plain text" * 100)
    with pytest.raises(InputError, match=r"a\.nex: neither a \.nex nor a \.nex5 file"):
        read(tmp_path / "a.nex")


def test_a_table_has_one_row_per_spike(tmp_path: Path) -> None:
    content = read(save(tmp_path / "a.mat", adc003=TABLE, adc004=np.array([[4, 2, 0.5]]), text="x"))
    assert trains(content) == {(3, 1): [1.0, 2.0], (4, 2): [0.5]}
    assert content.notes == ("2 unsorted or invalidated spikes left out",)
    assert content.clock == "recorder"


def test_a_table_in_a_newer_matlab_file_reads_alike(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["adc003"] = TABLE.T
        file["adc003"].attrs["MATLAB_class"] = np.bytes_("double")
    with (tmp_path / "a.mat").open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file")
    assert trains(read(tmp_path / "a.mat")) == {(3, 1): [1.0, 2.0]}


def test_a_matrix_of_something_else_is_left_out_aloud(tmp_path: Path) -> None:
    content = read(save(tmp_path / "a.mat", adc004=np.array([[4, 2, 0.5]]), other=np.full((2, 3), 0.5)))
    assert content.notes == ("other left out: no table of channel, unit and time",)


def test_other_steps_of_time_are_believed_if_stated(tmp_path: Path) -> None:
    table = np.array([[4, 2, 500.0]])
    assert trains(read(save(tmp_path / "a.mat", adc004=table), time_unit="ms", offset_s=2.0)) == {(4, 2): [2.5]}


def test_vectors_are_named_after_their_units(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mat", SPK03a=[[2.0], [1.0]], SPK03U=[0.5], SPK04b=[[0.1, 0.2]], SPK03=np.zeros((9, 2)))
    assert trains(read(path)) == {(3, 1): [1.0, 2.0], (4, 2): [0.1, 0.2]}


def test_waveforms_of_vectors_need_their_rate(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mat", sig003a=[[2.0], [1.0]], sig003a_wf=STEPS.T / 100, sig003a_wf_ts=[[2.0], [1.0]])
    (unit,) = read(path, rate_hz=40000).units
    np.testing.assert_allclose(unit.waveform.mean, np.array([0, 2.0, -4.0, 0.5]) / 1e3)
    without = read(path)
    assert without.units[0].waveform is None
    assert without.notes == ("waveforms not used, since the file does not say their rate ('rate_hz' would)",)


@pytest.mark.parametrize(
    ("variables", "match"),
    [
        ({"x": np.zeros(3)}, r"neither a table of spikes .* found x; export it again"),
        ({"x": np.full((2, 3), 0.5)}, r"neither a table of spikes"),
        ({"text": "sig001a"}, r"found no numbers"),
        ({"sig001a": [1.0, np.nan]}, r"spike times that are no numbers"),
        ({"sig001a": [1.0, 2.0], "sig001a_wf": np.zeros((4, 5))}, r"'sig001a_wf' has the shape \(4, 5\)"),
    ],
)
def test_other_matlab_files_are_refused(tmp_path: Path, variables: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=rf"a\.mat: .*{match}"):
        read(save(tmp_path / "a.mat", **variables), rate_hz=40000)


def test_a_file_that_is_no_matlab_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(b"no MATLAB file" * 20)
    with pytest.raises(InputError, match=r"a\.mat: cannot be read as a MATLAB file"):
        read(tmp_path / "a.mat")


def test_an_extension_of_another_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pl2").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.pl2: \.pl2 is no export .* allowed: \.plx, \.nex, \.nex5, \.mat"):
        read(tmp_path / "a.pl2")
