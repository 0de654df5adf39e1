"""
A whole study: from NWB files to results, files with predictions, and a report.
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nwb_spikeinference
from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.errors import ExistsError
from nwb_spikeinference.files import lock, sha256_file, sha256_json, sweep_partials, write_json
from nwb_spikeinference.pipeline.findings.assemble_results import assemble_results
from nwb_spikeinference.pipeline.findings.choose_examples import make_examples
from nwb_spikeinference.pipeline.fits.cohort import Cohort, make_cohort
from nwb_spikeinference.pipeline.fits.final_fit import FinalFit, fit_final_model
from nwb_spikeinference.pipeline.fits.fit_result import FitResult
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.pipeline.fits.group import FitGroup
from nwb_spikeinference.pipeline.fits.plan import StudyPlan, make_plan
from nwb_spikeinference.pipeline.fits.run_fit import run_fit
from nwb_spikeinference.pipeline.fits.same_recording import hash_contents
from nwb_spikeinference.pipeline.fits.split_list import RecordingFile, make_splits, write_splits
from nwb_spikeinference.pipeline.inference.final_model import write_model
from nwb_spikeinference.pipeline.sessions.choose_sessions import UsedSession, prepare_sessions
from nwb_spikeinference.pipeline.sessions.session_files import SessionFile, find_sessions, hash_sessions
from nwb_spikeinference.pipeline.tasks.executors import FailedTask, LocalExecutor, Task
from nwb_spikeinference.pipeline.tasks.log_file import log_to
from nwb_spikeinference.pipeline.tasks.provenance import git_revision, public_settings
from nwb_spikeinference.pipeline.tasks.store import TaskKey, TaskStore
from nwb_spikeinference.pipeline.write_back import COHORT_FILE, write_back
from nwb_spikeinference.records import RESULTS_FILE, InputFile, Provenance, Results
from nwb_spikeinference.report.build import write_report
from nwb_spikeinference.report.examples import save_examples
from nwb_spikeinference.report.results_csv import write_results_csv
from nwb_spikeinference.settings import load_settings

_log = logging.getLogger(__name__)
_OUTPUTS = (RESULTS_FILE, "results.csv", "report.html", "splits.json", "examples.npz", COHORT_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOutcome:
    """Where the results are, and what failed on the way."""

    results: Results
    output: Path
    report: Path
    written_back: tuple[Path, ...]
    failed: tuple[FailedTask, ...]


def run_study(study_file: Path, *, fresh: bool = False) -> StudyOutcome:
    """
    Run a study, or continue it: finished tasks are not repeated.

    Parameters
    ----------
    study_file : Path
        A ``study.yaml``.
    fresh : bool
        Forget finished tasks first.

    Raises
    ------
    SettingsError
        If the settings are wrong.
    InputError
        If no session can be used. Single unusable sessions are left out and listed.
    LeakError
        If one recording stands in two files, be they different in bytes, or anything on both sides of a split.
    ExistsError
        If the output folder holds files of others under the names of results.
    LockedError
        If another process runs this study.
    """
    study_file = Path(study_file)
    settings = load_settings(study_file, StudySettings)
    files = find_sessions(settings, study_file.parent)
    output = study_file.parent / settings.output
    with lock(output), log_to(output / "logs" / "run.log"):
        _require_own(output)
        if fresh:
            TaskStore(output / "tasks").forget()
        return _run(settings, files, output)


def _require_own(output: Path) -> None:
    """
    Refuse a folder with files of the names that a study writes, which no study wrote.

    Raises
    ------
    ExistsError
        Names the first.
    """
    if any((output / "tasks").glob("*/task.json")) or _is_result(output / RESULTS_FILE):
        return
    for name in _OUTPUTS:
        if (output / name).exists():
            raise ExistsError(f"{output / name}: exists, and no study wrote it; choose another folder (output)")


def _is_result(path: Path) -> bool:
    try:
        return {"schema_version", "provenance"} <= set(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return False


def list_inputs(study_file: Path) -> tuple[Path, ...]:
    """The files that a study would read, after its settings have been checked."""
    settings = load_settings(Path(study_file), StudySettings)
    return tuple(file.path for file in find_sessions(settings, Path(study_file).parent, fetch=False))


def _run(settings: StudySettings, files: Sequence[SessionFile], output: Path) -> StudyOutcome:
    started, clock = datetime.now(UTC), time.monotonic()
    store = TaskStore(output / "tasks")
    store.sweep()
    sweep_partials(output)
    executor = LocalExecutor(store)
    digests = hash_sessions(files)
    sessions, failed, left_out = prepare_sessions(settings, files, digests, executor)
    cohort = make_cohort([one.prepared for one in sessions], [one.task for one in sessions], settings.seed)
    _log.info("%d units of %d participants", len(cohort.cell_types), len(cohort.participants))
    contents = hash_contents(sessions, settings.signal.predictor)
    plan = make_plan(cohort, settings)
    splits = make_splits(plan, cohort, settings.validation.within, _recording_files(sessions, contents))
    write_splits(splits, output / "splits.json")
    if plan.folds.reason:
        _log.warning("unseen-participant protocol left out: %s", plan.folds.reason)
    outcomes, failed_fits = _fit_all(plan, cohort, settings, executor)
    final = executor.run([_final_task(cohort, settings)], "final model")[0]
    provenance = Provenance(
        version=nwb_spikeinference.__version__,
        git=git_revision(),
        settings=public_settings(settings),
        inputs=tuple(InputFile(file=path.name, sha256=digest) for path, digest in digests.items()),
        splits_sha256=sha256_file(output / "splits.json"),
        seeds=(settings.seed,),
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock, 1),
        devices=("CPU",),
    )
    results, scores = assemble_results(settings, provenance, cohort, plan, outcomes, left_out)
    write_json(output / RESULTS_FILE, results.model_dump(mode="json"))
    write_results_csv(results, output / "results.csv", scores)
    examples = make_examples(cohort, outcomes, results, settings.model.name)
    save_examples(examples, output / "examples.npz")
    write_report(results, output / "report.html", examples)
    weights_sha256 = write_model(output / "model", final, cohort, settings, results)
    written, not_written = write_back(
        sessions, output, settings, outcomes, results, cohort.participants, weights_sha256
    )
    failures = (*failed, *failed_fits, *((final,) if isinstance(final, FailedTask) else ()), *not_written)
    return StudyOutcome(
        results=results, output=output, report=output / "report.html", written_back=written, failed=failures
    )


def _recording_files(
    sessions: Sequence[UsedSession], contents: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], RecordingFile]:
    return {
        name: RecordingFile(file=one.path.name, file_sha256=one.sha256, data_sha256=contents[name])
        for one in sessions
        for name in [one.prepared.name]
    }


def _training_dependencies(cohort: Cohort, settings: StudySettings) -> dict[str, Any]:
    """What every training of the study depends on."""
    types = sorted([*key, cell_type] for key, cell_type in cohort.cell_types.items())
    return {
        "features": sorted(cohort.tasks),
        "types": sha256_json(types),
        "settings": settings.model_dump(mode="json", include={"target", "model"}),
        "seed": settings.seed,
    }


def _fit_all(
    plan: StudyPlan, cohort: Cohort, settings: StudySettings, executor: LocalExecutor
) -> tuple[dict[FitGroup, list[FitResult]], list[FailedTask]]:
    fixed = _training_dependencies(cohort, settings) | {
        "controls": settings.controls.model_dump(mode="json"),
        "within": settings.validation.within.model_dump(mode="json"),
        "ablated": settings.ablated_models(),
    }

    def make_task(spec: FitSpec) -> Task[FitResult]:
        key = TaskKey(kind="fit", label=spec.label, depends_on=fixed | {"fit": spec.describe()})
        return Task(key=key, work=lambda folder: run_fit(spec, cohort, settings, folder), record=FitResult)

    specs = list(plan.specs())
    results = dict(zip(specs, executor.run([make_task(spec) for spec in specs], "fit"), strict=True))
    outcomes = {
        group: [one for spec in fits if isinstance(one := results[spec], FitResult)]
        for group, fits in plan.groups.items()
    }
    return outcomes, [one for one in results.values() if isinstance(one, FailedTask)]


def _final_task(cohort: Cohort, settings: StudySettings) -> Task[FinalFit]:
    key = TaskKey(kind="model", label="final model", depends_on=_training_dependencies(cohort, settings))
    return Task(key=key, work=lambda folder: fit_final_model(cohort, settings, folder), record=FinalFit)
