"""A whole study: what comes out, and that it can be interrupted."""

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import jsonschema
import numpy as np
import pynwb
import pytest

from nwb_spikeinference.config import StudySettings, UnitSettings
from nwb_spikeinference.errors import InputError, LeakError, LockedError, NoUnitsError, SettingsError
from nwb_spikeinference.files import lock, sha256_file
from nwb_spikeinference.nwb.extension import load_extension
from nwb_spikeinference.nwb.results.verify_file import verify_file
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session
from nwb_spikeinference.pipeline.study import StudyOutcome, run_study
from nwb_spikeinference.schemas import schema_path
from tests.command import NSI

WriteStudy = Callable[..., Path]


def test_results_obey_their_schema(finished: StudyOutcome) -> None:
    schema = json.loads(schema_path("results.schema.json").read_text())
    jsonschema.validate(json.loads((finished.output / "results.json").read_text()), schema)


def test_every_unit_is_scored_or_has_a_reason(finished: StudyOutcome) -> None:
    assert len(finished.results.units) == 42
    assert all((unit.roc_auc is None) == (unit.excluded_reason is not None) for unit in finished.results.units)


def test_every_participant_is_held_out_once(finished: StudyOutcome) -> None:
    held_out = [name for fold in finished.results.folds for name in fold.held_out]
    assert sorted(held_out) == ["S01", "S02", "S03"]


def test_accuracy_is_never_reported_without_that_of_silence(finished: StudyOutcome) -> None:
    assert all((unit.accuracy is None) or unit.majority_accuracy is not None for unit in finished.results.units)


