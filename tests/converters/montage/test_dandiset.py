"""The output folder as a draft dandiset."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nwb_spikeinference_converters.montage.dandiset import ensure_dandiset
from nwb_spikeinference_converters.sessions.convert_session import convert_session


def dandi_validate(folder: Path) -> dict[str, set[str]]:
    """What the archive's own client, without its telemetry, finds: ids of findings by file name."""
    command = [sys.executable, "-c", "from dandi.cli.command import main; main()"]
    home = folder.parent  # where the client keeps its log
    environment = {**os.environ, "DANDI_NO_ET": "1", "HOME": str(home), "XDG_STATE_HOME": str(home)}
    done = subprocess.run(
        [*command, "validate", "-f", "json_lines", str(folder)],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    found: dict[str, set[str]] = {}
    for line in done.stdout.splitlines():
        finding = json.loads(line)
        found.setdefault(Path(finding["path"]).name, set()).add(finding["id"])
    assert done.returncode == (1 if found else 0), done.stderr
    return found


@pytest.mark.slow
def test_dandi_validate_finds_fault_with_foreign_names_only(simulated_session: Path, tmp_path: Path) -> None:
    report = convert_session(simulated_session, tmp_path / "nwb")
    report.path.with_name("P01.nwb").write_bytes(b"")
    assert set(dandi_validate(tmp_path / "nwb")) == {"P01.nwb"}


def test_the_draft_has_what_dandi_asks_for(tmp_path: Path) -> None:
    ensure_dandiset(tmp_path / "nwb")
    content = yaml.safe_load((tmp_path / "nwb" / "dandiset.yaml").read_text(encoding="utf-8"))
    assert content["identifier"] == "DANDI:000000"
    assert {"identifier", "name", "description"} == set(content)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "dandiset.yaml").write_text("identifier: DANDI:000207\n", encoding="utf-8")
    ensure_dandiset(tmp_path)
    assert (tmp_path / "dandiset.yaml").read_text(encoding="utf-8") == "identifier: DANDI:000207\n"


def test_a_folder_inside_a_dandiset_gets_none(tmp_path: Path) -> None:
    (tmp_path / "dandiset.yaml").write_text("identifier: DANDI:000207\n", encoding="utf-8")
    ensure_dandiset(tmp_path / "deep" / "er")
    assert not (tmp_path / "deep").exists()
