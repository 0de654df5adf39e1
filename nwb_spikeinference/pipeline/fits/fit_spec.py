"""
The specification of one training: what it learns from and is tested on, as plain data, and the bins on either side.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np

from nwb_spikeinference.config import Predictor, WithinSettings
from nwb_spikeinference.errors import LeakError
from nwb_spikeinference.evaluation.splits import TimeSplit, contiguous_folds, contiguous_split
from nwb_spikeinference.inputs import BoolArray, FeatureColumns, LfpInput
from nwb_spikeinference.model_kinds import MODEL_KINDS
from nwb_spikeinference.records import Protocol
from nwb_spikeinference.signal.features import bands_of, columns_of_band, wide_columns

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
    bands_only: bool = False  # withhold the features of the whole spectrum; so do `dropped_band` and `only_band`
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
        parts += ["bands only"] if self.bands_only else []
        parts += (
            [f"from {self.train_hemisphere or ''} {self.train_region}".replace("  ", " ")] if self.train_region else []
        )
        parts += [f"thinned {self.thinning_draw}"] if self.thinning_draw is not None else []
        parts += [f"predictor {self.predictor}"] if self.predictor == "own" else []
        return ", ".join(parts)

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def describe_draws(self) -> dict[str, Any]:
        """
        What decides the fit's random draws, as plain data.

        Not its columns: fits that differ in them alone draw alike, so that their scores differ by the columns alone.
        """
        columns = ("dropped_band", "only_band", "bands_only", "full")
        return {name: value for name, value in self.describe().items() if name not in columns}


def fit_columns(spec: FitSpec, names: Sequence[str]) -> FeatureColumns:
    """
    Feature columns that a fit sees.

    A fit without a band, or with one alone, sees no feature of the whole spectrum either: the band would hide there.
    """
    bands_alone = spec.only_band or spec.dropped_band or spec.bands_only
    kept = [name for name in bands_of(names) if spec.only_band in (None, name) and name != spec.dropped_band]
    return columns_shown(spec.model, names, kept, wide=not bands_alone)


def columns_shown(
    model: str, names: Sequence[str], bands: Sequence[str] | None = None, *, wide: bool = True
) -> FeatureColumns:
    """Columns of some bands, or of all; a model of the trace itself sees no columns."""
    if MODEL_KINDS[model].reads_trace:
        return FeatureColumns(shown=(), bands=())
    shown = {name: columns_of_band(names, name) for name in (bands_of(names) if bands is None else bands)}
    spectrum = wide_columns(names) if wide else ()
    return FeatureColumns(shown=tuple(sorted({*chain(*shown.values()), *spectrum})), bands=tuple(shown.values()))


def _split_valid_bins(lfp: LfpInput, spec: FitSpec, within: WithinSettings) -> tuple[BoolArray, BoolArray]:
    """
    Valid bins before and after the within-session split, which counts recorded time only: gaps belong to no side.

    All inputs of a session are cut at the same time, also those that lack a part of it: what drives two neurons at once
    would else be learned from the one and scored on the other. A recording too short to be split has none on either
    side; its units are then listed with the reason.
    """
    bin_s = lfp.bin_s
    recorded = np.flatnonzero(lfp.valid if lfp.session_valid is None else lfp.session_valid)
    train, test = np.zeros(lfp.n_bins, dtype=bool), np.zeros(lfp.n_bins, dtype=bool)
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
        raise LeakError(f"{lfp.participant} {lfp.session}: {(train & test).sum()} bins would train and test")
    return train & lfp.valid, test & lfp.valid


def is_training_place(lfp: LfpInput, spec: FitSpec) -> bool:
    """Whether a fit learns from the units of an input, by where they lie."""
    right_region = spec.train_region in (None, lfp.region)
    return right_region and spec.train_hemisphere in (None, lfp.hemisphere)


def train_bins(lfp: LfpInput, spec: FitSpec, within: WithinSettings) -> BoolArray:
    """Bins that a fit may learn from, if the input belongs to its training side."""
    return _split_valid_bins(lfp, spec, within)[0] if spec.protocol == "within-session" else lfp.valid


def scored_bins(lfp: LfpInput, spec: FitSpec, within: WithinSettings) -> BoolArray:
    """Bins that a fit is scored on, if the input belongs to its test side."""
    return _split_valid_bins(lfp, spec, within)[1] if spec.protocol == "within-session" else lfp.valid


def scored_with_discharges(lfp: LfpInput, spec: FitSpec, within: WithinSettings) -> BoolArray:
    """The bins of `scored_bins`, and those among them that an interictal discharge alone keeps from being valid."""
    tested = scored_bins(lfp, spec, within)
    places = np.flatnonzero(tested)
    if not len(places):
        return tested
    # Within a session nothing outside the tested stretch: it may lie on the training side.
    first, stop = (places[0], places[-1] + 1) if spec.protocol == "within-session" else (0, lfp.n_bins)
    among = np.zeros(lfp.n_bins, dtype=bool)
    among[first:stop] = lfp.discharge[first:stop]
    return tested | among
