"""
Inference at the contacts of a recording, contact by contact, and what must be said of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import expit

from nwb_spikeinference.config import Predictor
from nwb_spikeinference.errors import InputError, NoSignalError
from nwb_spikeinference.files import require_space, sweep_partials
from nwb_spikeinference.inputs import HEADS, LfpInput, stretches_of
from nwb_spikeinference.model_kinds import MODEL_KINDS
from nwb_spikeinference.models.spike_model import SpikeModel
from nwb_spikeinference.pipeline.inference.contact_signals import read_electrode, require_rate
from nwb_spikeinference.pipeline.inference.model_folder import SavedSettings
from nwb_spikeinference.pipeline.inference.training_range import (
    INFERRED_TYPES,
    describe_participant,
    describe_training,
    outside_of_training,
)
from nwb_spikeinference.pipeline.sessions.bins import Grid, make_grid
from nwb_spikeinference.pipeline.sessions.bundle_signal import BundleSignal, OpenBlock, find_blocks
from nwb_spikeinference.pipeline.sessions.disk_arrays import allocate_array, map_array
from nwb_spikeinference.pipeline.sessions.lfp_inputs import LfpRequest, SessionInputs
from nwb_spikeinference.recordings import CellType, Electrode, FloatArray, Session
from nwb_spikeinference.signal.features import wide_columns

_TRACE: Predictor = "own-despiked"  # each contact's own LFP, against others only where the model's reference says so
_BINS_AT_ONCE = 400_000  # whose log-odds are held
_NOTHING_LEFT = "no stretch of 3 s without a fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactReport:
    """
    What is to be said of one contact.

    Attributes
    ----------
    rate_hz : float
        At which it was recorded.
    outside : tuple of str
        Why it is not like what the model was trained on; empty if it is.
    inferred_share : float
        Of the bins, those in which something was inferred.
    reason : str or None
        Why nothing was.
    """

    electrode: Electrode
    rate_hz: float
    outside: tuple[str, ...]
    inferred_share: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """
    Spike probabilities of typical neurons at some contacts.

    Attributes
    ----------
    probabilities : dict
        ``excitatory`` and ``inhibitory`` -> ndarray of shape (n_bins, n_contacts), float32: probability of at least
        one spike of a typical neuron in a bin; NaN where nothing was inferred.
    start_s : float
        Start of the first bin, in seconds on the recording's clock.
    bin_s : float
        Width of a bin in seconds.
    contacts : tuple of ContactReport
        One per column.
    statements : tuple of str
        What the model was trained on, and what it takes for granted.
    """

    probabilities: Mapping[CellType, FloatArray]
    start_s: float
    bin_s: float
    contacts: tuple[ContactReport, ...]
    statements: tuple[str, ...]

    @property
    def times_s(self) -> FloatArray:
        """Start of each bin, in seconds; shape (n_bins,)."""
        return self.start_s + self.bin_s * np.arange(len(self.probabilities["excitatory"]))


def check_contacts(
    settings: SavedSettings, session: Session, contacts: Sequence[Electrode]
) -> tuple[ContactReport, ...]:
    """
    What can be said of contacts before anything is inferred.

    Raises
    ------
    NoSignalError
        If one of them was not recorded.
    InputError
        If one was recorded too slowly for the model.
    """
    reports = []
    for electrode in contacts:
        where = f"{session.path.name}: {electrode.label}"
        rates_hz = [block.rate_hz for block in find_blocks(session, [electrode])]
        if not rates_hz:
            raise NoSignalError(f"{where}: no continuous signal is stored; 'nsi inspect' shows what is")
        reads_trace = MODEL_KINDS[settings.model.name].reads_trace
        require_rate(min(rates_hz), settings.band_list(), settings.lfp_rate_hz, reads_trace=reads_trace, where=where)
        outside = outside_of_training(settings, electrode, min(rates_hz))
        reports.append(ContactReport(electrode=electrode, rate_hz=min(rates_hz), outside=outside))
    return tuple(reports)


def infer_contacts(
    model: SpikeModel,
    settings: SavedSettings,
    session: Session,
    contacts: Sequence[Electrode],
    open_block: OpenBlock,
    folder: Path,
) -> Inference:
    """
    Infer spiking at some contacts of a recording session.

    Parameters
    ----------
    model : SpikeModel
        Trained as `settings` say.
    open_block : callable
        Makes the reader of a block.
    folder : Path
        Where there is room for the probabilities and for one electrode's LFP and features.

    Returns
    -------
    Inference
        Its probabilities are mapped from files in the folder.

    Raises
    ------
    NoSignalError
        If nothing can be inferred at any contact; the message gives the first one's reason.
    """
    reports = dict(zip(contacts, check_contacts(settings, session, contacts), strict=True))
    grid = make_grid([block for one in contacts for block in find_blocks(session, [one])], settings.target.bin_s)
    found = {kind: _allocate(folder / f"{kind}.npy", grid, len(contacts)) for kind in INFERRED_TYPES}
    for members in _by_electrode(contacts):
        signals = read_electrode(session, members, open_block, settings.signal, settings.lfp_rate_hz, folder)
        inputs, reasons = _make_inputs(settings, members, signals, grid, folder)
        for electrode, reason in reasons.items():
            reports[electrode] = replace(reports[electrode], reason=reason)
        for electrode, lfp, log_odds in _apply(model, inputs):
            column = contacts.index(electrode)
            for kind, values in found.items():
                shifted = log_odds[lfp.valid, HEADS.index(kind)] + settings.intercepts[kind]
                values[lfp.valid, column] = expit(shifted)
            share = float(lfp.valid.mean())
            reports[electrode] = replace(
                reports[electrode], inferred_share=share, reason=None if share else _NOTHING_LEFT
            )
        sweep_partials(folder)
    if all(report.reason for report in reports.values()):
        first = reports[contacts[0]]
        raise NoSignalError(
            f"{session.path.name}: nothing can be inferred at any of {len(contacts)} contacts "
            f"({first.electrode.label}: {first.reason})"
        )
    return Inference(
        probabilities=found,
        start_s=grid.start_s,
        bin_s=grid.bin_s,
        contacts=tuple(reports[one] for one in contacts),
        statements=(*describe_training(settings), *describe_participant(settings, session.participant)),
    )


def _allocate(path: Path, grid: Grid, n_contacts: int) -> FloatArray:
    if not grid.n_bins:
        raise NoSignalError("the recording is shorter than one bin; nothing can be inferred")
    require_space(path.parent, 4 * grid.n_bins * n_contacts)
    allocate_array(path, (grid.n_bins, n_contacts))
    values = map_array(path, writeable=True)
    values[:] = np.nan
    return values


def _by_electrode(contacts: Sequence[Electrode]) -> Iterator[list[Electrode]]:
    groups: dict[tuple[str, str], list[Electrode]] = {}
    for one in contacts:
        groups.setdefault((one.bundle, one.kind), []).append(one)
    yield from groups.values()


def _make_inputs(
    settings: SavedSettings,
    contacts: Sequence[Electrode],
    signals: Mapping[int, BundleSignal],
    grid: Grid,
    folder: Path,
) -> tuple[dict[Electrode, LfpInput], dict[Electrode, str]]:
    """Input of each contact, made as those of units are; or the reason why there is none."""
    wanted = {"predictor": _TRACE, "wide_band": bool(wide_columns(settings.features))}
    reads_trace = MODEL_KINDS[settings.model.name].reads_trace
    maker = SessionInputs(
        grid,
        settings.band_list(),
        {str(row): signal for row, signal in signals.items()},
        {},
        settings.signal.model_copy(update=wanted),
        raw=reads_trace,
        stop_bands=False,
    )
    if not reads_trace and maker.feature_names != settings.features:
        raise InputError(f"{'; '.join(maker.notes)}; this model needs all of them")
    asked = [one for one in contacts if one.row in signals]
    requests = [LfpRequest(bundle=str(one.row), electrode_rows=(one.row,)) for one in asked]
    made, reasons = maker.make(requests, _TRACE, folder)
    inputs = {
        electrode: LfpInput(
            participant="",
            session="",
            bundle=electrode.bundle,
            region=None,
            hemisphere=None,
            bin_s=grid.bin_s,
            features=np.asarray(made.features[number]),
            valid=made.valid[number],
            discharge=made.discharge[number],
            segments=stretches_of(made.covered[number]),
            counts=np.zeros((grid.n_bins, 0), np.uint8),
            unit_rows=(),
            cell_types=(),
            raw=None if made.raw is None else np.asarray(made.raw[number]),
        )
        for electrode, number in zip(asked, made.of_unit.tolist(), strict=True)
        if number >= 0
    }
    return inputs, {asked[k]: reason for k, reason in reasons.items()}


def _apply(model: SpikeModel, inputs: Mapping[Electrode, LfpInput]) -> Iterator[tuple[Electrode, LfpInput, FloatArray]]:
    """Log-odds of each contact that has an input; of short recordings, of many at once."""
    if not inputs:
        return
    contacts = list(inputs)
    size = max(1, _BINS_AT_ONCE // inputs[contacts[0]].n_bins)
    for first in range(0, len(contacts), size):
        some = contacts[first : first + size]
        shown = [inputs[one] for one in some]
        yield from zip(some, shown, model.predict(shown), strict=True)
