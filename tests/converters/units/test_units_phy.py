"""Units of Phy folders."""

import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from neo.rawio import PhyRawIO

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.sessions.convert_session import convert_session
from nwb_spikeinference_converters.units import read_units
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile
from tests.converters.phy_files import TABLES, make_templates, write_phy

CHANNELS = (11, 12, 13, 14, 15)  # the recorder's channel of each row


def read(folder: Path, *, recording: tuple[int, ...] = (), **settings: object) -> UnitsFile:
    entry = UnitsSettings.model_validate({"format": "phy", "file": folder.name, "channels": CHANNELS} | settings)
    return read_units(folder, entry, ReadContext(channels=recording))


def channels(content: UnitsFile) -> list[int]:
    return [unit.channel for unit in content.units]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sorted"


def test_samples_become_seconds_in_order(folder: Path) -> None:
    units = read(write_phy(folder)).units
    assert [unit.cluster_id for unit in units] == [2, 7, 9]
    assert [unit.spike_times_s.tolist() for unit in units] == [[0.5, 2.0], [1.0, 1.5], [3.0]]


def test_times_count_recorded_samples(folder: Path) -> None:
    content = read(write_phy(folder))
    assert (content.clock, content.counts_samples, content.resolution_s) == ("recorded", True, 1 / 30000)


def test_a_rate_in_the_session_file_wins(folder: Path) -> None:
    assert read(write_phy(folder), rate_hz=15000).units[2].spike_times_s.tolist() == [6.0]


def test_the_peak_of_the_template_names_the_row_of_the_sorted_file(folder: Path) -> None:
    assert channels(read(write_phy(folder))) == [12, 11, 15]  # rows 1, 0 and 4


def test_rows_are_the_channels_of_the_recording_unless_listed(folder: Path) -> None:
    content = read(write_phy(folder), channels=None, recording=(1, 2, 3, 4, 5))
    assert channels(content) == [2, 1, 5]
    assert content.notes == ("rows of the sorted file taken as the recording's channels in file order",)


def test_a_merged_cluster_lies_where_most_of_its_spikes_do(folder: Path) -> None:
    merged = np.array([0, 1, 1, 1, 2])
    assert channels(read(write_phy(folder, spike_clusters=np.array([5, 5, 5, 5, 9]), spike_templates=merged))) == [
        12,
        15,
    ]


def test_sparse_templates_name_their_channels(folder: Path) -> None:
    sparse = np.zeros((3, 6, 2), dtype=np.float32)
    sparse[:, 2] = (-1, -9)
    sparse[2, 2] = (-1, 9)  # of no channel
    columns = np.array([[0, 2], [2, 3], [1, -1]])
    assert channels(read(write_phy(folder, templates=sparse, templates_ind=columns))) == [12, 13, 11]


def test_whitening_is_undone_before_the_peak_is_sought(folder: Path) -> None:
    inverse = np.diag([1.0, 1.0, 100.0, 1.0])
    assert channels(read(write_phy(folder, whitening_mat_inv=inverse))) == [13, 13, 13]


def test_templates_give_no_waveform_in_volts(folder: Path) -> None:
    assert all(unit.waveform is None for unit in read(write_phy(folder)).units)


def test_one_channel_for_all_needs_no_templates(folder: Path) -> None:
    content = read(write_phy(folder, templates=None, channel_map=None), channel=3, channels=None)
    assert channels(content) == [3, 3, 3]


def test_a_folder_that_phy_never_opened_has_templates_for_clusters(folder: Path) -> None:
    content = read(write_phy(folder, spike_clusters=None))
    assert [unit.cluster_id for unit in content.units] == [0, 1, 2]


def test_noise_is_left_out_aloud(folder: Path) -> None:
    content = read(write_phy(folder, tables=TABLES | {"cluster_group.tsv": "cluster_id\tgroup\n2\tnoise\n7\tgood\n"}))
    assert [unit.cluster_id for unit in content.units] == [7, 9]
    assert content.notes == ("1 of 3 clusters left out by their label",)


def test_listed_labels_are_kept_alone(folder: Path) -> None:
    assert [unit.cluster_id for unit in read(write_phy(folder), labels=["mua"]).units] == [7]


