"""What the inspector says."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from nwbinspector import inspect_nwbfile, load_config
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.file import Subject

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.copies.check import inspect_file, require_valid


def write_file(path: Path, species: str = "Homo sapiens", timestamps: list[float] | None = None) -> Path:
    file = NWBFile(
        session_description="noise", identifier="a", session_start_time=datetime(2000, 1, 1, tzinfo=UTC), session_id="a"
    )
    file.subject = Subject(subject_id="P01", species=species, sex="F", age="P34Y")
    clock = {"rate": 10.0} if timestamps is None else {"timestamps": timestamps}
    file.add_acquisition(TimeSeries(name="noise", data=np.arange(4.0), unit="volts", description="noise", **clock))
    with NWBHDF5IO(str(path), mode="w") as io:
        io.write(file)
    return path


def test_a_sound_file_has_suggestions_only(tmp_path: Path) -> None:
    findings = require_valid(write_file(tmp_path / "a.nwb"))
    assert {finding.severity for finding in findings} == {"suggestion"}


def test_a_species_that_is_no_latin_name_is_critical(tmp_path: Path) -> None:
    findings = inspect_file(write_file(tmp_path / "a.nwb", species="human"))
    assert (findings[0].severity, findings[0].rule) == ("critical", "check_subject_species_form")
    with pytest.raises(InputError, match=r"a\.nwb: not a valid NWB file: critical: "):
        require_valid(tmp_path / "a.nwb")


@pytest.mark.parametrize("change", [{}, {"species": "human"}, {"timestamps": [0.0, 3.0, 1.0, 2.0]}], ids=str)
def test_the_findings_are_those_of_the_inspector(tmp_path: Path, change: dict[str, Any]) -> None:
    path = write_file(tmp_path / "a.nwb", **change)
    by_inspector = inspect_nwbfile(nwbfile_path=str(path), config=load_config("dandi"))
    expected = sorted((one.check_function_name, one.message, one.location or "") for one in by_inspector)
    assert sorted((one.rule, one.message, one.location) for one in inspect_file(path)) == expected


def test_what_the_schema_asks_for_and_is_missing_is_an_error(tmp_path: Path) -> None:
    with h5py.File(write_file(tmp_path / "a.nwb"), "r+") as file:
        del file["acquisition/noise/starting_time"].attrs["unit"]
    worst = inspect_file(tmp_path / "a.nwb")[0]
    assert (worst.severity, worst.location) == ("error", "acquisition/noise/starting_time")


def test_reversed_timestamps_are_a_violation(tmp_path: Path) -> None:
    findings = inspect_file(write_file(tmp_path / "a.nwb", timestamps=[0.0, 3.0, 1.0, 2.0]))
    assert "check_timestamps_ascending" in {finding.rule for finding in findings if finding.severity == "violation"}


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    inspect_file(write_file(tmp_path / "a.nwb"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_nwb_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.nwb").write_bytes(content)
    with pytest.raises(InputError, match=r"^[^\n]*a\.nwb: [^\n]+$"):
        require_valid(tmp_path / "a.nwb")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.nwb: "):
        inspect_file(tmp_path / "gone.nwb")
