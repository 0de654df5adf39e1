"""
Models of lagged features: what they share, and gradient boosting; and the mean rate.

Silent bins are thinned before fitting, and the intercept corrected for it, so that probabilities stay calibrated.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from nwb_spikeinference.inputs import HEADS, FeatureColumns, LfpInput, TrainingInput
from nwb_spikeinference.recordings import FloatArray

LAG_S = 0.05  # on either side of the bin
SILENT_PER_SPIKE = 5  # keeps 5/6 of the information of all silent bins
MAX_SPIKES = 15_000  # that one head learns from, evenly drawn: bounds memory and time of long recordings


def lag_offsets(bin_s: float, *, causal: bool = False) -> np.ndarray:
    """Bins that are looked at: the target, and every second one within 50 ms before it and, unless causal, after it."""
    reach = max(1, round(LAG_S / bin_s))
    step = 2 if reach >= 4 else 1
    return np.arange(-(reach - reach % step), 1 if causal else reach + 1, step)


def lagged_rows(lfp: LfpInput, rows: np.ndarray, columns: Sequence[int], offsets: np.ndarray) -> FloatArray:
    """
    Features at several lags for chosen bins; beyond a segment's ends they are 0, the median.

    Returns
    -------
    ndarray of shape (n_rows, n_offsets * n_columns), float32
    """
    selected = lfp.features[:, list(columns)]
    out = np.zeros((len(rows), len(offsets), selected.shape[1]), dtype=np.float32)
    for segment in lfp.segments:
        inside = (rows >= segment.start) & (rows < segment.stop)
        positions = rows[inside, None] + offsets[None, :]
        reachable = (positions >= segment.start) & (positions < segment.stop)
        out[inside] = np.where(reachable[..., None], selected[np.clip(positions, segment.start, segment.stop - 1)], 0.0)
    return out.reshape(len(rows), -1)


class LaggedModel:
    """One classifier per head on lagged features; subclasses say which."""

    name = ""

    @property
    def weights(self) -> list[FloatArray]:
        """None: fitted classifiers are objects that only a pickle would hold."""
        return []

    @property
    def weights_sha256(self) -> str:
        """Empty, for the same reason."""
        return ""

    def __init__(self, bin_s: float, *, causal: bool = False, band_dropout: float = 0.0) -> None:
        self.offsets = lag_offsets(bin_s, causal=causal)
        self._band_dropout = band_dropout
        self.columns: tuple[int, ...] = ()
        self._bands: tuple[tuple[int, ...], ...] = ()
        self.heads: list[list[Any]] = []  # per head the classifiers whose log-odds are averaged

    def _make(self, n_rows: int, seed: int) -> Any:
        raise NotImplementedError

    def _log_odds(self, fitted: Any, rows: FloatArray) -> FloatArray:
        return np.asarray(fitted.decision_function(rows), dtype=np.float32)

    def fit(self, training: Sequence[TrainingInput], columns: FeatureColumns, seed: np.random.SeedSequence) -> None:
        """
        Fit one classifier per head.

        That of any unit is fitted only where somebody needs it: some unit is unclassified, or one type is absent; then
        the absent type's head falls back to it. Otherwise it is the mean of the two types' log-odds.
        """
        self.columns = columns.shown
        self._bands = columns.bands
        seeds = dict(zip(HEADS, seed.spawn(len(HEADS)), strict=True))
        present = {cell_type for item in training for cell_type in item.lfp.cell_types}
        typed = [self._fit_head(training, head, seeds[head]) for head in HEADS[:-1]]
        if "unclassified" in present or None in typed:
            fallback = self._fit_head(training, "any", seeds["any"])
            self.heads = [[one if one is not None else fallback] for one in typed] + [[fallback]]
        else:
            self.heads = [[typed[0]], [typed[1]], typed]

    def _fit_head(self, training: Sequence[TrainingInput], head: str, seed: np.random.SeedSequence) -> Any:
        rows, target, weight = self._sample(training, head, np.random.default_rng(seed))
        if len(np.unique(target)) < 2:
            return None
        classifier = self._make(len(target), int(seed.generate_state(1)[0]))
        return classifier.fit(rows, target, sample_weight=weight)

    def _sample(
        self, training: Sequence[TrainingInput], head: str, rng: np.random.Generator
    ) -> tuple[FloatArray, np.ndarray, FloatArray]:
        """Spikes and thinned silence of the units that a head learns from; participants weigh the same."""
        rows, targets, weights, owners = [], [], [], []
        units = [
            (item, unit)
            for item in training
            for unit, cell_type in enumerate(item.lfp.cell_types)
            if head in ("any", cell_type)
        ]
        n_spikes = sum(int((item.lfp.counts[item.bins, unit] > 0).sum()) for item, unit in units)
        share = min(1.0, MAX_SPIKES / max(1, n_spikes))
        for item, unit in units:
            chosen, target, weight = _case_control(item, unit, share, rng)
            if len(chosen):
                seen = lagged_rows(item.lfp, chosen, self.columns, self.offsets)
                rows.append(self._without_random_bands(seen, rng))
                targets.append(target)
                weights.append(weight)
                owners += [item.lfp.participant] * len(chosen)
        if not rows:
            return np.empty((0, 0), np.float32), np.empty(0, np.int8), np.empty(0)
        _, index, rows_of = np.unique(owners, return_inverse=True, return_counts=True)
        weight = np.concatenate(weights) / rows_of[index]
        return np.concatenate(rows), np.concatenate(targets), weight / weight.mean()

    def _without_random_bands(self, rows: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Rows of `lagged_rows`, in each of which every band is set to 0 with the probability of band dropout."""
        if not self._band_dropout:
            return rows
        by_lag = rows.reshape(len(rows), len(self.offsets), len(self.columns))
        for band in self._bands:
            left_out = np.flatnonzero(rng.random(len(rows)) < self._band_dropout)
            places = np.flatnonzero(np.isin(self.columns, band))
            by_lag[np.ix_(left_out, np.arange(len(self.offsets)), places)] = 0.0
        return rows

    def predict(self, inputs: Sequence[LfpInput]) -> list[FloatArray]:
        """Log-odds above the unit's own intercept: the classifier's, less that of its own training mix."""
        return [self._predict_one(lfp) for lfp in inputs]

    def _predict_one(self, lfp: LfpInput) -> FloatArray:
        rows = lagged_rows(lfp, np.arange(lfp.n_bins), self.columns, self.offsets)
        known = {id(one): one for members in self.heads for one in members if one is not None}
        log_odds = {key: self._log_odds(one, rows) for key, one in known.items()}
        silent = np.zeros(len(rows), np.float32)
        # Every unit enters with SILENT_PER_SPIKE silent bins per spike, so the training mix has these odds for all.
        heads = [np.mean([log_odds.get(id(one), silent) for one in members], axis=0) for members in self.heads]
        return np.stack(heads, axis=1) + np.float32(np.log(SILENT_PER_SPIKE))


