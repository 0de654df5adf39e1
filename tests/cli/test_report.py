"""`nsi report`: what it replaces, and how little it loads."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nwb_spikeinference.cli.app import app
from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.records import Provenance, Results


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Output folder of a study that found nothing, with a report of an earlier day."""
    folder = tmp_path / "study"
    folder.mkdir()
    provenance = Provenance(
        version="0.1.0",
        git=None,
        settings=StudySettings(sessions=("a.nwb",)).model_dump(mode="json"),
        inputs=(),
        seeds=(7,),
        started="2000-01-01T00:00:00+00:00",
        seconds=12.0,
        devices=("CPU",),
    )
    nothing = dict.fromkeys(("participants", "folds", "units", "models", "lobo", "transfer", "hypotheses", "flags"), ())
    results = Results.model_validate({"name": "Small study", "provenance": provenance, **nothing})
    (folder / "results.json").write_text(results.model_dump_json())
    (folder / "report.html").write_text("old")
    return folder


def report(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_the_study_s_own_report_is_replaced(study: Path) -> None:
    assert report(study).exit_code == 0
    assert report(study, "-o", study / ".." / "study" / "report.html").exit_code == 0
    assert "Small study" in (study / "report.html").read_text()


def test_no_other_file_is_replaced_without_being_asked(study: Path) -> None:
    before = (study / "results.json").read_text()
    result = report(study, "-o", study / "results.json")
    assert (result.exit_code, result.stderr.count("\n")) == (5, 1)
    assert "results.json: exists already; add --overwrite to replace it" in result.stderr
    assert (study / "results.json").read_text() == before


def test_another_file_is_replaced_when_asked(study: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("old")
    assert report(study, "-o", tmp_path / "page.html", "--overwrite").exit_code == 0
    assert "Small study" in (tmp_path / "page.html").read_text()


def test_a_report_is_rendered_without_the_models_and_without_their_notices(study: Path) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from nwb_spikeinference.cli.app import app; "
        "print(CliRunner().invoke(app, sys.argv[1:]).exit_code, 'keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "report", str(study)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout, done.stderr) == ("0 False\n", "")
