"""What a reader must know of the data before believing a number."""

from dataclasses import replace

import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.pipeline.findings.flags_of_data import pipeline_flags
from nwb_spikeinference.pipeline.fits.plan import make_plan
from nwb_spikeinference.pipeline.sessions.bins import Grid
from tests.pipeline.planted_cohort import BIN_S, make_cohort


@pytest.mark.parametrize(
    ("model", "seconds", "flagged"),
    [("bilstm", 10, True), ("causal-lstm", 10, True), ("bilstm", 300, False), ("gradient-boosting", 10, False)],
)
def test_too_little_data_is_flagged_where_a_network_is_the_model(model: str, seconds: int, flagged: bool) -> None:
    cohort = make_cohort(participants=["P1"], drives={})
    grid = Grid(start_s=0.0, bin_s=BIN_S, n_bins=round(seconds / BIN_S))
    cohort = replace(cohort, sessions=(replace(cohort.sessions[0], grid=grid),))
    settings = StudySettings.model_validate({"sessions": ["x"], "model": {"name": model}})
    flags = pipeline_flags(cohort, make_plan(cohort, settings), settings)
    assert ("too-little-data" in {flag.id for flag in flags}) == flagged