def _case_control(
    item: TrainingInput, unit: int, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, FloatArray]:
    """
    A share of the bins with a spike, at most five silent ones for each, which is which, and weights.

    The weights make it exactly five.
    """
    spiked = item.lfp.counts[:, unit] > 0
    spikes = np.flatnonzero(spiked & item.bins)
    if share < 1:
        spikes = rng.choice(spikes, math.ceil(share * len(spikes)), replace=False)
    silent = np.flatnonzero(~spiked & item.bins)
    n_silent = min(len(silent), SILENT_PER_SPIKE * len(spikes))
    chosen = np.concatenate([spikes, rng.choice(silent, n_silent, replace=False)])
    target = np.repeat(np.array([1, 0], np.int8), [len(spikes), n_silent])
    weight = np.where(target == 1, 1.0, SILENT_PER_SPIKE * len(spikes) / max(1, n_silent))
    return chosen, target, weight


class GradientBoostingModel(LaggedModel):
    """Gradient-boosted trees on the same lags (scikit-learn's histogram version)."""

    name = "gradient-boosting"

    def _make(self, n_rows: int, seed: int) -> Any:
        return HistGradientBoostingClassifier(
            max_iter=100, learning_rate=0.05, max_leaf_nodes=15, l2_regularization=1.0, random_state=seed
        )


class RateModel:
    """The unit's mean rate and nothing else: what a model must beat in bits per spike."""

    name = "rate"
    weights_sha256 = ""

    @property
    def weights(self) -> list[FloatArray]:
        """None."""
        return []

    def fit(self, training: Sequence[TrainingInput], columns: FeatureColumns, seed: np.random.SeedSequence) -> None:
        """Nothing to learn: the rate is the intercept that every model gets."""

    def predict(self, inputs: Sequence[LfpInput]) -> list[FloatArray]:
        """Zero everywhere."""
        return [np.zeros((lfp.n_bins, len(HEADS)), dtype=np.float32) for lfp in inputs]
