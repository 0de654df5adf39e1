"""`nsi verify` on what is no study and no recording."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from nwb_spikeinference.cli.app import app


def test_folder_without_results_is_a_finding(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["verify", str(tmp_path)])
    assert result.exit_code == 1
    assert "results.json: cannot be read (No such file or directory); 'nsi run' writes it" in result.stdout


@pytest.mark.parametrize(("name", "says"), [("gone.nwb", "no such file"), ("text.nwb", "is not an HDF5 file")])
def test_unreadable_file_is_a_finding(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "text.nwb").write_text("no recording")
    result = CliRunner().invoke(app, ["verify", str(tmp_path / name)])
    assert result.exit_code == 1
    assert says in result.stdout
