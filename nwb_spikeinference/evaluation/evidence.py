"""
The evidence of units that verdicts, summaries and flags rest on.

One row per unit, and the settings that they share. A missing score is None; means are over the units that have it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nwb_spikeinference.bands import Band
from nwb_spikeinference.config import Predictor
from nwb_spikeinference.evaluation.statistics import DRAWS, Interval, bootstrap_mean
from nwb_spikeinference.recordings import CellType
from nwb_spikeinference.records import CellGroup
from nwb_spikeinference.regions import Hemisphere, name_place

CELL_GROUPS: tuple[CellGroup, ...] = ("all", "excitatory", "inhibitory")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEvidence:
    """Scores of one unit by one model, held-out participants; None or absent where not computed."""

    participant: str
    session: str
    unit_id: int
    unit_row: int
    region: str | None
    hemisphere: Hemisphere | None
    cell_type: CellType
    n_spikes: int
    base_rate: float | None = None
    roc_auc: float | None = None  # by the head of the unit's own type, predictor in use
    head_roc_auc: Mapping[str, float] = field(default_factory=dict)  # head (a cell type) -> score
    thinned_roc_auc: float | None = None  # by models trained on count-matched spikes; excitatory units too
    baseline_roc_auc: float | None = None  # lagged logistic regression
    own_wire_roc_auc: float | None = None
    null_roc_auc: float | None = None  # mean over circular shifts
    swapped_roc_auc: float | None = None  # mean over LFP of other participants
    clock_roc_auc: float | None = None  # by time alone
    lobo_drop: Mapping[str, float] = field(default_factory=dict)  # band -> full minus without the band
    lobo_only: Mapping[str, float] = field(default_factory=dict)  # band -> band alone minus 0.5
    transfer_roc_auc: float | None = None  # by the model trained at the transfer's place
    within_roc_auc: float | None = None  # by the model trained at the unit's place, same participants held out
    all_places_roc_auc: float | None = None  # by the model trained on all places, same participants held out
    transfer_train_units: int | None = None  # that the transferred model learned from
    within_train_units: int | None = None  # that the model of the unit's place learned from


Score = Callable[[UnitEvidence], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyContext:
    """What all verdicts share."""

    predictor: Predictor
    bands: tuple[Band, ...]
    train_region: str  # of the transfer
    train_hemisphere: Hemisphere | None
    seed: int
    n_draws: int = DRAWS
    min_participants: int = 5  # below, no verdict: too few to redraw
    margin: float = 0.02  # differences in ROC-AUC below this are none worth naming

    def rng(self, *purpose: str) -> np.random.Generator:
        """Make a generator of its own for each purpose, whatever the order of use."""
        words = [int.from_bytes(word.encode(), "big") for word in purpose]
        return np.random.default_rng(np.random.SeedSequence([self.seed, *words]))

    def is_training_place(self, row: UnitEvidence) -> bool:
        """Whether a unit lies where the transferred model was trained."""
        same_side = self.train_hemisphere is None or row.hemisphere == self.train_hemisphere
        return row.region == self.train_region and same_side

    def bands_by_frequency(self) -> tuple[Band, ...]:
        """List the bands from low to high."""
        return tuple(sorted(self.bands, key=lambda band: band.low_hz))

    def gamma_bands(self) -> tuple[Band, ...]:
        """List the bands that are named gamma, from low to high."""
        return tuple(band for band in self.bands_by_frequency() if "gamma" in band.name.lower())


def in_group(rows: Sequence[UnitEvidence], group: CellGroup) -> tuple[UnitEvidence, ...]:
    """Select the units of one cell type, or all of them."""
    return tuple(row for row in rows if group in ("all", row.cell_type))


def participants_of(rows: Iterable[UnitEvidence]) -> frozenset[str]:
    """Who the units belong to."""
    return frozenset(row.participant for row in rows)


def place_name(region: str | None, hemisphere: str | None) -> str:
    """Name a place in words, e.g. ``left hippocampus``."""
    return name_place(region, hemisphere) or "an unknown place"


def mean_interval(rows: Sequence[UnitEvidence], score: Score, context: StudyContext, *purpose: str) -> Interval | None:
    """Mean over the units that have the score, or None if none has."""
    found = [(value, row.participant) for row in rows if (value := score(row)) is not None]
    if not found:
        return None
    values, participants = zip(*found, strict=True)
    return bootstrap_mean(values, participants, context.rng(*purpose), context.n_draws)


def above_chance(name: str) -> Score:
    """Make a getter of a score of `UnitEvidence` minus 0.5."""
    return lambda row: difference(getattr(row, name), 0.5)


def difference(first: float | None, second: float | None) -> float | None:
    """First minus second, or None if either is missing."""
    return None if first is None or second is None else first - second


def format_interval(interval: Interval) -> str:
    """Mean, interval and what it rests on, in words."""
    return (
        f"{interval.mean:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}], "
        f"{interval.n_units} units of {interval.n_participants} participants"
    )
