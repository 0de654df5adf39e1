"""
From one NWB file to what the models learn from: features per LFP input, spike counts per unit.

Bins lie on one grid per session, so that predictions can be written back as one regular series; bins in gaps are
invalid and nothing is filtered or windowed across them.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nwb_spikeinference.bands import split_by_nyquist
from nwb_spikeinference.config import Predictor, StudySettings
from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.evaluation.duplicates import find_duplicates
from nwb_spikeinference.inputs import BoolArray, LfpInput
from nwb_spikeinference.nwb.read import read_session
from nwb_spikeinference.pipeline.bundle_signal import BundleSignal, LfpSegment, read_bundle
from nwb_spikeinference.pipeline.store import Arrays, TaskResult
from nwb_spikeinference.recordings import CellType, Electrode, FloatArray, Session, Unit
from nwb_spikeinference.signal.binning import bin_spikes
from nwb_spikeinference.signal.features import band_features, feature_names, robust_standardise
from nwb_spikeinference.signal.predictors import neighbour_median
from nwb_spikeinference.signal.waveforms import isi_violation_share, trough_to_peak_ms

EDGE_S = 0.5  # at each end of a continuous stretch, where filters have not settled
MIN_SEGMENT_S = 3.0
Traces = Callable[[], list[FloatArray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Bins of a session."""

    start_s: float
    bin_s: float
    n_bins: int

    def bins_inside(self, segment: LfpSegment) -> slice:
        """Bins that lie wholly inside a segment."""
        first = math.ceil((segment.start_s - self.start_s) / self.bin_s - 1e-6)
        stop = math.floor((segment.stop_s - self.start_s) / self.bin_s + 1e-6)
        return slice(max(0, first), min(self.n_bins, max(first, stop)))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFacts:
    """One unit of a session, usable or not."""

    unit_id: int
    bundle: str | None
    region: str | None
    hemisphere: Any
    wire_row: int | None
    n_spikes: int
    rate_hz: float
    trough_to_peak_ms: float | None
    snr: float | None
    isi_violations: float
    excluded_reason: str | None


def prepare_session(path: Path, settings: StudySettings) -> TaskResult:
    """
    Features and counts of one session.

    Returns
    -------
    TaskResult
        For the study's predictor and, as a control, for ``own``: arrays ``<predictor>_features`` (n_inputs, n_bins,
        n_features), ``<predictor>_trace_uv`` (n_inputs, n_bins), and ``<predictor>_of_unit`` (n_units,), the row of
        each unit's input or -1. For all: ``counts`` (n_bins, n_units), ``valid`` (n_bins,) and ``segments``
        (n_segments, 2). Facts: participant, session, grid, features, units, duplicates, notes.

    Raises
    ------
    NoSignalError
        If the file holds no continuous signal.
    """
    session = read_session(path, aliases=settings.participants.alias, regions=settings.regions)
    if not session.blocks:
        raise NoSignalError(
            f"{path.name}: no continuous signal, only {len(session.units)} units that nothing can predict"
        )
    micro_bundles = _bundles(session, "micro")
    by_row = {electrode.row: electrode for electrode in session.electrodes}
    units_of = {name: [u for u in session.units if _home(u, by_row) == name] for name in micro_bundles}
    signals = {
        name: read_bundle(session, wires, units_of[name], settings.signal)
        for name, wires in micro_bundles.items()
        if units_of[name]
    }
    macros = _macro_signals(session, settings) if settings.signal.predictor == "macro" else {}
    grid = _make_grid([*signals.values(), *macros.values()], settings.target.bin_ms / 1e3, path)
    maker = _InputMaker(session, settings, grid, signals, macros)
    facts = [_unit_facts(unit, by_row, grid, maker.covered_s, settings) for unit in session.units]
    arrays, reasons = maker.inputs_of(session.units, facts, settings.signal.predictor)
    if settings.controls.own_wire and settings.signal.predictor != "own":
        arrays |= maker.inputs_of(session.units, facts, "own")[0]
    facts = [_with_reason(fact, reasons.get(fact.unit_id)) for fact in facts]
    good = {fact.unit_id for fact in facts if fact.excluded_reason is None}
    duplicates = find_duplicates([unit for unit in session.units if unit.unit_id in good])
    if settings.units.drop_duplicates:
        repeats = {one.dropped: f"the same neuron as unit {one.kept}, which is better isolated" for one in duplicates}
        facts = [_with_reason(fact, repeats.get(fact.unit_id)) for fact in facts]
    arrays["counts"] = np.stack(
        [bin_spikes(unit.spike_times_s, grid.start_s, grid.bin_s, grid.n_bins) for unit in session.units]
        or [np.zeros(grid.n_bins, np.uint8)],
        axis=1,
    )[:, : len(session.units)]
    arrays["valid"], arrays["segments"] = maker.valid, np.array([[s.start, s.stop] for s in maker.segments], np.int64)
    session_facts = _session_facts(session, grid, maker, facts, len(micro_bundles))
    return TaskResult(arrays=arrays, facts=session_facts | {"duplicates": [asdict(one) for one in duplicates]})


