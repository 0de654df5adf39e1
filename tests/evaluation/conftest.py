"""Rows of evidence with planted effects, for the tests of verdicts, tables and flags."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nwb_spikeinference.bands import default_bands
from nwb_spikeinference.evaluation.evidence import StudyContext, UnitEvidence
from nwb_spikeinference.evaluation.hypotheses import judge_hypotheses
from nwb_spikeinference.records import HypothesisRecord

CONTEXT = StudyContext(
    predictor="neighbour",
    bands=default_bands(60),
    train_region="hippocampus",
    train_hemisphere="left",
    seed=0,
    n_draws=1000,
)
PLACES = (("hippocampus", "left"), ("hippocampus", "right"), ("amygdala", "left"))
NOISE = 0.01


def make_rows(n_participants: int = 12, **scores: Callable[[UnitEvidence], Any]) -> list[UnitEvidence]:
    """Six units per participant, one of each type at each place; scores are given as functions of the bare unit."""
    rows = []
    for person in range(n_participants):
        for index in range(6):
            region, hemisphere = PLACES[index % 3]
            bare = UnitEvidence(
                participant=f"P{person:02d}",
                session="one",
                unit_id=index,
                unit_row=index,
                region=region,
                hemisphere=hemisphere,  # type: ignore[arg-type]
                cell_type="excitatory" if index < 3 else "inhibitory",
                n_spikes=100,
            )
            rows.append(replace(bare, **{name: score(bare) for name, score in scores.items()}))
    return rows


def noisy(mean: float, seed: int = 0) -> Callable[[UnitEvidence], float]:
    """A score with this mean and a little noise of its own per unit."""

    def score(row: UnitEvidence) -> float:
        words = [seed, int(row.participant[1:]), row.unit_id]
        return float(mean + NOISE * np.random.default_rng(words).standard_normal())

    return score


def by_type(excitatory: float, inhibitory: float, seed: int = 0) -> Callable[[UnitEvidence], float]:
    """A noisy score with a mean per cell type."""
    return lambda row: noisy(excitatory if row.cell_type == "excitatory" else inhibitory, seed)(row)


def spread(mean: float, error: float = 0.0) -> Callable[[UnitEvidence], float]:
    """
    A score whose mean over twelve participants has exactly this mean and standard error.

    Its 90 % interval is the mean +-1.796 errors, its 95 % interval the mean +-2.201: quantiles of t with 11 degrees of
    freedom. Units of one participant are equal, so the bootstrap is no wider.
    """
    step = error * np.sqrt(12 - 1)
    return lambda row: float(mean + (step if int(row.participant[1:]) % 2 else -step))


def per_band(seed: int = 0, **means: float) -> Callable[[UnitEvidence], dict[str, float]]:
    """Noisy changes per band; bands that are not named change by 0 on average."""
    names = [band.name for band in CONTEXT.bands]
    return lambda row: {name: noisy(means.get(name, 0.0), seed + index + 1)(row) for index, name in enumerate(names)}


def judge(rows: list[UnitEvidence], context: StudyContext) -> dict[str, HypothesisRecord]:
    """Verdicts by the hypothesis' id."""
    return {record.id: record for record in judge_hypotheses(rows, context)}


def strong_rows(planted: SimpleNamespace, **bands: float) -> list[UnitEvidence]:
    """Rows that support H2 and H4, but for what `bands` cost."""
    rows: list[UnitEvidence] = planted.make_rows(
        roc_auc=planted.by_type(0.60, 0.66, 1),
        thinned_roc_auc=planted.by_type(0.60, 0.65, 2),
        lobo_drop=planted.per_band(10, low_gamma=0.03, **bands),
        lobo_only=planted.per_band(20, beta=0.05, high_frequency=0.02),
    )
    return rows


@pytest.fixture(scope="session")
def planted() -> SimpleNamespace:
    """The study's context and the makers of rows."""
    return SimpleNamespace(
        context=CONTEXT, make_rows=make_rows, noisy=noisy, by_type=by_type, per_band=per_band, spread=spread
    )


@pytest.fixture
def purposes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What generators of random numbers are made for, in the order of use."""
    made: list[tuple[str, ...]] = []
    rng = StudyContext.rng

    def record(context: StudyContext, *purpose: str) -> np.random.Generator:
        made.append(purpose)
        return rng(context, *purpose)

    monkeypatch.setattr(StudyContext, "rng", record)
    return made
