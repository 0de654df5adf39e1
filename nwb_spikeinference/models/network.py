"""
The recurrent networks as Keras models, and their reset to new random weights.

A chunk of signal with context on both sides goes in; log-odds for the inner bins come out, one trace per head.
Building a Keras model costs 30-60 MB that are never given back, so one is built per shape and its weights drawn again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nwb_spikeinference.config import ModelSettings
from nwb_spikeinference.inputs import HEADS

SKIP = "skip"  # name of the layer that holds the logistic regression
_HEADS = "heads"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The trunk with its heads, and the same wrapped for training on individual units."""

    trunk: Any  # (batch, chunk + 2 context, n_features) -> (batch, chunk, 3)
    trainer: Any  # [features, heads (batch, 3, n_units), intercepts (batch, 1, n_units)] -> (batch, chunk, n_units)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkShape:
    """
    What decides the shapes of a network's arrays beside its settings.

    Attributes
    ----------
    n_inputs : int
        Numbers per bin: features, or samples of raw LFP.
    n_units : int
        Units per LFP input that one training row can hold; unused places have weight 0.
    skip_before, skip_after : int
        Bins before and after the target that the linear skip sees.
    has_skip : bool
        Whether there is one.
    """

    n_inputs: int
    n_units: int
    skip_before: int = 0
    skip_after: int = 0
    has_skip: bool = False


def build_network(settings: ModelSettings, shape: NetworkShape) -> Network:
    """Build and compile the network that `settings.name` names."""
    window = settings.chunk_bins + 2 * settings.context_bins
    signal = keras.Input((window, shape.n_inputs), name="signal")
    hidden = _TRUNKS[settings.name](signal, settings)
    inner = layers.Cropping1D(settings.context_bins)(hidden)
    # Starts at 0, the mean rate or the skip: the first steps then go into the shape, not into the scale.
    logits = layers.Dense(len(HEADS), kernel_initializer="zeros", name=_HEADS)(inner)
    if shape.has_skip:
        cropping = (settings.context_bins - shape.skip_before, settings.context_bins - shape.skip_after)
        seen = layers.Cropping1D(cropping)(signal)
        width = shape.skip_before + shape.skip_after + 1
        logits = layers.Add()([logits, layers.Conv1D(len(HEADS), width, trainable=False, name=SKIP)(seen)])
    trunk = keras.Model(signal, logits)
    heads = keras.Input((len(HEADS), shape.n_units), name="unit_heads")
    intercepts = keras.Input((1, shape.n_units), name="unit_intercepts")
    per_unit = layers.Add()([layers.Dot(axes=(2, 1))([logits, heads]), intercepts])
    trainer = keras.Model([signal, heads, intercepts], per_unit)
    trainer.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate, clipnorm=1.0),
        loss=weighted_bernoulli,
        jit_compile=False,
    )
    return Network(trunk=trunk, trainer=trainer)


def _bidirectional(signal: Any, settings: ModelSettings) -> Any:
    """Stack bidirectional LSTMs with dropout."""
    for width in settings.units:
        signal = layers.Bidirectional(layers.LSTM(width, return_sequences=True))(signal)
        signal = layers.Dropout(settings.dropout, seed=0)(signal)
    return signal


def _one_way(signal: Any, settings: ModelSettings) -> Any:
    """Stack LSTMs that look back only."""
    for width in settings.units:
        signal = layers.LSTM(width, return_sequences=True)(signal)
        signal = layers.Dropout(settings.dropout, seed=0)(signal)
    return signal


def _convolved(signal: Any, settings: ModelSettings) -> Any:
    """Let convolutions over raw LFP make the features that the bidirectional LSTMs read, one row per bin."""
    window, samples = signal.shape[1:]
    trace = layers.Reshape((window * samples, 1))(signal)
    trace = layers.Conv1D(32, 10 * samples + 1, padding="same", activation="gelu")(trace)
    binned = layers.Conv1D(32, 5 * samples, strides=samples, padding="same", activation="gelu")(trace)
    return _bidirectional(binned, settings)


_TRUNKS: dict[str, Callable[[Any, ModelSettings], Any]] = {
    "bilstm": _bidirectional,
    "causal-lstm": _one_way,
    "conv-bilstm": _convolved,
}


def weighted_bernoulli(target: Any, logits: Any) -> Any:
    """
    Negative log-likelihood per weighted bin.

    Parameters
    ----------
    target : tensor of shape (batch, chunk, n_units, 2)
        Spike or not, and the weight of the bin for the unit.
    logits : tensor of shape (batch, chunk, n_units)
    """
    spiked, weight = target[..., 0], target[..., 1]
    loss = ops.softplus(logits) - spiked * logits
    return ops.sum(loss * weight) / ops.maximum(ops.sum(weight), 1.0)


def reset_network(network: Network, seed: np.random.SeedSequence) -> None:
    """Draw all weights anew, forget the optimizer's state, and seed the dropout, all from `seed`."""
    seeds = iter(seed.generate_state(4 * len(network.trainer.variables) + 16).tolist())
    for variable in network.trainer.trainable_variables:
        variable.assign(_initial(variable.path, tuple(variable.shape), next(seeds)))
    for variable in network.trainer.optimizer.variables:
        if "learning_rate" not in variable.path:
            variable.assign(np.zeros(variable.shape, dtype=variable.dtype))
    for layer in network.trunk.layers:
        if isinstance(layer, layers.Dropout):
            layer.seed_generator.state.assign(np.array([next(seeds), 0], dtype=np.uint32))


def scale_heads(network: Network, scale: np.ndarray) -> None:
    """
    Multiply the log-odds of each head.

    Parameters
    ----------
    scale : ndarray of shape (3,)
    """
    for name in (_HEADS, SKIP):
        layer = next((layer for layer in network.trunk.layers if layer.name == name), None)
        if layer is not None:
            layer.set_weights([np.asarray(value) * scale for value in layer.get_weights()])


def _initial(path: str, shape: tuple[int, ...], seed: int) -> Any:
    """Keras' defaults for each kind of layer, with an explicit seed."""
    if f"{_HEADS}/" in path:
        return np.zeros(shape, np.float32)
    if path.endswith("recurrent_kernel"):
        return keras.initializers.Orthogonal(seed=seed)(shape)
    if path.endswith("kernel"):
        return keras.initializers.GlorotUniform(seed=seed)(shape)
    bias = np.zeros(shape, np.float32)
    if "lstm" in path:
        width = shape[0] // 4
        bias[width : 2 * width] = 1.0  # the forget gate starts open
    return bias
