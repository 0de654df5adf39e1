"""Who and what is on which side of every training of a study."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.errors import LeakError
from nwb_spikeinference.files import sha256_file
from nwb_spikeinference.inputs import FeatureColumns, LfpInput, TrainingInput
from nwb_spikeinference.pipeline.fits import run_fit as fits
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.cohort import make_cohort as choose_units
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.pipeline.fits.group import FitGroup
from nwb_spikeinference.pipeline.fits.plan import make_plan
from nwb_spikeinference.pipeline.fits.same_recording import hash_contents
from nwb_spikeinference.pipeline.fits.split_list import RecordingFile, count_training_units, make_splits
from nwb_spikeinference.pipeline.sessions.choose_sessions import UsedSession
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session
from nwb_spikeinference.pipeline.sessions.prepared import PreparedSession
from nwb_spikeinference.pipeline.study import StudyOutcome
from nwb_spikeinference.recordings import FloatArray, UnitKey
from tests.pipeline.planted_cohort import BAND_COLUMNS, make_cohort, moved_to, with_inputs

SETTINGS = StudySettings.model_validate(
    {
        "sessions": ["x"],
        "model": {"name": "logistic"},
        "baselines": ["rate"],
        "validation": {"folds": 3, "within": {"folds": 2}},
        "lobo": {"mode": "off"},
        "controls": {"shifts": 20, "own_wire": False},
    }
)


WITHIN = SETTINGS.validation.within


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    """Three participants with a unit in the left hippocampus, three with one in the right amygdala."""
    people = [f"P{number}" for number in range(6)]
    made = make_cohort(participants=people, names=BAND_COLUMNS, drives={}, discharge=slice(500, 600))
    return moved_to(made, people[3:], "amygdala", "right")


def used(prepared: PreparedSession, path: Path) -> UsedSession:
    return UsedSession(path=path, sha256="", task="", prepared=prepared)


def files_of(cohort: Cohort) -> dict[tuple[str, str], RecordingFile]:
    return {
        session.name: RecordingFile(file=f"{name}.nwb", file_sha256=f"file {name}", data_sha256=f"data {name}")
        for session in cohort.sessions
        for name in ["-".join(session.name)]
    }


class Spy:
    """A model that remembers what it was given and infers nothing."""

    name, weights_sha256 = "spy", ""

    def fit(self, training: Sequence[TrainingInput], columns: FeatureColumns, seed: object) -> None:
        """Remember which bins of which units it may learn from."""
        self.learned = {
            (item.lfp.participant, unit, int(place))
            for item in training
            for unit in item.lfp.unit_rows
            for place in np.flatnonzero(item.bins)
        }

    def predict(self, sources: Sequence[LfpInput]) -> list[FloatArray]:
        """Chance."""
        return [np.zeros((source.n_bins, 3)) for source in sources]


def learned_and_tested(
    spec: FitSpec, cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> tuple[set[tuple[str, int, int]], set[tuple[str, int]]]:
    """What a training really learned from, and which units it scored."""
    spy = Spy()
    monkeypatch.setattr(fits, "make_model", lambda name, settings: spy)
    result = fits.run_fit(spec, cohort, SETTINGS)
    return spy.learned, {(unit.key.participant, unit.key.row) for unit in result.units}


def test_the_record_of_every_split_is_what_the_training_was_given(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = make_splits(make_plan(cohort, SETTINGS), cohort, WITHIN, files_of(cohort))
    assert {spec.protocol for spec in splits} == {"unseen-participant", "within-session"}
    assert {split.train_place for split in splits.values()} == {None, "left hippocampus", "right amygdala"}
    for spec, split in splits.items():
        learned, tested = learned_and_tested(spec, cohort, monkeypatch)
        assert {(one.participant, unit) for one in split.train for unit in one.units} == {
            (participant, unit) for participant, unit, _ in learned
        }
        assert {(one.participant, unit) for one in split.test for unit in one.units} == tested
        assert count_training_units(spec, cohort, WITHIN) == sum(len(one.units) for one in split.train)
        if spec.protocol == "within-session":
            assert learned == {
                (one.participant, unit, place)
                for one in split.train
                for part in one.stretches
                for unit in part.units
                for start, stop in part.bins
                for place in range(start, stop)
            }


def test_trainings_that_differ_in_the_model_alone_share_their_split(cohort: Cohort) -> None:
    plan = make_plan(cohort, SETTINGS)
    splits = make_splits(plan, cohort, WITHIN, files_of(cohort))
    first, second = (splits[plan.groups[FitGroup(purpose="score", model=model)][0]] for model in ("logistic", "rate"))
    assert first is second


def test_participants_of_a_transfer_stand_on_one_side_and_places_are_named(cohort: Cohort) -> None:
    plan = make_plan(cohort, SETTINGS)
    splits = make_splits(plan, cohort, WITHIN, files_of(cohort))
    transfer = plan.groups[FitGroup(purpose="transfer", model="logistic")]
    for spec in transfer:
        split = splits[spec]
        assert {place for one in split.train for place in one.places} == {"left hippocampus"}
        assert not {one.participant for one in split.train} & {one.participant for one in split.test}
    tested = {place for spec in transfer for one in splits[spec].test for place in one.places}
    assert tested == {"left hippocampus", "right amygdala"}


def test_a_participant_in_two_files_stays_on_one_side_of_every_fold(cohort: Cohort) -> None:
    renamed = {"P1": "P0", "P4": "P3"}  # their second sessions

    merged = replace(
        cohort,
        sessions=tuple(
            replace(one, participant=renamed[one.participant], session="two") if one.participant in renamed else one
            for one in cohort.sessions
        ),
        cell_types={
            UnitKey(renamed[key.participant], "two", key.row) if key.participant in renamed else key: kind
            for key, kind in cohort.cell_types.items()
        },
    )
    splits = make_splits(make_plan(merged, SETTINGS), merged, WITHIN, files_of(merged))
    for split in splits.values():
        for side in (split.train, split.test):
            if split.protocol == "unseen-participant" and not split.train_place:
                files = {one.file for one in side}
                assert ("P0-one.nwb" in files) == ("P0-two.nwb" in files)
                assert ("P3-one.nwb" in files) == ("P3-two.nwb" in files)


def test_an_alias_brings_two_ids_to_one_side(converted: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_validate(
        {**SETTINGS.model_dump(), "participants": {"alias": {"S02": "S01"}}, "units": {"min_spikes": 5}}
    )
    paths = sorted((converted / "nwb").glob("**/sub-S0[123]_*.nwb"))
    prepared = [prepare_session(path, settings, tmp_path) for path in paths]
    sessions = [replace(one, session=f"{one.session} {number}") for number, one in enumerate(prepared)]
    cohort = choose_units(sessions, [path.name for path in paths], settings.seed)
    splits = make_splits(make_plan(cohort, settings), cohort, WITHIN, files_of(cohort))
    held_out = {
        tuple(sorted(one.session[-1] for one in split.test))
        for split in splits.values()
        if split.protocol == "unseen-participant"
    }
    assert held_out == {("0", "1"), ("2",)}


def test_splits_are_stored_and_their_hash_stands_in_the_results(finished: StudyOutcome) -> None:
    stored = finished.output / "splits.json"
    assert finished.results.provenance.splits_sha256 == sha256_file(stored)
    splits = json.loads(stored.read_text(encoding="utf-8"))["splits"]
    assert len({split["sha256"] for split in splits}) == len(splits)
    inputs = {(one.file, one.sha256) for one in finished.results.provenance.inputs}
    assert {(one["file"], one["file_sha256"]) for split in splits for one in split["train"]} == inputs


def test_f33_a_recording_under_another_participant_in_other_bytes_is_refused(converted: Path, tmp_path: Path) -> None:
    source = next((converted / "nwb").glob("**/sub-S01*.nwb"))
    copy = tmp_path / "somebody_else.nwb"
    shutil.copy(source, copy)
    with h5py.File(copy, "r+") as file:
        del file["general/subject/subject_id"]
        file["general/subject/subject_id"] = "S99"
    assert sha256_file(copy) != sha256_file(source)
    settings = StudySettings.model_validate({"sessions": ["x"], "controls": {"own_wire": False}})
    sessions = [used(prepare_session(path, settings, tmp_path), path) for path in (source, copy)]
    assert {one.prepared.participant for one in sessions} == {"S01", "S99"}
    with pytest.raises(LeakError, match=rf"somebody_else\.nwb and {source.name} hold the same"):
        hash_contents(sessions, "neighbour")


@pytest.mark.parametrize("kind", ["spikes", "LFP"])
def test_either_the_spikes_or_the_lfp_give_a_recording_away(cohort: Cohort, kind: str) -> None:
    first, second = cohort.sessions[:2]
    copied = replace(second, **({"counts": first.counts} if kind == "spikes" else {"inputs": first.inputs}))
    with pytest.raises(LeakError, match=rf"b\.nwb and a\.nwb hold the same {kind}, bin for bin"):
        hash_contents([used(first, Path("a.nwb")), used(copied, Path("b.nwb"))], "neighbour")


def test_silence_in_two_files_is_no_repeated_recording(cohort: Cohort) -> None:
    silent = [
        replace(
            with_inputs(one, features=np.zeros_like(one.inputs["neighbour"].features)), counts=np.zeros_like(one.counts)
        )
        for one in cohort.sessions[:2]
    ]
    assert len(hash_contents([used(one, Path(name)) for one, name in zip(silent, "ab", strict=True)], "neighbour")) == 2
