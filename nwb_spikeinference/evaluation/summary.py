"""
Means over units with participant intervals: the tables of models, bands and places.

An interval needs at least three participants; below, the mean stands alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nwb_spikeinference.evaluation.evidence import (
    CELL_GROUPS,
    Score,
    StudyContext,
    UnitEvidence,
    in_group,
    mean_interval,
    participants_of,
)
from nwb_spikeinference.evaluation.statistics import Interval, benjamini_hochberg, bootstrap_mean, p_two_sided
from nwb_spikeinference.recordings import CellType
from nwb_spikeinference.records import LoboRecord, ModelRecord, Protocol, TransferRecord

MIN_PARTICIPANTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitValue:
    """One metric of one unit by one model; None where it does not exist."""

    participant: str
    cell_type: CellType
    value: float | None


def model_records(
    values: Sequence[UnitValue],
    *,
    protocol: Protocol,
    model: str,
    metric: str,
    context: StudyContext,
    predictor: str | None = None,
) -> tuple[ModelRecord, ...]:
    """
    One model's mean metric over all, excitatory and inhibitory units; groups without a value have no row.

    Every model's interval rests on the same draws of participants.

    Parameters
    ----------
    predictor : str, optional
        What the units were predicted from, where it is not the study's predictor.
    """
    records = []
    for group in CELL_GROUPS:
        found = [
            (one.value, one.participant) for one in values if group in ("all", one.cell_type) and one.value is not None
        ]
        if not found:
            continue
        numbers, participants = zip(*found, strict=True)
        interval = bootstrap_mean(numbers, participants, context.rng("model", group), context.n_draws)
        records.append(
            ModelRecord(
                protocol=protocol,
                model=model,
                cell_type=group,
                predictor=predictor or context.predictor,
                metric=metric,
                mean=interval.mean,
                n_units=interval.n_units,
                n_participants=interval.n_participants,
                **_bounds(interval),
            )
        )
    return tuple(records)


def lobo_records(
    rows: Sequence[UnitEvidence], *, model: str, mode: Literal["drop", "only"], context: StudyContext
) -> tuple[LoboRecord, ...]:
    """Change of ROC-AUC per band and cell group; p values are corrected over bands (Benjamini-Hochberg)."""
    records: list[LoboRecord] = []
    for group in CELL_GROUPS:
        members = in_group(rows, group)
        found: dict[str, Interval] = {}
        for band in context.bands_by_frequency():
            interval = mean_interval(members, _band_score(band.name, mode), context, "lobo", mode, group, band.name)
            if interval is not None:
                found[band.name] = interval
        p_values = {
            name: p_two_sided(one.draws) for name, one in found.items() if one.n_participants >= MIN_PARTICIPANTS
        }
        corrected = dict(zip(p_values, benjamini_hochberg(list(p_values.values())), strict=True))
        for name, interval in found.items():
            records.append(
                LoboRecord(
                    band=name,
                    mode=mode,
                    model=model,
                    cell_type=group,
                    delta_roc_auc=interval.mean,
                    p=corrected.get(name),
                    n_units=interval.n_units,
                    **_bounds(interval),
                )
            )
    return tuple(records)


def transfer_records(rows: Sequence[UnitEvidence], context: StudyContext) -> tuple[TransferRecord, ...]:
    """
    Score per test place and cell group of the model trained at one place.

    Units of unknown region are left out. The scores by the models of the tested place and of all places are means over
    the same units, or None if any of them lacks one.
    """
    records = []
    scored = [row for row in rows if row.transfer_roc_auc is not None and row.region is not None]
    places = {(row.region, row.hemisphere) for row in scored}
    for region, hemisphere in sorted(places, key=lambda place: (place[0] or "", place[1] or "")):
        here = [row for row in scored if (row.region, row.hemisphere) == (region, hemisphere)]
        for group in CELL_GROUPS:
            members = in_group(here, group)
            purpose = ("transfer", region or "", hemisphere or "", group)
            interval = mean_interval(members, lambda row: row.transfer_roc_auc, context, *purpose)
            if interval is None:
                continue
            records.append(
                TransferRecord(
                    train_region=context.train_region,
                    train_hemisphere=context.train_hemisphere,
                    test_region=region or "",
                    test_hemisphere=hemisphere,
                    cell_type=group,
                    roc_auc=interval.mean,
                    **_bounds(interval),
                    within_roc_auc=_complete_mean([row.within_roc_auc for row in members]),
                    n_units=interval.n_units,
                    n_participants=len(participants_of(members)),
                    all_places_roc_auc=_complete_mean([row.all_places_roc_auc for row in members]),
                    train_units=_rounded_mean([row.transfer_train_units for row in members]),
                    within_train_units=_rounded_mean([row.within_train_units for row in members]),
                )
            )
    return tuple(records)


def _band_score(band: str, mode: Literal["drop", "only"]) -> Score:
    return lambda row: (row.lobo_drop if mode == "drop" else row.lobo_only).get(band)


def _bounds(interval: Interval) -> dict[str, Any]:
    """What a record says of an interval."""
    if interval.n_participants < MIN_PARTICIPANTS:
        return {"low": None, "high": None}
    return {"low": interval.low, "high": interval.high}


def _complete_mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _rounded_mean(values: Sequence[int | None]) -> int | None:
    mean = _complete_mean(values)
    return None if mean is None else round(mean)
