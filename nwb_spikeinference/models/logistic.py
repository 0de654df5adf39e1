"""
Lagged logistic regression: the baseline that a network must beat, and the start of every network of features.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from nwb_spikeinference.inputs import HEADS, FeatureColumns, LfpInput, TrainingInput
from nwb_spikeinference.models.lagged import SILENT_PER_SPIKE, LaggedModel
from nwb_spikeinference.recordings import FloatArray

# L2 strength per training row, and the gradient at which fitting ends; see docs/defaults.md.
_PENALTY = 0.03
_TOLERANCE = 1e-3


class LogisticModel(LaggedModel):
    """
    Logistic regression with a ridge penalty, applied as a convolution over lags.

    Attributes
    ----------
    kernel : ndarray of shape (last - first lag + 1, n_features, 3)
        Weights per lag, feature and head; 0 for features that the model may not see.
    bias : ndarray of shape (3,)
    """

    name = "logistic"

    def __init__(self, bin_s: float, *, causal: bool = False, band_dropout: float = 0.0) -> None:
        super().__init__(bin_s, causal=causal, band_dropout=band_dropout)
        self.kernel: FloatArray = np.empty((0, 0, len(HEADS)), np.float32)
        self.bias: FloatArray = np.zeros(len(HEADS), np.float32)

    @property
    def weights(self) -> list[FloatArray]:
        """Kernel and bias: all that was learned."""
        return [self.kernel, self.bias]

    def weight_shapes(self, n_inputs: int) -> list[tuple[int, ...]]:
        """Shapes of `weights` of a model of so many features."""
        return [(int(self.offsets[-1] - self.offsets[0]) + 1, n_inputs, len(HEADS)), (len(HEADS),)]

    def restore(self, weights: Sequence[FloatArray], columns: FeatureColumns, n_inputs: int) -> None:
        """Take over the `weights` of a fitted model; columns that it does not see have weight 0."""
        self.kernel, self.bias = weights

    @property
    def weights_sha256(self) -> str:
        """Digest of kernel and bias."""
        return hashlib.sha256(self.kernel.tobytes() + self.bias.tobytes()).hexdigest()

    def fit(self, training: Sequence[TrainingInput], columns: FeatureColumns, seed: np.random.SeedSequence) -> None:
        """Fit one regression per head; see `LaggedModel.fit`."""
        super().fit(training, columns, seed)
        places = self.offsets - self.offsets[0]
        self.kernel = np.zeros((int(places[-1]) + 1, training[0].lfp.features.shape[1], len(HEADS)), np.float32)
        # Every unit enters with SILENT_PER_SPIKE silent bins per spike, so the training mix has these odds for all.
        self.bias = np.full(len(HEADS), np.log(SILENT_PER_SPIKE), np.float32)
        for head, members in enumerate(self.heads):
            for one in members:
                if one is not None:
                    weights = one.coef_.reshape(len(self.offsets), len(self.columns)) / len(members)
                    self.kernel[np.ix_(places, np.array(self.columns), np.array([head]))] += weights[..., None]
                    self.bias[head] += one.intercept_[0] / len(members)

    def _make(self, n_rows: int, seed: int) -> Any:
        return LogisticRegression(C=1.0 / (_PENALTY * n_rows), max_iter=200, tol=_TOLERANCE)

    def _predict_one(self, lfp: LfpInput) -> FloatArray:
        """One small matrix product per lag, which spares the rows of all lags."""
        log_odds = np.tile(self.bias, (lfp.n_bins, 1))
        lags = [(int(lag), self.kernel[lag - self.offsets[0]]) for lag in self.offsets]
        for segment in lfp.segments:
            features, out = lfp.features[segment], log_odds[segment]
            for lag, weights in lags:
                n = len(features) - abs(lag)
                if n > 0:  # beyond the segment's ends features are 0, the median
                    out[max(0, -lag) : max(0, -lag) + n] += features[max(0, lag) : max(0, lag) + n] @ weights
        return log_odds
