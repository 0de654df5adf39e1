"""Who takes part in a study, and what a study refuses to touch."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nwb_spikeinference.errors import ExistsError, InputError, SettingsError
from nwb_spikeinference.pipeline.study import run_study
from nwb_spikeinference.pipeline.write_back import own_names

WriteStudy = Callable[..., Path]


@pytest.mark.parametrize(("key", "name"), [("exclude", "S3"), ("include", "s03")])
def test_a_misspelt_participant_is_refused_before_anything_is_computed(
    converted: Path, write_study: WriteStudy, key: str, name: str
) -> None:
    study = write_study(converted, output=f"misspelt-{key}", participants={key: [name]})
    with pytest.raises(SettingsError, match=rf"participants.{key}: '{name}' is no participant .*did you mean 'S03'"):
        run_study(study)
    assert not list(converted.glob(f"misspelt-{key}/tasks/*"))


def test_nothing_is_computed_of_who_is_left_out(converted: Path, write_study: WriteStudy) -> None:
    study = write_study(
        converted,
        output="one",
        participants={"exclude": ["S01", "S02"]},
        model={"name": "logistic"},
        baselines=[],
        lobo={"mode": "off"},
        write_back={"mode": "off"},
    )
    outcome = run_study(study)
    labels = [path.read_text() for path in outcome.output.glob("tasks/features-*/task.json")]
    assert len(labels) == 1
    reasons = {one.participant: one.excluded_reason for one in outcome.results.participants}
    assert reasons["S01"] == reasons["S02"] == "left out by the settings (participants)"


def study_of_nothing(folder: Path, *, fresh_file: str) -> Path:
    (folder / fresh_file).parent.mkdir(parents=True, exist_ok=True)
    (folder / fresh_file).write_text("mine")
    (folder / "a.nwb").write_bytes(b"no recording")
    (folder / "study.yaml").write_text("sessions: [a.nwb]\noutput: .\n")
    return folder / "study.yaml"


def test_a_fresh_run_removes_nothing_but_tasks(tmp_path: Path) -> None:
    study = study_of_nothing(tmp_path, fresh_file="tasks/mine/notes.txt")
    done = tmp_path / "tasks" / "fit-1" / "task.json"
    done.parent.mkdir()
    done.write_text("{}")
    with pytest.raises(InputError, match=r"a.nwb: is not an HDF5 file"):
        run_study(study, fresh=True)
    assert (tmp_path / "tasks" / "mine" / "notes.txt").read_text() == "mine"
    assert not done.exists()


@pytest.mark.parametrize("name", ["report.html", "results.json", "cohort.nwb"])
def test_f10_files_of_others_under_the_names_of_results_are_kept(tmp_path: Path, name: str) -> None:
    study = study_of_nothing(tmp_path, fresh_file=name)
    with pytest.raises(ExistsError, match=rf"{name}: exists, and no study wrote it; choose another folder"):
        run_study(study)
    assert (tmp_path / name).read_text() == "mine"


def test_copies_have_names_of_their_own() -> None:
    paths = [Path("/s/A/x.nwb"), Path("/s/B/x.nwb"), Path("/s/A_x.nwb"), Path("/s/y.nwb"), Path("/s/Y.nwb")]
    names = own_names(paths)
    assert names[paths[1]] == "B_x.nwb"
    assert len({name.casefold() for name in names.values()}) == 5
    assert all(name.endswith(".nwb") for name in names.values())


def test_copies_of_long_names_have_shorter_ones() -> None:
    paths = [Path(f"/{folder}/{'x' * 250}.nwb") for folder in ("A" * 9, "B" * 9)]
    assert all(len(name.encode()) <= 255 for name in own_names(paths).values())


def test_the_log_names_a_file_that_cannot_be_read_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    study = study_of_nothing(tmp_path, fresh_file="mine.txt")
    with caplog.at_level("WARNING", "nwb_spikeinference"), pytest.raises(InputError):
        run_study(study)
    assert [message.count("a.nwb") for message in caplog.messages] == [1]
