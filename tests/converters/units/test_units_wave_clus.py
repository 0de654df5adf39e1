"""Units of wave_clus: times_*.mat."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import loadmat

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.units import read_units
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile
from tests.converters.sorter_files import WRITERS, write_wave_clus


def read(path: Path, **settings: object) -> UnitsFile:
    entry = UnitsSettings.model_validate({"format": "wave_clus", "file": path.name, **settings})
    return read_units(path, entry, ReadContext())


@pytest.fixture(params=WRITERS)
def times_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_wave_clus(tmp_path / "times_NSX12.mat", request.param)


def test_milliseconds_become_seconds_in_order(times_file: Path) -> None:
    first, second = read(times_file).units
    assert first.spike_times_s.tolist() == [0.25, 0.5]
    assert second.spike_times_s.tolist() == [1.0, 2.0]


def test_each_class_but_0_is_a_unit(times_file: Path) -> None:
    content = read(times_file)
    assert [(unit.channel, unit.cluster_id, unit.sorter) for unit in content.units] == [
        (12, 1, "wave_clus"),
        (12, 2, "wave_clus"),
    ]
    assert "1 of 5 spikes that no class took left out" in content.notes


def test_waveforms_are_microvolts_at_par_sr(times_file: Path) -> None:
    first, _ = read(times_file).units
    np.testing.assert_allclose(first.waveform.mean, [0, -30e-6, 5e-6])
    np.testing.assert_allclose(first.waveform.sd, [0, 10e-6, 0], atol=1e-12)
    assert first.waveform.rate_hz == 30000


def test_all_spikes_but_those_of_class_0_are_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    table = np.stack([rng.integers(0, 5, 400), np.sort(rng.uniform(0, 60000, 400))], axis=1)
    path = write_wave_clus(tmp_path / "times_ch3.mat", cluster_class=table, spikes=np.zeros((400, 64)))
    written = loadmat(path)["cluster_class"]  # scipy, without the reader
    for unit in read(path).units:
        np.testing.assert_allclose(unit.spike_times_s * 1000, written[written[:, 0] == unit.cluster_id, 1])


def test_newer_file_holds_what_was_written(tmp_path: Path) -> None:
    path = write_wave_clus(tmp_path / "times_ch3.mat", "v7.3")
    with h5py.File(path) as file:  # h5py, without the reader
        assert file["cluster_class"][:, 1].tolist() == [2, 1000]
        assert file["par/sr"][()].tolist() == [[30000]]


def test_times_count_samples_from_the_first_unless_said_otherwise(times_file: Path) -> None:
    content = read(times_file)
    assert (content.clock, content.counts_samples, content.resolution_s) == ("session", True, 1 / 30000)
    assert read(times_file, clock="recorder").clock == "recorder"


def test_seconds_and_samples_where_session_yaml_says_so(times_file: Path) -> None:
    assert read(times_file, time_unit="s").units[0].spike_times_s.tolist() == [250.0, 500.0]
    assert read(times_file, time_unit="sample").units[0].spike_times_s.tolist() == [250 / 30000, 500 / 30000]


def test_offset_is_added(times_file: Path) -> None:
    assert read(times_file, offset_s=10.0).units[0].spike_times_s.tolist() == [10.25, 10.5]


def test_channel_of_session_yaml_wins(times_file: Path) -> None:
    assert {unit.channel for unit in read(times_file, channel=7).units} == {7}


def test_neuralynx_names_are_told_of_the_recorders_clock(tmp_path: Path) -> None:
    path = write_wave_clus(tmp_path / "times_CSC12.mat")
    assert any("write 'clock: recorder'" in note for note in read(path).notes)
    assert not any("clock" in note for note in read(path, clock="session").notes)


def test_waveforms_of_unknown_rate_are_left_out(tmp_path: Path) -> None:
    path = write_wave_clus(tmp_path / "times_12.mat", par=None)
    content = read(path)
    assert all(unit.waveform is None for unit in content.units)
    assert any("lacks their sampling rate par.sr" in note for note in content.notes)
    assert read(path, rate_hz=24000).units[0].waveform.rate_hz == 24000


def test_a_polytrode_needs_its_channel_and_loses_its_waveforms(tmp_path: Path) -> None:
    path = write_wave_clus(tmp_path / "times_polytrode1.mat", par={"sr": 30000.0, "channels": 4.0})
    with pytest.raises(InputError, match=r"times_polytrode1\.mat: sorted from several wires at once; add 'channel'"):
        read(path)
    assert all(unit.waveform is None for unit in read(path, channel=2).units)


@pytest.mark.parametrize("version", WRITERS)
def test_a_file_without_spikes_has_no_units(tmp_path: Path, version: str) -> None:
    empty = np.zeros((0, 2))
    path = write_wave_clus(tmp_path / "times_12.mat", version, cluster_class=empty, spikes=np.zeros((0, 0)))
    assert read(path).units == ()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"cluster_class": None}, "found no such variable"),
        ({"cluster_class": np.zeros((4, 3))}, r"two columns \(class, time\), found \(4, 3\)"),
        ({"cluster_class": np.full((5, 2), 0.5)}, "'cluster_class' must hold whole numbers"),
        ({"cluster_class": np.full((5, 2), np.nan)}, "'cluster_class' must hold whole numbers"),
        ({"cluster_class": np.array([[1, np.nan]] * 5)}, "spike times that are no numbers"),
        ({"cluster_class": "none"}, "variable 'cluster_class' must be numeric"),
        ({"par": {"sr": 0.0}}, "sampled at 0 Hz; a rate is above 0 Hz"),
        ({"spikes": np.zeros((4, 64))}, r"'spikes' must have one row per spike \(5\), found 4 x 64"),
    ],
)
@pytest.mark.parametrize("version", WRITERS)
def test_wrong_content_is_named(tmp_path: Path, version: str, changes: dict[str, object], match: str) -> None:
    path = write_wave_clus(tmp_path / "times_ch3.mat", version, **changes)
    with pytest.raises(InputError, match=rf"times_ch3\.mat: .*{match}"):
        read(path)


def test_samples_without_a_rate_are_refused(tmp_path: Path) -> None:
    path = write_wave_clus(tmp_path / "times_12.mat", par=None)
    with pytest.raises(InputError, match="times are sample numbers; add 'rate_hz'"):
        read(path, time_unit="sample")
