"""
Stretches of recording for the report: the median unit of each type, not the best one.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.files import replace_atomically
from nwb_spikeinference.inputs import HEAD_OF_TYPE
from nwb_spikeinference.pipeline.tasks.store import TaskResult
from nwb_spikeinference.recordings import CellType
from nwb_spikeinference.records import Protocol, Results, UnitRecord
from nwb_spikeinference.report.examples import TraceExample

if TYPE_CHECKING:  # they import the models, which take seconds that rendering a report again need not wait
    from nwb_spikeinference.pipeline.findings.unit_outcomes import Outcomes
    from nwb_spikeinference.pipeline.fits.cohort import Cohort

SECONDS = 3.0
_ARRAYS = ("time_s", "lfp_uv", "probability", "spike_times_s")
_TYPES: tuple[CellType, ...] = ("excitatory", "inhibitory")


def make_examples(
    cohort: "Cohort", outcomes: "Outcomes", results: Results, settings: StudySettings
) -> tuple[TraceExample, ...]:
    """One example per cell type that was scored by the main model."""
    group, protocol = ("unseen", "unseen-participant") if results.folds else ("within", "within-session")
    found: list[TraceExample] = []
    for cell_type in _TYPES:
        unit = _median_unit([one for one in results.units if one.cell_type == cell_type])
        if unit is not None:
            found.extend(_examples_of(unit, cohort, outcomes, f"{group}/{settings.model.name}", protocol))  # type: ignore[arg-type]
    return tuple(found)


def save_examples(examples: Sequence[TraceExample], target: Path) -> None:
    """Keep the examples beside the results, so that the report can be rendered again."""
    arrays: dict[str, np.ndarray] = {}
    for number, example in enumerate(examples):
        facts = {field.name: getattr(example, field.name) for field in fields(example) if field.name not in _ARRAYS}
        arrays[f"{number}_facts"] = np.array(json.dumps(facts))
        arrays |= {f"{number}_{name}": np.asarray(getattr(example, name)) for name in _ARRAYS}
    with replace_atomically(target) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def load_examples(source: Path) -> tuple[TraceExample, ...]:
    """What `save_examples` kept; nothing if it kept nothing."""
    if not source.exists():
        return ()
    with np.load(source, allow_pickle=False) as stored:
        return tuple(
            TraceExample(
                **{name: stored[f"{number}_{name}"] for name in _ARRAYS}, **json.loads(str(stored[f"{number}_facts"]))
            )
            for number in range(len(stored.files) // (len(_ARRAYS) + 1))
        )


def _median_unit(units: Sequence[UnitRecord]) -> UnitRecord | None:
    scored = sorted((unit for unit in units if unit.roc_auc is not None), key=lambda unit: unit.roc_auc or 0.0)
    return scored[len(scored) // 2] if scored else None


def _examples_of(
    unit: UnitRecord, cohort: "Cohort", outcomes: "Outcomes", group: str, protocol: Protocol
) -> Iterator[TraceExample]:
    source = next(
        one
        for one in cohort.inputs((unit.participant,), unit.predictor)  # type: ignore[arg-type]
        if one.session == unit.session and unit.unit_id in one.unit_ids
    )
    session = next(
        one
        for one in cohort.sessions
        if (one.facts["participant"], one.facts["session"]) == (unit.participant, unit.session)
    )
    grid, column = session.facts["grid"], source.unit_ids.index(unit.unit_id)
    n_shown = round(SECONDS / grid["bin_s"])
    for result in outcomes.get(group, ()):
        for facts in result.facts["units"]:
            if (facts["participant"], facts["session"], facts["unit_id"]) != (
                unit.participant,
                unit.session,
                unit.unit_id,
            ):
                continue
            log_odds = result.arrays[f"log_odds_{facts['input']}"][:, HEAD_OF_TYPE[unit.cell_type]]
            start = _typical_start(source.counts[:, column], facts["tested"], n_shown)
            shown = slice(start, start + n_shown)
            time_s = grid["start_s"] + (np.arange(shown.start, shown.stop) + 0.5) * grid["bin_s"]
            spiked = np.flatnonzero(source.counts[shown, column])
            yield TraceExample(
                title=f"median putative {unit.cell_type} unit",
                time_s=time_s,
                lfp_uv=session.arrays[f"{unit.predictor}_trace_uv"][_row(session, unit)][shown],
                probability=1 / (1 + np.exp(-(log_odds[shown] + facts["intercept"]))),
                spike_times_s=time_s[spiked],
                participant=unit.participant,
                unit_id=unit.unit_id,
                region=unit.region,
                cell_type=unit.cell_type,
                predictor=unit.predictor,
                protocol=protocol,
                roc_auc=unit.roc_auc,
            )
            return


def _row(session: TaskResult, unit: UnitRecord) -> int:
    """Row of the unit's LFP input among those of its session."""
    place = next(k for k, one in enumerate(session.facts["units"]) if one["unit_id"] == unit.unit_id)
    return int(session.arrays[f"{unit.predictor}_of_unit"][place])


def _typical_start(counts: np.ndarray, tested: Sequence[int], n_shown: int) -> int:
    """Start of the stretch whose spike count is the upper quartile: neither empty nor the best."""
    starts = np.arange(tested[0], max(tested[0] + 1, tested[1] - n_shown), max(1, n_shown // 2))
    totals = np.array([counts[start : start + n_shown].sum() for start in starts])
    return int(starts[np.argsort(totals, kind="stable")[(3 * (len(starts) - 1)) // 4]])
