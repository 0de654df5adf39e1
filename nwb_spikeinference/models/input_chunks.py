"""
Chunks of LFP inputs as arrays for a network.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nwb_spikeinference.config import ModelSettings
from nwb_spikeinference.inputs import HEAD_OF_TYPE, HEADS, FeatureColumns, LfpInput, TrainingInput
from nwb_spikeinference.recordings import FloatArray

MAX_UNITS = 6  # per training row; an input with more units makes several rows
UNIT_PLACES = 2 * MAX_UNITS  # each unit teaches two heads
_ANY = HEADS.index("any")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One chunk of one input, with up to `MAX_UNITS` of its units."""

    item: TrainingInput
    start: int
    stop: int
    units: tuple[int, ...]


class Chunks:
    """
    Cuts inputs into windows: a chunk of bins and its context on either side.

    Parameters
    ----------
    raw : bool
        Whether windows hold raw LFP, and not features.
    """

    def __init__(self, settings: ModelSettings, columns: FeatureColumns, n_inputs: int, *, raw: bool) -> None:
        self._settings = settings
        self._columns = columns
        self._raw = raw
        self._shown = np.zeros(n_inputs, np.float32)  # withheld columns are 0: no network of another shape is needed
        self._shown[slice(None) if raw else list(columns.shown)] = 1.0

    @property
    def window_shape(self) -> tuple[int, int]:
        """Bins of a window, and numbers per bin."""
        return self._settings.chunk_bins + 2 * self._settings.context_bins, len(self._shown)

    def rows_by_place(self, training: Sequence[TrainingInput]) -> list[list[Row]]:
        """Rows that show the same chunk of the same bundle through different inputs or hold different units of it."""
        places: dict[tuple[str, str, str, int], list[Row]] = {}
        for item in training:
            lfp = item.lfp
            for start, stop in chunk_edges(lfp.segments, self._settings.chunk_bins):
                if not item.bins[start:stop].any():
                    continue
                place = (lfp.participant, lfp.session, lfp.bundle, start)
                for first in range(0, len(lfp.unit_rows), MAX_UNITS):
                    units = tuple(range(first, min(len(lfp.unit_rows), first + MAX_UNITS)))
                    places.setdefault(place, []).append(Row(item=item, start=start, stop=stop, units=units))
        return list(places.values())

    def window(self, lfp: LfpInput, start: int) -> FloatArray:
        """Signal of a chunk and its context; zeros beyond the segment's ends."""
        segment = next(piece for piece in lfp.segments if piece.start <= start < piece.stop)
        context = self._settings.context_bins
        low, high = start - context, start + self._settings.chunk_bins + context
        inside = slice(max(low, segment.start), min(high, segment.stop))
        window = np.zeros(self.window_shape, np.float32)
        window[inside.start - low : inside.stop - low] = signal_of(lfp, raw=self._raw)[inside] * self._shown
        return window

    def batch(
        self,
        rows: Sequence[Row],
        weights: Mapping[str, float],
        intercepts: Mapping[int, FloatArray],
        rng: np.random.Generator,
    ) -> tuple[list[FloatArray], FloatArray]:
        """
        Arrays of one training step, padded to the batch size so that Keras compiles one shape only.

        Parameters
        ----------
        weights : mapping
            Participant -> weight of its bins.
        intercepts : mapping
            Identity of a training input -> log-odds of each unit's rate.
        """
        size, chunk = self._settings.batch, self._settings.chunk_bins
        signal = np.zeros((size, *self.window_shape), np.float32)
        heads = np.zeros((size, len(HEADS), UNIT_PLACES), np.float32)
        offsets = np.zeros((size, 1, UNIT_PLACES), np.float32)
        target = np.zeros((size, chunk, UNIT_PLACES, 2), np.float32)
        for k, row in enumerate(rows):
            lfp = row.item.lfp
            signal[k] = self.window(lfp, row.start)
            for columns in self._columns.bands if self._settings.band_dropout else ():
                if rng.random() < self._settings.band_dropout:
                    signal[k][:, list(columns)] = 0.0
            length = row.stop - row.start
            allowed = row.item.bins[row.start : row.stop] * weights[lfp.participant]
            for place, unit in enumerate(row.units):
                # Each unit teaches the head of its type and, on a second place, the head of any unit.
                for slot, head in ((place, HEAD_OF_TYPE[lfp.cell_types[unit]]), (MAX_UNITS + place, _ANY)):
                    heads[k, head, slot] = 1.0
                    offsets[k, 0, slot] = intercepts[id(row.item)][unit]
                    target[k, :length, slot, 0] = lfp.counts[row.start : row.stop, unit] > 0
                    target[k, :length, slot, 1] = allowed
        return [signal, heads, offsets], target


def signal_of(lfp: LfpInput, *, raw: bool) -> FloatArray:
    """What a network reads of an input, one row per bin."""
    if not raw:
        return lfp.features
    if lfp.raw is None:
        raise ValueError(f"{lfp.participant} {lfp.session}: no raw LFP was prepared")
    return lfp.raw


def chunk_edges(segments: Sequence[slice], chunk_bins: int) -> Iterator[tuple[int, int]]:
    """Starts and stops of consecutive chunks that never cross a segment's end."""
    for segment in segments:
        for start in range(segment.start, segment.stop, chunk_bins):
            yield start, min(start + chunk_bins, segment.stop)


def participant_weights(places: Sequence[Sequence[Row]]) -> dict[str, float]:
    """Weights that let every participant count the same in an epoch, given that one row of each place is drawn."""
    drawn: dict[str, float] = {}
    for rows in places:
        participant = rows[0].item.lfp.participant
        drawn[participant] = drawn.get(participant, 0.0) + sum(len(row.units) for row in rows) / len(rows)
    mean = sum(drawn.values()) / len(drawn)
    return {participant: mean / n for participant, n in drawn.items()}
