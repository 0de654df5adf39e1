"""No space for what a study keeps, and interruptions: what is finished stays, and one line says what happened."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import h5py
import numpy as np
import pytest
import yaml

from nwb_spikeinference.errors import ResourceError
from nwb_spikeinference.pipeline.tasks.executors import LocalExecutor, Task
from nwb_spikeinference.pipeline.tasks.log_file import log_to
from nwb_spikeinference.pipeline.tasks.store import Stored, TaskKey, TaskStore
from tests.command import NSI_THAT_LISTENS
from tests.limits import largest_file

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's processes and limits")

WriteStudy = Callable[..., Path]


@dataclass(frozen=True)
class Numbers:
    """A result of a chosen size."""

    values: np.ndarray

    def save(self) -> Stored:
        return Stored(arrays={"values": self.values}, values={})

    @classmethod
    def load(cls, stored: Stored) -> Self:
        return cls(stored.arrays["values"])


def task(label: str, n_values: int) -> Task[Numbers]:
    key = TaskKey(kind="fit", label=label, depends_on={"label": label})
    return Task(key=key, work=lambda folder: Numbers(np.arange(n_values)), record=Numbers)


def test_f05_a_full_disk_stops_the_tasks_and_keeps_the_finished_ones(tmp_path: Path) -> None:
    store = TaskStore(tmp_path)
    small, large, never = task("small", 10), task("large", 100_000), task("never begun", 10)
    with largest_file(50_000), pytest.raises(ResourceError, match=r"result.npz: cannot be written .*; check space"):
        LocalExecutor(store).run([small, large, never], "fit")
    assert store.load(small.key, Numbers) is not None
    assert store.load(large.key, Numbers) is None
    assert not (tmp_path / never.key.name).exists()
    assert not list(tmp_path.glob("*/.*.partial"))
    assert len(LocalExecutor(store).run([small, large, never], "fit")) == 3


def test_f05_a_log_without_space_stops_nothing_and_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import logging

    path = tmp_path / "logs" / "run.log"
    path.parent.mkdir()
    path.write_text("x" * 1000)
    with largest_file(1000), log_to(path):
        logging.getLogger("nwb_spikeinference").warning("a line that finds no space")
    assert path.stat().st_size == 1000
    assert "Traceback" not in capfd.readouterr().err


@pytest.fixture
def session_without_signal(converted: Path, tmp_path: Path) -> Path:
    """A study of one file whose signal cannot be used."""
    source = next((converted / "nwb").glob("**/*.nwb"))
    path = tmp_path / "a.nwb"
    path.write_bytes(source.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["units"]
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump({"sessions": ["a.nwb"]}))
    return study


def test_f05_a_folder_for_results_that_cannot_be_made_is_one_line_and_exit_4(session_without_signal: Path) -> None:
    (session_without_signal.parent / "results").write_text("a file where the folder should be")
    done = subprocess.run(
        [*NSI_THAT_LISTENS, "run", str(session_without_signal)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_f03_an_interrupted_run_keeps_what_is_finished_and_says_how_to_go_on(
    converted: Path, write_study: WriteStudy, sent: signal.Signals, code: int
) -> None:
    output = converted / f"interrupted-{code}"
    study = write_study(converted, output=output.name)
    process = subprocess.Popen(
        [*NSI_THAT_LISTENS, "run", str(study)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    finished: list[Path] = []
    deadline = time.monotonic() + 120
    while not finished and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
        finished = [path for path in output.glob("tasks/*/task.json") if _is_done(path)]
    os.kill(process.pid, sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said[-3000:]
    assert said.strip().splitlines()[-1] == "interrupted; what was finished is kept, and the same command continues"
    assert all(_is_done(path) for path in finished)
    assert finished
    assert not list(output.glob("**/.*.partial"))
    assert not list(converted.glob(f".{output.name}.lock"))


def _is_done(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_text())["state"] == "done")
    except (OSError, json.JSONDecodeError):
        return False
