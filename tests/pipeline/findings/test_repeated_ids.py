"""Units of one session that their file calls by the same number."""

from dataclasses import replace

import numpy as np
import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.evidence import UnitEvidence
from nwb_spikeinference.pipeline.findings.unit_outcomes import unit_evidence
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.group import FitGroup
from nwb_spikeinference.pipeline.fits.plan import make_plan
from nwb_spikeinference.pipeline.fits.run_fit import run_fit
from nwb_spikeinference.records import Protocol
from tests.pipeline.planted_cohort import BAND_COLUMNS, make_cohort

SETTINGS = StudySettings.model_validate(
    {"sessions": ["x"], "model": {"name": "logistic"}, "baselines": [], "controls": {"shifts": 20, "own_wire": False}}
)


@pytest.fixture(scope="module")
def twins() -> Cohort:
    """In each session two units 1 on one input: row 0 is driven by theta, row 1 by nothing."""
    driven, idle = (make_cohort(names=BAND_COLUMNS, drives={"theta:trace": drive}) for drive in (1.5, 0.0))
    sessions = tuple(
        replace(
            one,
            units=(*one.units, replace(other.units[0], row=1)),
            counts=np.hstack([one.counts, other.counts]),
            inputs={"neighbour": replace(one.inputs["neighbour"], of_unit=np.zeros(2, np.int64))},
        )
        for one, other in zip(driven.sessions, idle.sessions, strict=True)
    )
    types = {key._replace(row=row): kind for key, kind in driven.cell_types.items() for row in (0, 1)}
    return replace(driven, sessions=sessions, cell_types=types)


@pytest.mark.parametrize("protocol", ["unseen-participant", "within-session"])
def test_units_of_one_id_keep_their_own_scores(twins: Cohort, protocol: Protocol) -> None:
    plan = make_plan(twins, SETTINGS)
    group = FitGroup(purpose="score", model="logistic", protocol=protocol)
    outcomes = {group: [run_fit(spec, twins, SETTINGS) for spec in plan.groups[group]]}
    rows = unit_evidence(outcomes, twins, SETTINGS, plan)
    assert [(row.participant, row.unit_id, row.unit_row) for row in rows] == [
        (name, 1, row) for name in ("P1", "P2", "P3") for row in (0, 1)
    ]
    assert all(is_driven(row) == (row.unit_row == 0) for row in rows)


def is_driven(row: UnitEvidence) -> bool:
    assert row.roc_auc is not None
    return row.roc_auc > 0.65
