import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.reading.read_session import open_signals, read_session
from tests.nwb.conftest import read_all

VOLTS = np.random.default_rng(7).normal(scale=30e-6, size=(2000, 4))  # as in conftest.py


def test_session_and_participant_are_named(bundle_file: Path) -> None:
    session = read_session(bundle_file)
    assert (session.participant, session.session_id, session.notes) == ("P07", "baseline", ())


@pytest.mark.parametrize("categories", [["7", "9"], [b"9.0", b"7.0"]])
def test_categories_of_units_count_as_their_names(bundle_file: Path, categories: list[str | bytes]) -> None:
    with h5py.File(bundle_file, "a") as file:
        n_units = len(file["units/id"])
        del file["units/cluster_id"]
        file["units/names"] = categories
        file["units/cluster_id"] = np.zeros(n_units, np.uint8)
        file["units/cluster_id"].attrs["elements"] = file["units/names"].ref
    assert {unit.cluster_id for unit in read_session(bundle_file).units} == {int(float(categories[0]))}


def test_alias_renames_the_participant(bundle_file: Path) -> None:
    assert read_session(bundle_file, aliases={"P07": "P7"}).participant == "P7"


def test_electrode_columns_are_read(bundle_file: Path) -> None:
    electrode = read_session(bundle_file).electrodes[2]
    assert (electrode.label, electrode.bundle, electrode.region, electrode.hemisphere) == (
        "RAMY1", "RAMY", "amygdala", "right",
    )  # fmt: skip
    assert (electrode.wire, electrode.channel, electrode.kind, electrode.xyz) == (1, 11, "micro", None)


def test_user_regions_are_used(wire_file: Path) -> None:
    regions = {"amygdala": "basolateral amygdala"}
    assert read_session(wire_file, regions=regions).electrodes[2].region == "basolateral amygdala"


def test_units_are_read_with_their_quality(bundle_file: Path) -> None:
    unit = read_session(bundle_file).units[1]
    assert (unit.unit_id, unit.electrode_rows, unit.snr, unit.trough_to_peak_ms) == (6, (1, 3), 5.0, 0.3)
    assert (unit.isi_violations, unit.cell_type, unit.sorter, unit.cluster_id) == (None, "excitatory", "osort", 2)
    np.testing.assert_array_equal(unit.spike_times_s, [0.2, 0.3, 0.9, 1.7])
    np.testing.assert_allclose(unit.waveform_mean, np.sin(np.arange(8.0)) * 1e-5)


def test_raw_and_lfp_are_told_apart_by_rate(bundle_file: Path) -> None:
    blocks = read_session(bundle_file).blocks
    assert [(block.path, block.kind, block.rate_hz) for block in blocks] == [
        ("/acquisition/ElectricalSeriesRaw", "raw", 30000.0),
        ("/processing/ecephys/LFP/ElectricalSeriesLFP", "lfp", 1000.0),
    ]
    assert [(block.start_s, block.stop_s, block.electrode_rows) for block in blocks] == [(0.5, 2.5, (0, 1, 2, 3))] * 2


def test_signal_is_read_in_volts_with_every_conversion(bundle_file: Path) -> None:
    expected = np.rint(VOLTS / 0.25e-6) * 0.25e-6 * [1, 1, 1, 2] + 1e-6
    block = read_session(bundle_file).blocks[0]
    with open_signals(bundle_file) as open_block:
        found = open_block(block).read(300, 900)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.repeat(expected[10:30], 30, axis=0), rtol=1e-6)


def test_stretch_outside_the_block_is_refused(bundle_file: Path) -> None:
    with (
        open_signals(bundle_file) as open_block,
        pytest.raises(InputError, match="holds samples 0 to 2000 of this block, asked for 1990 to 2001"),
    ):
        open_block(read_session(bundle_file).blocks[1]).read(1990, 2001)


def test_lfp_containers_of_any_name_are_found(wire_file: Path) -> None:
    assert {block.path: block.electrode_rows for block in read_session(wire_file).blocks} == {
        "/processing/ecephys/LFP_macro/ElectricalSeries": (3,),
        "/processing/ecephys/LFP_micro/ElectricalSeries": (0, 1, 2),
    }


def test_one_group_per_wire_makes_bundles_of_labels(wire_file: Path) -> None:
    session = read_session(wire_file)
    assert [electrode.bundle for electrode in session.electrodes] == ["LHIP", "LHIP", "RAMY", "LOFC"]
    assert [electrode.wire for electrode in session.electrodes] == [1, 2, 1, 1]
    assert [electrode.kind for electrode in session.electrodes] == ["micro", "micro", "micro", "macro"]
    assert "one electrode group per wire" in session.notes[0]


def test_plain_electrodes_of_units_are_rows(wire_file: Path) -> None:
    assert [unit.electrode_rows for unit in read_session(wire_file).units] == [(1,), (2,)]


