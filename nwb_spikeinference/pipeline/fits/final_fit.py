"""
The training of the final model: on every participant, for recordings that hold LFP only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.inputs import HEADS, TrainingInput, log_odds_of_rate
from nwb_spikeinference.models.registry import make_model
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_spec import columns_shown
from nwb_spikeinference.pipeline.fits.withheld_bands import drop_bands_at_random
from nwb_spikeinference.pipeline.tasks.plain_data import WITH_ARRAYS, from_plain
from nwb_spikeinference.pipeline.tasks.store import Stored
from nwb_spikeinference.recordings import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalFit:
    """
    What the final training leaves.

    Attributes
    ----------
    weights : tuple of ndarray
        In the model's order; none of a model that cannot be kept as plain arrays.
    intercepts : mapping
        Head -> mean over training units of the log-odds of a spike in a bin; a type without units is taken for any.
    n_units : mapping
        Head -> training units.
    """

    __pydantic_config__: ClassVar = WITH_ARRAYS
    weights: tuple[FloatArray, ...]
    intercepts: Mapping[str, float]
    n_units: Mapping[str, int]

    def save(self) -> Stored:
        """What is stored of it."""
        return Stored(
            arrays={f"weight_{k}": value for k, value in enumerate(self.weights)},
            values={"intercepts": dict(self.intercepts), "n_units": dict(self.n_units)},
        )

    @classmethod
    def load(cls, stored: Stored) -> Self:
        """The fit that was saved."""
        weights = tuple(stored.arrays[f"weight_{k}"] for k in range(len(stored.arrays)))
        return from_plain(cls, stored.values | {"weights": weights})


def fit_final_model(cohort: Cohort, settings: StudySettings, folder: Path) -> FinalFit:
    """
    Fit the main model to all valid bins of all participants.

    Parameters
    ----------
    folder : Path
        Where filtered traces lie, in files without a name, while a model of the trace is trained.
    """
    training = [
        TrainingInput(lfp=lfp, bins=lfp.valid) for lfp in cohort.inputs(cohort.participants, settings.signal.predictor)
    ]
    model = make_model(settings.model.name, settings)
    name, names, seed = settings.model.name, cohort.feature_names, np.random.SeedSequence([settings.seed, 1])
    dropout, bands = np.random.default_rng([settings.seed, 2]), settings.band_list()
    shown = drop_bands_at_random(training, name, names, bands, settings.model.band_dropout, dropout, folder)
    model.fit(shown, columns_shown(name, names), seed)
    intercepts, n_units = _typical_rates(training)
    return FinalFit(weights=tuple(model.weights), intercepts=intercepts, n_units=n_units)


def _typical_rates(training: Sequence[TrainingInput]) -> tuple[dict[str, float], dict[str, int]]:
    """Mean log-odds of a spike in a bin, and units, by head."""
    log_odds: dict[str, list[float]] = {head: [] for head in HEADS}
    for item in (one for one in training if one.bins.any()):
        of_units = log_odds_of_rate(item.lfp.counts, item.bins).tolist()
        for value, cell_type in zip(of_units, item.lfp.cell_types, strict=True):
            log_odds["any"].append(value)
            if cell_type in log_odds:
                log_odds[cell_type].append(value)
    means = {head: float(np.mean(values or log_odds["any"])) for head, values in log_odds.items()}
    return means, {head: len(values) for head, values in log_odds.items()}
