"""
Training and use of the recurrent networks: bidirectional, one-way, and with convolutions over raw LFP.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from nwb_spikeinference.config import ModelSettings
from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.inputs import HEADS, FeatureColumns, LfpInput, TrainingInput, log_odds_of_rate
from nwb_spikeinference.model_kinds import MODEL_KINDS
from nwb_spikeinference.models.inner import bits_per_spike, head_slopes, split_inner
from nwb_spikeinference.models.input_chunks import UNIT_PLACES, Chunks, chunk_edges, participant_weights, signal_of
from nwb_spikeinference.models.lagged import lag_offsets
from nwb_spikeinference.models.logistic import LogisticModel
from nwb_spikeinference.models.network import SKIP, Network, NetworkShape, build_network, reset_network, scale_heads
from nwb_spikeinference.recordings import FloatArray

_PREDICTION_BATCH = 1024
_PREDICTION_STEP = 256


@lru_cache(maxsize=16)
def shared_network(settings: ModelSettings, shape: NetworkShape) -> Network:
    """The one network of this shape in this process."""
    return build_network(settings, shape)


class RecurrentModel:
    """
    Stacked LSTMs, sequence to sequence over chunks whose context is discarded.

    How long to train, and how steep the log-odds of each head are, is learned on participants that are left out for it;
    then everybody trains. Where not even an epoch gains anything on them, what remains is the logistic regression that
    the network starts from.
    """

    def __init__(self, settings: ModelSettings, bin_s: float) -> None:
        self.name: str = settings.name
        self._settings = settings
        self._bin_s = bin_s
        kind = MODEL_KINDS[settings.name]
        self._raw = kind.reads_trace
        self._has_skip = settings.skip == "logistic" and not self._raw
        self._causal = kind.is_causal
        offsets = lag_offsets(bin_s, causal=self._causal)
        self._reach = (-int(offsets[0]), int(offsets[-1])) if self._has_skip else (0, 0)
        if max(self._reach) > settings.context_bins:
            raise SettingsError(
                f"model.context_bins must be at least {max(self._reach)}, the reach of the logistic skip, "
                f"got {settings.context_bins}; raise it or set model.skip: none"
            )
        self._chunks: Chunks | None = None
        self._weights: list[FloatArray] = []
        self.epochs_trained = 0

    @property
    def weights(self) -> list[FloatArray]:
        """Fitted weights of the trunk, in Keras' order."""
        return self._weights

    @property
    def weights_sha256(self) -> str:
        """Digest of the fitted weights."""
        digest = hashlib.sha256()
        for value in self._weights:
            digest.update(np.ascontiguousarray(value).tobytes())
        return digest.hexdigest()

    def weight_shapes(self, n_inputs: int) -> list[tuple[int, ...]]:
        """
        Shapes of `weights` of a model of so many features or samples per bin; no network is built for it.

        A settings file could otherwise ask for a network that no memory holds.
        """
        shapes: list[tuple[int, ...]] = []
        width, n_heads = n_inputs, len(HEADS)
        if self._raw:
            shapes += [(10 * n_inputs + 1, 1, 32), (32,), (5 * n_inputs, 32, 32), (32,)]
            width = 32
        directions = 1 if self._causal else 2
        for units in self._settings.units:
            shapes += directions * [(width, 4 * units), (units, 4 * units), (4 * units,)]
            width = directions * units
        shapes += [(width, n_heads), (n_heads,)]
        if self._has_skip:
            shapes += [(sum(self._reach) + 1, n_inputs, n_heads), (n_heads,)]
        return shapes

    def restore(self, weights: Sequence[FloatArray], columns: FeatureColumns, n_inputs: int) -> None:
        """Take over the `weights` of a model that was fitted to `columns` of `n_inputs`, see `weight_shapes`."""
        self._chunks = Chunks(self._settings, columns, n_inputs, raw=self._raw)
        self._weights = list(weights)

    def fit(self, training: Sequence[TrainingInput], columns: FeatureColumns, seed: np.random.SeedSequence) -> None:
        """
        Find out on inner participants how long to train, then train on everybody.

        The inputs of one bundle are medians over nearly the same wires, so an epoch passes over each chunk of a bundle
        once, through an input drawn at random.
        """
        self._chunks = Chunks(self._settings, columns, self._width_of(training), raw=self._raw)
        inner_seed, weights_seed, order_seed, skip_seed, watch_seed = seed.spawn(5)
        inner, watched = split_inner(training, self._settings.context_bins, np.random.default_rng(inner_seed))
        self._start(inner, columns, weights_seed, watch_seed)
        best, slopes = self._watch(inner, watched, order_seed)
        self._start(training, columns, weights_seed, skip_seed)
        for _ in self._train(training, best, order_seed):
            pass
        network = self._network()
        scale_heads(network, slopes)
        self.epochs_trained = best
        self._weights = [np.array(value) for value in network.trunk.get_weights()]

    def _watch(
        self,
        inner: Sequence[TrainingInput],
        watched: Sequence[TrainingInput],
        seed: np.random.SeedSequence,
    ) -> tuple[int, FloatArray]:
        """Epochs after which inner participants gain nothing any more, and the slope of each head then."""
        predicted = self._predict([item.lfp for item in watched])
        best, highest, found = 0, bits_per_spike(watched, predicted), predicted
        for epoch in self._train(inner, self._settings.epochs, seed):
            predicted = self._predict([item.lfp for item in watched])
            reached = bits_per_spike(watched, predicted)
            if reached > highest:
                best, highest, found = epoch, reached, predicted
            elif epoch - best >= self._settings.patience:
                break
        return best, head_slopes(watched, found)

    def _start(
        self,
        training: Sequence[TrainingInput],
        columns: FeatureColumns,
        weights_seed: np.random.SeedSequence,
        skip_seed: np.random.SeedSequence,
    ) -> None:
        """Draw new weights, and fit the logistic regression that they start from."""
        network = self._network()
        reset_network(network, weights_seed)
        if self._has_skip:
            baseline = LogisticModel(self._bin_s, causal=self._causal, band_dropout=self._settings.band_dropout)
            baseline.fit(training, columns, skip_seed)
            network.trunk.get_layer(SKIP).set_weights(baseline.weights)

    def _train(self, training: Sequence[TrainingInput], epochs: int, seed: np.random.SeedSequence) -> Iterator[int]:
        """Train, and say after each epoch how many there were."""
        assert self._chunks is not None
        network = self._network()
        rng = np.random.default_rng(seed)
        places = self._chunks.rows_by_place(training)
        weights = participant_weights(places)
        intercepts = {id(item): log_odds_of_rate(item.lfp.counts, item.bins) for item in training}
        steps = math.ceil(len(places) / self._settings.batch)
        for epoch in range(epochs):
            for number, order in enumerate(np.array_split(rng.permutation(len(places)), steps)):
                # Depends on the settings' number of epochs: training that stops earlier takes the same path to there.
                done = (epoch * steps + number) / (steps * self._settings.epochs)
                network.trainer.optimizer.learning_rate.assign(self._settings.learning_rate * _schedule(done))
                rows = [places[place][rng.integers(len(places[place]))] for place in order]
                network.trainer.train_on_batch(*self._chunks.batch(rows, weights, intercepts, rng))
            yield epoch + 1

    def predict(self, inputs: Sequence[LfpInput]) -> list[FloatArray]:
        """Log-odds per head above the unit's intercept; see `SpikeModel.predict`."""
        self._network().trunk.set_weights(self._weights)
        return self._predict(inputs)

    def _predict(self, inputs: Sequence[LfpInput]) -> list[FloatArray]:
        """Log-odds by the network's present weights."""
        assert self._chunks is not None
        trunk = self._network().trunk
        predicted = [np.zeros((lfp.n_bins, len(HEADS)), np.float32) for lfp in inputs]
        # The cost of a call is that of its time steps, nearly whatever the batch: so chunks of many inputs go together.
        chunks = [
            (number, start, stop)
            for number, lfp in enumerate(inputs)
            for start, stop in chunk_edges(lfp.segments, self._settings.chunk_bins)
        ]
        for first in range(0, len(chunks), _PREDICTION_BATCH):
            piece = chunks[first : first + _PREDICTION_BATCH]
            size = math.ceil(len(piece) / _PREDICTION_STEP) * _PREDICTION_STEP  # few shapes, each compiled once
            windows = np.zeros((size, *self._chunks.window_shape), np.float32)
            for k, (number, start, _) in enumerate(piece):
                windows[k] = self._chunks.window(inputs[number], start)
            logits = trunk.predict_on_batch(windows)
            for k, (number, start, stop) in enumerate(piece):
                predicted[number][start:stop] = logits[k, : stop - start]
        return predicted

    def _network(self) -> Network:
        assert self._chunks is not None
        shape = NetworkShape(
            n_inputs=self._chunks.window_shape[1],
            n_units=UNIT_PLACES,
            skip_before=self._reach[0],
            skip_after=self._reach[1],
            has_skip=self._has_skip,
        )
        return shared_network(self._settings, shape)

    def _width_of(self, training: Sequence[TrainingInput]) -> int:
        return int(signal_of(training[0].lfp, raw=self._raw).shape[1])


def _schedule(done: float) -> float:
    """Share of the learning rate: up over the first tenth, then down to 0 along a cosine."""
    return min(1.0, 10 * done + 0.1) * 0.5 * (1 + math.cos(math.pi * done))
