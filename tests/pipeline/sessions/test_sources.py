"""Which files a study reads: on this machine, and from an archive on it that is gone in the end."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import pytest
import yaml

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.errors import InputError, LeakError, ResourceError, SettingsError
from nwb_spikeinference.pipeline.inspection import inspect_files
from nwb_spikeinference.pipeline.sessions.session_files import (
    SessionFile,
    expand_pattern,
    find_sessions,
    hash_sessions,
    list_files,
    with_participant_of,
)
from nwb_spikeinference.pipeline.study import StudyOutcome, list_inputs, run_study
from nwb_spikeinference.pipeline.verification import verify_paths
from tests.archive.server import ArchiveServer, ServedAsset, run_archive
from tests.pipeline.conftest import TINY

PEOPLE = ("000901/1", "000901/2", "000902/1")  # two datasets with the same ids

QUICK = {
    "model": {"name": "logistic"},
    "baselines": ["rate"],
    "lobo": {"mode": "off"},
    "controls": {"shifts": 20, "thin_draws": 1, "own_wire": False},
}


@pytest.fixture
def archive() -> Iterator[ArchiveServer]:
    """Serves two datasets with a text file each, named as NWB files."""
    with run_archive() as server:
        server.serve("000901", ServedAsset(path="sub-1/sub-1.nwb", content=b"one"))
        server.serve("000902", ServedAsset(path="sub-1/sub-1.nwb", content=b"another one"))
        yield server


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def settings_for(archive: ArchiveServer, *sessions: str, **changes: object) -> StudySettings:
    content = {"sessions": sessions, "archive": {"server": archive.api}} | changes
    return StudySettings.model_validate(content)


# Files on this machine


def test_folders_and_globs_stand_for_their_nwb_files(tmp_path: Path) -> None:
    for name in ("b/c.nwb", "a.nwb", "b/.hidden.nwb", "b/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    expected = [tmp_path / "a.nwb", tmp_path / "b" / "c.nwb"]
    assert list_files([tmp_path]) == expected
    assert list_files([tmp_path / "**" / "*.nwb", tmp_path / "a.nwb"]) == expected


def test_a_path_that_means_nothing_stays_to_be_refused(tmp_path: Path) -> None:
    assert list_files([tmp_path / "gone.nwb", tmp_path / "*.nwb"]) == [tmp_path / "gone.nwb", tmp_path / "*.nwb"]


@pytest.mark.parametrize("pattern", ["", "."])
def test_a_pattern_that_is_none_is_a_setting_to_correct(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(SettingsError, match=r"is no path or glob"):
        expand_pattern(pattern, tmp_path)


def test_sessions_that_match_nothing_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'nwb/\*\.nwb' matches no file below"):
        find_sessions(StudySettings(sessions=("nwb/*.nwb",)), tmp_path)


def test_two_files_of_the_same_bytes_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "a.nwb", tmp_path / "b.nwb"]
    for path in paths:
        path.write_bytes(b"same")
    with pytest.raises(LeakError, match=r"b\.nwb and a\.nwb are the same file"):
        hash_sessions([SessionFile(path=path) for path in paths])


# Files of an archive


def test_a_dataset_among_the_sessions_is_fetched_beside_the_study(archive: ArchiveServer, tmp_path: Path) -> None:
    (file,) = find_sessions(settings_for(archive, "DANDI:000901"), tmp_path)
    assert file.path == tmp_path / "dandi" / "000901" / "sub-1" / "sub-1.nwb"
    assert (file.path.read_bytes(), file.dataset) == (b"one", "")


def test_f58_a_fetched_dataset_needs_no_archive(tmp_path: Path) -> None:
    with run_archive() as server:
        server.serve("000901", ServedAsset(path="sub-1/sub-1.nwb", content=b"one"))
        settings = settings_for(server, "DANDI:000901")
        found = find_sessions(settings, tmp_path)
    assert find_sessions(settings, tmp_path) == found


def test_several_sources_keep_their_participants_apart(archive: ArchiveServer, tmp_path: Path) -> None:
    (tmp_path / "own.nwb").write_bytes(b"mine")
    found = find_sessions(settings_for(archive, "DANDI:000901", "DANDI:000902", "own.nwb"), tmp_path)
    assert {str(one.path.relative_to(tmp_path)): one.dataset for one in found} == {
        "dandi/000901/sub-1/sub-1.nwb": "000901",
        "dandi/000902/sub-1/sub-1.nwb": "000902",
        "own.nwb": "",
    }


def test_a_glob_over_fetched_files_does_not_count_them_twice(archive: ArchiveServer, tmp_path: Path) -> None:
    settings = settings_for(archive, "DANDI:000901", "**/*.nwb")
    find_sessions(settings, tmp_path)
    assert len(find_sessions(settings, tmp_path)) == 1


def test_a_participant_is_named_after_the_dataset_before_aliases(
    archive: ArchiveServer, converted: Path, tmp_path: Path
) -> None:
    path = copy_as(sorted(converted.glob("nwb/**/*.nwb"))[0], tmp_path / "a.nwb", "1")
    settings = settings_for(archive, "a.nwb", participants={"alias": {"000901/1": "P1", "1": "other"}})
    named = [with_participant_of(SessionFile(path=path, dataset=one), settings) for one in ("000901", "000902", "")]
    assert [one.participants.alias["1"] for one in named] == ["P1", "000902/1", "other"]


def test_more_than_the_study_allows_is_not_fetched(archive: ArchiveServer, tmp_path: Path) -> None:
    chosen = {"server": archive.api, "max_size": "1 B"}
    settings = StudySettings.model_validate({"sessions": ["DANDI:000901"], "archive": chosen})
    with pytest.raises(ResourceError, match=r"1 files of 3 B, more than the 1 B allowed"):
        find_sessions(settings, tmp_path)


def test_fetched_files_are_not_changed_in_place(archive: ArchiveServer, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"in-place would change files fetched from an archive; use copy"):
        find_sessions(settings_for(archive, "DANDI:000901", write_back={"mode": "in-place"}), tmp_path, fetch=False)


def test_a_dry_run_names_the_files_and_fetches_none(archive: ArchiveServer, tmp_path: Path) -> None:
    content = {"sessions": ["DANDI:000901"], "archive": {"server": archive.api}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
    assert list_inputs(tmp_path / "study.yaml") == (tmp_path / "dandi/000901/sub-1/sub-1.nwb",)
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


def test_f24_a_fetched_file_of_another_content_is_refused(archive: ArchiveServer, tmp_path: Path) -> None:
    settings = settings_for(archive, "DANDI:000901")
    (file,) = find_sessions(settings, tmp_path)
    file.path.unlink()
    file.path.write_bytes(b"two")
    with pytest.raises(InputError, match=r"sub-1\.nwb: was changed since it was fetched"):
        hash_sessions(find_sessions(settings, tmp_path))


# The whole way


@dataclass(frozen=True)
class Published:
    """A study over three datasets, after the archive has gone."""

    study: Path
    outcome: StudyOutcome
    inspected: dict[str, str | None]  # participant -> why a study cannot use the file


def copy_as(source: Path, target: Path, subject: str) -> Path:
    """A recording that says it is of another participant."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    with h5py.File(target, "r+") as file:
        del file["general/subject/subject_id"]
        file["general/subject/subject_id"] = subject
    return target


