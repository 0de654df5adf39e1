"""Bad signals and units in NWB files, from the file to the features."""

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.config import SignalSettings, StudySettings, UnitSettings
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session
from nwb_spikeinference.pipeline.sessions.prepared import PreparedSession

RAW = "acquisition/ElectricalSeriesRaw/data"
LFP = "processing/ecephys/LFP/ElectricalSeriesLFP"
Damage = Callable[[h5py.File], None]


@pytest.fixture
def prepare(whole: Path, tmp_path: Path) -> Callable[..., PreparedSession]:
    """Features of a copy of the file in which something was changed."""

    def run(damage: Damage, **signal: object) -> PreparedSession:
        path = tmp_path / "damaged.nwb"
        shutil.copy(whole, path)
        with h5py.File(path, "r+") as file:
            damage(file)
        settings = StudySettings(
            sessions=("x",),
            signal=SignalSettings(**signal),  # type: ignore[arg-type]
            units=UnitSettings(min_spikes=1, drop_duplicates=False),
        )
        return prepare_session(path, settings, tmp_path)

    return run


def only_lfp(file: h5py.File) -> None:
    del file["acquisition/ElectricalSeriesRaw"]


def test_f28_a_constant_wire_is_left_out_by_name(prepare: Callable[..., PreparedSession]) -> None:
    def damage(file: h5py.File) -> None:
        file[RAW][:, 3] = 17

    notes = " ".join(prepare(damage).notes)
    assert "4: left out, constant at" in notes


def test_f28_a_saturated_wire_is_left_out_by_name(prepare: Callable[..., PreparedSession]) -> None:
    def damage(file: h5py.File) -> None:
        file[RAW][: 6 * 30000, 5] = 32764

    assert "6: left out, " in " ".join(prepare(damage).notes)


def test_f28_nan_makes_no_feature_that_is_no_number(prepare: Callable[..., PreparedSession]) -> None:
    def damage(file: h5py.File) -> None:
        only_lfp(file)
        file[f"{LFP}/data"][4000:4300, 2] = np.nan

    result = prepare(damage)
    assert np.all(np.isfinite(result.inputs["neighbour"].features))
    bins = np.arange(800, 860)  # of 5 ms: 4.0 to 4.3 s
    assert not np.any(result.inputs["neighbour"].valid[:, bins])
    assert np.any(result.inputs["neighbour"].valid[:, 400:500])


def test_f29_bins_in_a_gap_of_time_stamps_do_not_count(prepare: Callable[..., PreparedSession]) -> None:
    def damage(file: h5py.File) -> None:
        only_lfp(file)
        series = file[LFP]
        del series["starting_time"]
        stamps = np.arange(len(series["data"])) / 1000 + np.where(np.arange(len(series["data"])) < 6000, 0.0, 2.0)
        series.create_dataset("timestamps", data=stamps)

    valid = prepare(damage).inputs["neighbour"].valid
    assert not np.any(valid[:, 1200:1600])  # 6 to 8 s
    assert np.all(np.any(valid[:, :1100], axis=1))
    assert np.all(np.any(valid[:, 1800:2300], axis=1))


def test_f30_spikes_out_of_order_and_beyond_the_recording_change_no_count(
    prepare: Callable[..., PreparedSession],
) -> None:
    def nothing(file: h5py.File) -> None:
        pass

    def damage(file: h5py.File) -> None:
        times, ends = file["units/spike_times"][()], file["units/spike_times_index"][()]
        first = times[: ends[0]][::-1]
        others = np.concatenate([first, [-3.0, 99.0], times[ends[0] :]])
        del file["units/spike_times"]
        made = file["units"].create_dataset("spike_times", data=others)
        made.attrs["description"], made.attrs["neurodata_type"] = "", "VectorData"
        file["units/spike_times_index"][:] = ends + 2

    counts = prepare(nothing).counts
    np.testing.assert_array_equal(prepare(damage).counts, counts)


def test_f31_a_unit_on_an_electrode_that_does_not_exist_is_listed_with_the_reason(
    prepare: Callable[..., PreparedSession],
) -> None:
    def damage(file: h5py.File) -> None:
        file["units/electrodes"][0] = 999

    result = prepare(damage)
    assert result.units[0].excluded_reason == "not linked to an electrode"
    assert any("1 units name electrodes that the table does not have" in note for note in result.notes)


def test_f31_units_without_electrodes_are_all_listed(prepare: Callable[..., PreparedSession]) -> None:
    def damage(file: h5py.File) -> None:
        del file["units/electrodes"], file["units/electrodes_index"]

    with pytest.raises(InputError, match="no unit lies on a wire with a continuous signal"):
        prepare(damage)


def test_f37_microvolts_give_the_features_of_volts(prepare: Callable[..., PreparedSession]) -> None:
    def microvolts(file: h5py.File) -> None:
        only_lfp(file)
        data = file[f"{LFP}/data"]
        data[...] = data[()] * 1e6
        data.attrs["unit"] = "microvolts"

    in_volts = prepare(only_lfp).inputs["neighbour"].features
    np.testing.assert_allclose(prepare(microvolts).inputs["neighbour"].features, in_volts, atol=1e-4)
