"""
The LFP inputs of one session: which trace a unit is predicted from, and its features on the session's bins.

Bins lie on one grid per session, so that predictions can be written back as one regular series; bins in gaps are
invalid and nothing is filtered or windowed across them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from nwb_spikeinference.bands import Band, split_by_nyquist
from nwb_spikeinference.config import Predictor, SignalSettings
from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.files import partial_path
from nwb_spikeinference.inputs import BoolArray
from nwb_spikeinference.pipeline.sessions.bins import (
    Grid,
    JudgedBins,
    covered_bins,
    judge_bins,
    long_segments,
    observed_bins,
    samples_of,
)
from nwb_spikeinference.pipeline.sessions.bundle_signal import BundleSignal, LfpSegment
from nwb_spikeinference.pipeline.sessions.disk_arrays import allocate_array, keep_on_disk, map_array
from nwb_spikeinference.pipeline.sessions.parallel import in_threads
from nwb_spikeinference.pipeline.sessions.periods import Period
from nwb_spikeinference.pipeline.sessions.prepared import PreparedInputs
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.band_leaks import leaking_pairs
from nwb_spikeinference.signal.features import PER_BAND, feature_names, standardise, stream_features
from nwb_spikeinference.signal.predictors import (
    check_macro,
    check_neighbour,
    check_own,
    macro_trace,
    neighbour_trace,
    own_trace,
)
from nwb_spikeinference.signal.raw_trace import raw_rate_hz, samples_per_bin, standardise_raw
from nwb_spikeinference.signal.wide_band import PHASE_BAND, holds_wide_band

_PIECE = 100_000  # samples of a trace that are made at once
Trace = Callable[[LfpSegment, slice], FloatArray]  # some samples of a segment -> (n,) volts


@dataclass(frozen=True, slots=True, kw_only=True)
class LfpRequest:
    """Whose LFP is asked for: that of a unit, or of a contact that no unit hangs on."""

    bundle: str
    electrode_rows: tuple[int, ...]  # that it lies on
    unit_row: int | None = None  # whose action potentials its neighbours must not show
    observed_s: tuple[Period, ...] = ()  # when its spikes were looked for; empty: always


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlannedInput:
    """An LFP input before its features are made; requests with the same key share it."""

    key: tuple[object, ...]
    signal: BundleSignal
    trace: Trace
    unobserved: BoolArray | None = None  # (n_bins,) in which its units were not looked for: no bins of their silence


class SessionInputs:
    """
    Makes LFP inputs of a session, one per wire and set of excluded neighbours.

    Parameters
    ----------
    stop_bands : bool
        Whether to keep features of bands in which a neighbour is stopped.
    raw : bool
        Whether some model reads the trace itself; then that of the study's predictor is kept beside the features.
    """

    def __init__(
        self,
        grid: Grid,
        bands: Sequence[Band],
        signals: Mapping[str, BundleSignal],
        macros: Mapping[str, BundleSignal],
        settings: SignalSettings,
        *,
        raw: bool,
        stop_bands: bool,
    ) -> None:
        self.grid = grid
        self._signals, self._macros, self._settings = signals, macros, settings
        every = (*signals.values(), *macros.values())
        lfp_hz = min(segment.filter_rate_hz for signal in every for segment in signal.segments)
        self.samples_per_bin = samples_per_bin(lfp_hz, grid.bin_s) if raw else 0
        # A band that the trace cannot hold could not be dropped from it: then the features do not hold it either.
        rate_hz = min(lfp_hz, raw_rate_hz(self.samples_per_bin, grid.bin_s)) if raw else lfp_hz
        self.bands, dropped = split_by_nyquist(bands, rate_hz)
        self.wide_band = settings.wide_band and holds_wide_band(rate_hz)
        self.feature_names = feature_names(self.bands, wide_band=self.wide_band)
        self.leaks = leaking_pairs(self.bands) if stop_bands else ()
        self.notes = self._notes_on_rates(lfp_hz, rate_hz, dropped)
        for name, signal in signals.items():
            self.notes += [f"{name}: {note}" for note in signal.notes]
            self.notes += [f"{name} wire {signal.wires[k].label}: left out, {why}" for k, why in signal.faults.items()]

    def _notes_on_rates(self, lfp_hz: float, rate_hz: float, dropped: Sequence[Band]) -> list[str]:
        """What the LFP's rate does not allow."""
        limit = f"the LFP holds nothing above {lfp_hz / 2:g} Hz"
        notes = []
        if self.samples_per_bin and raw_rate_hz(self.samples_per_bin, self.grid.bin_s) != lfp_hz:
            read_hz = raw_rate_hz(self.samples_per_bin, self.grid.bin_s)
            notes.append(
                f"models of the LFP itself read it at {read_hz:g} Hz, {self.samples_per_bin} per bin of "
                f"{self.grid.bin_s * 1e3:g} ms, though it was sampled at {lfp_hz:g} Hz"
            )
            limit = f"the LFP as it is read holds nothing above {rate_hz / 2:g} Hz"
        notes += [f"band {band.name} left out: it ends at {band.high_hz:g} Hz, {limit}" for band in dropped]
        if self._settings.wide_band and not self.wide_band:
            notes.append(f"wide-band features left out: they look up to {PHASE_BAND.high_hz:g} Hz, {limit}")
        return notes

    def covered(self, bundle: str | None) -> BoolArray:
        """Bins in which a bundle was recorded, in stretches of at least 3 s; none for an unknown bundle."""
        signal = self._signals.get(bundle or "") or self._macros.get(bundle or "")
        return covered_bins(self.grid, signal)

    def make(
        self, requests: Sequence[LfpRequest | None], predictor: Predictor, folder: Path
    ) -> tuple[PreparedInputs, dict[int, str]]:
        """
        Inputs of all that ask for one.

        Parameters
        ----------
        folder : Path
            Where features and traces are written to, as partial files that the caller gives a name or loses.

        Returns
        -------
        inputs : PreparedInputs
            `of_unit` has an entry per request.
        reasons : dict
            Number of a request -> why it has no input.
        """
        planned: dict[tuple[object, ...], _PlannedInput] = {}
        of_request = np.full(len(requests), -1, np.int64)
        reasons: dict[int, str] = {}
        for k, request in enumerate(requests):
            if request is None:
                continue
            try:
                wanted = self._while_observed(request, self._plan(request, predictor))
            except NoSignalError as error:
                reasons[k] = str(error)
                continue
            of_request[k] = list(planned).index(wanted.key) if wanted.key in planned else len(planned)
            planned.setdefault(wanted.key, wanted)
        widths = {"features": len(self.feature_names)}
        if predictor == self._settings.predictor:
            widths |= {"stopped": len(PER_BAND) * len(self.leaks)} if self.leaks else {}
            widths |= {"raw": self.samples_per_bin} if self.samples_per_bin else {}
        arrays = self._arrays(list(planned.values()), folder, predictor, widths)
        return PreparedInputs(of_unit=of_request, **arrays), reasons

    def _arrays(
        self, planned: Sequence[_PlannedInput], folder: Path, predictor: Predictor, widths: Mapping[str, int]
    ) -> dict[str, np.ndarray]:
        """Arrays of all inputs; those with a width, of so many columns, on disk."""
        shape = (len(planned), self.grid.n_bins)
        arrays: dict[str, np.ndarray] = {
            "trace_uv": np.full(shape, np.nan, np.float32),
            **{name: np.zeros(shape, bool) for name in ("valid", "discharge", "covered")},
        }
        if not planned or not self.grid.n_bins:
            return arrays | {name: np.zeros((*shape, width), np.float32) for name, width in widths.items()}
        paths = {name: partial_path(folder / f"{predictor}_{name}.npy") for name in widths}
        for name, path in paths.items():
            allocate_array(path, (*shape, widths[name]))

        def fill(row: int) -> None:
            wanted = planned[row]
            bins = self._judge(wanted.signal)
            arrays["valid"][row], arrays["discharge"][row] = bins.valid, bins.discharge
            if wanted.unobserved is not None:
                for name in ("valid", "discharge"):
                    arrays[name][row] &= ~wanted.unobserved
            arrays["covered"][row] = covered_bins(self.grid, wanted.signal)
            # Plain: indexing a memmap takes longer.
            stored = {name: np.asarray(map_array(path, writeable=True)[row]) for name, path in paths.items()}
            self._fill(wanted, stored, arrays["trace_uv"][row], folder)
            # Discharges count as signal here: what is left out of the scores does not change the others' features.
            for name in ("features", "stopped"):
                if name in stored:
                    standardise(stored[name], bins.valid | bins.discharge)
            if "raw" in stored:
                standardise_raw(stored["raw"], bins.valid | bins.discharge, arrays["covered"][row])

        in_threads(fill, range(len(planned)))
        return arrays | {name: map_array(path) for name, path in paths.items()}

    def _fill(
        self, planned: _PlannedInput, stored: Mapping[str, FloatArray], shown_uv: FloatArray, folder: Path
    ) -> None:
        """Features of all bins that were recorded, and the LFP at their centres and, where it is kept, all through."""
        for segment, bins in long_segments(self.grid, planned.signal):
            centres = samples_of(self.grid, segment, bins, 1)[:, 0]
            n_samples = len(segment.despiked)
            trace = keep_on_disk(
                folder, (planned.trace(segment, slice(at, at + _PIECE)) for at in range(0, n_samples, _PIECE))
            )
            shown_uv[bins] = trace[centres] * 1e6
            if "raw" in stored:
                stored["raw"][bins] = trace[samples_of(self.grid, segment, bins, self.samples_per_bin)]
            rows_of_bins = stream_features(
                partial(_samples, trace),
                n_samples,
                segment.filter_rate_hz,
                self.bands,
                centres,
                wide_band=self.wide_band,
                leaks=self.leaks if "stopped" in stored else (),
            )
            n_plain = len(self.feature_names)
            for piece, rows in rows_of_bins:
                stored["features"][bins][piece] = rows[:, :n_plain]
                if "stopped" in stored:
                    stored["stopped"][bins][piece] = rows[:, n_plain:]

    def _judge(self, signal: BundleSignal) -> JudgedBins:
        return judge_bins(self.grid, signal, leave_discharges_out=self._settings.exclude_discharges)

    def _while_observed(self, request: LfpRequest, planned: _PlannedInput) -> _PlannedInput:
        """The input; one for its unit alone where that was not observed in bins that would count."""
        bins = self._judge(planned.signal)
        unobserved = (bins.valid | bins.discharge) & ~observed_bins(self.grid, request.observed_s)
        if not unobserved.any():
            return planned
        return replace(planned, key=(*planned.key, unobserved.tobytes()), unobserved=unobserved)

    def _plan(self, request: LfpRequest, predictor: Predictor) -> _PlannedInput:
        bundle, reference = request.bundle, self._settings.reference
        if predictor == "macro":
            return self._plan_macro(bundle)
        signal = self._signals.get(bundle)
        own = [] if signal is None else [k for k, wire in enumerate(signal.wires) if wire.row in request.electrode_rows]
        if signal is None or not own:
            raise NoSignalError(f"no signal is stored for its wire in bundle {bundle}")
        excluded = np.zeros(len(signal.wires), bool)
        if request.unit_row in signal.shown_on:
            excluded |= signal.shown_on[request.unit_row]
        excluded[list(signal.faults)] = True
        if predictor != "neighbour":
            return self._plan_own(signal, bundle, own, excluded, predictor)
        excluded[own] = True
        check_neighbour(own[0], excluded, reference)
        return _PlannedInput(
            key=(bundle, *np.flatnonzero(excluded).tolist()),
            signal=signal,
            trace=lambda segment, piece: neighbour_trace(segment.despiked[piece], own[0], excluded, reference),
        )

    def _plan_own(
        self, signal: BundleSignal, bundle: str, own: Sequence[int], excluded: BoolArray, predictor: Predictor
    ) -> _PlannedInput:
        wire, kind, reference = own[0], "recorded" if predictor == "own" else "despiked", self._settings.reference
        if len(own) > 1:
            raise NoSignalError(f"the file links it to {len(own)} wires of bundle {bundle} and not to its own")
        if wire in signal.faults:
            raise NoSignalError(f"its wire cannot be used: {signal.faults[wire]}")
        check_own(wire, excluded, reference)
        against = () if reference == "none" else np.flatnonzero(excluded).tolist()
        return _PlannedInput(
            key=(bundle, wire, *against),
            signal=signal,
            trace=lambda segment, piece: own_trace(getattr(segment, kind)[piece], wire, excluded, reference),
        )

    def _plan_macro(self, bundle: str) -> _PlannedInput:
        contacts, reference = self._macros.get(bundle), self._settings.reference
        if contacts is None:
            raise NoSignalError(f"bundle {bundle} has no macro contact with a signal; use predictor: neighbour")
        usable = np.ones(len(contacts.wires), bool)
        usable[list(contacts.faults)] = False
        check_macro(usable, reference)
        return _PlannedInput(
            key=(bundle,),
            signal=contacts,
            trace=lambda segment, piece: macro_trace(segment.despiked[piece], usable, reference),
        )


def _samples(trace: FloatArray, start: int, stop: int) -> FloatArray:
    return trace[start:stop]
