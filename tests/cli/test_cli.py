"""The command line: exit codes, one-line errors, JSON."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from nwb_spikeinference.cli.app import COMMANDS, app
from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.pipeline.fits.fit_result import FitResult
from nwb_spikeinference.pipeline.tasks.store import TaskKey, TaskStore
from nwb_spikeinference.session_config import SessionSettings
from nwb_spikeinference.settings import load_settings
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, write_blackrock_study
from tests.command import NSI


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A real second process."""
    return subprocess.run([*NSI, *arguments], capture_output=True, text=True, check=False, timeout=120)


def the_line(result: Result) -> str:
    """The one line that a refusal consists of."""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.output
    return lines[0]


@pytest.fixture(scope="module")
def session_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short simulated session."""
    folder = tmp_path_factory.mktemp("raw")
    return write_blackrock_study(folder, SimulationSettings(participants=1, seconds=5, bundles=1))[0]


def changed(session_file: Path, target: Path, **changes: object) -> Path:
    """The session with other settings, beside links to its files."""
    target.mkdir(parents=True, exist_ok=True)
    for file in session_file.parent.iterdir():
        if file.name != session_file.name:
            (target / file.name).symlink_to(file)
    settings = yaml.safe_load(session_file.read_text()) | changes
    (target / "session.yaml").write_text(yaml.safe_dump(settings))
    return target / "session.yaml"


def test_help_lists_every_command_quickly() -> None:
    before = os.times()
    result = start("--help")
    after = os.times()
    used_s = after.children_user + after.children_system - before.children_user - before.children_system
    assert used_s < 1  # of 0.1; importing pynwb takes 1.4 s, TensorFlow 6 s
    assert result.returncode == 0
    assert all(f"  {name} " in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_json(name: str) -> None:
    result = call(name, "--help")
    assert result.exit_code == 0
    assert "--json" in result.output


def test_an_unknown_command_suggests_the_nearest() -> None:
    result = start("convrt")  # codespell:ignore
    assert (result.returncode, result.stderr) == (2, "error: no command 'convrt'; did you mean 'convert'?\n")


def test_a_missing_argument_is_a_usage_error_in_one_line() -> None:
    result = start("run")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1


def test_convert_writes_one_file_and_is_idempotent(session_file: Path, tmp_path: Path) -> None:
    first = call("convert", session_file, "-o", tmp_path, "--json")
    assert first.exit_code == 0
    (document,) = json.loads(first.stdout)
    assert Path(document["path"]).is_file()
    again = json.loads(call("convert", session_file, "-o", tmp_path, "--json").stdout)
    assert [one["status"] for one in again] == ["up to date"]


def test_convert_dry_run_writes_nothing(session_file: Path, tmp_path: Path) -> None:
    result = call("convert", session_file, "-o", tmp_path / "out", "--dry-run")
    assert (result.exit_code, (tmp_path / "out").exists()) == (0, False)
    assert "would be written" in result.stdout


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"recordings": [{"format": "blackrock", "file": "gone.ns6"}]}, 3, "gone.ns6"),
        ({"subject": {"subject_id": "P1", "age": "P30Y", "sx": "F"}}, 2, "did you mean 'sex'"),  # codespell:ignore
        ({"bundles": [{"label": "A", "region": "hippocmpus", "hemisphere": "L", "channels": [1]}]}, 2, "'hippocampus'"),
        (
            {
                "bundles": [
                    {"label": "A", "region": "hippocampus", "hemisphere": "L", "channels": [1, 2, 3, 4]},
                    {"label": "B", "region": "amygdala", "hemisphere": "L", "channels": [4, 5, 6, 7, 8]},
                ]
            },
            2,
            "channel 4",
        ),
        ({"bundles": [{"label": "A", "region": "hippocampus", "hemisphere": "L", "channels": [1]}]}, 2, "in no bundle"),
        ({"units": [{"format": "csv", "file": "empty.csv"}]}, 3, "no spikes"),
    ],
    ids=["missing-file", "unknown-key", "unknown-region", "overlapping-bundles", "unit-off-montage", "no-spikes"],
)
def test_bad_sessions_are_refused_in_one_line(
    session_file: Path, tmp_path: Path, changes: dict[str, object], code: int, says: str
) -> None:
    session = changed(session_file, tmp_path / "in", **changes)
    (session.parent / "empty.csv").write_text("unit,channel,time_s\n")
    result = call("convert", session, "-o", tmp_path / "out")
    assert says in the_line(result)
    assert result.exit_code == code
    assert not list(tmp_path.glob("out/**/*.nwb"))


def test_a_truncated_recording_is_refused_in_one_line(session_file: Path, tmp_path: Path) -> None:
    session = changed(session_file, tmp_path / "in")
    raw = session.parent / "raw.ns6"
    content = raw.read_bytes()
    raw.unlink()
    raw.write_bytes(content[: len(content) // 2])
    result = call("convert", session, "-o", tmp_path / "out")
    assert "raw.ns6" in the_line(result)
    assert (result.exit_code, list(tmp_path.glob("out/**/*.nwb"))) == (3, [])


@pytest.mark.parametrize(
    ("name", "says"), [("gone.nwb", "no such file"), ("text.nwb", "is not an HDF5"), ("folder", "holds no NWB file")]
)
def test_inspect_of_nothing_that_can_be_read_exits_3_in_one_line(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "text.nwb").write_text("no HDF5")
    (tmp_path / "folder").mkdir()
    result = call("inspect", tmp_path / name)
    assert result.exit_code == 3
    assert result.output.startswith(f"{tmp_path / name}: cannot be read: {says}")
    assert (result.output.count(name), result.output.count("\n")) == (1, 1)


def test_inspect_of_one_file_among_others_that_cannot_be_read_exits_1(shared_data: Path) -> None:
    result = call("inspect", *(shared_data / "dandi" / "000207").glob("*.nwb"), "gone.nwb")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].endswith("no: no such file")


@pytest.mark.parametrize("name", ["inspect", "verify"])
def test_an_empty_path_is_a_usage_error(name: str) -> None:
    result = call(name, "")
    assert the_line(result).startswith("error: '' is no path")
    assert result.exit_code == 2


def test_inspect_and_run_on_units_without_signal(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "dandi" / "000207"
    inspected = call("inspect", *folder.glob("*.nwb"))
    assert inspected.exit_code == 1
    assert "35 (10 right amygdala, 25 right hippocampus)" in inspected.stdout
    assert "no continuous signal" in inspected.stdout
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({"sessions": [str(folder / "*.nwb")]}))
    result = call("run", tmp_path / "study.yaml", "-q")
    assert "no continuous signal" in the_line(result)
    assert result.exit_code == 3


def test_run_names_a_wrong_key_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("sessions: [a.nwb]\nsignal: {line: 50}\n")  # codespell:ignore
    result = call("run", tmp_path / "study.yaml")
    assert the_line(result).endswith("unknown key 'signal.line'; did you mean 'line_hz'?")
    assert result.exit_code == 2


def test_a_folder_in_place_of_settings_names_what_is_in_it(session_file: Path, tmp_path: Path) -> None:
    line = the_line(call("convert", session_file.parent, "-o", tmp_path))
    assert line.endswith(f"{session_file.parent}: is a folder; did you mean {session_file}?")


def test_init_writes_settings_that_are_valid_and_the_defaults(tmp_path: Path) -> None:
    assert call("init", tmp_path).exit_code == 0
    study = load_settings(tmp_path / "study.yaml", StudySettings)
    assert study == StudySettings(name="my-study", sessions=("nwb/**/*.nwb",))
    load_settings(tmp_path / "session.yaml", SessionSettings)
    again = call("init", tmp_path)
    assert (again.exit_code, "--overwrite" in the_line(again)) == (5, True)


def test_simulate_nwb_gives_a_usable_file(tmp_path: Path) -> None:
    result = call(
        "simulate", tmp_path, "--participants", 1, "--seconds", 5, "--bundles", 1, "--format", "nwb", "--json"
    )
    (path,) = json.loads(result.stdout)["files"]
    assert call("inspect", path).exit_code == 0
    assert call("verify", path).exit_code == 0


def test_status_of_an_empty_study(tmp_path: Path) -> None:
    assert call("status", tmp_path).stdout == "no task was begun here\n"


def test_status_says_what_becomes_of_tasks_of_another_version(tmp_path: Path) -> None:
    key = TaskKey(kind="fit", label="one", depends_on={})
    TaskStore(tmp_path / "tasks").compute(key, lambda _: FitResult(fold=0))
    mark = tmp_path / "tasks" / key.name / "task.json"
    mark.write_text(mark.read_text().replace(key.dependencies["code"], "of before"))
    assert call("status", tmp_path).stdout == (
        "1 stale\nstale: done by another version of the program; 'nsi run' does them again\n"
    )


def test_report_without_results_says_what_makes_them(tmp_path: Path) -> None:
    result = call("report", tmp_path)
    assert "'nsi run' writes it" in the_line(result)
    assert result.exit_code == 3


def test_doctor_tells_versions_and_no_paths() -> None:
    result = call("doctor")
    assert "tensorflow" in result.stdout
    assert str(Path.home()) not in result.stdout
