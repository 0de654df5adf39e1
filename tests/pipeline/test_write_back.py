"""What a study leaves in NWB files, and whether `verify` sees what is wrong with it."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pynwb
import pytest
from click.testing import CliRunner

from nwb_spikeinference.cli.app import app
from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.metrics import roc_auc
from nwb_spikeinference.files import sha256_file
from nwb_spikeinference.nwb.copies.check import inspect_file
from nwb_spikeinference.nwb.reading.read_session import read_session
from nwb_spikeinference.nwb.results.verify_file import verify_file
from nwb_spikeinference.pipeline.study import StudyOutcome, run_study
from nwb_spikeinference.pipeline.verification import verify_paths
from nwb_spikeinference.pipeline.write_back import COHORT_FILE, write_back
from nwb_spikeinference.signal.binning import bin_spikes

WriteStudy = Callable[..., Path]
MODULE = "processing/spike_inference"
SMALL = {
    "model": {"name": "logistic"},
    "baselines": ["rate"],
    "lobo": {"mode": "off"},
    "controls": {"shifts": 20, "thin_to_matched": False, "own_wire": False},
}


@pytest.fixture
def output(finished: StudyOutcome, tmp_path: Path) -> Path:
    """A copy of the output folder that a test may change."""
    return Path(shutil.copytree(finished.output, tmp_path / "output"))


@pytest.fixture(scope="module")
def in_place(
    converted: Path, write_study: WriteStudy, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, StudyOutcome]:
    """The study file, and what came of it; written into the files that it read."""
    folder = Path(shutil.copytree(converted / "nwb", tmp_path_factory.mktemp("in_place") / "nwb")).parent
    validation = {"folds": 3, "within": {"folds": 2, "embargo_s": 0.5}}
    study = write_study(folder, **SMALL, validation=validation, write_back={"mode": "in-place"})
    return study, run_study(study)


@pytest.fixture(scope="module")
def sevens(converted: Path, write_study: WriteStudy, tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    """What came of a study of files that call every unit 7."""
    folder = Path(shutil.copytree(converted / "nwb", tmp_path_factory.mktemp("sevens") / "nwb")).parent
    for path in folder.glob("nwb/**/*.nwb"):
        with h5py.File(path, "r+") as file:
            file["units/id"][:] = 7
    return run_study(write_study(folder, **SMALL | {"baselines": []}))


def findings_of(output: Path, *more: Path) -> dict[str, tuple[str, ...]]:
    found = verify_paths([output, *more])
    return {Path(path).name: findings for path, findings in found.items() if findings}


def change(path: Path, name: str, value: object) -> None:
    """Change one number of a module, and seal it as if it were right."""
    from nwb_spikeinference.nwb.results.results_writer import seal

    with h5py.File(path, "r+") as file:
        file[f"{MODULE}/{name}"][0] = value
        seal(file)


def test_whole_output_is_sound(output: Path) -> None:
    found = verify_paths([output])
    assert {Path(path).name: findings for path, findings in found.items() if findings} == {}
    assert len(found) == 6  # results, three sessions, all participants, the folder


def test_changed_number_is_found_though_the_file_is_sound(output: Path) -> None:
    path = next((output / "nwb").glob("*S02*"))
    change(path, "unit_metrics/value", -5.0)
    assert verify_file(path) == ()
    ((name, (finding,)),) = findings_of(output).items()
    assert name == path.name
    assert finding.startswith("/processing/spike_inference/unit_metrics/value: row 0 says -5.0, the results ")


def test_changed_number_in_the_results_is_found_in_every_file(output: Path) -> None:
    results = json.loads((output / "results.json").read_text())
    results["lobo"][1]["delta_roc_auc"] += 0.25
    (output / "results.json").write_text(json.dumps(results))
    found = findings_of(output)
    assert len(found) == 4
    assert all("lobo/delta_roc_auc: row 1 says" in findings[0] for findings in found.values())


def test_results_against_their_schema_are_found(output: Path) -> None:
    results = json.loads((output / "results.json").read_text())
    results["units"][0]["roc_auc"] = "high"
    (output / "results.json").write_text(json.dumps(results))
    assert "does not obey its schema" in findings_of(output)["results.json"][0]


@pytest.mark.parametrize(
    ("damage", "name", "says"),
    [
        (lambda folder: (folder / "splits.json").write_text("{}"), "results.json", "splits.json is not the one"),
        (lambda folder: (folder / COHORT_FILE).unlink(), "output", "cohort.nwb is missing"),
        (lambda folder: next((folder / "nwb").glob("*S03*")).unlink(), "output", "of participant S03"),
        (lambda folder: (folder / ".a.nwb.1.partial").write_text(""), "output", "left by a killed process"),
        (lambda folder: (folder / "model/weights.npz").write_bytes(b""), "output", "weights.npz is not the one"),
    ],
    ids=["splits", "cohort", "session", "partial", "model"],
)
def test_what_is_missing_or_changed_is_named(
    output: Path, damage: Callable[[Path], object], name: str, says: str
) -> None:
    damage(output)
    assert any(says in finding for finding in findings_of(output)[name])


def test_damaged_task_is_named(output: Path) -> None:
    victim = sorted((output / "tasks").glob("fit-*/result.npz"))[0]
    victim.write_bytes(victim.read_bytes()[:-1])
    assert "result.npz is not what was written" in findings_of(output)["task.json"][0]


def test_verify_command_tells_and_exits_1(output: Path) -> None:
    assert CliRunner().invoke(app, ["verify", str(output), "--json"]).exit_code == 0
    (output / "splits.json").unlink()
    result = CliRunner().invoke(app, ["verify", str(output), "--json"])
    assert result.exit_code == 1
    assert "splits.json" in json.loads(result.stdout)[str(output / "results.json")][0]


def test_file_of_all_participants_has_everybodys_rows(finished: StudyOutcome) -> None:
    path = finished.output / COHORT_FILE
    with pynwb.NWBHDF5IO(path, "r", load_namespaces=True) as io:
        file = io.read()
        module = file.processing["spike_inference"]
        assert file.subject is None
        rows = module["unit_metrics"].to_dataframe()
        aucs = rows[rows["metric"] == "roc_auc"]
        units = [unit for unit in finished.results.units if unit.roc_auc is not None]
        assert aucs["value"].tolist() == [unit.roc_auc for unit in units]
        assert [one["participant"].iloc[0] for one in aucs["unit"]] == [unit.participant for unit in units]
        assert len(module["lobo"]) == len(finished.results.lobo)
        assert len(module["transfer"]) == len(finished.results.transfer)
        assert len(module["model_scores"]) == len(finished.results.models)
        weights = {module[f"model_unseen_participant_fold_{fold}"].weights_sha256 for fold in range(3)}
        assert len(weights) == 3


def test_file_of_all_participants_gets_suggestions_only(finished: StudyOutcome) -> None:
    found = inspect_file(finished.output / COHORT_FILE)
    assert {finding.severity for finding in found} == {"suggestion"}


def test_within_session_stretches_name_the_fold_that_held_them_out(in_place: tuple[Path, StudyOutcome]) -> None:
    _, outcome = in_place
    with h5py.File(outcome.written_back[0]) as file:
        module = file[MODULE]
        table = module["inferred_stretches"]
        is_within = table["series"].asstr()[()] == "spike_probability_within_session"
        models = table["model"].asstr()[()][is_within]
        folds = table["fold"][()][is_within]
        assert set(zip(models, folds, strict=True)) == {(f"model_within_session_fold_{k}", k) for k in (0, 1)}
        assert len({module[name].attrs["weights_sha256"] for name in models}) == 2
        trace = module["spike_probability_within_session/data"][:, 0]
        rate_hz = module["spike_probability_within_session/starting_time"].attrs["rate"]
        covered = np.zeros(len(trace), bool)
        for start_s, stop_s in zip(table["start_s"][()][is_within], table["stop_s"][()][is_within], strict=True):
            covered[round(start_s * rate_hz) : round(stop_s * rate_hz)] = True
        assert np.isfinite(trace[covered]).mean() > 0.5
        assert np.isnan(trace[~covered]).all()


def test_in_place_files_are_the_inputs_and_agree_with_the_results(in_place: tuple[Path, StudyOutcome]) -> None:
    study, outcome = in_place
    assert outcome.failed == ()
    assert {path.parent.parent for path in outcome.written_back} == {study.parent / "nwb"}
    assert not (outcome.output / "nwb").exists()
    assert findings_of(outcome.output, *outcome.written_back) == {}


def test_changed_number_in_place_is_found_beside_the_folder(
    in_place: tuple[Path, StudyOutcome], tmp_path: Path
) -> None:
    _, outcome = in_place
    path = Path(shutil.copy(outcome.written_back[0], tmp_path))
    change(path, "unit_metrics/value", -5.0)
    assert "the results" in findings_of(outcome.output, path)[path.name][0]


def test_f15_second_run_in_place_leaves_the_files_as_they_are(in_place: tuple[Path, StudyOutcome]) -> None:
    study, outcome = in_place
    before = {path: sha256_file(path) for path in outcome.written_back}
    tasks = {path: path.stat().st_mtime_ns for path in outcome.output.glob("tasks/*/task.json")}
    again = run_study(study)
    assert again.failed == ()
    assert {path: sha256_file(path) for path in again.written_back} == before
    assert {path: path.stat().st_mtime_ns for path in outcome.output.glob("tasks/*/task.json")} == tasks


def test_f14_missing_locks_are_warned_of(
    finished: StudyOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "FALSE")
    with caplog.at_level(logging.WARNING, "nwb_spikeinference"):
        write_back([], tmp_path, StudySettings(sessions=("x",)), {}, finished.results, (), None)
    assert any("HDF5_USE_FILE_LOCKING is FALSE" in message for message in caplog.messages)


def test_units_of_one_id_have_each_a_record_with_a_score_of_its_own(sevens: StudyOutcome) -> None:
    units = json.loads((sevens.output / "results.json").read_text(encoding="utf-8"))["units"]
    for participant in ("S01", "S02", "S03"):
        own = [unit for unit in units if unit["participant"] == participant]
        assert [(unit["unit_id"], unit["unit_row"]) for unit in own] == [(7, row) for row in range(14)]
        scores = [unit["roc_auc"] for unit in own if unit["roc_auc"] is not None]
        assert len(set(scores)) == len(scores) > 10


def test_probabilities_of_units_of_one_id_stand_under_the_rows_whose_spikes_they_were_scored_on(
    sevens: StudyOutcome,
) -> None:
    scored = {(unit.participant, unit.unit_row): unit.roc_auc for unit in sevens.results.units if unit.roc_auc}
    found: dict[tuple[str, int], float] = {}
    for path in sevens.written_back:
        trains = [unit.spike_times_s for unit in read_session(path).units]
        with h5py.File(path) as file:
            participant, series = file["general/subject/subject_id"].asstr()[()], file[f"{MODULE}/spike_probability"]
            start, traces = series["starting_time"], series["data"][()]
            for row, trace in zip(series["units"][()].tolist(), traces.T, strict=True):
                counts = bin_spikes(trains[row], start[()], 1 / start.attrs["rate"], len(trace))
                tested = np.isfinite(trace)
                found[participant, row] = roc_auc(trace[tested], counts[tested]) or 0
    assert found == pytest.approx(scored, abs=1e-5)