def test_byte_string_locations_are_read(wire_file: Path) -> None:
    with h5py.File(wire_file, "a") as file:
        table = file["general/extracellular_ephys/electrodes"]
        attributes = dict(table["location"].attrs)
        texts = [text.decode() if isinstance(text, bytes) else text for text in table["location"][()]]
        del table["location"]
        table.create_dataset("location", data=np.array(texts, dtype="S"))
        table["location"].attrs.update(attributes)
    assert [(electrode.region, electrode.hemisphere) for electrode in read_session(wire_file).electrodes[1:3]] == [
        ("hippocampus", "left"),
        ("amygdala", "right"),
    ]


def test_electrode_id_replaces_electrodes(wire_file: Path) -> None:
    with h5py.File(wire_file, "a") as file:
        file["general/extracellular_ephys/electrodes/id"][...] = [40, 41, 42, 43]
        del file["units/electrodes"]
        file["units"].create_dataset("electrode_id", data=[43, 99])
    session = read_session(wire_file)
    assert [unit.electrode_rows for unit in session.units] == [(3,), ()]
    assert "1 units name electrodes that the table does not have" in session.notes


def test_electrode_group_replaces_electrodes(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        del file["units/electrodes"], file["units/electrodes_index"]
        group = file["general/extracellular_ephys/RAMY"].ref
        file["units"].create_dataset("electrode_group", data=[group, group], dtype=h5py.ref_dtype)
    assert [unit.electrode_rows for unit in read_session(bundle_file).units] == [(2, 3), (2, 3)]


def test_waveform_of_several_electrodes_is_that_of_the_largest(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        del file["units/waveform_mean"]
        small, large = np.sin(np.arange(8.0)), 3 * np.cos(np.arange(8.0))
        waveforms = np.stack([np.stack([small, large], axis=1)] * 2)
        file["units"].create_dataset("waveform_mean", data=waveforms).attrs["sampling_rate"] = 30000.0
    unit = read_session(bundle_file).units[0]
    assert unit.waveform_rate_hz == 30000.0
    np.testing.assert_array_equal(unit.waveform_mean, large)


def test_f30_spike_times_out_of_order_are_sorted_with_a_note(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        file["units/spike_times"][:3] = [0.5, np.nan, 0.1]
    session = read_session(bundle_file)
    np.testing.assert_array_equal(session.units[0].spike_times_s, [0.1, 0.5])
    assert session.notes == (
        "spike times that are no numbers were left out",
        "spike times that were not in order were sorted",
    )


def test_f30_spike_times_in_samples_are_refused(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        del file["units/spike_times"]
        file["units"].create_dataset("spike_times", data=np.arange(50.0) * 331)
        file["units/spike_times_index"][...] = [20, 50]
    with pytest.raises(InputError, match="are all whole numbers, so samples and not seconds"):
        read_session(bundle_file)


def test_f29_regular_time_stamps_give_a_rate(one_wire_file: Callable[..., Path]) -> None:
    path = one_wire_file(timestamps=3.25 + np.arange(2000) / 1000)
    (block,) = read_session(path).blocks
    assert (block.rate_hz, block.start_s, block.n_samples) == (1000.0, 3.25, 2000)


def test_f29_gap_in_time_stamps_makes_two_blocks(one_wire_file: Callable[..., Path]) -> None:
    stamps = np.arange(2000) / 1000
    stamps[1200:] += 7
    path = one_wire_file(timestamps=stamps)
    first, second = read_session(path).blocks
    assert (first.n_samples, second.start_s, second.n_samples, second.first_sample) == (1200, 8.2, 800, 1200)
    np.testing.assert_array_equal(read_all(path, 1), VOLTS[1200:, :1])


def test_f29_reversed_time_stamps_are_left_out_with_a_reason(one_wire_file: Callable[..., Path]) -> None:
    stamps = np.arange(2000) / 1000
    stamps[1200:] -= 1
    session = read_session(one_wire_file(timestamps=stamps))
    assert session.blocks == ()
    assert "its time stamps do not rise everywhere" in session.notes[0]


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1e-6), ("millivolts", 1e-3), ("V", 1.0)])
def test_f37_other_units_of_voltage_become_volts(one_wire_file: Callable[..., Path], unit: str, factor: float) -> None:
    path = one_wire_file(rate=1000.0)
    with h5py.File(path, "a") as file:
        file["acquisition/ElectricalSeries/data"].attrs["unit"] = unit
    np.testing.assert_allclose(read_all(path), VOLTS[:, :1] * factor)


def test_real_000207_has_its_units_and_no_signal(shared_data: Path) -> None:
    session = read_session(shared_data / "dandi/000207/sub-4_ses-4_ecephys+image.nwb")
    places = Counter(session.electrode(unit.electrode_rows[0]).region for unit in session.units)
    assert places == {"hippocampus": 25, "amygdala": 10}
    assert {electrode.hemisphere for electrode in session.electrodes} == {"right"}
    assert sum(len(unit.spike_times_s) for unit in session.units) == 214_278
    assert session.blocks == ()
    assert Counter(electrode.bundle for electrode in session.electrodes) == {
        "right hippocampus": 5, "right amygdala": 5, "right hippocampus 2": 1, "right hippocampus 3": 8
    }  # fmt: skip


def test_real_000006_has_three_units(shared_data: Path) -> None:
    session = read_session(shared_data / "dandi/000006/sub-anm369963_ses-20170301.nwb")
    assert (session.participant, session.session_id, len(session.units)) == ("anm369963", "20170301", 3)
    assert {electrode.region for electrode in session.electrodes} == {None}
    assert 250 < min(unit.spike_times_s[0] for unit in session.units) < 350


def test_f36_nwb_1_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "old.nwb", "w") as file:
        file["nwb_version"] = "NWB-1.0.6"
    with pytest.raises(InputError, match=re.escape("is NWB 1 (NWB-1.0.6)")):
        read_session(tmp_path / "old.nwb")


