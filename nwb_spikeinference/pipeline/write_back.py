"""
Predictions and tables back into copies of the sessions' NWB files.
"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.inputs import HEAD_OF_TYPE
from nwb_spikeinference.nwb.results import ModelProvenance, SessionResults, SpikeProbabilities
from nwb_spikeinference.nwb.results_writer import write_results_copy
from nwb_spikeinference.pipeline.cohort import Cohort
from nwb_spikeinference.pipeline.evidence import Outcomes
from nwb_spikeinference.pipeline.store import TaskResult
from nwb_spikeinference.records import Protocol, Results


def write_session_copies(
    paths: Mapping[tuple[str, str], Path],
    folder: Path,
    settings: StudySettings,
    cohort: Cohort,
    outcomes: Outcomes,
    results: Results,
    weights_sha256: str,
) -> tuple[Path, ...]:
    """
    Write one copy per session that has predictions, under the session's file name.

    Parameters
    ----------
    paths : mapping
        (participant, session) -> the NWB file that was read.
    """
    written = []
    for session in cohort.sessions:
        name = (session.facts["participant"], session.facts["session"])
        content = _session_results(session, settings, outcomes, results, weights_sha256)
        if content is not None:
            target = folder / paths[name].name
            write_results_copy(paths[name], target, content, overwrite=True)
            written.append(target)
    return tuple(written)


def _session_results(
    session: TaskResult, settings: StudySettings, outcomes: Outcomes, results: Results, weights_sha256: str
) -> SessionResults | None:
    model = settings.model.name
    unseen = _probabilities(session, outcomes, f"unseen/{model}", "unseen-participant", model)
    within = _probabilities(session, outcomes, f"within/{model}", "within-session", model)
    main = unseen or within
    if main is None:
        return None
    participant = session.facts["participant"]
    own_folds = tuple(fold for fold in results.folds if participant in fold.held_out)
    trained_on = tuple(
        one.participant
        for one in results.participants
        if one.units and (not own_folds or one.participant != participant)
    )
    return SessionResults(
        main=main,
        within_session=within if unseen is not None else None,
        model=ModelProvenance(
            architecture=f"stacked bidirectional LSTM {list(settings.model.units)}, heads excitatory, inhibitory, any",
            settings=settings.model_dump(mode="json"),
            weights_sha256=weights_sha256,
            versions={name: version(name) for name in ("nwb-spikeinference", "keras", "tensorflow", "numpy")},
            training_participants=trained_on,
        ),
        folds=results.folds,
        units=tuple(
            one for one in results.units if (one.participant, one.session) == (participant, session.facts["session"])
        ),
        models=results.models,
        lobo=results.lobo,
        transfer=results.transfer,
    )


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
            column = columns.setdefault(unit["unit_id"], np.full(grid["n_bins"], np.nan, np.float32))
            column[start:stop] = 1 / (1 + np.exp(-(log_odds[start:stop] + unit["intercept"])))
            column[~session.arrays["valid"].astype(bool)] = np.nan
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