def _session_facts(
    session: Session, grid: Grid, maker: "_InputMaker", units: Sequence[UnitFacts], n_bundles: int
) -> dict[str, Any]:
    return {
        "participant": session.participant,
        "session": session.session_id,
        "file": session.path.name,
        "grid": asdict(grid),
        "features": list(feature_names(maker.bands)),
        "bundles": n_bundles,
        "wires": sum(electrode.kind == "micro" for electrode in session.electrodes),
        "units": [asdict(unit) for unit in units],
        "notes": [*session.notes, *maker.notes],
    }


def _bundles(session: Session, kind: str) -> dict[str, list[Electrode]]:
    bundles: dict[str, list[Electrode]] = {}
    for electrode in session.electrodes:
        if electrode.kind == kind:
            bundles.setdefault(electrode.bundle, []).append(electrode)
    return bundles


def _home(unit: Unit, by_row: dict[int, Electrode]) -> str | None:
    electrode = by_row.get(unit.electrode_rows[0]) if unit.electrode_rows else None
    return electrode.bundle if electrode is not None and electrode.kind == "micro" else None


def _macro_signals(session: Session, settings: StudySettings) -> dict[str, BundleSignal]:
    return {
        name: read_bundle(session, contacts, (), settings.signal)
        for name, contacts in _bundles(session, "macro").items()
    }


def _make_grid(signals: Sequence[BundleSignal], bin_s: float, path: Path) -> Grid:
    segments = [segment for signal in signals for segment in signal.segments]
    if not segments:
        raise NoSignalError(f"{path.name}: no unit lies on a wire with a continuous signal; 'nsi inspect' shows both")
    start = min(segment.start_s for segment in segments)
    stop = max(segment.stop_s for segment in segments)
    return Grid(start_s=start, bin_s=bin_s, n_bins=math.floor((stop - start) / bin_s + 1e-6))


def _unit_facts(
    unit: Unit, by_row: dict[int, Electrode], grid: Grid, covered_s: float, settings: StudySettings
) -> UnitFacts:
    home = by_row.get(unit.electrode_rows[0]) if unit.electrode_rows else None
    stop_s = grid.start_s + grid.n_bins * grid.bin_s
    inside = unit.spike_times_s[(unit.spike_times_s >= grid.start_s) & (unit.spike_times_s < stop_s)]
    width = unit.trough_to_peak_ms
    if width is None and unit.waveform_mean is not None and unit.waveform_rate_hz:
        width = trough_to_peak_ms(unit.waveform_mean, unit.waveform_rate_hz)
    violations = unit.isi_violations if unit.isi_violations is not None else isi_violation_share(unit.spike_times_s)
    return UnitFacts(
        unit_id=unit.unit_id,
        bundle=home.bundle if home else None,
        region=home.region if home else None,
        hemisphere=home.hemisphere if home else None,
        wire_row=home.row if home else None,
        n_spikes=len(inside),
        rate_hz=len(inside) / covered_s if covered_s else 0.0,
        trough_to_peak_ms=width,
        snr=unit.snr,
        isi_violations=violations,
        excluded_reason=_quality_reason(home, len(inside), violations, unit.snr, settings),
    )


def _quality_reason(
    home: Electrode | None, n_spikes: int, violations: float, snr: float | None, settings: StudySettings
) -> str | None:
    limits = settings.units
    if home is None:
        return "not linked to an electrode"
    if home.kind != "micro":
        return f"its electrode is a {home.kind} contact"
    if n_spikes < limits.min_spikes:
        return f"{n_spikes} spikes while the signal runs, fewer than {limits.min_spikes} (units.min_spikes)"
    if violations > limits.max_isi_violations:
        allowed = f"{limits.max_isi_violations:.1%} (units.max_isi_violations)"
        return f"{violations:.1%} of intervals below 2 ms, more than {allowed}"
    if snr is not None and snr < limits.min_snr:
        return f"signal-to-noise ratio {snr:.1f}, below {limits.min_snr:g} (units.min_snr)"
    return None


