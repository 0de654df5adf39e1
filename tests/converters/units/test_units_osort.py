"""Units of OSort: A<channel>_sorted_new.mat."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.units import read_units
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile
from tests.converters.sorter_files import NOISE, WRITERS, write_osort


def read(path: Path, **settings: object) -> UnitsFile:
    entry = UnitsSettings.model_validate({"format": "osort", "file": path.name, **settings})
    return read_units(path, entry, ReadContext())


@pytest.fixture(params=WRITERS)
def sorted_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_osort(tmp_path / "A12_sorted_new.mat", request.param)


def test_only_clusters_in_use_are_units(sorted_file: Path) -> None:
    content = read(sorted_file)
    assert [(unit.channel, unit.cluster_id, unit.sorter) for unit in content.units] == [
        (12, 1112, "OSort"),
        (12, 2498, "OSort"),
    ]
    assert "2 of 6 spikes in noise and in clusters not used left out" in content.notes


def test_microseconds_become_seconds_on_the_recorders_clock(sorted_file: Path) -> None:
    content = read(sorted_file)
    assert content.units[0].spike_times_s.tolist() == [3.25, 3.5]
    assert content.units[1].spike_times_s.tolist() == [4.0, 5.0]
    assert (content.clock, content.resolution_s) == ("recorder", 1e-6)


def test_waveforms_are_volts_by_the_scaling_factor(sorted_file: Path) -> None:
    first, _ = read(sorted_file).units
    assert first.waveform is not None
    assert first.waveform.mean.shape == (256,)
    assert first.waveform.mean[-1] == pytest.approx(2 * -100 * 1e-7)
    assert first.waveform.rate_hz == 100_000


def test_points_per_second_are_exact_where_the_recordings_rate_is_given(sorted_file: Path) -> None:
    assert read(sorted_file, rate_hz=32556).units[0].waveform.rate_hz == pytest.approx(32556 * 256 / 84)


def test_noise_never_becomes_a_unit(tmp_path: Path) -> None:
    path = write_osort(tmp_path / "A12_sorted_new.mat", useNegative=np.array([[NOISE], [1112]], dtype=np.float64))
    assert [unit.cluster_id for unit in read(path).units] == [1112]


def test_multi_units_are_labelled(tmp_path: Path) -> None:
    path = write_osort(tmp_path / "A12_sorted_new.mat", useMUA=np.array([[3303.0]]))
    assert [(unit.cluster_id, unit.label) for unit in read(path).units] == [(1112, None), (2498, None), (3303, "MUA")]
    assert [unit.cluster_id for unit in read(path, labels=["MUA"]).units] == [3303]


def test_a_cluster_without_spikes_is_no_unit(tmp_path: Path) -> None:
    path = write_osort(tmp_path / "A12_sorted_new.mat", useNegative=np.array([[1112.0], [77.0]]))
    assert [unit.cluster_id for unit in read(path).units] == [1112]


@pytest.mark.parametrize("version", WRITERS)
def test_a_channel_without_neurons_has_no_units(tmp_path: Path, version: str) -> None:
    path = write_osort(tmp_path / "A12_sorted_new.mat", version, useNegative=np.zeros((0, 0)))
    assert read(path).units == ()


def test_all_spikes_of_a_cluster_are_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    clusters, stamps = rng.choice([3, 4, NOISE], (1, 300)).astype(float), np.sort(rng.uniform(1e9, 2e9, (1, 300)))
    path = write_osort(
        tmp_path / "A7_sorted_new.mat",
        assignedNegative=clusters,
        newTimestampsNegative=stamps,
        newSpikesNegative=np.zeros((300, 256)),
        useNegative=np.array([[3.0], [4.0]]),
    )
    written = loadmat(path)  # scipy, without the reader
    for unit in read(path).units:
        expected = written["newTimestampsNegative"][written["assignedNegative"] == unit.cluster_id]
        np.testing.assert_allclose(unit.spike_times_s * 1e6, expected, rtol=1e-12)


def test_waveforms_without_scaling_factor_are_left_out(tmp_path: Path) -> None:
    content = read(write_osort(tmp_path / "A12_sorted_new.mat", scalingFactor=None))
    assert all(unit.waveform is None for unit in content.units)
    assert any("lacks 'scalingFactor'" in note for note in content.notes)


@pytest.mark.parametrize("name", ["A12_sorted_new", "A_ss12_Max_sorted_new", "P05_A12_sorted_new", "CSC12_sorted_new"])
def test_names_of_files_tell_the_channel(tmp_path: Path, name: str) -> None:
    assert read(write_osort(tmp_path / f"{name}.mat")).units[0].channel == 12


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"assignedNegative": None}, "variable 'assignedNegative' is missing"),
        ({"useNegative": None}, "variable 'useNegative' is missing"),
        ({"newTimestampsNegative": np.zeros((1, 5))}, r"'newTimestampsNegative' has 5 elements, one per spike \(6\)"),
        ({"assignedNegative": np.zeros((2, 6))}, "'assignedNegative' must be a vector, found 2 x 6"),
        ({"assignedNegative": np.full((1, 6), 0.5)}, "'assignedNegative' must hold whole numbers"),
        ({"newSpikesNegative": np.zeros((5, 256))}, r"one row per spike \(6\), found 5 x 256"),
    ],
)
def test_wrong_content_is_named(tmp_path: Path, changes: dict[str, object], match: str) -> None:
    path = write_osort(tmp_path / "A12_sorted_new.mat", **changes)
    with pytest.raises(InputError, match=rf"A12_sorted_new\.mat: .*{match}"):
        read(path)