@pytest.fixture(scope="module")
def published(converted: Path, tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Published]:
    """Three simulated recordings in two datasets and a real one without LFP: fetched, looked into, studied."""
    folder = tmp_path_factory.mktemp("published")
    sources = sorted(converted.glob("nwb/**/*.nwb"))
    real = shared_data / "dandi/000207/sub-4_ses-4_ecephys+image.nwb"
    with pytest.MonkeyPatch.context() as patch, run_archive() as server:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        for dandiset, files in {"000901": sources[:2], "000902": sources[2:3]}.items():
            names = [(f"sub-{k}/sub-{k}_ses-1_ecephys.nwb", str(k)) for k in (1, 2)]
            assets = [
                ServedAsset(path=name, content=copy_as(source, folder / "made" / name, subject).read_bytes())
                for (name, subject), source in zip(names, files, strict=False)
            ]
            server.serve(dandiset, *assets)
        server.serve("000207", ServedAsset(path=f"sub-4/{real.name}", content=real.read_bytes()))
        addresses = ["DANDI:000901", "DANDI:000902/0.220126.1852", "DANDI:000207"]
        study = folder / "study.yaml"
        content = TINY | QUICK | {"sessions": addresses, "archive": {"server": server.api}}
        study.write_text(yaml.safe_dump(content), encoding="utf-8")
        inspected = inspect_files(addresses, archive=StudySettings.model_validate(content).archive)
        outcome = run_study(study)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield Published(study, outcome, {f"{one.path.parts[0]}/{one.participant}": one.reason for one in inspected})


def test_datasets_are_inspected_where_they_are(published: Published) -> None:
    assert published.inspected == {
        "DANDI:000901/1": None,
        "DANDI:000901/2": None,
        "DANDI:000902/1": None,
        "DANDI:000207/4": "no continuous signal",
    }


def test_people_of_two_datasets_are_different_people(published: Published) -> None:
    people = {one.participant: one.excluded_reason for one in published.outcome.results.participants if one.units}
    assert tuple(sorted(people)) == PEOPLE


def test_a_recording_that_cannot_be_used_has_its_line(published: Published) -> None:
    (failed,) = published.outcome.failed
    assert "no continuous signal, only 35 units" in str(failed.error)


def test_predictions_are_written_back_for_every_participant(published: Published) -> None:
    assert len(set(published.outcome.written_back)) == 3
    assert all(path.exists() for path in published.outcome.written_back)


def test_what_a_study_of_datasets_leaves_is_sound(published: Published) -> None:
    (found,) = filter(None, verify_paths([published.outcome.output]).values())
    assert found == ("sub-4_ses-4_ecephys+image.nwb is failed, not done; 'nsi run' continues it",)


def test_f58_the_study_runs_again_without_the_archive(published: Published) -> None:
    again = run_study(published.study)
    assert [one.roc_auc for one in again.results.units] == [one.roc_auc for one in published.outcome.results.units]