def _with_reason(fact: UnitFacts, reason: str | None) -> UnitFacts:
    return UnitFacts(**(asdict(fact) | {"excluded_reason": fact.excluded_reason or reason}))


class _InputMaker:
    """Makes LFP inputs of a session, one per wire and set of excluded neighbours."""

    def __init__(
        self,
        session: Session,
        settings: StudySettings,
        grid: Grid,
        signals: dict[str, BundleSignal],
        macros: dict[str, BundleSignal],
    ) -> None:
        self.grid = grid
        self._session, self._signals, self._macros = session, signals, macros
        every = (*signals.values(), *macros.values())
        covered = np.logical_and.reduce([_coverage(grid, signal) for signal in every])
        self.covered_s = float(covered.sum() * grid.bin_s)
        stretches = _runs(covered)
        min_bins = round(MIN_SEGMENT_S / grid.bin_s)
        self.segments = [piece for piece in stretches if piece.stop - piece.start >= min_bins]
        self.valid = self._valid_bins()
        rate_hz = min(segment.rate_hz for signal in every for segment in signal.segments)
        self.bands, dropped = split_by_nyquist(settings.band_list(), rate_hz)
        self.notes = [
            f"band {band.name} left out: it ends at {band.high_hz:g} Hz, the LFP holds nothing above {rate_hz / 2:g} Hz"
            for band in dropped
        ]
        short = len(stretches) - len(self.segments)
        if short:
            self.notes.append(f"{short} stretches shorter than {MIN_SEGMENT_S:g} s left out")
        for name, signal in signals.items():
            self.notes += [f"{name}: {note}" for note in signal.notes]
            self.notes += [f"{name} wire {signal.wires[k].label}: left out, {why}" for k, why in signal.faults.items()]

    def _valid_bins(self) -> BoolArray:
        valid = np.zeros(self.grid.n_bins, dtype=bool)
        edge = round(EDGE_S / self.grid.bin_s)
        for piece in self.segments:
            valid[piece.start + edge : piece.stop - edge] = True
        return valid

    def inputs_of(
        self, units: Sequence[Unit], facts: Sequence[UnitFacts], predictor: Predictor
    ) -> tuple[Arrays, dict[int, str]]:
        """Features of every input that a good unit needs, which unit uses which, and why some units have none."""
        rows: dict[tuple[Any, ...], int] = {}
        features: list[FloatArray] = []
        traces_uv: list[FloatArray] = []
        of_unit = np.full(len(units), -1, np.int64)
        reasons: dict[int, str] = {}
        for k, (unit, fact) in enumerate(zip(units, facts, strict=True)):
            if fact.excluded_reason is not None:
                continue
            try:
                key, signal, traces = self._traces(fact, predictor)
            except NoSignalError as error:
                reasons[unit.unit_id] = str(error)
                continue
            if key not in rows:
                rows[key] = len(features)
                lfp = traces()
                features.append(self._features(signal, lfp))
                traces_uv.append(self._trace_uv(signal, lfp))
            of_unit[k] = rows[key]
        n_columns = len(feature_names(self.bands))
        stacked = np.stack(features) if features else np.zeros((0, self.grid.n_bins, n_columns), np.float32)
        shown = np.stack(traces_uv) if traces_uv else np.zeros((0, self.grid.n_bins), np.float32)
        arrays = {f"{predictor}_features": stacked, f"{predictor}_of_unit": of_unit, f"{predictor}_trace_uv": shown}
        return arrays, reasons

    def _traces(self, fact: UnitFacts, predictor: Predictor) -> tuple[tuple[Any, ...], BundleSignal, Traces]:
        """What identifies an input, the signal it comes from, and a function that gives its LFP per segment."""
        bundle = str(fact.bundle)
        if predictor == "macro":
            contacts = self._macros.get(bundle)
            if contacts is None or not contacts.segments:
                raise NoSignalError(f"bundle {bundle} has no macro contact with a signal; use predictor: neighbour")
            return (bundle,), contacts, lambda: [np.median(segment.despiked, axis=1) for segment in contacts.segments]
        signal = self._signals[bundle]
        wire = next((k for k, electrode in enumerate(signal.wires) if electrode.row == fact.wire_row), None)
        if wire is None:
            raise NoSignalError(f"no signal is stored for its wire in bundle {bundle}")
        if predictor != "neighbour":
            if wire in signal.faults:
                raise NoSignalError(f"its wire cannot be used: {signal.faults[wire]}")
            kind = "recorded" if predictor == "own" else "despiked"
            return (bundle, wire), signal, lambda: [getattr(segment, kind)[:, wire] for segment in signal.segments]
        excluded = signal.shown_on.get(fact.unit_id, np.zeros(len(signal.wires), bool)).copy()
        excluded[list(signal.faults)] = True
        excluded[wire] = True
        if excluded.all():
            neighbour_median(np.empty((0, len(excluded))), wire, excluded)  # raises, and says what to use instead
        return (
            (bundle, *np.flatnonzero(excluded)),
            signal,
            lambda: [neighbour_median(segment.despiked, wire, excluded) for segment in signal.segments],
        )

    def _features(self, signal: BundleSignal, traces: Sequence[FloatArray]) -> FloatArray:
        """Standardised features on the session's grid."""
        out = np.zeros((self.grid.n_bins, len(feature_names(self.bands))), np.float32)
        for piece, segment, trace, centres in self._placed(signal, traces):
            out[piece] = band_features(trace, segment.rate_hz, self.bands, centres)
        return robust_standardise(out, self.valid)

    def _trace_uv(self, signal: BundleSignal, traces: Sequence[FloatArray]) -> FloatArray:
        """The LFP itself at the bins' centres, to be looked at."""
        out = np.full(self.grid.n_bins, np.nan, np.float32)
        for piece, _, trace, centres in self._placed(signal, traces):
            out[piece] = trace[centres] * 1e6
        return out

    def _placed(
        self, signal: BundleSignal, traces: Sequence[FloatArray]
    ) -> Iterator[tuple[slice, LfpSegment, FloatArray, np.ndarray]]:
        """Per segment that is long enough: its bins, itself, its trace, and the sample at the centre of each bin."""
        for segment, trace in zip(signal.segments, traces, strict=True):
            piece = self.grid.bins_inside(segment)
            if (piece.stop - piece.start) * self.grid.bin_s >= MIN_SEGMENT_S:
                centres_s = self.grid.start_s + (np.arange(piece.start, piece.stop) + 0.5) * self.grid.bin_s
                centres = np.round((centres_s - segment.start_s) * segment.rate_hz).astype(np.int64)
                yield piece, segment, trace, np.minimum(centres, len(trace) - 1)