def test_csv_has_one_row_per_unit_model_and_metric(finished: StudyOutcome) -> None:
    with (finished.output / "results.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    keys = [tuple(row[name] for name in ("participant", "unit_row", "protocol", "model", "metric")) for row in rows]
    assert len(keys) == len(set(keys)) > 100


def test_report_is_one_file_without_outside_references(finished: StudyOutcome) -> None:
    html = finished.report.read_text(encoding="utf-8")
    assert "<svg" in html
    assert 'src="http' not in html


def test_written_back_files_pass_every_check(finished: StudyOutcome) -> None:
    assert len(finished.written_back) == 3
    assert verify_file(finished.written_back[0]) == ()


def test_predictions_in_the_file_are_probabilities_of_the_scored_units(finished: StudyOutcome) -> None:
    load_extension()
    path = finished.written_back[0]
    with pynwb.NWBHDF5IO(path, "r") as io:
        series = io.read().processing["spike_inference"]["spike_probability"]
        data = series.data[:]
    scored = [unit for unit in finished.results.units if f"sub-{unit.participant}_" in path.name and unit.roc_auc]
    assert data.shape == (3200, len(scored))
    assert ((data[200:-200] > 0) & (data[200:-200] < 1)).all()


def test_lobo_and_transfer_are_in_the_file(finished: StudyOutcome) -> None:
    load_extension()
    with pynwb.NWBHDF5IO(finished.written_back[0], "r") as io:
        module = io.read().processing["spike_inference"]
        assert {"cross_validation", "lobo", "transfer", "unit_metrics", "model"} <= set(module.data_interfaces)
        assert set(module["lobo"]["band"][:]) == {"theta", "low_gamma", "high_frequency"}


def test_sources_stay_as_they_were(converted: Path, finished: StudyOutcome) -> None:
    recorded = {one.file: one.sha256 for one in finished.results.provenance.inputs}
    now = {path.name: sha256_file(path) for path in (converted / "nwb").glob("**/*.nwb")}
    assert recorded == now


def test_a_second_run_repeats_no_task_and_changes_no_number(
    converted: Path, write_study: WriteStudy, finished: StudyOutcome
) -> None:
    before = {path: path.stat().st_mtime_ns for path in (finished.output / "tasks").glob("*/result.npz")}
    again = run_study(write_study(converted, output=finished.output.name))
    after = {path: path.stat().st_mtime_ns for path in (again.output / "tasks").glob("*/result.npz")}
    assert after == before
    assert again.results.model_copy(update={"provenance": None}) == finished.results.model_copy(
        update={"provenance": None}
    )


def test_a_damaged_task_is_computed_again_to_the_same_bytes(
    converted: Path, write_study: WriteStudy, finished: StudyOutcome
) -> None:
    victim = sorted((finished.output / "tasks").glob("fit-*/result.npz"))[0]
    arrays = victim.read_bytes()
    victim.write_bytes(arrays[: len(arrays) // 2])
    again = run_study(write_study(converted, output=finished.output.name))
    assert again.results.units == finished.results.units
    assert victim.stat().st_size == len(arrays)


def test_a_killed_run_continues_where_it_was(converted: Path, write_study: WriteStudy) -> None:
    controls = {"shifts": 20, "thin_to_matched": False, "own_wire": False}
    study = write_study(converted, output="killed", lobo={"mode": "off"}, controls=controls)
    tasks = converted / "killed" / "tasks"
    process = subprocess.Popen(
        [*NSI, "run", str(study)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(_done(tasks)) < 6 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = {path: (path.parent / "result.npz").stat().st_mtime_ns for path in _done(tasks)}
    assert len(done) >= 6
    assert not (converted / "killed" / "results.json").exists()
    outcome = run_study(study)
    assert outcome.failed == ()
    assert {path: (path.parent / "result.npz").stat().st_mtime_ns for path in done} == done
    assert not list(converted.glob("killed/**/.*.partial"))


def _done(tasks: Path) -> list[Path]:
    found = []
    for path in tasks.glob("*/task.json"):
        try:
            if json.loads(path.read_text())["state"] == "done":
                found.append(path)
        except (OSError, json.JSONDecodeError):
            continue
    return found


def test_a_second_driver_is_refused(converted: Path, write_study: WriteStudy) -> None:
    with lock(converted / "busy"), pytest.raises(LockedError, match=f"process {os.getpid()} is writing here"):
        run_study(write_study(converted, output="busy"))


def test_the_same_file_under_two_names_is_refused(converted: Path, write_study: WriteStudy) -> None:
    source = next((converted / "nwb").glob("**/*.nwb"))
    copy = source.with_name("copy.nwb")
    copy.write_bytes(source.read_bytes())
    try:
        with pytest.raises(LeakError, match="are the same file"):
            run_study(write_study(converted, output="leak"))
    finally:
        copy.unlink()


def test_a_pattern_without_files_is_refused(converted: Path, write_study: WriteStudy) -> None:
    with pytest.raises(InputError, match="matches no file"):
        run_study(write_study(converted, sessions=["nothing/*.nwb"], output="none"))


def test_an_unknown_key_is_refused_with_the_nearest_one(converted: Path, write_study: WriteStudy) -> None:
    with pytest.raises(SettingsError, match="unknown key 'sgnal'; did you mean 'signal'"):
        run_study(write_study(converted, sgnal={}))


def test_without_a_usable_unit_the_reasons_are_named(converted: Path, write_study: WriteStudy) -> None:
    with pytest.raises(NoUnitsError, match=r"no usable unit among 42 .* fewer than 100000 \(units.min_spikes\)"):
        run_study(write_study(converted, units={"min_spikes": 100000}, output="poor"))


def test_one_participant_leaves_the_unseen_protocol_out_and_says_so(converted: Path, write_study: WriteStudy) -> None:
    study = write_study(converted, participants={"include": ["S01"]}, output="single", write_back={"mode": "off"})
    outcome = run_study(study)
    assert outcome.results.folds == ()
    assert {record.protocol for record in outcome.results.models} == {"within-session"}
    assert [flag.message for flag in outcome.results.flags if flag.id == "protocol-left-out"] == [
        "unseen-participant protocol left out: one participant has usable units, "
        "and an unseen-participant score needs at least two"
    ]


def test_no_folder_of_this_machine_reaches_the_results(converted: Path, finished: StudyOutcome) -> None:
    for name in ("results.json", "results.csv", "report.html"):
        assert str(converted) not in (finished.output / name).read_text(encoding="utf-8")
    assert str(converted).encode() not in finished.written_back[0].read_bytes()


def test_the_file_names_who_its_model_was_trained_on(finished: StudyOutcome) -> None:
    load_extension()
    for path in finished.written_back:
        with pynwb.NWBHDF5IO(path, "r") as io:
            file = io.read()
            trained_on = set(file.processing["spike_inference"]["model"].training_participants[:])
            assert file.subject.subject_id not in trained_on
            assert len(trained_on) == 2


def test_a_wire_that_fails_for_long_is_left_out_and_named(converted: Path) -> None:
    source = next((converted / "nwb").glob("**/sub-S01*.nwb"))
    broken = converted / "broken" / source.name
    broken.parent.mkdir(exist_ok=True)
    shutil.copy(source, broken)
    with h5py.File(broken, "r+") as file:
        file["acquisition/ElectricalSeriesRaw/data"][:, 0] = 77
    result = prepare_session(broken, StudySettings(sessions=("x",), units=UnitSettings(min_spikes=5)), broken.parent)
    (note,) = [note for note in result.notes if "wire" in note]
    assert "left out, constant at" in note
    assert np.isfinite(result.inputs["neighbour"].features).all()


def test_what_was_said_is_kept_beside_the_results(finished: StudyOutcome) -> None:
    assert (finished.output / "logs" / "run.log").is_file()