@pytest.mark.parametrize(("group", "label"), [("mua", "mua"), ("unsorted", "good"), ("", "good")])
def test_a_person_overrules_the_sorter(folder: Path, group: str, label: str) -> None:
    content = read(write_phy(folder, tables=TABLES | {"cluster_group.tsv": f"cluster_id\tgroup\n2\t{group}\n"}))
    assert content.units[0].label == label
    assert content.units[0].quality["KSLabel"] == "good"


def test_numbers_of_all_tables_are_kept_and_texts_are_not(folder: Path) -> None:
    info = "cluster_id\tamp\tch\tn_spikes\tnote\n2\t31.5\t4\t2\tseizure of Ms X\n"
    tables = {"cluster_info.tsv": info, "cluster_ContamPct.tsv": "cluster_id\tContamPct\n2\t7.5\n7\tnan\n"}
    units = read(write_phy(folder, tables=tables)).units
    assert [unit.quality for unit in units] == [{"amp": 31.5, "ContamPct": 7.5}, {}, {}]


def test_single_tables_win_over_the_digest(folder: Path) -> None:
    tables = {"cluster_info.tsv": "id\tgroup\n2\tgood\n", "cluster_group.tsv": "cluster_id\tgroup\n2\tmua\n"}
    assert read(write_phy(folder, tables=tables)).units[0].label == "mua"


@pytest.mark.parametrize(("tables", "sorter"), [(TABLES, "Kilosort"), ({}, "Phy")])
def test_the_sorter_is_named_if_it_left_its_labels(folder: Path, tables: dict[str, str], sorter: str) -> None:
    assert {unit.sorter for unit in read(write_phy(folder, tables=tables)).units} == {sorter}


def test_all_that_was_read_is_listed(folder: Path) -> None:
    content = read(write_phy(folder))
    assert sorted(content.files) == sorted(folder.iterdir())


def test_a_folder_without_spikes_has_no_units(folder: Path) -> None:
    none = np.zeros(0, dtype=np.int64)
    assert not read(write_phy(folder, spike_times=none, spike_clusters=none, spike_templates=none)).units


