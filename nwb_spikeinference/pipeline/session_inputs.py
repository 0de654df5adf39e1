"""
The LFP inputs of one session: which trace a unit is predicted from, and its features on the session's bins.

Bins lie on one grid per session, so that predictions can be written back as one regular series; bins in gaps are
invalid and nothing is filtered or windowed across them.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nwb_spikeinference.bands import Band, split_by_nyquist
from nwb_spikeinference.config import Predictor
from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.inputs import BoolArray
from nwb_spikeinference.pipeline.bundle_signal import BundleSignal, LfpSegment
from nwb_spikeinference.pipeline.store import Arrays
from nwb_spikeinference.recordings import FloatArray, Unit
from nwb_spikeinference.signal.features import band_features, feature_names, robust_standardise
from nwb_spikeinference.signal.predictors import neighbour_median

EDGE_S = 0.5  # at each end of a continuous stretch, where filters have not settled
FAULT_MARGIN_S = 1.0  # on either side of a stretch in which a wire failed
MIN_SEGMENT_S = 3.0
Traces = Callable[[], list[FloatArray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Bins of a session."""

    start_s: float
    bin_s: float
    n_bins: int

    def bins_inside(self, start_s: float, stop_s: float) -> slice:
        """Bins that lie wholly inside a stretch of time."""
        first = math.ceil((start_s - self.start_s) / self.bin_s - 1e-6)
        stop = math.floor((stop_s - self.start_s) / self.bin_s + 1e-6)
        first = min(max(0, first), self.n_bins)
        return slice(first, min(self.n_bins, max(first, stop)))


def make_grid(signals: Sequence[BundleSignal], bin_s: float) -> Grid:
    """Bins from the first to the last sample of any bundle."""
    segments = [segment for signal in signals for segment in signal.segments]
    start = min(segment.start_s for segment in segments)
    stop = max(segment.stop_s for segment in segments)
    return Grid(start_s=start, bin_s=bin_s, n_bins=math.floor((stop - start) / bin_s + 1e-6))


