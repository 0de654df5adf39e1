"""`nsi verify` on what is no study and no recording."""

from pathlib import Path

from click.testing import CliRunner

from nwb_spikeinference.cli.app import app


def test_a_folder_without_results_is_not_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["verify", str(tmp_path)])
    assert result.exit_code == 3
    assert result.output == (
        f"{tmp_path}/results.json: cannot be read (No such file or directory); 'nsi run' writes it\n"
    )


def test_a_folder_that_no_study_wrote_stands_for_its_files(tmp_path: Path) -> None:
    (tmp_path / "sub-P1").mkdir()
    (tmp_path / "sub-P1" / "text.nwb").write_text("no recording")
    result = CliRunner().invoke(app, ["verify", str(tmp_path)])
    assert (result.exit_code, result.output) == (
        1,
        f"{tmp_path}/sub-P1/text.nwb: is not an HDF5 file, so no NWB file that can be read here\n",
    )


def test_an_unfinished_study_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    result = CliRunner().invoke(app, ["verify", str(tmp_path)])
    assert (result.exit_code, result.output.count("'nsi run' writes it")) == (1, 1)


def test_a_missing_file_is_named_once_and_exits_3(tmp_path: Path) -> None:
    path = tmp_path / "gone.nwb"
    result = CliRunner().invoke(app, ["verify", str(path)])
    assert (result.exit_code, result.output) == (3, f"{path}: no such file\n")


def test_an_unreadable_file_is_a_finding_and_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "text.nwb").write_text("no recording")
    result = CliRunner().invoke(app, ["verify", str(tmp_path / "text.nwb"), str(tmp_path / "gone.nwb")])
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"{tmp_path}/text.nwb: is not an HDF5 file, so no NWB file that can be read here",
        f"{tmp_path}/gone.nwb: no such file",
    ]
