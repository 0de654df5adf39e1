"""
Examples for the report: stretches of the median unit of each type, not of the best one.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import expit

from nwb_spikeinference.inputs import HEAD_OF_TYPE
from nwb_spikeinference.pipeline.findings.unit_outcomes import Outcomes, results_of
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_result import FitResult
from nwb_spikeinference.recordings import CellType, name_unit
from nwb_spikeinference.records import Protocol, Results, UnitRecord
from nwb_spikeinference.report.examples import TraceExample

SECONDS = 3.0
_TYPES: tuple[CellType, ...] = ("excitatory", "inhibitory")


def make_examples(cohort: Cohort, outcomes: Outcomes, results: Results, model: str) -> tuple[TraceExample, ...]:
    """
    One example per cell type that was scored by the main model.

    Parameters
    ----------
    model : str
        The main model.
    """
    protocol: Protocol = "unseen-participant" if results.folds else "within-session"
    fits = results_of(outcomes, "score", model, protocol=protocol)
    found: list[TraceExample] = []
    for cell_type in _TYPES:
        unit = _median_unit([one for one in results.units if one.cell_type == cell_type])
        if unit is not None:
            found.extend(_examples_of(unit, cohort, fits, protocol))
    return tuple(found)


def _median_unit(units: Sequence[UnitRecord]) -> UnitRecord | None:
    scored = sorted((unit for unit in units if unit.roc_auc is not None), key=lambda unit: unit.roc_auc or 0.0)
    return scored[len(scored) // 2] if scored else None


def _examples_of(
    unit: UnitRecord, cohort: Cohort, fits: Sequence[FitResult], protocol: Protocol
) -> Iterator[TraceExample]:
    """Of the first fold that tested the unit."""
    session = next(one for one in cohort.sessions if one.name == (unit.participant, unit.session))
    column = next(k for k, one in enumerate(session.units) if one.row == unit.unit_row)
    lfp = session.inputs[unit.predictor]  # type: ignore[index]
    counts, grid = session.counts[:, column], session.grid
    n_shown = round(SECONDS / grid.bin_s)
    for fit in fits:
        for tested in fit.units:
            if tested.key != unit.key or tested.full is None:
                continue
            log_odds = fit.predictions[tested.full.prediction].log_odds[:, HEAD_OF_TYPE[unit.cell_type]]
            start = _typical_start(counts, tested.full.tested, n_shown)
            shown = slice(start, start + n_shown)
            time_s = grid.start_s + (np.arange(shown.start, shown.stop) + 0.5) * grid.bin_s
            yield TraceExample(
                title=f"median putative {unit.cell_type} unit",
                time_s=time_s,
                lfp_uv=lfp.trace_uv[lfp.of_unit[column]][shown],
                probability=expit(log_odds[shown] + tested.full.intercept),
                spike_times_s=time_s[np.flatnonzero(counts[shown])],
                participant=unit.participant,
                unit=name_unit(unit.unit_id, unit.unit_row),
                region=unit.region,
                cell_type=unit.cell_type,
                predictor=unit.predictor,
                protocol=protocol,
                roc_auc=unit.roc_auc,
            )
            return


def _typical_start(counts: np.ndarray, tested: Sequence[int], n_shown: int) -> int:
    """Start of the stretch whose spike count is the upper quartile: neither empty nor the best."""
    starts = np.arange(tested[0], max(tested[0] + 1, tested[1] - n_shown), max(1, n_shown // 2))
    totals = np.array([counts[start : start + n_shown].sum() for start in starts])
    return int(starts[np.argsort(totals, kind="stable")[(3 * (len(starts) - 1)) // 4]])
