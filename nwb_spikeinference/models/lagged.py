"""
Baselines that see lags of the features: logistic regression and gradient boosting; and the mean rate.

Silent bins are thinned before fitting, and the intercept corrected for it, so that probabilities stay calibrated.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from nwb_spikeinference.inputs import HEADS, LfpInput, TrainingInput
from nwb_spikeinference.recordings import FloatArray

LAG_S = 0.05  # on either side of the bin
SILENT_PER_SPIKE = 5  # keeps 5/6 of the information of all silent bins
_PENALTY = 0.01  # L2 strength per training row; calibration slopes were 0.78 (weak couplings) to 1.07 (strong ones)


def lag_offsets(bin_s: float) -> np.ndarray:
    """Bins before and after the target that are looked at: every second one within 50 ms, and the target itself."""
    reach = max(1, round(LAG_S / bin_s))
    return np.arange(-reach, reach + 1, 2 if reach >= 4 else 1)


def lagged_rows(source: LfpInput, rows: np.ndarray, columns: Sequence[int], offsets: np.ndarray) -> FloatArray:
    """
    Features at several lags for chosen bins; beyond a segment's ends they are 0, the median.

    Returns
    -------
    ndarray of shape (n_rows, n_offsets * n_columns), float32
    """
    selected = source.features[:, list(columns)]
    out = np.zeros((len(rows), len(offsets), selected.shape[1]), dtype=np.float32)
    for segment in source.segments:
        inside = (rows >= segment.start) & (rows < segment.stop)
        positions = rows[inside, None] + offsets[None, :]
        reachable = (positions >= segment.start) & (positions < segment.stop)
        out[inside] = np.where(reachable[..., None], selected[np.clip(positions, segment.start, segment.stop - 1)], 0.0)
    return out.reshape(len(rows), -1)


class _LaggedModel:
    """One classifier per head on lagged features; subclasses say which."""

    name = ""
    weights_sha256 = ""

    def __init__(self, bin_s: float) -> None:
        self._offsets = lag_offsets(bin_s)
        self._columns: tuple[int, ...] = ()
        self._heads: list[list[Any]] = []  # per head the classifiers whose log-odds are averaged

    def _make(self, n_rows: int, seed: int) -> Any:
        raise NotImplementedError

    def _log_odds(self, fitted: Any, rows: FloatArray) -> FloatArray:
        return np.asarray(fitted.decision_function(rows), dtype=np.float32)

    def fit(self, training: Sequence[TrainingInput], columns: Sequence[int], seed: np.random.SeedSequence) -> None:
        """
        Fit one classifier per head.

        That of any unit is fitted only where somebody needs it: some unit is unclassified, or one type is absent; then
        the absent type's head falls back to it. Otherwise it is the mean of the two types' log-odds.
        """
        self._columns = tuple(columns)
        seeds = dict(zip(HEADS, seed.spawn(len(HEADS)), strict=True))
        present = {cell_type for item in training for cell_type in item.source.cell_types}
        typed = [self._fit_head(training, head, seeds[head]) for head in HEADS[:-1]]
        if "unclassified" in present or None in typed:
            fallback = self._fit_head(training, "any", seeds["any"])
            self._heads = [[one if one is not None else fallback] for one in typed] + [[fallback]]
        else:
            self._heads = [[typed[0]], [typed[1]], typed]

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
        for item in training:
            for unit, cell_type in enumerate(item.source.cell_types):
                if head not in ("any", cell_type):
                    continue
                chosen, target, weight = _case_control(item, unit, rng)
                if len(chosen):
                    rows.append(lagged_rows(item.source, chosen, self._columns, self._offsets))
                    targets.append(target)
                    weights.append(weight)
                    owners += [item.source.participant] * len(chosen)
        if not rows:
            return np.empty((0, 0), np.float32), np.empty(0, np.int8), np.empty(0)
        _, index, rows_of = np.unique(owners, return_inverse=True, return_counts=True)
        weight = np.concatenate(weights) / rows_of[index]
        return np.concatenate(rows), np.concatenate(targets), weight / weight.mean()

    def predict(self, sources: Sequence[LfpInput]) -> list[FloatArray]:
        """Log-odds above the unit's own intercept: the classifier's, less that of its own training mix."""
        return [self._predict_one(source) for source in sources]

    def _predict_one(self, source: LfpInput) -> FloatArray:
        rows = lagged_rows(source, np.arange(source.n_bins), self._columns, self._offsets)
        known = {id(one): one for members in self._heads for one in members if one is not None}
        log_odds = {key: self._log_odds(one, rows) for key, one in known.items()}
        silent = np.zeros(len(rows), np.float32)
        # Every unit enters with SILENT_PER_SPIKE silent bins per spike, so the training mix has these odds for all.
        heads = [np.mean([log_odds.get(id(one), silent) for one in members], axis=0) for members in self._heads]
        return np.stack(heads, axis=1) + np.float32(np.log(SILENT_PER_SPIKE))


def _case_control(
    item: TrainingInput, unit: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, FloatArray]:
    """Bins with a spike, at most five silent ones for each, which is which, and weights that make it exactly five."""
    spiked = item.source.counts[:, unit] > 0
    spikes = np.flatnonzero(spiked & item.bins)
    silent = np.flatnonzero(~spiked & item.bins)
    n_silent = min(len(silent), SILENT_PER_SPIKE * len(spikes))
    chosen = np.concatenate([spikes, rng.choice(silent, n_silent, replace=False)])
    target = np.repeat(np.array([1, 0], np.int8), [len(spikes), n_silent])
    weight = np.where(target == 1, 1.0, SILENT_PER_SPIKE * len(spikes) / max(1, n_silent))
    return chosen, target, weight


class LogisticModel(_LaggedModel):
    """Lagged logistic regression with a ridge penalty."""

    name = "logistic"

    def _make(self, n_rows: int, seed: int) -> Any:
        return LogisticRegression(C=1.0 / (_PENALTY * n_rows), max_iter=200, tol=1e-2)

    def as_convolution(self, n_features: int) -> list[FloatArray]:
        """
        The fitted regression as the weights of a convolution over all lags.

        Returns
        -------
        list of ndarray
            Kernel of shape (2 * reach + 1, n_features, 3) and bias of shape (3,); its output is that of `predict` where
            no lag reaches over a segment's end.
        """
        reach = int(self._offsets[-1])
        kernel = np.zeros((2 * reach + 1, n_features, len(HEADS)), np.float32)
        bias = np.full(len(HEADS), np.log(SILENT_PER_SPIKE), np.float32)
        for head, members in enumerate(self._heads):
            for one in members:
                if one is not None:
                    weights = one.coef_.reshape(len(self._offsets), len(self._columns)) / len(members)
                    kernel[np.ix_(self._offsets + reach, np.array(self._columns), np.array([head]))] += weights[
                        ..., None
                    ]
                    bias[head] += one.intercept_[0] / len(members)
        return [kernel, bias]


class GradientBoostingModel(_LaggedModel):
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

    def fit(self, training: Sequence[TrainingInput], columns: Sequence[int], seed: np.random.SeedSequence) -> None:
        """Nothing to learn: the rate is the intercept that every model gets."""

    def predict(self, sources: Sequence[LfpInput]) -> list[FloatArray]:
        """Zero everywhere."""
        return [np.zeros((source.n_bins, len(HEADS)), dtype=np.float32) for source in sources]
