"""What the program's own reader and commands make of the files it produces, and of files in their place."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from nwb_spikeinference.cli.app import app
from nwb_spikeinference.errors import ExistsError
from nwb_spikeinference.nwb.reading.read_session import read_session
from nwb_spikeinference_converters.sessions.convert_session import convert_session
from tests.converters.blackrock_files import make_samples, ptp_stamps, write_nsx, write_ptp_nsx

TRUE_RATE_HZ = 30000.6  # 20 parts in a million fast
N_FIRST, N_SECOND, GAP_S = 120_000, 60_000, 1.0
BUNDLE = {"label": "LHIP", "region": "hippocampus", "hemisphere": "left", "channels": [1, 2]}
Edit = Callable[..., Path]


@pytest.fixture(scope="module")
def with_gap(write_session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of a fast clock, with a gap."""
    folder = tmp_path_factory.mktemp("gap")
    stamps = ptp_stamps(N_FIRST + N_SECOND, rate_hz=TRUE_RATE_HZ)
    stamps[N_FIRST:] += round(GAP_S * 1e9)
    write_ptp_nsx(folder / "raw.ns6", stamps, make_samples(len(stamps), 2))
    (folder / "units.csv").write_text(
        "unit,channel,time_s\n" + "".join(f"1,1,{0.1 * n:g}\n" for n in range(1, 31)), encoding="utf-8"
    )
    session_file = write_session(
        folder,
        recordings=[{"format": "blackrock", "file": "raw.ns6"}],
        units=[{"format": "csv", "file": "units.csv"}],
        bundles=[BUNDLE],
    )
    return convert_session(session_file, folder / "nwb").path


@pytest.mark.parametrize(("kind", "factor"), [("raw", 1), ("lfp", 30)])
def test_the_reader_finds_both_blocks_at_their_measured_rate(with_gap: Path, kind: str, factor: int) -> None:
    blocks = [block for block in read_session(with_gap).blocks if block.kind == kind]
    starts_s = [0.0, N_FIRST / TRUE_RATE_HZ + GAP_S]
    assert [block.rate_hz for block in blocks] == pytest.approx([TRUE_RATE_HZ / factor] * 2, rel=1e-7)
    assert [block.start_s for block in blocks] == pytest.approx(starts_s, abs=1e-6)
    assert [block.n_samples for block in blocks] == [N_FIRST // factor, N_SECOND // factor]


def test_inspect_finds_a_produced_file_usable(with_gap: Path) -> None:
    result = CliRunner().invoke(app, ["inspect", str(with_gap), "--json"])
    assert result.exit_code == 0
    (summary,) = json.loads(result.stdout)
    assert (summary["participant"], summary["session"]) == ("P01", "baseline")
    assert (summary["n_units"], summary["n_spikes"], summary["reason"]) == (1, 30, None)
    assert [(one["kind"], one["electrodes"]) for one in summary["signals"]] == [("raw", 2)] * 2 + [("lfp", 2)] * 2


def test_lfp_of_a_slow_recording_is_not_said_to_be_filtered(write_session, tmp_path: Path) -> None:
    write_nsx(tmp_path / "raw.ns2", [(0, make_samples(2000, 2))], rate_hz=1000)
    recordings = [{"format": "blackrock", "file": "raw.ns2"}]
    report = convert_session(write_session(tmp_path, recordings=recordings, bundles=[BUNDLE]), tmp_path / "nwb")
    with h5py.File(report.path) as file:
        series = file["processing/ecephys/LFP/ElectricalSeriesLFP"]
        description, lfp = series.attrs["description"], series["data"][()]
        raw = file["acquisition/ElectricalSeriesRaw/data"]
        np.testing.assert_allclose(lfp, raw[()] * raw.attrs["conversion"], rtol=1e-6)
    assert description == "Local field potential: raw signal in volts, as it is; reference as recorded"


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_of_another_program_is_refused_at_once(edited_session: Edit, tmp_path: Path, dry_run: bool) -> None:
    target = tmp_path / "nwb" / "sub-S01" / "sub-S01_ses-simulated_ecephys.nwb"
    target.parent.mkdir(parents=True)
    with h5py.File(target, "w") as file:
        file["identifier"] = "of another program"
    with pytest.raises(ExistsError, match=r"_ecephys\.nwb: exists and was not made by this program; add --overwrite"):
        convert_session(edited_session(), tmp_path / "nwb", dry_run=dry_run)


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_truncated_output_is_said_to_be_damaged(edited_session: Edit, tmp_path: Path, dry_run: bool) -> None:
    session_file = edited_session(write_lfp=False)
    target = convert_session(session_file, tmp_path / "nwb").path
    target.write_bytes(target.read_bytes()[:-100_000])
    with pytest.raises(ExistsError, match=r"_ecephys\.nwb: exists and is damaged .*add --overwrite"):
        convert_session(session_file, tmp_path / "nwb", dry_run=dry_run)
    assert convert_session(session_file, tmp_path / "nwb", overwrite=True).status == "written"
