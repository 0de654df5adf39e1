"""Results of the three kinds of tasks come back from disk as they were."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.duplicates import Duplicate
from nwb_spikeinference.pipeline.fits.final_fit import FinalFit, fit_final_model
from nwb_spikeinference.pipeline.fits.fit_result import FitResult
from nwb_spikeinference.pipeline.fits.plan import make_plan
from nwb_spikeinference.pipeline.fits.run_fit import run_fit
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session
from nwb_spikeinference.pipeline.tasks.store import R, Stored, TaskKey, TaskStore
from tests.pipeline.planted_cohort import BAND_COLUMNS, make_cohort

SETTINGS = StudySettings.model_validate(
    {
        "sessions": ["x"],
        "model": {"name": "logistic", "band_dropout": 0.1},
        "baselines": [],
        "validation": {"folds": 3},
        "lobo": {"mode": "ablate"},
        "controls": {"shifts": 20, "own_wire": False},
    }
)


def assert_alike(found: Any, kept: Any) -> None:
    """Of the same types and values, all the way down."""
    if isinstance(kept, np.ndarray):
        assert found.dtype == kept.dtype
        np.testing.assert_array_equal(found, kept)
        return
    assert type(found) is type(kept)
    if is_dataclass(kept):
        for field in fields(kept):
            assert_alike(getattr(found, field.name), getattr(kept, field.name))
    elif isinstance(kept, Mapping):
        assert list(found) == list(kept)
        assert_alike(tuple(found.values()), tuple(kept.values()))
    elif isinstance(kept, tuple):
        assert len(found) == len(kept)
        for one, other in zip(found, kept, strict=True):
            assert_alike(one, other)
    else:
        assert found == kept


def come_back(work: Callable[[Path], R], folder: Path) -> tuple[R | None, R]:
    """A result as it is loaded, and as it was made."""
    store, key = TaskStore(folder), TaskKey(kind="fit", label="one", depends_on={})
    made = store.compute(key, work)
    return store.load(key, type(made)), made


@pytest.mark.parametrize("models", [{"name": "logistic"}, {"name": "conv-bilstm"}], ids=["features", "trace"])
def test_a_prepared_session_comes_back(whole: Path, tmp_path: Path, models: dict[str, str]) -> None:
    settings = StudySettings.model_validate({"sessions": ["x"], "model": models, "units": {"min_spikes": 20}})
    twins = (Duplicate(kept_row=0, kept_id=4, dropped_row=1, dropped_id=4, share=0.5, excess_sd=9.0),)
    found, made = come_back(
        lambda folder: replace(prepare_session(whole, settings, folder), duplicates=twins), tmp_path
    )
    assert_alike(found, made)
    assert {unit.excluded_reason is None for unit in made.units} == {True, False}
    assert set(made.inputs) == {"neighbour", "own"}
    assert isinstance(made.inputs["neighbour"].raw, np.ndarray) == (models["name"] == "conv-bilstm")
    assert made.inputs["neighbour"].stopped is not None


@pytest.mark.parametrize("protocol", ["unseen-participant", "within-session"])
def test_a_fit_that_is_scored_in_full_comes_back(protocol: str, tmp_path: Path) -> None:
    cohort = make_cohort(names=BAND_COLUMNS, drives={"theta:trace": 1.0}, discharge=slice(100, 300))
    spec = next(one for one in make_plan(cohort, SETTINGS).specs() if one.full and one.protocol == protocol)
    found, made = come_back(lambda folder: run_fit(spec, cohort, SETTINGS, folder), tmp_path)
    assert_alike(found, made)
    assert all(unit.full for unit in made.units)
    assert all(bool(unit.ablated) == (protocol == "unseen-participant") for unit in made.units)


def test_a_fit_that_is_scored_by_roc_auc_alone_comes_back(tmp_path: Path) -> None:
    cohort = make_cohort(names=BAND_COLUMNS, drives={"theta:trace": 1.0})
    spec = replace(next(one for one in make_plan(cohort, SETTINGS).specs() if one.full), full=False)
    found, made = come_back(lambda folder: run_fit(spec, cohort, SETTINGS, folder), tmp_path)
    assert_alike(found, made)
    assert made.units
    assert not made.predictions


def test_a_fit_that_had_nothing_to_learn_from_comes_back(tmp_path: Path) -> None:
    assert_alike(*come_back(lambda folder: FitResult(fold=2), tmp_path))


def test_a_final_model_comes_back(tmp_path: Path) -> None:
    cohort = make_cohort(names=BAND_COLUMNS, drives={"theta:trace": 1.0})
    found, made = come_back(lambda folder: fit_final_model(cohort, SETTINGS, folder), tmp_path)
    assert_alike(found, made)
    assert len(made.weights) > 1


def test_a_final_fit_without_its_intercepts_is_no_result() -> None:
    with pytest.raises(ValueError, match="intercepts"):
        FinalFit.load(Stored(arrays={}, values={"intercepts": None, "n_units": {}}))
