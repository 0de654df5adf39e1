"""
From one NWB file to what the models learn from: features per LFP input, spike counts per unit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nwb_spikeinference.config import Predictor, StudySettings
from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.evaluation.duplicates import find_duplicates
from nwb_spikeinference.inputs import LfpInput, runs_of
from nwb_spikeinference.models.registry import reads_raw
from nwb_spikeinference.nwb.reading.read_session import open_signals
from nwb_spikeinference.pipeline.sessions.bins import EDGE_S, Grid, judge_bins, make_grid, observed_bins
from nwb_spikeinference.pipeline.sessions.bundle_signal import BundleSignal, find_blocks, read_bundle
from nwb_spikeinference.pipeline.sessions.lfp_inputs import SessionInputs
from nwb_spikeinference.pipeline.sessions.observed_time import why_no_signal, within_observed
from nwb_spikeinference.pipeline.sessions.parallel import in_threads
from nwb_spikeinference.pipeline.sessions.reading import read_as_study
from nwb_spikeinference.pipeline.tasks.store import Arrays, TaskResult
from nwb_spikeinference.recordings import CellType, Electrode, Session, Unit
from nwb_spikeinference.signal.binning import bin_spikes
from nwb_spikeinference.signal.waveforms import isi_violation_share, trough_to_peak_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFacts:
    """One unit of a session, usable or not."""

    unit_id: int
    bundle: str | None
    region: str | None
    hemisphere: Any
    n_spikes: int
    rate_hz: float
    trough_to_peak_ms: float | None
    snr: float | None
    isi_violations: float
    excluded_reason: str | None


def stores_raw(settings: StudySettings) -> bool:
    """Whether some model of the study reads the trace itself, which is then stored beside the features."""
    return any(reads_raw(name) for name in settings.scored_models())


def stops_bands(settings: StudySettings) -> bool:
    """Whether bands are left out of models of features, whose other bands must then be kept without them as well."""
    return settings.lobo.mode != "off" and any(not reads_raw(name) for name in settings.lobo_models())


def prepare_session(path: Path, settings: StudySettings, folder: Path) -> TaskResult:
    """
    Features and counts of one session.

    Parameters
    ----------
    folder : Path
        Where large arrays are written to.

    Returns
    -------
    TaskResult
        Arrays: those of `SessionInputs.make` for the study's predictor and, as a control, for ``own``; ``counts``
        (n_bins, n_units). Facts: participant, subject (what tells people apart), session, grid, features, units,
        duplicates, discharges (bundle, n, share_of_time), samples_per_bin (of the stored trace, or 0), notes.

    Raises
    ------
    NoSignalError
        If the file holds no continuous signal, or none on a wire with a unit.
    """
    held = read_as_study(path, settings)
    session = within_observed(held)
    if missing := why_no_signal(held, session):
        raise NoSignalError(f"{path.name}: {missing}, only {len(held.units)} units that nothing can predict")
    signals, macros = _read_signals(session, settings, folder)
    if not signals and not macros:
        raise NoSignalError(f"{path.name}: no unit lies on a wire with a continuous signal; {_what_helps(session)}")
    segments = [segment for signal in (*signals.values(), *macros.values()) for segment in signal.segments]
    grid = make_grid(segments, settings.target.bin_ms / 1e3)
    maker = SessionInputs(
        grid,
        settings.band_list(),
        signals,
        macros,
        settings.signal,
        raw=stores_raw(settings),
        stop_bands=stops_bands(settings),
    )
    discharges = _find_discharges(grid, macros if settings.signal.predictor == "macro" else signals)
    counts = _count_spikes(session.units, grid)
    by_row = {electrode.row: electrode for electrode in session.electrodes}
    facts = [_unit_facts(unit, counts[:, k], by_row, maker, settings) for k, unit in enumerate(session.units)]
    bundles = [fact.bundle for fact in facts]
    predictors = [settings.signal.predictor]
    if settings.controls.own_wire and settings.signal.predictor != "own":
        predictors.append("own")
    arrays: Arrays = {"counts": counts}
    for number, predictor in enumerate(predictors):
        made, reasons = maker.make(session.units, [fact.excluded_reason for fact in facts], bundles, predictor, folder)
        arrays |= made
        if number == 0:
            facts = [_with_reason(fact, reasons.get(fact.unit_id)) for fact in facts]
    good = {fact.unit_id for fact in facts if fact.excluded_reason is None}
    duplicates = find_duplicates([unit for unit in session.units if unit.unit_id in good])
    if settings.units.drop_duplicates:
        repeats = {one.dropped: f"the same neuron as unit {one.kept}, which is better isolated" for one in duplicates}
        facts = [_with_reason(fact, repeats.get(fact.unit_id)) for fact in facts]
    return TaskResult(
        arrays=arrays,
        facts={
            "participant": session.participant,
            "subject": _subject(session),
            "session": session.session_id,
            "file": session.path.name,
            "grid": asdict(grid),
            "features": list(maker.feature_names),
            "samples_per_bin": maker.samples_per_bin,
            "bundles": len(_bundles(session, "micro")),
            "wires": sum(electrode.kind == "micro" for electrode in session.electrodes),
            "units": [asdict(fact) for fact in facts],
            "duplicates": [asdict(one) for one in duplicates],
            "discharges": discharges,
            "notes": [*session.notes, *maker.notes, *_note_partly_observed(session.units, bundles, maker)],
        },
    )


def _note_partly_observed(units: Sequence[Unit], bundles: Sequence[str | None], maker: SessionInputs) -> list[str]:
    missed = [
        np.sum(maker.covered(bundle) & ~observed_bins(maker.grid, unit)) * maker.grid.bin_s
        for unit, bundle in zip(units, bundles, strict=True)
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


def _subject(session: Session) -> dict[str, Any]:
    """What tells people apart beside their id: nobody else's contacts lie at the very same points."""
    points = {electrode.xyz for electrode in session.electrodes if electrode.xyz is not None}
    return {"sex": session.sex, "age_years": session.age_years, "points": sorted(points)}


