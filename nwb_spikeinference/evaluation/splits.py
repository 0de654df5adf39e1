"""
Splits: which participants, or which stretches of a recording, train and test.

A split that shares a participant or a time bin between its two sides cannot be constructed.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from nwb_spikeinference.errors import LeakError, SettingsError
from nwb_spikeinference.recordings import CellType
from nwb_spikeinference.regions import Hemisphere


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitInfo:
    """What a split must know of a unit."""

    participant: str
    session: str
    row: int
    region: str | None
    hemisphere: Hemisphere | None
    cell_type: CellType


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Participants that train and participants that are held out."""

    index: int
    train: tuple[str, ...]
    held_out: tuple[str, ...]

    def __post_init__(self) -> None:
        if shared := sorted(set(self.train) & set(self.held_out)):
            raise LeakError(
                f"fold {self.index} trains and tests on participant {', '.join(shared)}; "
                f"a participant may stand on one side only: check participants.alias"
            )
        if not self.train or not self.held_out:
            raise SettingsError(f"fold {self.index} has an empty side; use fewer folds or more participants")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPlan:
    """All folds of the unseen-participant protocol, or the reason why there are none."""

    folds: tuple[Fold, ...]
    notices: tuple[str, ...] = ()
    reason: str | None = None  # why there are no folds

    def __post_init__(self) -> None:
        everybody = {name for fold in self.folds for name in fold.train + fold.held_out}
        times = Counter(name for fold in self.folds for name in fold.held_out)
        if wrong := sorted(name for name in everybody if times[name] != 1):
            raise LeakError(
                f"participant {wrong[0]} is held out {times[wrong[0]]} times; each must be held out exactly once"
            )


def participant_folds(units: Sequence[UnitInfo], n_folds: int, seed: int) -> FoldPlan:
    """
    Folds grouped by participant, balanced over cell types and regions.

    The plan depends on the units and the seed, not on the order of the units. Fewer participants than folds give
    leave-one-participant-out with a notice; fewer than two give no folds and the reason.

    Raises
    ------
    SettingsError
        If `n_folds` is below 2.
    """
    if n_folds < 2:
        raise SettingsError(f"validation.folds must be at least 2, got {n_folds}")
    participants = tuple(sorted({unit.participant for unit in units}))
    if len(participants) < 2:
        found = "one participant has" if participants else "no participant has"
        return FoldPlan(folds=(), reason=f"{found} usable units, and an unseen-participant score needs at least two")
    alone: list[tuple[str, ...]] = [(name,) for name in participants]
    held_out = alone if len(participants) <= n_folds else _balanced_groups(units, n_folds, seed)
    folds = tuple(
        Fold(index=index, train=tuple(name for name in participants if name not in names), held_out=names)
        for index, names in enumerate(held_out)
    )
    notice = f"{len(participants)} participants for {n_folds} folds: each is held out alone"
    return FoldPlan(folds=folds, notices=(notice,) if len(participants) < n_folds else ())


def _balanced_groups(units: Sequence[UnitInfo], n_folds: int, seed: int) -> list[tuple[str, ...]]:
    ordered = sorted(units, key=lambda unit: (unit.participant, unit.session, unit.row))
    groups = np.array([unit.participant for unit in ordered])
    strata = np.array(_strata(ordered, n_folds))
    for splitter in (StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed), GroupKFold(n_folds)):
        held_out = [tuple(sorted(set(groups[test].tolist()))) for _, test in splitter.split(groups, strata, groups)]
        if all(held_out):  # the stratified one is greedy and may leave a fold empty; the other cannot
            break
    return held_out


def _strata(units: Sequence[UnitInfo], n_folds: int) -> list[str]:
    """Cell type and region; rare ones by cell type alone; what is still rare joins the largest stratum."""
    labels = [f"{unit.cell_type} {unit.region}" for unit in units]
    sizes = Counter(labels)
    labels = [
        label if sizes[label] >= n_folds else str(unit.cell_type) for label, unit in zip(labels, units, strict=True)
    ]
    sizes = Counter(labels)
    largest = max(sizes, key=lambda label: (sizes[label], label))
    if sizes[largest] < n_folds:
        return ["all"] * len(labels)
    return [label if sizes[label] >= n_folds else largest for label in labels]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSplit:
    """Contiguous stretches of time bins that train, and the one that tests."""

    train: tuple[slice, ...]
    test: slice
    embargo_bins: int

    def __post_init__(self) -> None:
        for stretch in (*self.train, self.test):
            if stretch.start < 0 or stretch.stop <= stretch.start:
                raise SettingsError(
                    f"bins {stretch.start}-{stretch.stop} are no stretch of time; the recording is too short"
                )
        for stretch in self.train:
            gap = max(self.test.start - stretch.stop, stretch.start - self.test.stop)
            if gap < self.embargo_bins:
                raise LeakError(
                    f"training bins {stretch.start}-{stretch.stop} come within {gap} bins of the test bins "
                    f"{self.test.start}-{self.test.stop}; the embargo is {self.embargo_bins} bins"
                )


def contiguous_split(n_bins: int, bin_s: float, train_fraction: float, embargo_s: float) -> TimeSplit:
    """
    Train on the first part of a recording, test on the rest.

    The embargo is taken off the end of the training stretch, so that the test bins do not depend on it.

    Parameters
    ----------
    n_bins, bin_s
        Bins of the recording, and the width of one, in seconds.
    train_fraction : float
        Share of the bins before the test stretch.
    embargo_s : float
        Bins this close to the test stretch, in seconds, do not train.

    Raises
    ------
    SettingsError
        If the recording is too short to leave anything on either side.
    """
    cut = round(n_bins * train_fraction)
    embargo = _embargo_bins(bin_s, embargo_s)
    if not embargo < cut < n_bins:
        raise SettingsError(
            f"a recording of {n_bins * bin_s:g} s cannot be split at {train_fraction:.0%} with an embargo of "
            f"{embargo_s:g} s; use a longer recording or a shorter embargo"
        )
    return TimeSplit(train=(slice(0, cut - embargo),), test=slice(cut, n_bins), embargo_bins=embargo)


def contiguous_folds(n_bins: int, bin_s: float, n_folds: int, embargo_s: float) -> tuple[TimeSplit, ...]:
    """
    Successive stretches of a recording, each tested once by a model trained on the others.

    Raises
    ------
    SettingsError
        If there are fewer than 2 folds, or the embargo leaves a fold nothing to train on.
    """
    embargo = _embargo_bins(bin_s, embargo_s)
    if n_folds < 2 or n_bins < n_folds:
        raise SettingsError(
            f"{n_bins} bins cannot be cut into {n_folds} folds; use 2 folds or more, of at least one bin"
        )
    edges = [round(n_bins * index / n_folds) for index in range(n_folds + 1)]
    splits = []
    for start, stop in pairwise(edges):
        sides = (slice(0, start - embargo), slice(stop + embargo, n_bins))
        train = tuple(side for side in sides if side.stop > max(side.start, 0))
        if not train:
            raise SettingsError(
                f"an embargo of {embargo_s:g} s leaves nothing to train on; shorten it or use a longer recording"
            )
        splits.append(TimeSplit(train=train, test=slice(start, stop), embargo_bins=embargo))
    return tuple(splits)


def _embargo_bins(bin_s: float, embargo_s: float) -> int:
    return math.ceil(embargo_s / bin_s - 1e-9)  # 1.0 / 0.005 must stay 200
