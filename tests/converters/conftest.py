"""Session files around real and simulated recordings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from nwb_spikeinference.session_config import RecordingSettings
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, write_blackrock_study
from nwb_spikeinference_converters.protocol import RawRecording, find_converter

WriteSession = Callable[..., Path]


@pytest.fixture(scope="session")
def write_session() -> WriteSession:
    """Write ``session.yaml`` with the given keys beside a subject and a session."""

    def write(folder: Path, **content: Any) -> Path:
        subject = {"subject_id": "P01", "age": "P34Y", "sex": "F"}
        settings = {"subject": subject, "session": {"session_id": "baseline"}, **content}
        path = folder / "session.yaml"
        path.write_text(yaml.safe_dump(settings), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def simulated_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Session file of one simulated participant: one bundle, a few seconds at 30 kHz."""
    folder = tmp_path_factory.mktemp("simulated")
    (session_file,) = write_blackrock_study(folder, SimulationSettings(participants=1, seconds=10.0, bundles=1))
    return session_file


@pytest.fixture
def edited_session(simulated_session: Path, tmp_path: Path) -> Callable[..., Path]:
    """The simulated session beside links to its files, with some keys of its settings changed."""

    def edit(**changes: Any) -> Path:
        for source in simulated_session.parent.iterdir():
            if source.name != simulated_session.name and not (tmp_path / source.name).exists():
                (tmp_path / source.name).symlink_to(source)
        content = yaml.safe_load(simulated_session.read_text(encoding="utf-8"))
        content.update(changes)
        path = tmp_path / "session.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return edit


@pytest.fixture
def open_recording(request: pytest.FixtureRequest) -> Callable[..., RawRecording]:
    """Open a recording as a session does, and close it at the end."""

    def open_it(name: str, path: Path, **settings: str) -> RawRecording:
        recording = find_converter(name).open(path, RecordingSettings(format=name, file=path.name, **settings))
        request.addfinalizer(recording.close)
        return recording

    return open_it
