"""The count-matched control of H2: how many spikes the head of each cell type learns from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.inputs import FeatureColumns, LfpInput, TrainingInput
from nwb_spikeinference.pipeline.fits import run_fit as fits
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.recordings import CellType, FloatArray, UnitKey
from tests.pipeline.planted_cohort import BAND_COLUMNS, make_cohort

SETTINGS = StudySettings(sessions=("x",))


class Recorder:
    """A model that keeps what it is given and infers nothing."""

    name = "recorder"
    weights: ClassVar[list[FloatArray]] = []
    weights_sha256 = ""

    def fit(self, training: Sequence[TrainingInput], columns: FeatureColumns, seed: np.random.SeedSequence) -> None:
        self.training = list(training)

    def predict(self, sources: Sequence[LfpInput]) -> list[FloatArray]:
        return [np.zeros((source.n_bins, 3), np.float32) for source in sources]


def spikes_learned_from(types: Sequence[CellType], monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[int]]:
    """Spikes of each training unit as recorded and in a count-matched fit; one participant per unit."""
    names = [f"P{number}" for number in range(len(types) + 1)]
    cohort = make_cohort(participants=names, names=BAND_COLUMNS, drives={})
    cohort = replace(
        cohort, cell_types={UnitKey(name, "one", 0): kind for name, kind in zip(names, types, strict=False)}
    )
    recorder = Recorder()
    monkeypatch.setattr(fits, "make_model", lambda name, settings: recorder)
    spec = FitSpec(
        protocol="unseen-participant",
        model="logistic",
        fold=0,
        train=tuple(names[:-1]),
        test=(names[-1],),
        predictor="neighbour",
        thinning_draw=0,
    )
    fits.run_fit(spec, cohort, SETTINGS)
    recorded = [int(source.counts.sum()) for source in cohort.inputs(names[:-1], "neighbour")]
    return recorded, [int(item.lfp.counts[item.bins].sum()) for item in recorder.training]


def test_more_inhibitory_units_learn_from_as_many_spikes_as_the_excitatory_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded, left = spikes_learned_from(
        ("excitatory", "inhibitory", "inhibitory", "inhibitory", "inhibitory"), monkeypatch
    )
    assert left == [recorded[0], *[round(recorded[0] / 4)] * 4]


def test_fewer_inhibitory_units_are_left_as_many_spikes_each_as_an_excitatory_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded, left = spikes_learned_from(("excitatory", "excitatory", "inhibitory"), monkeypatch)
    assert left[:2] == recorded[:2]
    assert left[2] in {min(recorded[2], count) for count in recorded[:2]}


def test_without_excitatory_units_nothing_is_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded, left = spikes_learned_from(("inhibitory", "inhibitory"), monkeypatch)
    assert left == recorded
