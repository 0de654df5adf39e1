"""
The stacked bidirectional LSTM as a Keras model, and its reset to new random weights.

A chunk of features with context on both sides goes in; log-odds for the inner bins come out, one trace per head.
Building a Keras model costs 30-60 MB that are never given back, so one is built per shape and its weights drawn again.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nwb_spikeinference.config import ModelSettings
from nwb_spikeinference.inputs import HEADS

SKIP = "skip"  # name of the layer that holds the logistic regression


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The trunk with its heads, and the same wrapped for training on individual units."""

    trunk: Any  # (batch, chunk + 2 context, n_features) -> (batch, chunk, 3)
    trainer: Any  # [features, heads (batch, 3, n_units), intercepts (batch, 1, n_units)] -> (batch, chunk, n_units)


def build_network(settings: ModelSettings, n_features: int, n_units: int, skip_reach: int) -> Network:
    """
    Build and compile.

    Parameters
    ----------
    skip_reach : int
        Bins on either side of the target that the linear skip sees; 0 builds none.
    n_units : int
        Units per LFP input that one training row can hold; unused places have weight 0.
    """
    window = settings.chunk_bins + 2 * settings.context_bins
    features = keras.Input((window, n_features), name="features")
    hidden = features
    for width in settings.units:
        hidden = layers.Bidirectional(layers.LSTM(width, return_sequences=True))(hidden)
        hidden = layers.Dropout(settings.dropout, seed=0)(hidden)
    inner = layers.Cropping1D(settings.context_bins)(hidden)
    # Starts at 0, the mean rate or the skip: the first steps then go into the shape, not into the scale.
    logits = layers.Dense(len(HEADS), kernel_initializer="zeros", name="heads")(inner)
    if skip_reach:
        seen = layers.Cropping1D(settings.context_bins - skip_reach)(features)
        skip = layers.Conv1D(len(HEADS), 2 * skip_reach + 1, trainable=False, name=SKIP)(seen)
        logits = layers.Add()([logits, skip])
    trunk = keras.Model(features, logits)
    heads = keras.Input((len(HEADS), n_units), name="unit_heads")
    intercepts = keras.Input((1, n_units), name="unit_intercepts")
    per_unit = layers.Add()([layers.Dot(axes=(2, 1))([logits, heads]), intercepts])
    trainer = keras.Model([features, heads, intercepts], per_unit)
    trainer.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate, clipnorm=1.0),
        loss=weighted_bernoulli,
        jit_compile=False,
    )
    return Network(trunk=trunk, trainer=trainer)


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


def _initial(path: str, shape: tuple[int, ...], seed: int) -> Any:
    """Keras' defaults for an LSTM and a dense layer, with an explicit seed."""
    if path.startswith("heads") or "/heads/" in path:
        return np.zeros(shape, np.float32)
    if path.endswith("recurrent_kernel"):
        return keras.initializers.Orthogonal(seed=seed)(shape)
    if path.endswith("kernel"):
        return keras.initializers.GlorotUniform(seed=seed)(shape)
    bias = np.zeros(shape, np.float32)
    width = shape[0] // 4
    bias[width : 2 * width] = 1.0  # the forget gate starts open
    return bias
