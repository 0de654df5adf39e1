"""The plain formats of sorted units."""

from pathlib import Path

import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.units import read_units
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile
from tests.converters.sorter_files import WRITERS
from tests.converters.sorter_files import write_mat as write_matlab

CONTENT = {
    "unit": np.array([1, 2, 1, -1]),
    "channel": np.array([4, 4, 4, 4]),
    "sample": np.array([60000, 30000, 15000, 5]),
    "rate_hz": 30000.0,
    "waveform": np.array([[0, -2e-5], [0, -5e-5], [0, -4e-5], [0, 0]]),
}


def read(path: Path, **settings: object) -> UnitsFile:
    entry = UnitsSettings.model_validate({"format": path.suffix[1:], "file": path.name, **settings})
    return read_units(path, entry, ReadContext())


def write_mat(path: Path, version: str = "v5", **changes: object) -> Path:
    return write_matlab(path, {**CONTENT, **changes}, version)


def test_samples_become_seconds_in_order(tmp_path: Path) -> None:
    first, second = read(write_mat(tmp_path / "u.mat")).units
    assert first.spike_times_s.tolist() == [0.5, 2.0]
    assert second.spike_times_s.tolist() == [1.0]


def test_negative_numbers_are_noise(tmp_path: Path) -> None:
    assert [unit.cluster_id for unit in read(write_mat(tmp_path / "u.mat")).units] == [1, 2]


def test_waveforms_are_averaged(tmp_path: Path) -> None:
    first, _ = read(write_mat(tmp_path / "u.mat")).units
    np.testing.assert_allclose(first.waveform.mean, [0, -3e-5])


def test_times_in_seconds_are_no_count_of_samples(tmp_path: Path) -> None:
    assert read(write_mat(tmp_path / "a.mat")).counts_samples
    assert not read(write_mat(tmp_path / "b.mat", time_s=np.array([2.0, 1.0, 0.5, 0.1]))).counts_samples


@pytest.mark.parametrize("version", WRITERS)
def test_files_of_all_matlab_versions_read_alike(tmp_path: Path, version: str) -> None:
    first, _ = read(write_mat(tmp_path / "u.mat", version)).units
    assert first.spike_times_s.tolist() == [0.5, 2.0]
    np.testing.assert_allclose(first.waveform.mean, [0, -3e-5])


def test_the_unit_of_time_in_session_yaml_wins(tmp_path: Path) -> None:
    path = write_mat(tmp_path / "u.mat", sample=None, time_s=np.array([2000.0, 1000, 500, 1]))
    assert read(path, time_unit="ms").units[0].spike_times_s.tolist() == [0.5, 2.0]


def test_csv_in_seconds_with_an_offset(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text("unit;time_s\n7;1.5\n7;0.5\n", encoding="utf-8")
    (unit,) = read(tmp_path / "u.csv", channel=3, offset_s=10.0, sorter="KlustaKwik").units
    assert unit.spike_times_s.tolist() == [10.5, 11.5]
    assert (unit.channel, unit.cluster_id, unit.sorter) == (3, 7, "KlustaKwik")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"unit": None}, "variable 'unit' is missing"),
        ({"channel": None}, "'channel' is missing"),
        ({"sample": None, "waveform": None}, "neither 'time_s' nor 'sample'"),
        ({"rate_hz": None}, "times are sample numbers; add 'rate_hz'"),
        ({"rate_hz": 0.0}, "sampled at 0 Hz; a rate is above 0 Hz"),
        ({"sample": None, "time_s": np.zeros(4), "rate_hz": -1.0}, "sampled at -1 Hz; a rate is above 0 Hz"),
        ({"channel": np.array([1, 2])}, "'channel' has 2 rows, 'unit' has 4"),
        ({"unit": np.array([1.5, 1, 1, 1])}, "'unit' must hold whole numbers"),
        ({"sample": None, "time_s": np.array([0.1, np.nan, 1, 2])}, "spike times that are no numbers"),
        ({"unit": np.array(["a", "b"])}, "variable 'unit' must be numeric"),
    ],
)
def test_wrong_content_is_named(tmp_path: Path, changes: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=rf"u\.mat: .*{match}"):
        read(write_mat(tmp_path / "u.mat", **changes))


def test_the_rate_of_session_yaml_stands_in_for_one_that_cannot_be(tmp_path: Path) -> None:
    assert read(write_mat(tmp_path / "u.mat", rate_hz=0.0), rate_hz=1000).resolution_s == 1e-3


def test_a_file_that_is_no_mat_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "u.mat").write_bytes(b"no MATLAB file" * 20)
    with pytest.raises(InputError, match=r"u\.mat: cannot be read as a MATLAB file"):
        read(tmp_path / "u.mat")


@pytest.mark.parametrize(
    ("cell", "match"),
    [("", "column 'time_s' is empty for spike 2"), ('"0,5"', "column 'time_s' holds '0,5' for spike 2; .* a point")],
)
def test_a_cell_without_a_number_is_refused(tmp_path: Path, cell: str, match: str) -> None:
    (tmp_path / "u.csv").write_text(f"unit,channel,time_s\n1,1,0.5\n1,1,{cell}\n", encoding="utf-8")
    with pytest.raises(InputError, match=match):
        read(tmp_path / "u.csv")
