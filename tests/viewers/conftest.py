"""One small finished session, and what other people's programs make of it in processes of their own."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import yaml

from nwb_spikeinference.pipeline.conversion import convert_sessions
from nwb_spikeinference.pipeline.study import run_study
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, write_blackrock_study

HERE = Path(__file__).parent
READERS = HERE.parents[1] / ".venv-readers"
H5WEB = HERE / "h5web" / "dist"
SECONDS = 12
BANDS = {"theta": [4, 8], "high_frequency": [125, 175]}
# The quickest model that leaves every kind of result in the file.
STUDY = {
    "sessions": ["nwb/**/*.nwb"],
    "model": {"name": "logistic"},
    "baselines": ["rate"],
    "bands": BANDS,
    "units": {"min_spikes": 5},
    "controls": {"shifts": 50, "thin_draws": 1},
    "validation": {"folds": 3},
    "lobo": {"models": ["logistic"]},
}
Found = dict[str, np.ndarray]
Read = Callable[[str, Path], Found]


@pytest.fixture(scope="session")
def finished_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of 12 s and one bundle: simulated as vendor files, converted, studied with two others, written back."""
    folder = tmp_path_factory.mktemp("finished")
    simulation = SimulationSettings(participants=3, seconds=SECONDS, bundles=1, seed=7)
    for session_file in write_blackrock_study(folder / "raw", simulation):
        content = yaml.safe_load(session_file.read_text(encoding="utf-8"))
        content["session"] |= {"experimenter": ["Doe, Jane"], "institution": "University", "lab": "Laboratory"}
        session_file.write_text(yaml.safe_dump(content), encoding="utf-8")
        (done,) = convert_sessions([session_file], folder / "nwb")
        assert done.error is None
    study = folder / "study.yaml"
    study.write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    return next(path for path in run_study(study).written_back if path.name.startswith("sub-S01_"))


@pytest.fixture(scope="session")
def run_reader() -> Callable[..., None]:
    """Run a script of `readers/` in the environment that does not see this package."""
    if not (READERS / "installed").is_file():
        pytest.skip(f"no {READERS.name} (pynwb, pynapple, SpikeInterface, playwright): scripts/test makes it")

    def run(script: str, *arguments: object) -> None:
        # Nothing of this process's search path may lead the reader to the package; nor may the folder it runs in.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        done = subprocess.run(
            [READERS / "bin" / "python", HERE / "readers" / script, *map(str, arguments)],
            env=environment, cwd=READERS, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture
def read(run_reader: Callable[..., None], tmp_path: Path) -> Read:
    """What a script of `readers/` finds in a file."""

    def read_it(script: str, path: Path) -> Found:
        run_reader(script, path, tmp_path / "found.npz")
        with np.load(tmp_path / "found.npz") as found:
            return dict(found)

    return read_it


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder without a line for each request."""

    def log_message(self, *_: object) -> None:
        return


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Address of a server of a folder, on the loopback interface only."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=folder)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def chromium() -> str:
    """A browser of the system."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on this machine")
    return found


@pytest.fixture(scope="session")
def h5web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the built page, in a folder that files can be put into."""
    if not (H5WEB / "built").is_file():
        pytest.skip(f"no {H5WEB.relative_to(HERE.parents[1])}: scripts/test builds it where npm reaches its registry")
    return shutil.copytree(H5WEB, tmp_path_factory.mktemp("h5web") / "page")
