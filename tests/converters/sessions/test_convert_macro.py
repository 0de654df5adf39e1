"""Microwires and macro contacts of one electrode, at rates of their own."""

import h5py
import numpy as np
import pytest

from nwb_spikeinference_converters.conversion_report import ConversionReport
from nwb_spikeinference_converters.sessions.convert_session import convert_session
from tests.converters.blackrock_files import make_samples, write_nsx

MICRO, MACRO = make_samples(30000, 8), make_samples(2000, 3, seed=1)
KINDS = ["micro"] * 8 + ["macro"] * 2 + ["reference"]


@pytest.fixture(scope="module")
def report(write_session, tmp_path_factory: pytest.TempPathFactory) -> ConversionReport:
    folder = tmp_path_factory.mktemp("macro")
    write_nsx(folder / "raw.ns6", [(0, MICRO)])
    write_nsx(folder / "macro.ns3", [(0, MACRO)], channels=[33, 34, 35], rate_hz=2000)
    session_file = write_session(
        folder,
        recordings=[
            {"format": "blackrock", "file": "raw.ns6"},
            {"format": "blackrock", "file": "macro.ns3", "electrode_type": "macro"},
        ],
        bundles="bundles.csv",
        electrodes="contacts.csv",
    )
    (folder / "bundles.csv").write_text(
        "label;region;hemisphere;channels;macro_channels;reference\nLHIP;CA1;L;1-8;33-34;9\n", encoding="utf-8"
    )
    (folder / "contacts.csv").write_text("label,wire,channel,x,y,z\nLHIPmacro1,1,33,-25,-20.5,-12\n", encoding="utf-8")
    return convert_session(session_file, folder / "nwb")


def test_each_recording_is_a_series_of_its_contacts(report: ConversionReport) -> None:
    with h5py.File(report.path) as file:
        micro, macro = file["acquisition/ElectricalSeriesRaw"], file["acquisition/ElectricalSeriesRawMacro"]
        np.testing.assert_array_equal(micro["data"][()], MICRO)
        np.testing.assert_array_equal(macro["data"][()], MACRO[:, :2])
        assert micro["electrodes"][()].tolist() == list(range(8))
        assert macro["electrodes"][()].tolist() == [8, 9]
        assert macro["starting_time"].attrs["rate"] == 2000


def test_both_have_lfp_at_1_khz(report: ConversionReport) -> None:
    with h5py.File(report.path) as file:
        lfp = file["processing/ecephys/LFP"]
        assert {name: lfp[name]["data"].shape for name in lfp} == {
            "ElectricalSeriesLFP": (1000, 8),
            "ElectricalSeriesLFPMacro": (1000, 2),
        }


def test_all_contacts_are_in_one_group_with_their_kind_and_place(report: ConversionReport) -> None:
    with h5py.File(report.path) as file:
        table = file["general/extracellular_ephys/electrodes"]
        assert table["electrode_type"].asstr()[()].tolist() == KINDS
        assert set(table["group_name"].asstr()[()]) == {"LHIP"}
        assert [table[axis][8] for axis in "xyz"] == [-25, -20.5, -12]
        assert np.isnan(table["x"][0])


def test_a_channel_in_no_bundle_is_noted(report: ConversionReport) -> None:
    assert report.notes == ("macro.ns3: 1 channels are in no bundle and were left out",)