class SessionInputs:
    """Makes LFP inputs of a session, one per wire and set of excluded neighbours."""

    def __init__(
        self,
        grid: Grid,
        bands: Sequence[Band],
        signals: Mapping[str, BundleSignal],
        macros: Mapping[str, BundleSignal],
    ) -> None:
        self.grid = grid
        self._signals, self._macros = signals, macros
        every = (*signals.values(), *macros.values())
        rate_hz = min(segment.rate_hz for signal in every for segment in signal.segments)
        self.bands, dropped = split_by_nyquist(bands, rate_hz)
        self.notes = [
            f"band {band.name} left out: it ends at {band.high_hz:g} Hz, the LFP holds nothing above {rate_hz / 2:g} Hz"
            for band in dropped
        ]
        for name, signal in signals.items():
            self.notes += [f"{name}: {note}" for note in signal.notes]
            self.notes += [f"{name} wire {signal.wires[k].label}: left out, {why}" for k, why in signal.faults.items()]

    def covered(self, bundle: str | None) -> BoolArray:
        """Bins in which a bundle was recorded, in stretches of at least 3 s; none for an unknown bundle."""
        signal = self._signals.get(bundle or "") or self._macros.get(bundle or "")
        covered = np.zeros(self.grid.n_bins, dtype=bool)
        for segment in signal.segments if signal is not None else ():
            piece = self.grid.bins_inside(segment.start_s, segment.stop_s)
            if (piece.stop - piece.start) * self.grid.bin_s >= MIN_SEGMENT_S:
                covered[piece] = True
        return covered

    def make(
        self, units: Sequence[Unit], excluded: Sequence[str | None], bundles: Sequence[str | None], predictor: Predictor
    ) -> tuple[Arrays, dict[int, str]]:
        """
        Inputs of every unit that is not excluded.

        Returns
        -------
        arrays : dict
            ``<predictor>_features`` (n_inputs, n_bins, n_features), ``<predictor>_trace_uv``, ``<predictor>_valid`` and
            ``<predictor>_covered`` (n_inputs, n_bins), ``<predictor>_of_unit`` (n_units,): the unit's input or -1.
        reasons : dict
            Unit id -> why it has no input.
        """
        rows: dict[tuple[object, ...], int] = {}
        inputs: list[tuple[FloatArray, FloatArray, BoolArray, BoolArray]] = []
        of_unit = np.full(len(units), -1, np.int64)
        reasons: dict[int, str] = {}
        for k, (unit, why, bundle) in enumerate(zip(units, excluded, bundles, strict=True)):
            if why is not None:
                continue
            try:
                key, signal, traces = self._traces(unit, str(bundle), predictor)
            except NoSignalError as error:
                reasons[unit.unit_id] = str(error)
                continue
            if key not in rows:
                rows[key] = len(inputs)
                inputs.append(self._input(str(bundle), signal, traces()))
            of_unit[k] = rows[key]
        return self._stack(inputs, predictor) | {f"{predictor}_of_unit": of_unit}, reasons

    def _stack(
        self, inputs: Sequence[tuple[FloatArray, FloatArray, BoolArray, BoolArray]], predictor: Predictor
    ) -> Arrays:
        n_bins = self.grid.n_bins
        empty = (
            np.zeros((0, n_bins, len(feature_names(self.bands))), np.float32),
            np.zeros((0, n_bins), np.float32),
            np.zeros((0, n_bins), bool),
            np.zeros((0, n_bins), bool),
        )
        stacked = tuple(np.stack(parts) for parts in zip(*inputs, strict=True)) if inputs else empty
        names = ("features", "trace_uv", "valid", "covered")
        return {f"{predictor}_{name}": part for name, part in zip(names, stacked, strict=True)}

    def _traces(self, unit: Unit, bundle: str, predictor: Predictor) -> tuple[tuple[object, ...], BundleSignal, Traces]:
        """What identifies an input, the signal it comes from, and a function that gives its LFP per segment."""
        if predictor == "macro":
            contacts = self._macros.get(bundle)
            if contacts is None:
                raise NoSignalError(f"bundle {bundle} has no macro contact with a signal; use predictor: neighbour")
            return (bundle,), contacts, lambda: [np.median(segment.despiked, axis=1) for segment in contacts.segments]
        signal = self._signals.get(bundle)
        own = [] if signal is None else [k for k, wire in enumerate(signal.wires) if wire.row in unit.electrode_rows]
        if signal is None or not own:
            raise NoSignalError(f"no signal is stored for its wire in bundle {bundle}")
        if predictor != "neighbour":
            return self._own_traces(signal, bundle, own, predictor)
        excluded = signal.shown_on.get(unit.unit_id, np.zeros(len(signal.wires), bool)).copy()
        excluded[own] = True
        excluded[list(signal.faults)] = True
        if excluded.all():
            neighbour_median(np.empty((0, len(excluded))), own[0], excluded)  # raises, and says what to use instead
        key = (bundle, *np.flatnonzero(excluded).tolist())
        return key, signal, lambda: [neighbour_median(one.despiked, own[0], excluded) for one in signal.segments]

    @staticmethod
    def _own_traces(
        signal: BundleSignal, bundle: str, own: Sequence[int], predictor: Predictor
    ) -> tuple[tuple[object, ...], BundleSignal, Traces]:
        wire = own[0]
        if len(own) > 1:
            raise NoSignalError(f"the file links it to {len(own)} wires of bundle {bundle} and not to its own")
        if wire in signal.faults:
            raise NoSignalError(f"its wire cannot be used: {signal.faults[wire]}")
        kind = "recorded" if predictor == "own" else "despiked"
        return (bundle, wire), signal, lambda: [getattr(segment, kind)[:, wire] for segment in signal.segments]

    def _input(
        self, bundle: str, signal: BundleSignal, traces: Sequence[FloatArray]
    ) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
        """Standardised features, the LFP at the bins' centres, valid bins, recorded bins."""
        covered = self.covered(bundle)
        valid = self._valid_bins(signal)
        features = np.zeros((self.grid.n_bins, len(feature_names(self.bands))), np.float32)
        shown = np.full(self.grid.n_bins, np.nan, np.float32)
        for piece, segment, trace, centres in self._placed(signal, traces):
            features[piece] = band_features(trace, segment.rate_hz, self.bands, centres)
            shown[piece] = trace[centres] * 1e6
        return robust_standardise(features, valid), shown, valid, covered

    def _valid_bins(self, signal: BundleSignal) -> BoolArray:
        valid = np.zeros(self.grid.n_bins, dtype=bool)
        for segment in signal.segments:
            if segment.stop_s - segment.start_s >= MIN_SEGMENT_S:
                valid[self.grid.bins_inside(segment.start_s + EDGE_S, segment.stop_s - EDGE_S)] = True
        for start_s, stop_s in signal.bad_s:
            valid[self.grid.bins_inside(start_s - FAULT_MARGIN_S, stop_s + FAULT_MARGIN_S)] = False
        return valid

    def _placed(
        self, signal: BundleSignal, traces: Sequence[FloatArray]
    ) -> Iterator[tuple[slice, LfpSegment, FloatArray, np.ndarray]]:
        """Per segment that is long enough: its bins, itself, its trace, and the sample at the centre of each bin."""
        for segment, trace in zip(signal.segments, traces, strict=True):
            piece = self.grid.bins_inside(segment.start_s, segment.stop_s)
            if (piece.stop - piece.start) * self.grid.bin_s >= MIN_SEGMENT_S:
                centres_s = self.grid.start_s + (np.arange(piece.start, piece.stop) + 0.5) * self.grid.bin_s
                # A centre between two samples always takes the earlier one: rounding to even would make them jitter.
                centres = np.floor((centres_s - segment.start_s) * segment.rate_hz + 1e-6).astype(np.int64)
                yield piece, segment, trace, np.minimum(centres, len(trace) - 1)