def _coverage(grid: Grid, signal: BundleSignal) -> BoolArray:
    """Bins in which a bundle was recorded."""
    covered = np.zeros(grid.n_bins, dtype=bool)
    for segment in signal.segments:
        covered[grid.bins_inside(segment)] = True
    return covered


def _runs(mask: BoolArray) -> list[slice]:
    """Stretches of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [slice(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def load_inputs(result: TaskResult, predictor: Predictor, cell_types: dict[int, CellType]) -> tuple[LfpInput, ...]:
    """
    The LFP inputs of a prepared session, each with the units that hang on it.

    Parameters
    ----------
    cell_types : dict
        Unit id -> putative type; units that are not in it are left out.
    """
    of_unit = result.arrays[f"{predictor}_of_unit"]
    units = result.facts["units"]
    inputs = []
    for row, features in enumerate(result.arrays[f"{predictor}_features"]):
        members = [k for k in np.flatnonzero(of_unit == row) if units[k]["unit_id"] in cell_types]
        if not members:
            continue
        first = units[members[0]]
        inputs.append(
            LfpInput(
                participant=result.facts["participant"],
                session=result.facts["session"],
                bundle=first["bundle"],
                region=first["region"],
                hemisphere=first["hemisphere"],
                features=features,
                valid=result.arrays["valid"].astype(bool),
                segments=tuple(slice(int(start), int(stop)) for start, stop in result.arrays["segments"]),
                counts=result.arrays["counts"][:, members],
                unit_ids=tuple(int(units[k]["unit_id"]) for k in members),
                cell_types=tuple(cell_types[units[k]["unit_id"]] for k in members),
            )
        )
    return tuple(inputs)
