"""
Traps: on data without any relation, a common way of scoring finds one and ours does not.

Everywhere the spikes are independent of the LFP, so that the truth is a ROC-AUC of 0.5. A mean over units may depart
from it by three standard errors, of 0.29 / sqrt(spikes) per unit; a little more where folds share their training data.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier

from nwb_spikeinference.evaluation.metrics import UnitScores, mean_scores, roc_auc, score_unit
from nwb_spikeinference.evaluation.splits import UnitInfo, contiguous_folds, contiguous_split, participant_folds
from nwb_spikeinference.recordings import FloatArray, IntArray

BIN_S = 0.005
N_BINS = 8000  # 40 s
WINDOW_BINS = 20  # 100 ms
EVERY = 5  # of an unseen participant's windows, one in so many is enough
RATE_HZ = 2.4
PARTICIPANTS = tuple(f"P{number}" for number in range(6))


def make_spikes(rng: np.random.Generator, rate_hz: FloatArray | float) -> IntArray:
    """Spikes per bin of a neuron that no LFP knows of; shape (n_bins,)."""
    return (rng.random(N_BINS) < np.broadcast_to(rate_hz, N_BINS) * BIN_S).astype(np.int64)


def make_features(rng: np.random.Generator) -> FloatArray:
    """Smooth LFP features of unit variance; shape (n_bins, 4)."""
    features = gaussian_filter1d(rng.standard_normal((N_BINS, 4)), 3, axis=0)
    standardised: FloatArray = features / features.std(axis=0)
    return standardised


def tolerance(n_spikes: list[int]) -> float:
    """Three standard errors of the mean over units that were tested on so many spikes each."""
    return float(3 * 0.29 * np.sqrt(np.sum(1 / np.array(n_spikes))) / len(n_spikes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """One participant cut into windows of 100 ms, one per bin, and whether each holds a spike."""

    rows: FloatArray  # (n_windows, WINDOW_BINS * 2), of two features
    holds_spike: IntArray


@pytest.fixture(scope="module")
def participants() -> dict[str, Windows]:
    cut = {}
    for number, name in enumerate(PARTICIPANTS):
        rng = np.random.default_rng([7, number])
        windows = np.lib.stride_tricks.sliding_window_view(make_features(rng)[:, :2], WINDOW_BINS, axis=0)
        spikes = np.lib.stride_tricks.sliding_window_view(make_spikes(rng, RATE_HZ), WINDOW_BINS)
        cut[name] = Windows(rows=windows.reshape(len(windows), -1), holds_spike=spikes.max(axis=1))
    return cut


def n_events(holds_spike: IntArray) -> int:
    """Separate runs of windows with a spike: neighbouring windows share theirs."""
    return int(np.count_nonzero(np.diff(holds_spike, prepend=0) == 1))


def nearest_neighbours(rows: FloatArray, holds_spike: IntArray, tested: FloatArray) -> FloatArray:
    """Share of the five most similar training windows that hold a spike; shape (n_tested,)."""
    model = KNeighborsClassifier(5).fit(rows, holds_spike)
    share: FloatArray = model.predict_proba(tested)[:, 1]
    return share


def test_overlapping_windows_split_at_random_find_a_relation_that_does_not_exist(
    participants: dict[str, Windows],
) -> None:
    aucs = []
    for number, cut in enumerate(participants.values()):
        order = np.random.default_rng(number).permutation(len(cut.rows))
        train, test = np.split(order, [round(0.7 * len(order))])
        scores = nearest_neighbours(cut.rows[train], cut.holds_spike[train], cut.rows[test])
        aucs.append(roc_auc_score(cut.holds_spike[test], scores))
    assert min(aucs) > 0.8


def test_the_same_windows_split_in_time_find_nothing(participants: dict[str, Windows]) -> None:
    aucs, events = [], []
    for cut in participants.values():
        split = contiguous_split(len(cut.rows), BIN_S, 0.7, 1.0)
        (train,) = split.train
        scores = nearest_neighbours(cut.rows[train], cut.holds_spike[train], cut.rows[split.test])
        aucs.append(roc_auc(scores, cut.holds_spike[split.test]))
        events.append(n_events(cut.holds_spike[split.test]))
    assert np.mean(aucs) == pytest.approx(0.5, abs=tolerance(events))


def test_the_same_windows_of_unseen_participants_find_nothing(participants: dict[str, Windows]) -> None:
    units = [
        UnitInfo(participant=name, session="one", row=1, region=None, hemisphere=None, cell_type="excitatory")
        for name in participants
    ]
    aucs, events = [], []
    for fold in participant_folds(units, 3, seed=0).folds:
        rows = np.concatenate([participants[name].rows for name in fold.train])
        holds_spike = np.concatenate([participants[name].holds_spike for name in fold.train])
        for name in fold.held_out:
            tested = participants[name]
            scores = nearest_neighbours(rows, holds_spike, tested.rows[::EVERY])
            aucs.append(roc_auc(scores, tested.holds_spike[::EVERY]))
            events.append(n_events(tested.holds_spike))
    assert np.mean(aucs) == pytest.approx(0.5, abs=tolerance(events))


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftingUnit:
    """Log-odds of a drifting unit's spikes in each bin, each by the fold that did not see it, and the folds' scores."""

    log_odds: FloatArray  # (n_bins,)
    counts: IntArray
    folds: tuple[UnitScores, ...]


@pytest.fixture(scope="module")
def drifting() -> list[DriftingUnit]:
    """Units whose rate rises or falls fivefold, each predicted by logistic regression on LFP that knows nothing."""
    units = []
    for number in range(12):
        rng = np.random.default_rng([99, number])
        features = make_features(rng)
        ramp = np.exp(rng.choice((-0.8, 0.8)) * np.linspace(-1, 1, N_BINS))
        counts = make_spikes(rng, 4 * RATE_HZ * ramp / ramp.mean())
        log_odds, folds = np.zeros(N_BINS), []
        for split in contiguous_folds(N_BINS, BIN_S, 5, 1.0):
            train = np.concatenate([np.arange(N_BINS)[side] for side in split.train])
            model = LogisticRegression().fit(features[train], counts[train])
            log_odds[split.test] = model.decision_function(features[split.test])
            folds.append(
                score_unit(
                    log_odds[split.test],
                    counts[split.test],
                    train_rate_per_bin=float(counts[train].mean()),
                    threshold=None,
                )
            )
        units.append(DriftingUnit(log_odds=log_odds, counts=counts, folds=tuple(folds)))
    return units


def test_scores_pooled_over_folds_are_biased_by_drift(drifting: list[DriftingUnit]) -> None:
    pooled = [roc_auc(unit.log_odds, unit.counts) for unit in drifting]
    assert np.mean(pooled) < 0.42


def test_scores_averaged_over_folds_are_not_biased_by_drift(drifting: list[DriftingUnit]) -> None:
    averaged = [mean_scores(unit.folds).roc_auc for unit in drifting]
    n_spikes = [int(unit.counts.sum()) for unit in drifting]
    # Folds of a unit learn from one another's spikes: their mean spreads sqrt(2) times as far (over 200 units).
    assert np.mean(averaged) == pytest.approx(0.5, abs=np.sqrt(2) * tolerance(n_spikes))
