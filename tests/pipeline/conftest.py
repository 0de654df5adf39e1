"""A small study on disk, simulated as vendor files and converted, shared by the tests of the pipeline."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from nwb_spikeinference.pipeline.conversion import convert_sessions
from nwb_spikeinference.pipeline.simulation import simulate_study
from nwb_spikeinference.pipeline.study import StudyOutcome, run_study
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, write_blackrock_study
from tests.pipeline.small_models import make_settings, write_folder

WriteStudy = Callable[..., Path]
TINY = {
    "sessions": ["nwb/**/*.nwb"],
    "model": {"units": [8, 4], "epochs": 2, "chunk_bins": 100, "context_bins": 20, "batch": 32, "learning_rate": 0.02},
    "bands": {"theta": [4, 8], "low_gamma": [30, 55], "high_frequency": [125, 175]},
    "units": {"min_spikes": 5},
    "controls": {"shifts": 50, "thin_draws": 1},
    "validation": {"folds": 3},
    "lobo": {"models": ["logistic"]},
}


def _write_study(folder: Path, **changes: object) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(TINY | changes), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def write_study() -> WriteStudy:
    """Writes a study.yaml with the tiny settings, and changes to them."""
    return _write_study


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `raw/` and `nwb/` of three participants of 16 s, two bundles each."""
    folder = tmp_path_factory.mktemp("study")
    settings = SimulationSettings(participants=3, seconds=16, seed=7)
    sessions = write_blackrock_study(folder / "raw", settings)
    for done in convert_sessions(sessions, folder / "nwb"):
        assert done.error is None
    return folder


@pytest.fixture(scope="session")
def finished(converted: Path, write_study: WriteStudy) -> StudyOutcome:
    """The small study, run to its end."""
    return run_study(write_study(converted, output="finished"))


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A logistic model that nobody trained."""
    return write_folder(tmp_path_factory.mktemp("model"), make_settings())


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bundle of 8 wires and its units, 12 s."""
    settings = SimulationSettings(participants=1, seconds=12.0, bundles=1, seed=2)
    (path,) = simulate_study(tmp_path_factory.mktemp("whole"), settings, file_format="nwb")
    return path
