"""
What one training learns from and is tested on, as plain data, and the bins on either side.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nwb_spikeinference.config import Predictor, StudySettings
from nwb_spikeinference.errors import LeakError
from nwb_spikeinference.evaluation.splits import TimeSplit, contiguous_folds, contiguous_split
from nwb_spikeinference.inputs import BoolArray, LfpInput
from nwb_spikeinference.records import Protocol

MIN_WITHIN_S = 5.0  # of recording, beside the embargo, without which a session is not split


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSpec:
    """What is trained and what it is tested on."""

    protocol: Protocol
    model: str
    fold: int
    train: tuple[str, ...]  # participants
    test: tuple[str, ...]
    predictor: Predictor
    dropped_band: str | None = None
    only_band: str | None = None
    train_region: str | None = None  # train on units of this place only
    train_hemisphere: str | None = None
    thinning_draw: int | None = None  # inhibitory spikes thinned to excitatory counts
    full: bool = False  # keep predictions, all metrics and nulls; otherwise ROC-AUC only

    def __post_init__(self) -> None:
        shared = set(self.train) & set(self.test)
        if self.protocol == "unseen-participant" and shared:
            raise LeakError(
                f"participant {min(shared)} would train and test fold {self.fold}; check participants.alias"
            )

    @property
    def label(self) -> str:
        """A few words for people."""
        parts = [self.protocol, self.model, f"fold {self.fold}"]
        parts += [f"without {self.dropped_band}"] if self.dropped_band else []
        parts += [f"only {self.only_band}"] if self.only_band else []
        parts += (
            [f"from {self.train_hemisphere or ''} {self.train_region}".replace("  ", " ")] if self.train_region else []
        )
        parts += [f"thinned {self.thinning_draw}"] if self.thinning_draw is not None else []
        parts += [f"predictor {self.predictor}"] if self.predictor == "own" else []
        return ", ".join(parts)

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def _split_valid_bins(source: LfpInput, spec: FitSpec, settings: StudySettings) -> tuple[BoolArray, BoolArray]:
    """
    Valid bins before and after the within-session split, which counts recorded time only: gaps belong to no side.

    A recording too short to be split has none on either side; its units are then listed with the reason.
    """
    within, bin_s = settings.validation.within, settings.target.bin_ms / 1e3
    recorded = np.flatnonzero(source.valid)
    train, test = np.zeros(source.n_bins, dtype=bool), np.zeros(source.n_bins, dtype=bool)
    if len(recorded) * bin_s < MIN_WITHIN_S + 2 * within.embargo_s:
        return train, test
    split: TimeSplit
    if within.folds is None:
        split = contiguous_split(len(recorded), bin_s, within.train_fraction, within.embargo_s)
    else:
        split = contiguous_folds(len(recorded), bin_s, within.folds, within.embargo_s)[spec.fold]
    for stretch in split.train:
        train[recorded[stretch]] = True
    test[recorded[split.test]] = True
    if (train & test).any():
        raise LeakError(f"{source.participant} {source.session}: {(train & test).sum()} bins would train and test")
    return train, test


def train_bins(source: LfpInput, spec: FitSpec, settings: StudySettings) -> BoolArray:
    """Bins that a fit may learn from, if the input belongs to its training side."""
    return _split_valid_bins(source, spec, settings)[0] if spec.protocol == "within-session" else source.valid


def scored_bins(source: LfpInput, spec: FitSpec, settings: StudySettings) -> BoolArray:
    """Bins that a fit is scored on, if the input belongs to its test side."""
    return _split_valid_bins(source, spec, settings)[1] if spec.protocol == "within-session" else source.valid
