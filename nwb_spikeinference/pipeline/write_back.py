"""
Predictions and tables back into copies of the sessions' NWB files.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np

from nwb_spikeinference.config import ModelName, StudySettings
from nwb_spikeinference.errors import SpikeInferenceError
from nwb_spikeinference.files import make_folder, sweep_partials
from nwb_spikeinference.inputs import HEAD_OF_TYPE, HEADS
from nwb_spikeinference.nwb.results import ModelProvenance, SessionResults, SpikeProbabilities
from nwb_spikeinference.nwb.results_writer import write_results_copy
from nwb_spikeinference.pipeline.cohort import Cohort
from nwb_spikeinference.pipeline.evidence import Outcomes
from nwb_spikeinference.pipeline.executors import FailedTask
from nwb_spikeinference.pipeline.provenance import public_settings
from nwb_spikeinference.pipeline.store import TaskResult
from nwb_spikeinference.records import Protocol, Results

_log = logging.getLogger(__name__)


def write_session_copies(
    paths: Mapping[tuple[str, str], Path],
    folder: Path,
    settings: StudySettings,
    cohort: Cohort,
    outcomes: Outcomes,
    results: Results,
) -> tuple[tuple[Path, ...], tuple[FailedTask, ...]]:
    """
    Write one copy per session that has predictions, under the session's file name; one that fails stops no other.

    Parameters
    ----------
    paths : mapping
        (participant, session) -> the NWB file that was read.
    """
    written: list[Path] = []
    failed: list[FailedTask] = []
    make_folder(folder)
    sweep_partials(folder)
    names = Counter(path.name for path in paths.values())
    for session in cohort.sessions:
        path = paths[session.facts["participant"], session.facts["session"]]
        content = _session_results(session, settings, outcomes, results)
        if content is None:
            continue
        target = folder / (path.name if names[path.name] == 1 else f"{path.parent.name}_{path.name}")
        try:
            write_results_copy(path, target, content, overwrite=True)
            written.append(target)
        except SpikeInferenceError as error:
            _log.warning("%s: results could not be written back: %s", path.name, error)
            failed.append(FailedTask(label=f"write back {path.name}", error=error))
    return tuple(written), tuple(failed)


def _session_results(
    session: TaskResult, settings: StudySettings, outcomes: Outcomes, results: Results
) -> SessionResults | None:
    model = settings.model.name
    unseen = _probabilities(session, outcomes, f"unseen/{model}", "unseen-participant", model)
    within = _probabilities(session, outcomes, f"within/{model}", "within-session", model)
    main = unseen or within
    if main is None:
        return None
    participant = session.facts["participant"]
    fit = next(
        one
        for one in outcomes[f"{'unseen' if unseen is not None else 'within'}/{model}"]
        if any(unit["participant"] == participant for unit in one.facts["units"])
    )
    return SessionResults(
        main=main,
        within_session=within if unseen is not None else None,
        model=ModelProvenance(
            architecture=_architecture(settings),
            settings=public_settings(settings),
            weights_sha256=fit.facts["weights_sha256"],
            versions={name: version(name) for name in ("nwb-spikeinference", "keras", "tensorflow", "numpy")},
            training_participants=tuple(fit.facts["train"]),
        ),
        folds=results.folds,
        units=tuple(
            one for one in results.units if (one.participant, one.session) == (participant, session.facts["session"])
        ),
        models=results.models,
        lobo=results.lobo,
        transfer=results.transfer,
    )


def _architecture(settings: StudySettings) -> str:
    layers = list(settings.model.units)
    kinds: dict[ModelName, str] = {
        "bilstm": f"stacked bidirectional LSTM {layers}",
        "conv-bilstm": f"convolutions over the LFP, then stacked bidirectional LSTM {layers}",
        "causal-lstm": f"stacked LSTM {layers} that reads forward only",
        "logistic": "lagged logistic regression",
        "gradient-boosting": "gradient boosting over lagged features",
    }
    return f"{kinds[settings.model.name]}, heads {', '.join(HEADS)}"


def _probabilities(
    session: TaskResult, outcomes: Outcomes, group: str, protocol: Protocol, model: str
) -> SpikeProbabilities | None:
    """Spike probability of every unit of a session that was tested; NaN in bins that were not."""
    grid = session.facts["grid"]
    columns: dict[int, np.ndarray] = {}
    folds: dict[int, int | None] = {}
    for result in outcomes.get(group, ()):
        for unit in result.facts["units"]:
            if (unit["participant"], unit["session"]) != (session.facts["participant"], session.facts["session"]):
                continue
            log_odds = result.arrays[f"log_odds_{unit['input']}"][:, HEAD_OF_TYPE[unit["cell_type"]]]
            start, stop = unit["tested"]
            valid = result.arrays[f"valid_{unit['input']}"]
            column = columns.setdefault(unit["unit_id"], np.full(grid["n_bins"], np.nan, np.float32))
            column[start:stop] = 1 / (1 + np.exp(-(log_odds[start:stop] + unit["intercept"])))
            column[~valid] = np.nan
            folds[unit["unit_id"]] = unit["fold"]
    if not columns:
        return None
    unit_ids = tuple(sorted(columns))
    return SpikeProbabilities(
        protocol=protocol,
        model=model,
        probabilities=np.stack([columns[unit] for unit in unit_ids], axis=1),
        rate_hz=1 / grid["bin_s"],
        start_s=grid["start_s"],
        unit_ids=unit_ids,
        folds=tuple(folds[unit] for unit in unit_ids),
    )
