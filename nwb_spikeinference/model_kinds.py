"""
Kinds of models: what each is called, and what else than their scores sets them apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

LOGISTIC, RATE = "logistic", "rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelKind:
    """
    One kind of model.

    Attributes
    ----------
    written : str
        Its name as reports write it.
    architecture : str
        What it is, in a few words; ``{layers}`` stands for the sizes of a network's layers.
    reads_trace : bool
        It reads the LFP itself instead of its features.
    is_kept : bool
        It has weights that a model folder can hold as plain arrays.
    """

    written: str
    architecture: str
    is_network: bool = False
    is_causal: bool = False
    reads_trace: bool = False
    is_kept: bool = False

    def describe(self, layers: Sequence[int]) -> str:
        """What it is, in a few words, as files carry it."""
        return self.architecture.format(layers=list(layers))


MODEL_KINDS: Mapping[str, ModelKind] = MappingProxyType(
    {
        "bilstm": ModelKind(
            written="BiLSTM", architecture="stacked bidirectional LSTM {layers}", is_network=True, is_kept=True
        ),
        "conv-bilstm": ModelKind(
            written="conv-BiLSTM",
            architecture="convolutions over the LFP, then stacked bidirectional LSTM {layers}",
            is_network=True,
            reads_trace=True,
            is_kept=True,
        ),
        "causal-lstm": ModelKind(
            written="causal LSTM",
            architecture="stacked LSTM {layers} that reads forward only",
            is_network=True,
            is_causal=True,
            is_kept=True,
        ),
        LOGISTIC: ModelKind(written="logistic", architecture="lagged logistic regression", is_kept=True),
        "gradient-boosting": ModelKind(
            written="gradient boosting", architecture="gradient boosting over lagged features"
        ),
        RATE: ModelKind(written="mean rate", architecture="mean rate of training"),
    }
)
