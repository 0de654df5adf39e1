"""Units of Combinato: data_*.h5 and sort_*/sort_cat.h5."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.timing.clock import RecorderClock
from nwb_spikeinference_converters.units import read_units
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile
from tests.converters.sorter_files import write_combinato, write_combinato_data, write_combinato_sorting


def read(path: Path, **settings: object) -> UnitsFile:
    entry = UnitsSettings.model_validate({"format": "combinato", "file": path.name, **settings})
    return read_units(path, entry, ReadContext())


@pytest.fixture
def channel_folder(tmp_path: Path) -> Path:
    return write_combinato(tmp_path / "CSC12")


def test_groups_of_single_and_multi_units_are_units(channel_folder: Path) -> None:
    content = read(channel_folder)
    assert [(unit.channel, unit.cluster_id, unit.label) for unit in content.units] == [(12, 1, "SU"), (12, 2, "MU")]
    assert content.units[0].sorter == "Combinato"
    assert content.units[0].quality == {"sign": "neg"}


def test_classes_of_a_group_are_joined(channel_folder: Path) -> None:
    first, second = read(channel_folder).units
    np.testing.assert_allclose(first.spike_times_s, [1.0, 1.2, 1.6])
    np.testing.assert_allclose(second.spike_times_s, [1.1, 1.7])


def test_spikes_agree_with_the_files_read_directly(channel_folder: Path) -> None:
    with (
        h5py.File(channel_folder / "data_CSC12.h5") as data,
        h5py.File(channel_folder / "sort_neg_joe/sort_cat.h5") as sorting,
    ):
        group_of = dict(sorting["groups"][()].tolist())
        groups = np.array([group_of[name] for name in sorting["classes"][()].tolist()])
        times_ms = data["neg/times"][()][sorting["index"][()]]
    for unit in read(channel_folder).units:
        np.testing.assert_allclose(unit.spike_times_s * 1000, times_ms[groups == unit.cluster_id])


def test_artifacts_and_unassigned_spikes_are_counted(channel_folder: Path) -> None:
    assert any(note.startswith("2 of 7 sorted spikes") for note in read(channel_folder).notes)


def test_times_are_on_the_recorders_clock_unless_said_otherwise(channel_folder: Path) -> None:
    assert read(channel_folder).clock == "recorder"
    assert read(channel_folder, clock="session").clock == "session"


def test_waveforms_are_microvolts_where_the_rate_is_given(channel_folder: Path) -> None:
    _, second = read(channel_folder, rate_hz=32000).units
    assert second.waveform is not None
    assert second.waveform.sd is not None
    assert second.waveform.mean[19] == pytest.approx(-50e-6)
    assert second.waveform.sd[19] == pytest.approx(30e-6)
    assert second.waveform.rate_hz == 32000


def test_the_recording_of_that_name_gives_the_rate_of_waveforms(channel_folder: Path, tmp_path: Path) -> None:
    ncs = tmp_path / "CSC12.ncs"
    header = "######## Neuralynx Data File Header\r\n-ADChannel 11\r\n-SamplingFrequency 32000\r\n"
    ncs.write_bytes(header.encode().ljust(16384, b"\0"))
    context = ReadContext(clock=RecorderClock(files=(ncs,)))
    first, _ = read_units(channel_folder, UnitsSettings(format="combinato", file="CSC12"), context).units
    assert (first.channel, first.waveform.rate_hz) == (11, 32000)


def test_waveforms_without_a_rate_are_left_out(channel_folder: Path) -> None:
    content = read(channel_folder)
    assert all(unit.waveform is None for unit in content.units)
    assert any("'rate_hz' can give it" in note for note in content.notes)


@pytest.mark.parametrize("named", [".", "data_CSC12.h5", "sort_neg_joe", "sort_neg_joe/sort_cat.h5"])
def test_folder_data_file_or_sorting_may_be_named(channel_folder: Path, named: str) -> None:
    content = read(channel_folder / named)
    assert len(content.units) == 2
    assert [file.name for file in content.files] == ["data_CSC12.h5", "sort_cat.h5"]


def test_both_signs_are_read(channel_folder: Path) -> None:
    write_combinato_sorting(channel_folder, "sort_pos_joe")
    content = read(channel_folder, rate_hz=32000)
    assert [unit.quality["sign"] for unit in content.units] == ["neg", "neg", "pos", "pos"]
    waveform = content.units[3].waveform.mean
    assert waveform is not None
    assert waveform[19] == pytest.approx(50e-6)
    assert any("the same neuron may be among the units of both" in note for note in content.notes)


def test_two_sortings_of_one_sign_are_refused_until_one_is_named(channel_folder: Path) -> None:
    write_combinato_sorting(channel_folder, "sort_neg_sue", types=np.array([[1, 1], [2, 1]]))
    with pytest.raises(InputError, match="neg spikes are sorted twice, in sort_neg_joe and sort_neg_sue; name the one"):
        read(channel_folder)
    assert [unit.label for unit in read(channel_folder / "sort_neg_sue").units] == ["MU", "MU"]


def test_labels_choose_units(channel_folder: Path) -> None:
    assert [unit.cluster_id for unit in read(channel_folder, labels=["SU"]).units] == [1]


def test_emptied_groups_are_no_units(tmp_path: Path) -> None:
    folder = write_combinato(tmp_path / "CSC12", types=np.array([[-1, -1], [0, 0], [1, 2], [2, 1], [3, 2]]))
    assert [unit.cluster_id for unit in read(folder).units] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"types": None}, "'types' is missing"),
        ({"groups": np.zeros(7, dtype=np.int8)}, "classes were not grouped yet"),
        ({"classes": np.zeros(6, dtype=np.uint16)}, r"'index' has shape \(7,\), 'classes' \(6,\)"),
        ({"index": np.array([0, 1, 2, 3, 4, 6, 8])}, r"sorts spike 8, but data_CSC12\.h5 has 8 neg spikes"),
        ({"index": np.array([0, 1, 2, 3, 4, 6, -1])}, r"sorts spike -1, but data_CSC12\.h5 has 8 neg spikes"),
        ({"classes": np.array([b"a"] * 7)}, "'classes' must be numeric"),
        ({"index": 3}, r"'index' has shape \(\)"),
    ],
)
def test_wrong_content_is_named(tmp_path: Path, changes: dict[str, object], match: str) -> None:
    folder = write_combinato(tmp_path / "CSC12", **changes)
    with pytest.raises(InputError, match=rf"sort_cat\.h5: .*{match}"):
        read(folder)


def test_a_channel_that_was_not_sorted_is_refused(tmp_path: Path) -> None:
    write_combinato_data(tmp_path / "CSC12")
    with pytest.raises(InputError, match=r"CSC12: holds no sort_\*/sort_cat\.h5"):
        read(tmp_path / "CSC12")


def test_the_folder_of_all_channels_is_refused(tmp_path: Path) -> None:
    write_combinato(tmp_path / "CSC12")
    with pytest.raises(InputError, match=r"must hold one data_\*\.h5 of Combinato, found 0; name a channel's folder"):
        read(tmp_path)


def test_a_sorting_of_unknown_sign_is_refused(tmp_path: Path) -> None:
    write_combinato_data(tmp_path / "CSC12")
    write_combinato_sorting(tmp_path / "CSC12", "sort_all")
    with pytest.raises(InputError, match="sort_all: must be called sort_neg_<user> or sort_pos_<user>"):
        read(tmp_path / "CSC12")


def test_a_truncated_data_file_is_refused(channel_folder: Path) -> None:
    data = channel_folder / "data_CSC12.h5"
    data.write_bytes(data.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"data_CSC12\.h5: cannot be read as a file of Combinato"):
        read(channel_folder)


def test_values_kept_in_another_file_are_refused(channel_folder: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["times"] = np.zeros(8)
    with h5py.File(channel_folder / "data_CSC12.h5", "r+") as file:
        del file["neg/times"]
        file["neg/times"] = h5py.ExternalLink(tmp_path / "other.h5", "times")
    with pytest.raises(InputError, match="'neg/times' keeps its values in another file"):
        read(channel_folder)


def test_a_data_set_that_claims_terabytes_is_refused(channel_folder: Path) -> None:
    with h5py.File(channel_folder / "data_CSC12.h5", "r+") as file:
        del file["neg/times"]
        file.create_dataset("neg/times", shape=(10**12,), chunks=(1000,), dtype=np.float64)
    with pytest.raises(InputError, match="neg/times claims 8000000 MB"):
        read(channel_folder)
