"""
Executors: who does the tasks.

`LocalExecutor` works in this process, one task after the other, so that one compiled network serves all of them.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from nwb_spikeinference.errors import ResourceError, SpikeInferenceError
from nwb_spikeinference.pipeline.tasks.store import R, TaskKey, TaskStore, describe_failure

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[R]):
    """A key, the work that makes its result in the task's folder, and what kind of record that is."""

    key: TaskKey
    work: Callable[[Path], R]
    record: type[R]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTask:
    """A task that raised one of our errors."""

    label: str
    error: SpikeInferenceError

    def __str__(self) -> str:
        return describe_failure(self.label, str(self.error))


class LocalExecutor:
    """One process, one task at a time."""

    def __init__(self, store: TaskStore) -> None:
        self._store = store

    def run(self, tasks: Sequence[Task[R]], title: str) -> list[R | FailedTask]:
        """
        Results in the order of the tasks; finished ones are loaded, not repeated.

        A task that raises one of our errors is kept as failed and the others go on; anything else is a defect and stops
        the study.

        Raises
        ------
        ResourceError
            If a task lacks disk or memory, as all that follow would; what is finished is kept.
        """
        results: list[R | FailedTask] = []
        loaded = 0
        for number, task in enumerate(tasks, start=1):
            known = self._store.load(task.key, task.record)
            if known is not None:
                loaded += 1
                results.append(known)
                continue
            _log.info("%s %d/%d: %s", title, number, len(tasks), task.key.label)
            try:
                results.append(self._store.compute(task.key, task.work))
            except ResourceError:
                raise
            except SpikeInferenceError as error:
                failed = FailedTask(label=task.key.label, error=error)
                _log.warning("%s", failed)
                results.append(failed)
        if loaded:
            _log.info("%s: %d of %d were done already", title, loaded, len(tasks))
        return results
