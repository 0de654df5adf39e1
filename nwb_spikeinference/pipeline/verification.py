"""
Verification of what a study left behind: whether it is whole, and its files say the same numbers.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from nwb_spikeinference.bands import Band
from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.files import resolve_inside, sha256_file
from nwb_spikeinference.nwb.results.result_records import StudyFacts
from nwb_spikeinference.nwb.results.verify_file import compare_tables, read_study, verify_file
from nwb_spikeinference.pipeline.write_back import COHORT_FILE, result_tables_of
from nwb_spikeinference.records import RESULTS_FILE, Results

Findings = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Study:
    """The results of an output folder, and the bands that they were computed with."""

    results: Results
    bands: tuple[Band, ...]

    def differences(self, path: Path, facts: StudyFacts) -> Findings:
        """Where a file of this study says something else than its results."""
        units = [
            unit
            for unit in self.results.units
            if not facts.participant or (unit.participant, unit.session) == (facts.participant, facts.session)
        ]
        return compare_tables(path, result_tables_of(self.results, self.bands, units))

    def wrote(self, path: Path, facts: StudyFacts) -> bool:
        """Whether a session's file holds results of this study: it, or what it was made from, is one of the inputs."""
        inputs = {one.sha256 for one in self.results.provenance.inputs}
        return bool(facts.participant) and (facts.source_sha256 in inputs or sha256_file(path) in inputs)


def verify_paths(paths: Sequence[Path]) -> dict[str, Findings]:
    """
    What is wrong with files and output folders; nothing where all is well.

    An output folder stands for everything in it. NWB files elsewhere are compared with the results of the folders that
    are given beside them, if a study of these wrote into them.

    Returns
    -------
    dict
        Path -> findings, one per file.
    """
    found: dict[str, Findings] = {}
    studies: list[_Study] = []
    for folder in (path for path in paths if path.is_dir()):
        study, findings = _read_results(folder)
        found[str(folder / RESULTS_FILE)] = findings
        found |= _verify_tasks(folder)
        files = [path for path in (*sorted((folder / "nwb").glob("*.nwb")), folder / COHORT_FILE) if path.exists()]
        found |= {str(path): _verify_nwb(path, [study] if study else []) for path in files}
        if study is not None:
            studies.append(study)
            found[str(folder)] = (*_missing_files(study, files), *_leftovers(folder), *_changed_model(folder))
    for path in (path for path in paths if not path.is_dir()):
        found[str(path)] = _verify_nwb(path, [one for one in studies if _is_of(path, one)])
    return found


def _is_of(path: Path, study: _Study) -> bool:
    facts = read_study(path)
    return facts is not None and study.wrote(path, facts)


def _read_results(folder: Path) -> tuple[_Study | None, Findings]:
    path = folder / RESULTS_FILE
    try:
        results = Results.model_validate_json(path.read_text(encoding="utf-8"))
        known = {"sessions": ["of the study"], **results.provenance.settings}
        study = _Study(results=results, bands=StudySettings.model_validate(known).band_list())
    except OSError as error:
        return None, (f"cannot be read ({error.strerror or error}); 'nsi run' writes it",)
    except (ValidationError, UnicodeDecodeError) as error:
        return None, (f"does not obey its schema: {' '.join(str(error).split())[:300]}",)
    return study, tuple(_changed_splits(folder, results))


def _changed_splits(folder: Path, results: Results) -> Iterator[str]:
    expected = results.provenance.splits_sha256
    if expected is None:
        return
    try:
        if sha256_file(folder / "splits.json") != expected:
            yield "splits.json is not the one that these results were computed with (digest differs); run it again"
    except InputError as error:
        yield str(error)


def _verify_nwb(path: Path, studies: Sequence[_Study]) -> Findings:
    findings = verify_file(path)
    facts = read_study(path)
    if findings or facts is None:
        return findings
    return tuple(finding for study in studies for finding in study.differences(path, facts))


def _missing_files(study: _Study, files: Sequence[Path]) -> Iterator[str]:
    """Sessions with scored units of which there is no copy, where the study was to write copies."""
    if study.results.provenance.settings["write_back"]["mode"] != "copy":
        return
    held = {(facts.participant, facts.session) for path in files if (facts := read_study(path)) is not None}
    scored = {(unit.participant, unit.session) for unit in study.results.units if unit.roc_auc is not None}
    for participant, session in sorted(scored - held):
        yield f"no file holds the predictions of session {session} of participant {participant}; run the study again"
    if ("", "") not in held:
        yield f"{COHORT_FILE} is missing; run the study again"


def _leftovers(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob(".*.partial")):
        yield f"{path.relative_to(folder)} was left by a killed process; the next run removes it"


def _changed_model(folder: Path) -> Iterator[str]:
    try:
        settings = json.loads((folder / "model" / "settings.json").read_text(encoding="utf-8"))
        if sha256_file(folder / "model" / "weights.npz") != settings["weights_sha256"]:
            yield "model/weights.npz is not the one that model/settings.json names (digest differs)"
    except FileNotFoundError:
        return
    except (InputError, OSError, ValueError, KeyError, TypeError) as error:
        yield f"model: damaged ({error})"


def _verify_tasks(folder: Path) -> dict[str, Findings]:
    """Tasks that are not complete, or whose result is not what it was."""
    checked = {path: tuple(_task_findings(path)) for path in sorted((folder / "tasks").glob("*/task.json"))}
    return {str(path): findings for path, findings in checked.items() if findings}


def _task_findings(path: Path) -> Iterator[str]:
    try:
        task = json.loads(path.read_text(encoding="utf-8"))
        if task["state"] != "done":
            yield f"{task['label']} is {task['state']}, not done; 'nsi run' continues it"
            return
        digests: Mapping[str, str] = {
            "result.npz": task["sha256"],
            **{f"{name}.npy": digest for name, digest in task["mapped"].items()},
        }
        for name, digest in digests.items():
            if sha256_file(resolve_inside(path.parent, name)) != digest:
                yield f"{name} is not what was written (digest differs); 'nsi run' computes it again"
    except (InputError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        yield f"damaged ({error}); 'nsi run' computes it again"
