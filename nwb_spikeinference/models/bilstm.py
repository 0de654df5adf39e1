"""
Train and apply the bidirectional LSTM.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from nwb_spikeinference.config import ModelSettings
from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.inputs import HEAD_OF_TYPE, HEADS, LfpInput, TrainingInput, log_odds_of_rate
from nwb_spikeinference.models.lagged import LogisticModel, lag_offsets
from nwb_spikeinference.models.network import SKIP, Network, build_network, reset_network
from nwb_spikeinference.recordings import FloatArray

_MAX_UNITS = 6  # per training row; an input with more units makes several rows
_ANY = HEADS.index("any")
_PREDICTION_BATCH = 1024
_PREDICTION_STEP = 256


@lru_cache(maxsize=16)
def shared_network(settings: ModelSettings, n_features: int, skip_reach: int) -> Network:
    """The one network of this shape in this process."""
    return build_network(settings, n_features, 2 * _MAX_UNITS, skip_reach)


class _Row:
    """One chunk of one input, with up to `_MAX_UNITS` of its units."""

    __slots__ = ("item", "start", "stop", "units")

    def __init__(self, item: TrainingInput, start: int, stop: int, units: tuple[int, ...]) -> None:
        self.item, self.start, self.stop, self.units = item, start, stop, units


class BiLstmModel:
    """Stacked bidirectional LSTM, sequence to sequence over chunks whose context is discarded."""

    name = "bilstm"

    def __init__(self, settings: ModelSettings, bin_s: float) -> None:
        self._settings = settings
        self._bin_s = bin_s
        self._skip_reach = int(lag_offsets(bin_s)[-1]) if settings.skip == "logistic" else 0
        if self._skip_reach > settings.context_bins:
            raise SettingsError(
                f"model.context_bins must be at least {self._skip_reach}, the reach of the logistic skip, "
                f"got {settings.context_bins}; raise it or set model.skip: none"
            )
        self._shown: FloatArray = np.empty(0, np.float32)  # 1 per feature column that the model may see, else 0
        self._weights: list[FloatArray] = []

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

    def fit(self, training: Sequence[TrainingInput], columns: Sequence[int], seed: np.random.SeedSequence) -> None:
        """
        Train for a fixed number of epochs, participants balanced.

        The inputs of one bundle are medians over nearly the same wires, so an epoch passes over each chunk of a bundle
        once, through an input drawn at random. Withheld columns are set to 0, which is the same as leaving them out and
        spares another network.
        """
        network = shared_network(self._settings, training[0].source.features.shape[1], self._skip_reach)
        self._shown = np.zeros(training[0].source.features.shape[1], np.float32)
        self._shown[list(columns)] = 1.0
        weights_seed, shuffle_seed, skip_seed = seed.spawn(3)
        reset_network(network, weights_seed)
        if self._skip_reach:
            baseline = LogisticModel(self._bin_s)
            baseline.fit(training, columns, skip_seed)
            network.trunk.get_layer(SKIP).set_weights(baseline.as_convolution(len(self._shown)))
        rng = np.random.default_rng(shuffle_seed)
        places = self._rows_by_place(training)
        weight = _participant_weights(places)
        intercepts = {id(item): log_odds_of_rate(item.source.counts, item.bins) for item in training}
        steps = math.ceil(len(places) / self._settings.batch)
        total = steps * self._settings.epochs
        for step in range(total):
            if step % steps == 0:
                order = np.array_split(rng.permutation(len(places)), steps)
            network.trainer.optimizer.learning_rate.assign(self._settings.learning_rate * _schedule(step, total))
            choices = (places[place] for place in order[step % steps])
            rows = [rows_here[rng.integers(len(rows_here))] for rows_here in choices]
            network.trainer.train_on_batch(*self._batch(rows, weight, intercepts))
        self._weights = [np.array(value) for value in network.trunk.get_weights()]

    def _rows_by_place(self, training: Sequence[TrainingInput]) -> list[list[_Row]]:
        """Rows that show the same chunk of the same bundle through different inputs or hold different units of it."""
        places: dict[tuple[str, str, str, int], list[_Row]] = {}
        for item in training:
            source = item.source
            for start, stop in chunk_edges(source.segments, self._settings.chunk_bins):
                if not item.bins[start:stop].any():
                    continue
                place = (source.participant, source.session, source.bundle, start)
                for first in range(0, len(source.unit_ids), _MAX_UNITS):
                    units = tuple(range(first, min(len(source.unit_ids), first + _MAX_UNITS)))
                    places.setdefault(place, []).append(_Row(item, start, stop, units))
        return list(places.values())

    def _batch(
        self, rows: Sequence[_Row], weight: dict[str, float], intercepts: dict[int, FloatArray]
    ) -> tuple[list[FloatArray], FloatArray]:
        """Arrays of one training step, padded to the batch size so that Keras compiles one shape only."""
        size, chunk = self._settings.batch, self._settings.chunk_bins
        features = np.zeros((size, *self._window_shape), np.float32)
        heads = np.zeros((size, len(HEADS), 2 * _MAX_UNITS), np.float32)
        offsets = np.zeros((size, 1, 2 * _MAX_UNITS), np.float32)
        target = np.zeros((size, chunk, 2 * _MAX_UNITS, 2), np.float32)
        for k, row in enumerate(rows):
            source = row.item.source
            features[k] = self._window(source, row.start)
            length = row.stop - row.start
            allowed = row.item.bins[row.start : row.stop] * weight[source.participant]
            for place, unit in enumerate(row.units):
                # Each unit teaches the head of its type and, on a second place, the head of any unit.
                for slot, head in ((place, HEAD_OF_TYPE[source.cell_types[unit]]), (_MAX_UNITS + place, _ANY)):
                    heads[k, head, slot] = 1.0
                    offsets[k, 0, slot] = intercepts[id(row.item)][unit]
                    target[k, :length, slot, 0] = source.counts[row.start : row.stop, unit] > 0
                    target[k, :length, slot, 1] = allowed
        return [features, heads, offsets], target

    def _window(self, source: LfpInput, start: int) -> FloatArray:
        """Features of a chunk and its context; zeros beyond the segment's ends."""
        segment = next(piece for piece in source.segments if piece.start <= start < piece.stop)
        context = self._settings.context_bins
        low, high = start - context, start + self._settings.chunk_bins + context
        inside = slice(max(low, segment.start), min(high, segment.stop))
        window = np.zeros(self._window_shape, np.float32)
        window[inside.start - low : inside.stop - low] = source.features[inside] * self._shown
        return window

    @property
    def _window_shape(self) -> tuple[int, int]:
        return self._settings.chunk_bins + 2 * self._settings.context_bins, len(self._shown)

    def predict(self, sources: Sequence[LfpInput]) -> list[FloatArray]:
        """Log-odds per head above the unit's intercept; see `SpikeModel.predict`."""
        network = shared_network(self._settings, len(self._shown), self._skip_reach)
        network.trunk.set_weights(self._weights)
        predicted = [np.zeros((source.n_bins, len(HEADS)), np.float32) for source in sources]
        # The cost of a call is that of its time steps, nearly whatever the batch: so chunks of many inputs go together.
        chunks = [
            (number, start, stop)
            for number, source in enumerate(sources)
            for start, stop in chunk_edges(source.segments, self._settings.chunk_bins)
        ]
        for first in range(0, len(chunks), _PREDICTION_BATCH):
            piece = chunks[first : first + _PREDICTION_BATCH]
            size = math.ceil(len(piece) / _PREDICTION_STEP) * _PREDICTION_STEP  # few shapes, each compiled once
            windows = np.zeros((size, *self._window_shape), np.float32)
            for k, (number, start, _) in enumerate(piece):
                windows[k] = self._window(sources[number], start)
            logits = network.trunk.predict_on_batch(windows)
            for k, (number, start, stop) in enumerate(piece):
                predicted[number][start:stop] = logits[k, : stop - start]
        return predicted


def chunk_edges(segments: Sequence[slice], chunk_bins: int) -> Iterator[tuple[int, int]]:
    """Starts and stops of consecutive chunks that never cross a segment's end."""
    for segment in segments:
        for start in range(segment.start, segment.stop, chunk_bins):
            yield start, min(start + chunk_bins, segment.stop)


def _schedule(step: int, total: int) -> float:
    """Share of the learning rate: up over the first tenth, then down to 0 along a cosine."""
    return min(1.0, 10 * (step + 1) / total) * 0.5 * (1 + math.cos(math.pi * step / total))


def _participant_weights(places: Sequence[Sequence[_Row]]) -> dict[str, float]:
    """Weights that let every participant count the same in an epoch, given that one row of each place is drawn."""
    drawn: dict[str, float] = {}
    for rows in places:
        participant = rows[0].item.source.participant
        drawn[participant] = drawn.get(participant, 0.0) + sum(len(row.units) for row in rows) / len(rows)
    mean = sum(drawn.values()) / len(drawn)
    return {participant: mean / n for participant, n in drawn.items()}
