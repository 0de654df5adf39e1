"""
One folder per task: the durable truth of a study.

A task's folder is named by the hash of everything its result depends on. Its ``task.json`` is written last and carries
the digests of the result, so a killed or damaged task is seen for what it is and computed again. Small arrays stand
together in ``result.npz``; one that the task wrote to its folder itself stays a file and is mapped, not loaded.
"""

import json
import shutil
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from nwb_spikeinference.errors import InputError, describe
from nwb_spikeinference.files import (
    fsync_path,
    make_folder,
    replace_atomically,
    sha256_file,
    sha256_json,
    sweep_partials,
    write_json,
    write_text,
)
from nwb_spikeinference.pipeline.tasks.code_digest import TASK_MODULES, task_code

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKey:
    """What a task is, and everything its result depends on."""

    kind: str  # e.g. "features", "fit"
    label: str  # for people
    depends_on: Mapping[str, Any]  # plain data; beside it every result depends on the code of its kind of task

    @property
    def dependencies(self) -> dict[str, Any]:
        """Everything that the result depends on."""
        return {**self.depends_on, "code": task_code(self.kind)}

    @property
    def name(self) -> str:
        """Folder name: the kind and 16 hex digits of the dependencies' hash."""
        return f"{self.kind}-{sha256_json(self.dependencies)[:16]}"


def describe_failure(label: str, error: str) -> str:
    """What failed and why; mostly the reason names the file that the task is labelled with."""
    return error if label in error else f"{label}: {error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """What ``nsi status`` says of one task."""

    name: str
    label: str
    state: str  # "done" | "failed" | "started" | "stale": done by other code
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a task leaves on disk: arrays, and plain data as JSON holds it."""

    arrays: Arrays
    values: dict[str, Any]


class TaskRecord(Protocol):
    """The result of a task: a record that alone knows the names under which its parts are stored."""

    def save(self) -> Stored:
        """What is stored of it."""

    @classmethod
    def load(cls, stored: Stored) -> Self:
        """The record that was saved."""


R = TypeVar("R", bound=TaskRecord)
# What reading a task.json raises that holds something else than was written: no JSON, null, a list, other keys.
_NOT_AS_WRITTEN = (AttributeError, KeyError, TypeError, ValueError)


class TaskStore:
    """The task folders of one study."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sweep(self) -> None:
        """Remove what a killed process left; call it under the study's lock."""
        for folder in self.folder.glob("*/"):
            sweep_partials(folder)

    def forget(self) -> None:
        """Remove all tasks, and nothing else that may lie beside them."""
        for mark in self.folder.glob("*/task.json"):
            shutil.rmtree(mark.parent)

    def load(self, key: TaskKey, record: type[R]) -> R | None:
        """The result of a finished task, or None if it must be computed."""
        folder = self.folder / key.name
        try:
            task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
            if task["state"] != "done" or sha256_file(folder / "result.npz") != task["sha256"]:
                return None
            with np.load(folder / "result.npz", allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            for name, digest in task["mapped"].items():
                if sha256_file(folder / f"{name}.npy") != digest:
                    return None
                arrays[name] = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            return record.load(Stored(arrays=arrays, values=task["values"]))
        except (FileNotFoundError, InputError, *_NOT_AS_WRITTEN):
            return None

    def compute(self, key: TaskKey, work: Callable[[Path], R]) -> R:
        """
        Do a task and keep its result.

        Parameters
        ----------
        work : callable
            Is given the task's folder. Arrays of the result that are mapped from a file there are kept as that file.

        Raises
        ------
        Exception
            Whatever `work` raises, after its message has been kept for ``nsi status``.
        """
        folder = self.folder / key.name
        make_folder(folder)
        started = time.monotonic()
        self._write_state(folder, key, {"state": "started"})
        try:
            result = work(folder)
        except Exception as error:
            self._write_state(folder, key, {"state": "failed", "error": describe(error, longest=None)})
            write_text(folder / "error.txt", traceback.format_exc())
            sweep_partials(folder)
            raise
        stored = result.save()
        mapped = {name: array for name, array in stored.arrays.items() if _is_mapped(array, folder)}
        with replace_atomically(folder / "result.npz") as temporary, temporary.open("wb") as stream:
            small = {name: array for name, array in stored.arrays.items() if name not in mapped}
            np.savez(stream, **small)  # type: ignore[arg-type]
        self._write_state(
            folder,
            key,
            {
                "state": "done",
                "sha256": sha256_file(folder / "result.npz"),
                "mapped": {name: _keep_file(array, folder / f"{name}.npy") for name, array in mapped.items()},
                "seconds": round(time.monotonic() - started, 3),
                "values": stored.values,
            },
        )
        return result

    def states(self) -> tuple[TaskState, ...]:
        """All tasks that were ever begun here, by name; those done by other code than today's are stale."""
        states = []
        for path in sorted(self.folder.glob("*/task.json")):
            try:
                task = json.loads(path.read_text(encoding="utf-8"))
                now = task_code(task["kind"]) if task["kind"] in TASK_MODULES else None
                states.append(
                    TaskState(
                        name=path.parent.name,
                        label=task["label"],
                        state=task["state"] if task["depends_on"].get("code") == now else "stale",
                        seconds=task.get("seconds"),
                        error=task.get("error"),
                    )
                )
            except (OSError, *_NOT_AS_WRITTEN):
                states.append(TaskState(name=path.parent.name, label="", state="failed", error="task.json is damaged"))
        return tuple(states)

    @staticmethod
    def _write_state(folder: Path, key: TaskKey, content: dict[str, Any]) -> None:
        write_json(
            folder / "task.json", {"kind": key.kind, "label": key.label, "depends_on": key.dependencies, **content}
        )


def _is_mapped(array: np.ndarray, folder: Path) -> bool:
    return isinstance(array, np.memmap) and Path(str(array.filename)).parent == folder.resolve()


def _keep_file(array: np.ndarray, target: Path) -> str:
    """Give the file of a mapped array its name; its digest."""
    assert isinstance(array, np.memmap)
    source = Path(str(array.filename))
    fsync_path(source)
    source.replace(target)
    return sha256_file(target)
