"""Blackrock .nev files, on real recordings."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.blackrock.nev import is_unit_class, read_nev
from nwb_spikeinference_converters.units import read_units
from nwb_spikeinference_converters.units.shape import ReadContext


def test_spike_trains_and_waveforms_agree_with_another_tools_reading(shared_data: Path) -> None:
    folder = shared_data / "blackrock" / "spec_2_1"
    nev = read_nev(folder / "l101210-001.nev")
    spikes = nev.packets[nev.find_spikes()]
    expected = loadmat(folder / "l101210-001.mat")
    np.testing.assert_array_equal(spikes["id"], expected["el"].ravel())
    np.testing.assert_array_equal(spikes["klass"], expected["un"].ravel())
    np.testing.assert_array_equal(spikes["ticks"], expected["ts"].ravel())
    np.testing.assert_array_equal(np.ascontiguousarray(spikes["body"]).view("<i2"), expected["wf"])


def test_digital_events_agree_with_another_tools_reading(shared_data: Path) -> None:
    folder = shared_data / "blackrock" / "spec_2_1"
    nev = read_nev(folder / "l101210-001.nev")
    rows = nev.find_words()
    expected = loadmat(folder / "l101210-001.mat")
    np.testing.assert_array_equal(nev.packets["ticks"][rows], expected["mts"].ravel())
    np.testing.assert_array_equal(nev.words(rows), expected["mid"].ravel())


def test_waveforms_are_in_volts(shared_data: Path) -> None:
    nev = read_nev(shared_data / "blackrock" / "spec_2_1" / "l101210-001.nev")
    spikes = nev.packets[nev.packets["id"] == 24]
    steps = np.ascontiguousarray(spikes["body"]).view("<i2")
    np.testing.assert_allclose(nev.waveforms(spikes, 24), steps * 1e-6)  # 1000 nV per step in this file's header


def test_unsorted_spikes_are_no_units(shared_data: Path) -> None:
    path = shared_data / "blackrock" / "spec_2_1" / "l101210-001.nev"
    units = read_units(path, UnitsSettings(format="nev", file=path.name), ReadContext()).units
    assert len(units) == 122
    assert min(unit.cluster_id for unit in units) == 1


@pytest.mark.parametrize(("klass", "expected"), [(0, False), (1, True), (16, True), (17, False), (255, False)])
def test_which_classes_are_units(klass: int, expected: bool) -> None:
    assert is_unit_class(klass) is expected


def test_spec_3_0_opens(shared_data: Path) -> None:
    nev = read_nev(shared_data / "blackrock" / "spec_3_0" / "file_spec_3_0.nev")
    assert len(nev.packets) == 1404
    assert np.all(np.abs(nev.packets["ticks"] / nev.ticks_hz - 898) < 6)  # 64-bit time stamps
    assert np.unique(nev.packets["klass"][nev.find_spikes()], return_counts=True)[1].tolist() == [
        756,
        36,
        36,
        36,
    ]  # as neo reads it


def test_a_file_that_ends_within_a_packet_is_refused(shared_data: Path, tmp_path: Path) -> None:
    content = (shared_data / "blackrock" / "spec_2_1" / "l101210-001.nev").read_bytes()
    (tmp_path / "cut.nev").write_bytes(content[:-3])
    with pytest.raises(InputError, match=r"cut\.nev: ends in the middle of a packet \(101 of 104 bytes\)"):
        read_nev(tmp_path / "cut.nev")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.nev").write_text("hello")
    with pytest.raises(InputError, match=r"text\.nev: not a Blackrock \.nev file"):
        read_nev(tmp_path / "text.nev")
