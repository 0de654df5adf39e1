"""
Predictions and tables back into NWB files: the sessions' own or copies of them, and one file of all participants.
"""

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import expit

from nwb_spikeinference.bands import Band
from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.errors import SpikeInferenceError
from nwb_spikeinference.files import make_folder, sweep_partials
from nwb_spikeinference.inputs import HEAD_OF_TYPE
from nwb_spikeinference.nwb import names
from nwb_spikeinference.nwb.results.cohort_writer import write_cohort
from nwb_spikeinference.nwb.results.result_records import (
    CohortResults,
    InferredStretch,
    ModelProvenance,
    ResultTables,
    SessionResults,
    SpikeProbabilities,
)
from nwb_spikeinference.nwb.results.results_writer import write_results_copy, write_results_in_place
from nwb_spikeinference.pipeline.findings.unit_outcomes import Outcomes, results_of
from nwb_spikeinference.pipeline.fits.fit_result import FitResult, UnitFit
from nwb_spikeinference.pipeline.sessions.choose_sessions import UsedSession
from nwb_spikeinference.pipeline.sessions.prepared import PreparedSession
from nwb_spikeinference.pipeline.tasks.executors import FailedTask
from nwb_spikeinference.pipeline.tasks.provenance import describe_architecture, program_versions, public_settings
from nwb_spikeinference.records import Protocol, Results, UnitRecord

COHORT_FILE = "cohort.nwb"  # in the output folder
_LONGEST_NAME = 255  # bytes
_log = logging.getLogger(__name__)
_MODEL_NAMES: Mapping[Protocol, str] = {  # in a session's file
    "unseen-participant": names.MODEL,
    "within-session": f"{names.MODEL}_within_session",
}


def write_back(
    sessions: Sequence[UsedSession],
    output: Path,
    settings: StudySettings,
    outcomes: Outcomes,
    results: Results,
    participants: Sequence[str],
    weights_sha256: str | None,
) -> tuple[tuple[Path, ...], tuple[FailedTask, ...]]:
    """
    Write what was inferred to every session that has predictions, and the file of all participants.

    A file that fails stops no other.

    Parameters
    ----------
    sessions : sequence of UsedSession
        All that were read.
    output : Path
        Folder of the study.
    participants : sequence of str
        Those that trained the final model.
    weights_sha256 : str, optional
        Digest of the final model's weights, if there is one.

    Returns
    -------
    written : tuple of Path
        The sessions' files.
    failed : tuple of FailedTask
    """
    if settings.write_back.mode == "off":
        return (), ()
    _warn_without_locks()
    written: list[Path] = []
    failed: list[FailedTask] = []
    for path, target, content in _contents(sessions, output / "nwb", settings, outcomes, results):
        try:
            if settings.write_back.mode == "copy":
                write_results_copy(path, target, content, overwrite=True, keep_raw=settings.write_back.raw)
            elif not write_results_in_place(path, content):
                _log.info("%s holds the same results already", path.name)
            written.append(target)
        except SpikeInferenceError as error:
            _log.warning("%s: results could not be written back: %s", path.name, error)
            failed.append(FailedTask(label=f"write back {path.name}", error=error))
    try:
        write_cohort(output / COHORT_FILE, _cohort_results(weights_sha256, settings, participants, outcomes, results))
    except SpikeInferenceError as error:
        failed.append(FailedTask(label=f"write {COHORT_FILE}", error=error))
    return tuple(written), tuple(failed)


def _warn_without_locks() -> None:
    if os.environ.get("HDF5_USE_FILE_LOCKING", "").upper() == "FALSE":
        _log.warning(
            "HDF5_USE_FILE_LOCKING is FALSE: other programs that write to these files will not be noticed; close them"
        )


def _contents(
    sessions: Sequence[UsedSession], folder: Path, settings: StudySettings, outcomes: Outcomes, results: Results
) -> Iterator[tuple[Path, Path, SessionResults]]:
    """Per session with predictions: the file read, the one to write, and what to write."""
    is_copy = settings.write_back.mode == "copy"
    if is_copy:
        make_folder(folder)
        sweep_partials(folder)
    targets = own_names([one.path for one in sessions])
    for one in sessions:
        content = _session_results(one, settings, outcomes, results)
        if content is not None:
            yield one.path, folder / targets[one.path] if is_copy else one.path, content


def own_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Names for copies in one folder: the file's, after as many of its folders as tell it from the others."""
    found = {}
    for path in paths:
        depth = 1
        while sum(other.parts[-depth:] == path.parts[-depth:] for other in paths) > 1:
            depth += 1
        found[path] = "_".join(path.parts[-depth:])
    count = Counter(name.casefold() for name in found.values())  # some disks do not tell a from A
    for path, name in found.items():
        if count[name.casefold()] > 1 or len(name.encode()) > _LONGEST_NAME:
            digest = hashlib.sha256("/".join(path.parts).encode()).hexdigest()[:12]
            found[path] = f"{path.stem.encode()[:200].decode(errors='ignore')}-{digest}.nwb"
    return found