def _read_signals(
    session: Session, settings: StudySettings, folder: Path
) -> tuple[dict[str, BundleSignal], dict[str, BundleSignal]]:
    """LFP of every bundle with units: of its wires and, if they are to predict, of its macro contacts."""
    by_row = {electrode.row: electrode for electrode in session.electrodes}
    units: dict[str | None, list[Unit]] = {}
    for unit in session.units:
        units.setdefault(_home(unit, by_row), []).append(unit)
    micro = {name: wires for name, wires in _bundles(session, "micro").items() if name in units}
    macro = _bundles(session, "macro") if settings.signal.predictor == "macro" else {}
    with open_signals(session.path) as open_block:

        def read(wires: Sequence[Electrode], own: Sequence[Unit]) -> BundleSignal:
            return read_bundle(open_block, find_blocks(session, wires), wires, own, settings.signal, folder)

        found = in_threads(
            read, [*micro.values(), *macro.values()], [*(units[name] for name in micro), *([()] * len(macro))]
        )
    signals = dict(zip(micro, found, strict=False))
    macros = dict(zip(macro, found[len(micro) :], strict=True))
    return _with_segments(signals), _with_segments(macros)


def _with_segments(signals: dict[str, BundleSignal]) -> dict[str, BundleSignal]:
    return {name: signal for name, signal in signals.items() if signal.segments}


def _find_discharges(grid: Grid, signals: Mapping[str, BundleSignal]) -> list[dict[str, Any]]:
    """Per bundle, how many there are and what share of the time that could be used lies around them."""
    return [
        {
            "bundle": name,
            "n": len(signal.discharges_s),
            "share_of_time": judge_bins(grid, signal, leave_discharges_out=True).share_of_discharges,
        }
        for name, signal in signals.items()
    ]


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


def _home(unit: Unit, by_row: dict[int, Electrode]) -> str | None:
    electrode = by_row.get(unit.electrode_rows[0]) if unit.electrode_rows else None
    return electrode.bundle if electrode is not None and electrode.kind == "micro" else None


def _unit_facts(
    unit: Unit, counts: np.ndarray, by_row: dict[int, Electrode], maker: SessionInputs, settings: StudySettings
) -> UnitFacts:
    home = by_row.get(unit.electrode_rows[0]) if unit.electrode_rows else None
    covered = maker.covered(home.bundle if home else None) & observed_bins(maker.grid, unit)
    n_spikes = int(counts[covered].sum())
    seconds = float(covered.sum() * maker.grid.bin_s)
    width = unit.trough_to_peak_ms
    if width is None and unit.waveform_mean is not None and unit.waveform_rate_hz:
        width = trough_to_peak_ms(unit.waveform_mean, unit.waveform_rate_hz)
    violations = unit.isi_violations if unit.isi_violations is not None else isi_violation_share(unit.spike_times_s)
    return UnitFacts(
        unit_id=unit.unit_id,
        bundle=home.bundle if home else None,
        region=home.region if home else None,
        hemisphere=home.hemisphere if home else None,
        n_spikes=n_spikes,
        rate_hz=n_spikes / seconds if seconds else 0.0,
        trough_to_peak_ms=width,
        snr=unit.snr,
        isi_violations=violations,
        excluded_reason=_quality_reason(home, n_spikes, violations, unit.snr, settings),
    )


def _quality_reason(
    home: Electrode | None, n_spikes: int, violations: float, snr: float | None, settings: StudySettings
) -> str | None:
    limits = settings.units
    if home is None:
        return "not linked to an electrode"
    if home.kind != "micro" and (home.kind, settings.signal.predictor) != ("macro", "macro"):
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
    return replace(fact, excluded_reason=fact.excluded_reason or reason)


def load_inputs(result: TaskResult, predictor: Predictor, cell_types: dict[int, CellType]) -> tuple[LfpInput, ...]:
    """
    The LFP inputs of a prepared session, each with the units that hang on it.

    Parameters
    ----------
    cell_types : dict
        Unit id -> putative type; units that are not in it are left out.
    """
    of_unit = result.arrays[f"{predictor}_of_unit"]
    stopped, raw = (result.arrays.get(f"{predictor}_{name}") for name in ("stopped", "raw"))
    units = result.facts["units"]
    session_valid = np.logical_or.reduce(result.arrays[f"{predictor}_valid"])
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
                features=np.asarray(features),
                valid=result.arrays[f"{predictor}_valid"][row],
                discharge=result.arrays[f"{predictor}_discharge"][row],
                segments=runs_of(result.arrays[f"{predictor}_covered"][row]),
                counts=result.arrays["counts"][:, members],
                unit_ids=tuple(int(units[k]["unit_id"]) for k in members),
                cell_types=tuple(cell_types[units[k]["unit_id"]] for k in members),
                stopped=None if stopped is None else np.asarray(stopped[row]),
                raw=None if raw is None else np.asarray(raw[row]),
                session_valid=session_valid,
            )
        )
    return tuple(inputs)