def test_parameters_are_never_executed(folder: Path, tmp_path: Path) -> None:
    parameters = f"n_channels_dat = 5\nsample_rate = 30000.\nopen({str(tmp_path / 'run')!r}, 'w')\n1 / 0\n"
    assert len(read(write_phy(folder, parameters=parameters) / "params.py").units) == 3
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ("sample_rate = 30000.\n", r"'n_channels_dat' is missing"),
        ("n_channels_dat = 5\n", r"add 'rate_hz'"),
        ("n_channels_dat = 5\nsample_rate = '30000'\n", r"'sample_rate' must be a positive number, got '30000'"),
        ("n_channels_dat = 5\nsample_rate = 1e999\n", r"'sample_rate' must be a positive number, got inf"),
        ("n_channels_dat = 4\nsample_rate = 30000.\n", r"had 4 channels .* lists 5; list the recorder's channel"),
        ("n_channels_dat: 5", r"add the sorted file's number of channels"),
        ("this is no Python", r"params\.py: not a list of 'name = value' lines"),
        ("(" * 5000, r"params\.py: not a list of 'name = value' lines"),
    ],
)
def test_wrong_parameters_are_named(folder: Path, parameters: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read(write_phy(folder, parameters=parameters))


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"spike_times": None}, r"spike_times\.npy: no such file"),
        ({"spike_clusters": np.array([1, 2])}, r"spike_clusters\.npy: 2 spikes, but spike_times\.npy has 5"),
        ({"spike_clusters": np.full(5, 0.5)}, r"spike_clusters\.npy: must hold whole numbers"),
        ({"spike_times": np.zeros((5, 2))}, r"spike_times\.npy: has the shape \(5, 2\)"),
        ({"spike_times": np.array(["a"])}, r"spike_times\.npy: holds <U1, numbers are needed"),
        ({"spike_templates": np.full(5, 3)}, r"spike_templates\.npy: must name one of 3 templates"),
        ({"channel_map": np.array([0, 1, 2, 5])}, r"channel_map\.npy: must name rows of the sorted file, 0 to 4"),
        ({"channel_map": np.array([0, 1])}, r"templates\.npy: shape \(3, 6, 4\) does not fit channel_map\.npy"),
        ({"templates_ind": np.zeros((3, 2))}, r"templates\.npy: shape \(3, 6, 4\) does not fit templates_ind\.npy"),
        ({"whitening_mat_inv": np.eye(3)}, r"whitening_mat_inv\.npy: has the shape \(3, 3\); 4 channels"),
        ({"templates": make_templates(size=0)}, r"templates of cluster 2 are flat.*add 'channel:'"),
    ],
)
def test_arrays_that_do_not_fit_are_named(folder: Path, arrays: dict[str, np.ndarray | None], match: str) -> None:
    with pytest.raises(InputError, match=match):
        read(write_phy(folder, **arrays))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("group\n2\n", r"cluster_group\.tsv: column 'cluster_id' is missing; found group"),
        ("", r"cluster_group\.tsv: column 'cluster_id' is missing"),
        ("cluster_id\tgroup\n2\tgood\nx\tgood\n", r"cluster_group\.tsv: line 3: 'cluster_id' must be a whole number"),
    ],
)
def test_a_table_without_clusters_is_refused(folder: Path, text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read(write_phy(folder, tables={"cluster_group.tsv": text}))


class Payload:
    """Would touch a file if it were unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.target), "w")


@pytest.mark.parametrize("kind", ["array", "pickle"])
def test_f45_pickled_arrays_are_refused_and_never_loaded(folder: Path, tmp_path: Path, kind: str) -> None:
    write_phy(folder)
    target = folder / "spike_clusters.npy"
    payload = Payload(tmp_path / "executed")
    if kind == "array":
        np.save(target, np.array([payload], dtype=object), allow_pickle=True)
    else:
        target.write_bytes(pickle.dumps(payload))
    with pytest.raises(InputError, match=r"spike_clusters\.npy: no plain array of numbers .*never loaded"):
        read(folder)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("shape", ["(1000000000000, 6, 4)", "(-1,)", "(3,"])
def test_a_header_that_lies_is_refused(folder: Path, shape: str) -> None:
    write_phy(folder)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    (folder / "templates.npy").write_bytes(b"\x93NUMPY\x01\x00\x76\x00" + header + bytes(64))
    with pytest.raises(InputError, match=r"templates\.npy: no plain array of numbers"):
        read(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "spikes").mkdir()
    with pytest.raises(InputError, match=r"spikes/params\.py: no such file; 'file' must name the folder"):
        read(tmp_path / "spikes")


def test_another_reader_finds_the_same_spikes(shared_data: Path) -> None:
    content = read(shared_data / "phy", channels=None, recording=tuple(range(1, 33)))
    other = PhyRawIO(str(shared_data / "phy"))
    other.parse_header()
    assert len(content.units) == len(other.header["spike_channels"]) == 13
    for index, unit in enumerate(content.units):
        ticks = other.get_spike_timestamps(spike_channel_index=index)
        np.testing.assert_array_equal(unit.spike_times_s, other.rescale_spike_timestamp(ticks, "float64"))


def test_a_real_folder_keeps_the_measures_of_kilosort(shared_data: Path) -> None:
    units = read(shared_data / "phy", channels=None, recording=tuple(range(1, 33))).units
    assert [unit.cluster_id for unit in units if unit.label == "good"] == [9, 10, 11]
    assert units[2].quality == {"KSLabel": "mua", "Amplitude": 451.6, "ContamPct": 100.0}


def test_a_folder_reaches_the_nwb_file(edited_session: Callable[..., Path], tmp_path: Path) -> None:
    path = edited_session(units=[{"format": "phy", "file": "sorted", "channels": [8, 7, 6, 5, 4]}])
    write_phy(path.parent / "sorted")
    with h5py.File(convert_session(path, tmp_path / "nwb").path) as file:
        units = file["units"]
        assert units["spike_times"][:].tolist() == [0.5, 2.0, 1.0, 1.5, 3.0]
        assert file["general/extracellular_ephys/electrodes/channel"][:][units["electrodes"][:]].tolist() == [7, 8, 4]
        assert [text.decode() for text in units["sorter"]] == ["Kilosort"] * 3