def _session_results(
    session: UsedSession, settings: StudySettings, outcomes: Outcomes, results: Results
) -> SessionResults | None:
    """What a session's file is given; None if nothing was inferred of it."""
    prepared = session.prepared
    found: list[SpikeProbabilities] = []
    models: list[ModelProvenance] = []
    for protocol, name in _MODEL_NAMES.items():
        fits = [fit for fit in _main_fits(outcomes, protocol, settings.model.name) if _units_of(fit, prepared)]
        if fits:
            # one name per model, where the folds of a session share it out
            used = {name if len(fits) == 1 else f"{name}_fold_{fit.fold}": fit for fit in fits}
            found.append(_probabilities(prepared, used, protocol, settings.model.name))
            models += [_provenance(one, protocol, fit, settings) for one, fit in used.items()]
    if not found:
        return None
    return SessionResults(
        study=settings.name,
        participant=prepared.participant,
        session=prepared.session,
        source_sha256=session.sha256,
        main=found[0],
        within_session=found[1] if len(found) > 1 else None,
        models=tuple(models),
        tables=result_tables_of(
            results,
            settings.band_list(),
            [one for one in results.units if (one.participant, one.session) == prepared.name],
        ),
    )


def _cohort_results(
    weights_sha256: str | None,
    settings: StudySettings,
    participants: Sequence[str],
    outcomes: Outcomes,
    results: Results,
) -> CohortResults:
    models = [
        _provenance(f"{names.MODEL}_{protocol.replace('-', '_')}_fold_{fit.fold}", protocol, fit, settings)
        for protocol in _MODEL_NAMES
        for fit in _main_fits(outcomes, protocol, settings.model.name)
    ]
    if weights_sha256 is not None:
        models.append(
            replace(
                _shared_provenance(settings),
                name=names.MODEL,
                weights_sha256=weights_sha256,
                training_participants=tuple(participants),
            )
        )
    return CohortResults(
        study=settings.name,
        started=results.provenance.started,
        models=tuple(models),
        tables=result_tables_of(results, settings.band_list(), results.units),
    )


def result_tables_of(results: Results, bands: Sequence[Band], units: Sequence[UnitRecord]) -> ResultTables:
    """Tables of some of the units, beside those of the whole study."""
    return ResultTables(
        bands=tuple(bands),
        folds=results.folds,
        units=tuple(units),
        models=results.models,
        lobo=results.lobo,
        transfer=results.transfer,
    )


def _main_fits(outcomes: Outcomes, protocol: Protocol, model: str) -> list[FitResult]:
    """The trainings of the main model by one protocol that were tested on anything."""
    return [fit for fit in results_of(outcomes, "score", model, protocol=protocol) if fit.units]


def _units_of(fit: FitResult, session: PreparedSession) -> list[UnitFit]:
    return [unit for unit in fit.units if unit.key[:2] == session.name]


def _provenance(name: str, protocol: Protocol, fit: FitResult, settings: StudySettings) -> ModelProvenance:
    return replace(
        _shared_provenance(settings),
        name=name,
        protocol=protocol,
        fold=fit.fold,
        weights_sha256=fit.weights_sha256,
        training_participants=fit.train,
    )


def _shared_provenance(settings: StudySettings) -> ModelProvenance:
    """What all models of a study have in common."""
    return ModelProvenance(
        name="",
        model=settings.model.name,
        protocol=None,
        fold=None,
        architecture=describe_architecture(settings.model),
        settings=public_settings(settings),
        weights_sha256="",
        versions=program_versions(),
        training_participants=(),
    )


def _probabilities(
    session: PreparedSession, fits: Mapping[str, FitResult], protocol: Protocol, model: str
) -> SpikeProbabilities:
    """Spike probability of every unit of a session that was tested; NaN in bins that were not."""
    grid = session.grid
    columns: dict[int, np.ndarray] = {}
    stretches: list[InferredStretch] = []
    for name, fit in fits.items():
        for unit in _units_of(fit, session):
            assert unit.full is not None, "the main model is scored in full"
            predicted = fit.predictions[unit.full.prediction]
            log_odds = predicted.log_odds[:, HEAD_OF_TYPE[unit.cell_type]]
            start, stop = unit.full.tested
            column = columns.setdefault(unit.key.row, np.full(grid.n_bins, np.nan, np.float32))
            column[start:stop] = expit(log_odds[start:stop] + unit.full.intercept)
            column[~predicted.valid] = np.nan
            stretches.append(
                InferredStretch(
                    unit_row=unit.key.row,
                    fold=fit.fold,
                    model=name,
                    start_s=grid.start_s + start * grid.bin_s,
                    stop_s=grid.start_s + stop * grid.bin_s,
                )
            )
    rows = tuple(sorted(columns))
    return SpikeProbabilities(
        protocol=protocol,
        model=model,
        probabilities=np.stack([columns[row] for row in rows], axis=1),
        rate_hz=1 / grid.bin_s,
        start_s=grid.start_s,
        unit_rows=rows,
        stretches=tuple(stretches),
    )
