"""Several sessions converted at a time."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.pipeline.conversion import convert_sessions
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, write_blackrock_study

MADE_ANEW = ("file_create_date", "object_id")  # differs between any two files


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Two short sessions of two participants."""
    settings = SimulationSettings(participants=2, seconds=5.0, bundles=1)
    return tuple(write_blackrock_study(tmp_path_factory.mktemp("raw"), settings))


def renamed(session_file: Path, target: str, source: Path) -> Path:
    """A copy of a session file that gives the same output as `source`."""
    content = yaml.safe_load(session_file.read_text(encoding="utf-8"))
    names = yaml.safe_load(source.read_text(encoding="utf-8"))
    content["subject"]["subject_id"] = names["subject"]["subject_id"]
    content["session"]["session_id"] = names["session"]["session_id"]
    path = session_file.with_name(target)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


EXTENSION = "specifications/ndx-spikeinference"  # cached as soon as anything in the same process has loaded it


def read_everything(path: Path) -> dict[str, Any]:
    """Values and attributes by name, without what is new in every file; references as what they point at."""
    with h5py.File(path) as file:
        found: dict[str, Any] = {}

        def plain(value: Any) -> Any:
            if isinstance(value, h5py.Reference):
                return file[value].name
            return [plain(one) for one in value] if isinstance(value, np.ndarray | list | tuple) else value

        def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if name.startswith(EXTENSION):
                return
            found.update({f"{name}@{key}": plain(value) for key, value in item.attrs.items() if key not in MADE_ANEW})
            if isinstance(item, h5py.Dataset) and name not in MADE_ANEW:
                found[name] = item[()].tobytes() if item.dtype.kind in "iuf" else plain(item[()])

        file.visititems(visit)
        return found


def test_two_processes_make_the_same_files_as_one(sessions: tuple[Path, ...], tmp_path: Path) -> None:
    pairs = zip(
        convert_sessions(sessions, tmp_path / "one"), convert_sessions(sessions, tmp_path / "two", jobs=2), strict=True
    )
    for one, two in pairs:
        assert one.report is not None
        assert two.report is not None
        assert two.report.path.relative_to(tmp_path / "two") == one.report.path.relative_to(tmp_path / "one")
        assert read_everything(two.report.path) == read_everything(one.report.path)


@pytest.mark.parametrize("jobs", [1, 2])
def test_two_sessions_for_one_file_are_refused_before_anything_is_written(
    sessions: tuple[Path, ...], tmp_path: Path, jobs: int
) -> None:
    first = sessions[0]
    second = renamed(sessions[1], "again.yaml", first)
    with pytest.raises(SettingsError, match=rf"{first} and {second} would both be written to .*_ecephys\.nwb; list"):
        convert_sessions([first, second], tmp_path / "nwb", jobs=jobs)
    assert not (tmp_path / "nwb").exists()


def test_a_session_that_is_listed_twice_is_refused(sessions: tuple[Path, ...], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"session\.yaml and .*session\.yaml would both be written"):
        convert_sessions([sessions[0], sessions[0]], tmp_path / "nwb")
    assert not (tmp_path / "nwb").exists()


def test_a_session_that_cannot_be_read_does_not_stop_the_others(sessions: tuple[Path, ...], tmp_path: Path) -> None:
    gone = tmp_path / "gone.yaml"
    missing, other = convert_sessions([gone, sessions[0]], tmp_path / "nwb", dry_run=True)
    assert isinstance(missing.error, InputError)
    assert other.report is not None
    assert other.report.status == "would be written"
