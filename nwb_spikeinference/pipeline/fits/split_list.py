"""
The splits of a study as records, from what its trainings are given.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nwb_spikeinference.config import WithinSettings
from nwb_spikeinference.evaluation.evidence import place_name
from nwb_spikeinference.evaluation.split_records import Split, SplitSession, Stretch, UnitStretches
from nwb_spikeinference.files import write_json
from nwb_spikeinference.inputs import BoolArray, LfpInput, stretches_of
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec, is_training_place, scored_bins, train_bins
from nwb_spikeinference.pipeline.fits.plan import StudyPlan

SCHEMA_VERSION = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFile:
    """The file of a session, by name and digests."""

    file: str
    file_sha256: str
    data_sha256: str


RecordingFiles = Mapping[tuple[str, str], RecordingFile]  # (participant, session) -> its file
_BinsOf = Callable[[LfpInput, FitSpec, WithinSettings], BoolArray]


def make_splits(plan: StudyPlan, cohort: Cohort, within: WithinSettings, files: RecordingFiles) -> dict[FitSpec, Split]:
    """
    The split of every training; trainings that differ in nothing but model and features share theirs.

    Raises
    ------
    LeakError
        If anything stands on both sides.
    """
    made: dict[FitSpec, Split] = {}
    found: dict[FitSpec, Split] = {}
    for spec in plan.specs():
        alike = replace(
            spec, model="", dropped_band=None, only_band=None, bands_only=False, thinning_draw=None, full=False
        )
        if alike not in made:
            made[alike] = _make_split(spec, cohort, within, files)
        found[spec] = made[alike]
    return found


def write_splits(splits: Mapping[FitSpec, Split], target: Path) -> None:
    """Write each split once, with its hash."""
    distinct = {id(split): split for split in splits.values()}.values()
    write_json(target, {"schema_version": SCHEMA_VERSION, "splits": [split.describe() for split in distinct]})


def count_training_units(spec: FitSpec, cohort: Cohort, within: WithinSettings) -> int:
    """How many units a fit learns from."""
    return sum(len(lfp.unit_rows) for lfp in _training(spec, cohort) if train_bins(lfp, spec, within).any())


def _training(spec: FitSpec, cohort: Cohort) -> list[LfpInput]:
    return [lfp for lfp in cohort.inputs(spec.train, spec.predictor) if is_training_place(lfp, spec)]


def _make_split(spec: FitSpec, cohort: Cohort, within: WithinSettings, files: RecordingFiles) -> Split:
    return Split(
        protocol=spec.protocol,
        fold=spec.fold,
        predictor=spec.predictor,
        train_place=place_name(spec.train_region, spec.train_hemisphere) if spec.train_region else None,
        train=_side(_training(spec, cohort), train_bins, spec, within, files),
        test=_side(cohort.inputs(spec.test, spec.predictor), scored_bins, spec, within, files),
    )


def _side(
    inputs: Sequence[LfpInput], bins_of: _BinsOf, spec: FitSpec, within: WithinSettings, files: RecordingFiles
) -> tuple[SplitSession, ...]:
    sessions: dict[tuple[str, str], list[tuple[LfpInput, tuple[Stretch, ...]]]] = {}
    for lfp in inputs:
        pieces = tuple((piece.start, piece.stop) for piece in stretches_of(bins_of(lfp, spec, within)))
        if pieces:
            sessions.setdefault((lfp.participant, lfp.session), []).append((lfp, pieces))
    return tuple(
        SplitSession(
            participant=participant,
            session=session,
            file=files[participant, session].file,
            file_sha256=files[participant, session].file_sha256,
            data_sha256=files[participant, session].data_sha256,
            units=tuple(sorted(unit for lfp, _ in parts for unit in lfp.unit_rows)),
            places=tuple(sorted({place_name(lfp.region, lfp.hemisphere) for lfp, _ in parts})),
            stretches=_stretches(parts) if spec.protocol == "within-session" else (),
        )
        for (participant, session), parts in sorted(sessions.items())
    )


def _stretches(parts: Sequence[tuple[LfpInput, tuple[Stretch, ...]]]) -> tuple[UnitStretches, ...]:
    """Units of a bundle that share their bins stand together."""
    units: dict[tuple[str, tuple[Stretch, ...]], list[int]] = {}
    for lfp, pieces in parts:
        units.setdefault((lfp.bundle, pieces), []).extend(lfp.unit_rows)
    return tuple(
        UnitStretches(bundle=bundle, units=tuple(sorted(members)), bins=pieces)
        for (bundle, pieces), members in sorted(units.items())
    )
