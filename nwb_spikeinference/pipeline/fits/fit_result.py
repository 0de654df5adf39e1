"""
The result of one training, and how it is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from nwb_spikeinference.evaluation.metrics import UnitScores
from nwb_spikeinference.inputs import BoolArray
from nwb_spikeinference.pipeline.tasks.plain_data import WITH_ARRAYS, from_plain, to_plain
from nwb_spikeinference.pipeline.tasks.store import Arrays, Stored
from nwb_spikeinference.recordings import CellType, FloatArray, UnitKey

HeadAucs = Mapping[str, float | None]  # head -> ROC-AUC


@dataclass(frozen=True, slots=True, kw_only=True)
class FullScore:
    """
    What a fit that is scored in full says of one unit.

    Attributes
    ----------
    prediction : int
        Number of the unit's input among the fit's predictions.
    intercept : float
        Log-odds of the unit's own rate, per bin.
    tested : tuple of int
        First tested bin, and the one after the last.
    clock : float, optional
        ROC-AUC of time alone.
    with_discharges : float, optional
        ROC-AUC that counts the bins around interictal discharges.
    swapped : float, optional
        Mean ROC-AUC of predictions from other participants' LFP.
    """

    prediction: int
    intercept: float
    tested: tuple[int, int]
    scores: UnitScores
    clock: float | None
    with_discharges: float | None
    swapped: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFit:
    """What a fit says of one unit that it was tested on."""

    key: UnitKey
    cell_type: CellType
    heads: HeadAucs  # of each head, whatever the unit's type
    ablated: Mapping[str, HeadAucs] = field(default_factory=dict)  # band that was missing from the input -> scores
    full: FullScore | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What was predicted from one test input."""

    __pydantic_config__: ClassVar = WITH_ARRAYS
    log_odds: FloatArray  # (n_bins, 3), above the unit's own rate, per head
    valid: BoolArray  # (n_bins,)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """
    One training and what it is worth on data it has not seen.

    Attributes
    ----------
    train : tuple of str
        Participants that trained; of a fit that is scored in full.
    predictions : tuple of Prediction
        Per test input; of a fit that is scored in full.
    null : ndarray of shape (n_units, n_shifts)
        ROC-AUC after circular shifts, padded with NaN; of a fit that is scored in full.
    """

    __pydantic_config__: ClassVar = WITH_ARRAYS
    fold: int
    units: tuple[UnitFit, ...] = ()
    weights_sha256: str = ""
    train: tuple[str, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    null: FloatArray = field(default_factory=lambda: np.empty((0, 0)))

    def save(self) -> Stored:
        """What is stored of it."""
        arrays: Arrays = {"null": self.null}
        for k, one in enumerate(self.predictions):
            arrays |= {f"log_odds_{k}": one.log_odds, f"valid_{k}": one.valid}
        values = to_plain(self, without=("predictions", "null")) | {"n_predictions": len(self.predictions)}
        return Stored(arrays=arrays, values=values)

    @classmethod
    def load(cls, stored: Stored) -> Self:
        """The result that was saved."""
        plain, arrays = dict(stored.values), stored.arrays
        predictions = [
            {"log_odds": arrays[f"log_odds_{k}"], "valid": arrays[f"valid_{k}"]}
            for k in range(plain.pop("n_predictions"))
        ]
        return from_plain(cls, plain | {"predictions": predictions, "null": arrays["null"]})
