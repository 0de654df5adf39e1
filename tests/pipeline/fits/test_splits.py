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
from nwb_spikeinference.pipeline.fits.plan import make_plan
from nwb_spikeinference.pipeline.fits.same_recording import hash_contents
from nwb_spikeinference.pipeline.fits.split_list import SessionSource, count_training_units, make_splits
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session
from nwb_spikeinference.pipeline.study import StudyOutcome
from nwb_spikeinference.pipeline.tasks.store import TaskResult
from nwb_spikeinference.recordings import FloatArray
from tests.pipeline.planted_cohort import BAND_COLUMNS, make_cohort, moved_to

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


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    """Three participants with a unit in the left hippocampus, three with one in the right amygdala."""
    people = [f"P{number}" for number in range(6)]
    made = make_cohort(participants=people, names=BAND_COLUMNS, drives={}, discharge=slice(500, 600))
    return moved_to(made, people[3:], "amygdala", "right")


def sources_of(cohort: Cohort) -> dict[tuple[str, str], SessionSource]:
    return {
        key: SessionSource(file=f"{name}.nwb", file_sha256=f"file {name}", data_sha256=f"data {name}")
        for session in cohort.sessions
        for key in [(session.facts["participant"], session.facts["session"])]
        for name in ["-".join(key)]
    }


class Spy:
    """A model that remembers what it was given and infers nothing."""

    name, weights_sha256 = "spy", ""

    def fit(self, training: Sequence[TrainingInput], columns: FeatureColumns, seed: object) -> None:
        """Remember which bins of which units it may learn from."""
        self.learned = {
            (item.source.participant, unit, int(place))
            for item in training
            for unit in item.source.unit_ids
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
    return spy.learned, {(unit["participant"], unit["unit_id"]) for unit in result.facts["units"]}


def test_the_record_of_every_split_is_what_the_training_was_given(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = make_splits(make_plan(cohort, SETTINGS), cohort, SETTINGS, sources_of(cohort))
    assert {spec.protocol for spec in splits} == {"unseen-participant", "within-session"}
    assert {split.train_place for split in splits.values()} == {None, "left hippocampus", "right amygdala"}
    for spec, split in splits.items():
        learned, tested = learned_and_tested(spec, cohort, monkeypatch)
        assert {(one.participant, unit) for one in split.train for unit in one.units} == {
            (participant, unit) for participant, unit, _ in learned
        }
        assert {(one.participant, unit) for one in split.test for unit in one.units} == tested
        assert count_training_units(spec, cohort, SETTINGS) == sum(len(one.units) for one in split.train)
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
    splits = make_splits(plan, cohort, SETTINGS, sources_of(cohort))
    first, second = (splits[plan.groups[f"unseen/{model}"][0]] for model in ("logistic", "rate"))
    assert first is second


def test_participants_of_a_transfer_stand_on_one_side_and_places_are_named(cohort: Cohort) -> None:
    plan = make_plan(cohort, SETTINGS)
    splits = make_splits(plan, cohort, SETTINGS, sources_of(cohort))
    for spec in plan.groups["transfer/logistic"]:
        split = splits[spec]
        assert {place for one in split.train for place in one.places} == {"left hippocampus"}
        assert not {one.participant for one in split.train} & {one.participant for one in split.test}
    tested = {place for spec in plan.groups["transfer/logistic"] for one in splits[spec].test for place in one.places}
    assert tested == {"left hippocampus", "right amygdala"}


def test_a_participant_in_two_files_stays_on_one_side_of_every_fold(cohort: Cohort) -> None:
    renamed = {"P1": "P0", "P4": "P3"}  # their second sessions

    def under_one_id(session: TaskResult) -> TaskResult:
        name = session.facts["participant"]
        second = {"participant": renamed.get(name, name), "session": "two" if name in renamed else "one"}
        return TaskResult(arrays=session.arrays, facts=session.facts | second)

    merged = replace(
        cohort,
        sessions=tuple(under_one_id(session) for session in cohort.sessions),
        cell_types={
            (renamed.get(name, name), "two" if name in renamed else "one", unit): kind
            for (name, _, unit), kind in cohort.cell_types.items()
        },
    )
    splits = make_splits(make_plan(merged, SETTINGS), merged, SETTINGS, sources_of(merged))
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
    sessions = [
        TaskResult(arrays=one.arrays, facts=one.facts | {"session": f"{one.facts['session']} {number}"})
        for number, one in enumerate(prepared)
    ]
    cohort = choose_units(sessions, [path.name for path in paths], settings)
    splits = make_splits(make_plan(cohort, settings), cohort, settings, sources_of(cohort))
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
    sessions = [(path, prepare_session(path, settings, tmp_path)) for path in (source, copy)]
    assert {session.facts["participant"] for _, session in sessions} == {"S01", "S99"}
    with pytest.raises(LeakError, match=rf"somebody_else\.nwb and {source.name} hold the same"):
        hash_contents(sessions, "neighbour")


@pytest.mark.parametrize(("array", "kind"), [("counts", "spikes"), ("neighbour_features", "LFP")])
def test_either_the_spikes_or_the_lfp_give_a_recording_away(cohort: Cohort, array: str, kind: str) -> None:
    first, second = cohort.sessions[:2]
    copied = TaskResult(arrays=second.arrays | {array: first.arrays[array]}, facts=second.facts)
    with pytest.raises(LeakError, match=rf"b\.nwb and a\.nwb hold the same {kind}, bin for bin"):
        hash_contents([(Path("a.nwb"), first), (Path("b.nwb"), copied)], "neighbour")


def test_silence_in_two_files_is_no_repeated_recording(cohort: Cohort) -> None:
    silent = [
        TaskResult(
            arrays=session.arrays
            | {name: np.zeros_like(session.arrays[name]) for name in ("counts", "neighbour_features")},
            facts=session.facts,
        )
        for session in cohort.sessions[:2]
    ]
    assert len(hash_contents([(Path("a"), silent[0]), (Path("b"), silent[1])], "neighbour")) == 2
