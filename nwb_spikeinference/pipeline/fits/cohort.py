"""
All prepared sessions of a study, with the types of their units.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nwb_spikeinference.config import Predictor
from nwb_spikeinference.errors import NoUnitsError, SettingsError
from nwb_spikeinference.evaluation.putative_types import classify_widths
from nwb_spikeinference.evaluation.splits import UnitInfo
from nwb_spikeinference.inputs import LfpInput
from nwb_spikeinference.pipeline.sessions.prepared import PreparedSession, PreparedUnit
from nwb_spikeinference.recordings import CellType, UnitKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Prepared sessions, and which of their units take part."""

    sessions: tuple[PreparedSession, ...]
    tasks: tuple[str, ...]  # that prepared them, by name
    cell_types: Mapping[UnitKey, CellType]  # of the units that take part
    excluded: Mapping[UnitKey, str]
    type_method: str
    feature_names: tuple[str, ...]

    def unit_infos(self) -> tuple[UnitInfo, ...]:
        """What the splits must know of each unit that takes part."""
        return tuple(
            UnitInfo(
                participant=key.participant,
                session=key.session,
                row=key.row,
                region=unit.region,
                hemisphere=unit.hemisphere,
                cell_type=self.cell_types[key],
            )
            for key, unit in self.units()
            if key in self.cell_types
        )

    def units(self) -> list[tuple[UnitKey, PreparedUnit]]:
        """All units, used or not."""
        return [(session.key(unit), unit) for session in self.sessions for unit in session.units]

    def inputs(self, participants: Sequence[str], predictor: Predictor) -> tuple[LfpInput, ...]:
        """LFP inputs of some participants."""
        return tuple(
            lfp
            for session in self.sessions
            if session.participant in participants
            for lfp in session.lfp_inputs(predictor, self.cell_types)
        )

    @property
    def participants(self) -> tuple[str, ...]:
        """Participants with at least one unit that takes part."""
        return tuple(sorted({key.participant for key in self.cell_types}))


def make_cohort(sessions: Sequence[PreparedSession], tasks: Sequence[str], seed: int) -> Cohort:
    """
    Choose units and tell their types apart, over the whole study.

    Raises
    ------
    NoUnitsError
        If no unit passed; the message counts the reasons.
    SettingsError
        If the sessions hold different bands, or different numbers of samples per bin, which one model cannot read.
    """
    units = [(session.key(unit), unit) for session in sessions for unit in session.units]
    excluded = {key: unit.excluded_reason for key, unit in units if unit.excluded_reason}
    chosen = [(key, unit) for key, unit in units if key not in excluded]
    if not chosen:
        reasons = sorted(set(excluded.values()))
        why = f"; the reasons were: {'; '.join(reasons[:3])}" if reasons else ""
        raise NoUnitsError(f"no usable unit among {len(units)} in {len(sessions)} sessions{why}")
    names = {session.features for session in sessions}
    if len(names) > 1:
        raise SettingsError(
            "the sessions hold different bands (their LFP rates differ); name only bands that all of them hold"
        )
    per_bin = sorted({session.samples_per_bin for session in sessions})
    if len(per_bin) > 1:
        raise SettingsError(
            f"the sessions hold {per_bin[0]} to {per_bin[-1]} samples of LFP per bin (their rates differ), which no "
            f"model of the LFP itself can read; lower signal.rate_hz to the slowest, or choose a model of features"
        )
    typed = classify_widths([unit.trough_to_peak_ms for _, unit in chosen], seed)
    return Cohort(
        sessions=tuple(sessions),
        tasks=tuple(tasks),
        cell_types={key: cell_type for (key, _), cell_type in zip(chosen, typed.types, strict=True)},
        excluded=excluded,
        type_method=f"{typed.method}: {typed.reason}",
        feature_names=next(iter(names)),
    )


def spike_counts(cohort: Cohort, cell_type: CellType, participants: Collection[str]) -> np.ndarray:
    """Spikes of each unit of one type, of some participants."""
    return np.array(
        [
            unit.n_spikes
            for key, unit in cohort.units()
            if key.participant in participants and cohort.cell_types.get(key) == cell_type
        ],
        int,
    )