@pytest.mark.parametrize(
    ("missing", "note"),
    [
        ("units", "no units table"),
        ("units/spike_times", "the units table has no spike times"),
        ("general/extracellular_ephys/electrodes", "no electrodes table"),
    ],
)
def test_f22_what_a_file_lacks_is_noted(bundle_file: Path, missing: str, note: str) -> None:
    with h5py.File(bundle_file, "a") as file:
        del file[missing]
    assert note in read_session(bundle_file).notes


def test_f22_series_without_a_table_of_electrodes_are_left_out_with_a_reason(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        del file["general/extracellular_ephys/electrodes"]
    session = read_session(bundle_file)
    assert session.blocks == ()
    assert any("it names electrodes that the table of 0 does not have" in note for note in session.notes)


@pytest.mark.parametrize(
    ("stamps", "reason"),
    [
        (np.repeat(np.arange(1000) / 500, 2), "its time stamps do not rise"),
        (np.cumsum(np.random.default_rng(1).exponential(1e-3, 2000)), "its time stamps are irregular"),
    ],
)
def test_f29_repeated_or_irregular_time_stamps_are_left_out_with_a_reason(
    one_wire_file: Callable[..., Path], stamps: np.ndarray, reason: str
) -> None:
    session = read_session(one_wire_file(timestamps=stamps))
    assert session.blocks == ()
    assert any(reason in note for note in session.notes)


def test_f29_jitter_of_time_stamps_keeps_one_block(one_wire_file: Callable[..., Path]) -> None:
    jitter = np.random.default_rng(2).uniform(-2e-4, 2e-4, 2000)
    (block,) = read_session(one_wire_file(timestamps=np.arange(2000) / 1000 + jitter)).blocks
    assert block.rate_hz == pytest.approx(1000, rel=1e-3)


def test_f29_neither_rate_nor_time_stamps_is_left_out_with_a_reason(one_wire_file: Callable[..., Path]) -> None:
    path = one_wire_file(rate=1000.0)
    with h5py.File(path, "a") as file:
        del file["acquisition/ElectricalSeries/starting_time"]
    assert any("neither a rate nor one time stamp per sample" in note for note in read_session(path).notes)


def test_f30_a_unit_without_spikes_has_none(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        file["units/spike_times_index"][...] = [0, 7]
    first, second = read_session(bundle_file).units
    assert (len(first.spike_times_s), len(second.spike_times_s)) == (0, 7)


def test_f31_a_dangling_region_is_noted(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        file["units/electrodes"][...] = [0, 3, 1, 77]
    session = read_session(bundle_file)
    assert [unit.electrode_rows for unit in session.units] == [(0, 3), (1,)]
    assert "1 units name electrodes that the table does not have" in session.notes


@pytest.mark.parametrize("version", ["2.0.0", "2.1.0", "2.11.0", "2.99.0"])
def test_f36_every_nwb_2_reads_the_same(bundle_file: Path, version: str) -> None:
    before = read_session(bundle_file)
    with h5py.File(bundle_file, "a") as file:
        file.attrs["nwb_version"] = version
        if version == "2.0.0":  # which cached no specifications
            del file["specifications"], file.attrs[".specloc"]
    after = read_session(bundle_file)
    assert (after.electrodes, after.blocks, after.notes) == (before.electrodes, before.blocks, before.notes)


def test_f36_types_of_an_unknown_extension_are_read_by_what_they_hold(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        series = file["processing/ecephys/LFP/ElectricalSeriesLFP"]
        series.attrs["namespace"], series.attrs["neurodata_type"] = "ndx-ours", "OurSeries"
        other = file["acquisition"].create_group("strange")
        other.attrs["namespace"], other.attrs["neurodata_type"] = "ndx-ours", "Strange"
        other["numbers"] = [1, 2]
    assert [block.rate_hz for block in read_session(bundle_file).blocks] == [30000.0, 1000.0]
