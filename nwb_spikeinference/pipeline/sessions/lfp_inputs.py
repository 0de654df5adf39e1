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
from nwb_spikeinference.pipeline.tasks.store import Arrays
from nwb_spikeinference.recordings import FloatArray, Unit
from nwb_spikeinference.signal.band_leaks import leaking_pairs
from nwb_spikeinference.signal.features import PER_BAND, feature_names, standardise, stream_features
from nwb_spikeinference.signal.predictors import macro_trace, neighbour_trace, own_trace
from nwb_spikeinference.signal.raw_trace import raw_rate_hz, samples_per_bin, standardise_raw
from nwb_spikeinference.signal.wide_band import PHASE_BAND, holds_wide_band

_PIECE = 100_000  # samples of a trace that are made at once
Trace = Callable[[LfpSegment, slice], FloatArray]  # some samples of a segment -> (n,) volts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """An LFP input before its features are made; units with the same key share it."""

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
        self,
        units: Sequence[Unit],
        excluded: Sequence[str | None],
        bundles: Sequence[str | None],
        predictor: Predictor,
        folder: Path,
    ) -> tuple[Arrays, dict[int, str]]:
        """
        Inputs of every unit that is not excluded.

        Parameters
        ----------
        folder : Path
            Where features and traces are written to, as partial files that the caller gives a name or loses.

        Returns
        -------
        arrays : dict
            ``<predictor>_features`` (n_inputs, n_bins, n_features) on disk and, where it is kept, ``<predictor>_raw``
            (n_inputs, n_bins, samples_per_bin) too; ``<predictor>_trace_uv``,
            ``<predictor>_valid``, ``<predictor>_discharge`` and ``<predictor>_covered`` (n_inputs, n_bins),
            ``<predictor>_of_unit`` (n_units,): the unit's input or -1.
        reasons : dict
            Unit id -> why it has no input.
        """
        sources: dict[tuple[object, ...], _Source] = {}
        of_unit = np.full(len(units), -1, np.int64)
        reasons: dict[int, str] = {}
        for k, (unit, why, bundle) in enumerate(zip(units, excluded, bundles, strict=True)):
            if why is not None:
                continue
            try:
                source = self._while_observed(unit, self._source(unit, str(bundle), predictor))
            except NoSignalError as error:
                reasons[unit.unit_id] = str(error)
                continue
            of_unit[k] = list(sources).index(source.key) if source.key in sources else len(sources)
            sources.setdefault(source.key, source)
        widths = {"features": len(self.feature_names)}
        if predictor == self._settings.predictor:
            widths |= {"stopped": len(PER_BAND) * len(self.leaks)} if self.leaks else {}
            widths |= {"raw": self.samples_per_bin} if self.samples_per_bin else {}
        found = self._arrays(list(sources.values()), folder, predictor, widths)
        return {f"{predictor}_{name}": part for name, part in (found | {"of_unit": of_unit}).items()}, reasons

    def _arrays(
        self, sources: Sequence[_Source], folder: Path, predictor: Predictor, widths: Mapping[str, int]
    ) -> Arrays:
        """Arrays of all sources; those with a width, of so many columns, on disk."""
        shape = (len(sources), self.grid.n_bins)
        arrays: Arrays = {
            "trace_uv": np.full(shape, np.nan, np.float32),
            **{name: np.zeros(shape, bool) for name in ("valid", "discharge", "covered")},
        }
        if not sources or not self.grid.n_bins:
            return arrays | {name: np.zeros((*shape, width), np.float32) for name, width in widths.items()}
        paths = {name: partial_path(folder / f"{predictor}_{name}.npy") for name in widths}
        for name, path in paths.items():
            allocate_array(path, (*shape, widths[name]))

        def fill(row: int) -> None:
            source = sources[row]
            bins = self._judge(source.signal)
            arrays["valid"][row], arrays["discharge"][row] = bins.valid, bins.discharge
            if source.unobserved is not None:
                for name in ("valid", "discharge"):
                    arrays[name][row] &= ~source.unobserved
            arrays["covered"][row] = covered_bins(self.grid, source.signal)
            # Plain: indexing a memmap takes longer.
            stored = {name: np.asarray(map_array(path, writeable=True)[row]) for name, path in paths.items()}
            self._fill(source, stored, arrays["trace_uv"][row], folder)
            # Discharges count as signal here: what is left out of the scores does not change the others' features.
            for name in ("features", "stopped"):
                if name in stored:
                    standardise(stored[name], bins.valid | bins.discharge)
            if "raw" in stored:
                standardise_raw(stored["raw"], bins.valid | bins.discharge, arrays["covered"][row])

        in_threads(fill, range(len(sources)))
        return arrays | {name: map_array(path) for name, path in paths.items()}

    def _fill(self, source: _Source, stored: Mapping[str, FloatArray], shown_uv: FloatArray, folder: Path) -> None:
        """Features of all bins that were recorded, and the LFP at their centres and, where it is kept, all through."""
        for segment, bins in long_segments(self.grid, source.signal):
            centres = samples_of(self.grid, segment, bins, 1)[:, 0]
            n_samples = len(segment.despiked)
            trace = keep_on_disk(
                folder, (source.trace(segment, slice(at, at + _PIECE)) for at in range(0, n_samples, _PIECE))
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

    def _while_observed(self, unit: Unit, source: _Source) -> _Source:
        """The unit's source; one for itself where it was not observed in bins that would count."""
        bins = self._judge(source.signal)
        unobserved = (bins.valid | bins.discharge) & ~observed_bins(self.grid, unit)
        if not unobserved.any():
            return source
        return replace(source, key=(*source.key, unobserved.tobytes()), unobserved=unobserved)

    def _source(self, unit: Unit, bundle: str, predictor: Predictor) -> _Source:
        if predictor == "macro":
            return self._macro_source(bundle)
        signal = self._signals.get(bundle)
        own = [] if signal is None else [k for k, wire in enumerate(signal.wires) if wire.row in unit.electrode_rows]
        if signal is None or not own:
            raise NoSignalError(f"no signal is stored for its wire in bundle {bundle}")
        excluded = signal.shown_on.get(unit.unit_id, np.zeros(len(signal.wires), bool)).copy()
        excluded[list(signal.faults)] = True
        if predictor != "neighbour":
            return self._own_source(signal, bundle, own, excluded, predictor)
        excluded[own] = True
        reference = self._settings.reference
        neighbour_trace(np.empty((0, len(excluded))), own[0], excluded, reference)  # raises if that cannot be
        return _Source(
            key=(bundle, *np.flatnonzero(excluded).tolist()),
            signal=signal,
            trace=lambda segment, piece: neighbour_trace(segment.despiked[piece], own[0], excluded, reference),
        )

    def _own_source(
        self, signal: BundleSignal, bundle: str, own: Sequence[int], excluded: BoolArray, predictor: Predictor
    ) -> _Source:
        wire, kind = own[0], "recorded" if predictor == "own" else "despiked"
        if len(own) > 1:
            raise NoSignalError(f"the file links it to {len(own)} wires of bundle {bundle} and not to its own")
        if wire in signal.faults:
            raise NoSignalError(f"its wire cannot be used: {signal.faults[wire]}")
        reference = self._settings.reference
        own_trace(np.empty((0, len(excluded))), wire, excluded, reference)  # raises if that cannot be
        against = () if reference == "none" else np.flatnonzero(excluded).tolist()
        return _Source(
            key=(bundle, wire, *against),
            signal=signal,
            trace=lambda segment, piece: own_trace(getattr(segment, kind)[piece], wire, excluded, reference),
        )

    def _macro_source(self, bundle: str) -> _Source:
        contacts = self._macros.get(bundle)
        if contacts is None:
            raise NoSignalError(f"bundle {bundle} has no macro contact with a signal; use predictor: neighbour")
        usable = np.ones(len(contacts.wires), bool)
        usable[list(contacts.faults)] = False
        reference = self._settings.reference
        macro_trace(np.empty((0, len(usable))), usable, reference)  # raises if that cannot be
        return _Source(
            key=(bundle,),
            signal=contacts,
            trace=lambda segment, piece: macro_trace(segment.despiked[piece], usable, reference),
        )


def _samples(trace: FloatArray, start: int, stop: int) -> FloatArray:
    return trace[start:stop]
