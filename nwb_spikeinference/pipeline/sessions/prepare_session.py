"""
From one NWB file to what the models learn from: features per LFP input, spike counts per unit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nwb_spikeinference.config import Predictor, SignalSettings, StudySettings, UnitSettings
from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.evaluation.duplicates import find_duplicates
from nwb_spikeinference.model_kinds import MODEL_KINDS
from nwb_spikeinference.nwb.reading.read_session import open_signals
from nwb_spikeinference.pipeline.sessions.bins import EDGE_S, Grid, judge_bins, make_grid, observed_bins
from nwb_spikeinference.pipeline.sessions.bundle_signal import BundleSignal, find_blocks, read_bundle
from nwb_spikeinference.pipeline.sessions.lfp_inputs import LfpRequest, SessionInputs
from nwb_spikeinference.pipeline.sessions.observed_time import why_no_signal, within_observed
from nwb_spikeinference.pipeline.sessions.parallel import in_threads
from nwb_spikeinference.pipeline.sessions.prepared import (
    BundleDischarges,
    PreparedInputs,
    PreparedSession,
    PreparedUnit,
    Subject,
)
from nwb_spikeinference.pipeline.sessions.reading import read_as_study
from nwb_spikeinference.recordings import Electrode, Session, Unit
from nwb_spikeinference.signal.binning import bin_spikes
from nwb_spikeinference.signal.waveforms import isi_violation_share, trough_to_peak_ms


def stores_raw(settings: StudySettings) -> bool:
    """Whether some model of the study reads the trace itself, which is then stored beside the features."""
    return any(MODEL_KINDS[name].reads_trace for name in settings.scored_models())


def stops_bands(settings: StudySettings) -> bool:
    """Whether bands are left out of models of features, whose other bands must then be kept without them as well."""
    return settings.lobo.mode != "off" and any(not MODEL_KINDS[name].reads_trace for name in settings.lobo_models())


def prepare_session(path: Path, settings: StudySettings, folder: Path) -> PreparedSession:
    """
    Features and counts of one session.

    Parameters
    ----------
    folder : Path
        Where large arrays are written to.

    Raises
    ------
    NoSignalError
        If the file holds no continuous signal, or none on a wire with a unit.
    """
    held = read_as_study(path, settings)
    session = within_observed(held)
    if missing := why_no_signal(held, session):
        raise NoSignalError(f"{path.name}: {missing}, only {len(held.units)} units that nothing can predict")
    signals, macros = _read_signals(session, settings.signal, folder)
    if not signals and not macros:
        raise NoSignalError(f"{path.name}: no unit lies on a wire with a continuous signal; {_what_helps(session)}")
    segments = [segment for signal in (*signals.values(), *macros.values()) for segment in signal.segments]
    grid = make_grid(segments, settings.target.bin_s)
    maker = SessionInputs(
        grid,
        settings.band_list(),
        signals,
        macros,
        settings.signal,
        raw=stores_raw(settings),
        stop_bands=stops_bands(settings),
    )
    predictor = settings.signal.predictor
    counts = _count_spikes(session.units, grid)
    by_row = {electrode.row: electrode for electrode in session.electrodes}
    units = [
        _judge_unit(unit, _home(unit, by_row), counts[:, k], maker, settings.units, predictor)
        for k, unit in enumerate(session.units)
    ]
    inputs: dict[Predictor, PreparedInputs] = {}
    inputs[predictor], reasons = maker.make(list(map(_request, session.units, units)), predictor, folder)
    units = [_with_reason(unit, reasons.get(k)) for k, unit in enumerate(units)]
    if settings.controls.own_wire and predictor != "own":
        inputs["own"], _ = maker.make(list(map(_request, session.units, units)), "own", folder)
    good = [unit for unit, judged in zip(session.units, units, strict=True) if judged.excluded_reason is None]
    duplicates = find_duplicates(good)
    if settings.units.drop_duplicates:
        repeats = {one.dropped_row: f"the same neuron as {one.kept}, which is better isolated" for one in duplicates}
        units = [_with_reason(unit, repeats.get(unit.row)) for unit in units]
    return PreparedSession(
        participant=session.participant,
        session=session.session_id,
        file=session.path.name,
        subject=_subject(session),
        grid=grid,
        features=maker.feature_names,
        samples_per_bin=maker.samples_per_bin,
        bundles=len(_bundles(session, "micro")),
        wires=sum(electrode.kind == "micro" for electrode in session.electrodes),
        units=tuple(units),
        duplicates=duplicates,
        discharges=_find_discharges(grid, macros if predictor == "macro" else signals),
        notes=(*session.notes, *maker.notes, *_note_partly_observed(session.units, units, maker)),
        counts=counts,
        inputs=inputs,
    )


def _request(unit: Unit, judged: PreparedUnit) -> LfpRequest | None:
    if judged.excluded_reason is not None or judged.bundle is None:
        return None
    return LfpRequest(
        bundle=judged.bundle, electrode_rows=unit.electrode_rows, unit_row=unit.row, observed_s=unit.observed_s
    )


def _note_partly_observed(units: Sequence[Unit], judged: Sequence[PreparedUnit], maker: SessionInputs) -> list[str]:
    missed = [
        np.sum(maker.covered(one.bundle) & ~observed_bins(maker.grid, unit.observed_s)) * maker.grid.bin_s
        for unit, one in zip(units, judged, strict=True)
    ]
    partly = sum(seconds > EDGE_S for seconds in missed)  # less lies at the edges, which do not count
    return [f"{partly} units were observed during a part of the signal alone, and count there"] if partly else []


def _what_helps(session: Session) -> str:
    """What to do where units and signal do not meet."""
    if session.advice:
        return "; ".join(session.advice)
    recorded = {row for block in session.blocks for row in block.electrode_rows}
    if all(electrode.kind != "micro" for electrode in session.electrodes if electrode.row in recorded):
        return (
            "only macro contacts were recorded: 'nsi predict' applies a trained model, signal.predictor: macro trains"
        )
    return "'nsi inspect' shows both"


def _subject(session: Session) -> Subject:
    points = {electrode.xyz for electrode in session.electrodes if electrode.xyz is not None}
    return Subject(sex=session.sex, age_years=session.age_years, points=tuple(sorted(points)))


def _read_signals(
    session: Session, settings: SignalSettings, folder: Path
) -> tuple[dict[str, BundleSignal], dict[str, BundleSignal]]:
    """LFP of every bundle with units: of its wires and, if they are to predict, of its macro contacts."""
    by_row = {electrode.row: electrode for electrode in session.electrodes}
    units: dict[str | None, list[Unit]] = {}
    for unit in session.units:
        home = _home(unit, by_row)
        units.setdefault(home.bundle if home and home.kind == "micro" else None, []).append(unit)
    micro = {name: wires for name, wires in _bundles(session, "micro").items() if name in units}
    macro = _bundles(session, "macro") if settings.predictor == "macro" else {}
    with open_signals(session.path) as open_block:

        def read(wires: Sequence[Electrode], own: Sequence[Unit]) -> BundleSignal:
            return read_bundle(open_block, find_blocks(session, wires), wires, own, settings, folder)

        found = in_threads(
            read, [*micro.values(), *macro.values()], [*(units[name] for name in micro), *([()] * len(macro))]
        )
    signals = dict(zip(micro, found, strict=False))
    macros = dict(zip(macro, found[len(micro) :], strict=True))
    return _with_segments(signals), _with_segments(macros)


def _with_segments(signals: dict[str, BundleSignal]) -> dict[str, BundleSignal]:
    return {name: signal for name, signal in signals.items() if signal.segments}


def _find_discharges(grid: Grid, signals: Mapping[str, BundleSignal]) -> tuple[BundleDischarges, ...]:
    return tuple(
        BundleDischarges(
            bundle=name,
            n=len(signal.discharges_s),
            share_of_time=judge_bins(grid, signal, leave_discharges_out=True).share_of_discharges,
        )
        for name, signal in signals.items()
    )


def _count_spikes(units: Sequence[Unit], grid: Grid) -> np.ndarray:
    counts = np.zeros((grid.n_bins, len(units)), np.uint8)
    for k, unit in enumerate(units):
        counts[:, k] = bin_spikes(unit.spike_times_s, grid.start_s, grid.bin_s, grid.n_bins)
    return counts


def _bundles(session: Session, kind: str) -> dict[str, list[Electrode]]:
    bundles: dict[str, list[Electrode]] = {}
    for electrode in session.electrodes:
        if electrode.kind == kind:
            bundles.setdefault(electrode.bundle, []).append(electrode)
    return bundles


def _home(unit: Unit, by_row: Mapping[int, Electrode]) -> Electrode | None:
    return by_row.get(unit.electrode_rows[0]) if unit.electrode_rows else None


def _judge_unit(
    unit: Unit,
    home: Electrode | None,
    counts: np.ndarray,
    maker: SessionInputs,
    limits: UnitSettings,
    predictor: Predictor,
) -> PreparedUnit:
    covered = maker.covered(home.bundle if home else None) & observed_bins(maker.grid, unit.observed_s)
    n_spikes = int(counts[covered].sum())
    seconds = float(covered.sum() * maker.grid.bin_s)
    width = unit.trough_to_peak_ms
    if width is None and unit.waveform_mean is not None and unit.waveform_rate_hz:
        width = trough_to_peak_ms(unit.waveform_mean, unit.waveform_rate_hz)
    violations = unit.isi_violations if unit.isi_violations is not None else isi_violation_share(unit.spike_times_s)
    return PreparedUnit(
        row=unit.row,
        unit_id=unit.unit_id,
        bundle=home.bundle if home else None,
        region=home.region if home else None,
        hemisphere=home.hemisphere if home else None,
        n_spikes=n_spikes,
        rate_hz=n_spikes / seconds if seconds else 0.0,
        trough_to_peak_ms=width,
        snr=unit.snr,
        isi_violations=violations,
        excluded_reason=_quality_reason(home, n_spikes, violations, unit.snr, limits, predictor),
    )


def _quality_reason(
    home: Electrode | None,
    n_spikes: int,
    violations: float,
    snr: float | None,
    limits: UnitSettings,
    predictor: Predictor,
) -> str | None:
    if home is None:
        return "not linked to an electrode"
    if home.kind != "micro" and (home.kind, predictor) != ("macro", "macro"):
        return f"its electrode is a {home.kind} contact"
    if n_spikes < limits.min_spikes:
        return f"{n_spikes} spikes while the signal runs, fewer than {limits.min_spikes} (units.min_spikes)"
    if violations > limits.max_isi_violations:
        allowed = f"{limits.max_isi_violations:.1%} (units.max_isi_violations)"
        return f"{violations:.1%} of intervals below 2 ms, more than {allowed}"
    if snr is not None and snr < limits.min_snr:
        return f"signal-to-noise ratio {snr:.1f}, below {limits.min_snr:g} (units.min_snr)"
    return None


def _with_reason(unit: PreparedUnit, reason: str | None) -> PreparedUnit:
    return replace(unit, excluded_reason=unit.excluded_reason or reason)
