"""Results of tasks, kept in their folders."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from nwb_spikeinference.errors import InputError, ResourceError
from nwb_spikeinference.files import partial_path
from nwb_spikeinference.pipeline.sessions.disk_arrays import allocate_array, keep_on_disk, map_array
from nwb_spikeinference.pipeline.tasks.store import Stored, TaskKey, TaskStore

KEY = TaskKey(kind="features", label="one", depends_on={"seed": 0})
LARGE = np.arange(12, dtype=np.float32).reshape(2, 6)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A result with an array that is mapped and one that is not."""

    large: np.ndarray
    small: np.ndarray
    n: int

    def save(self) -> Stored:
        return Stored(arrays={"large": self.large, "small": self.small}, values={"n": self.n})

    @classmethod
    def load(cls, stored: Stored) -> Self:
        return cls(**stored.arrays, **stored.values)


def work(folder: Path) -> Found:
    path = partial_path(folder / "large.npy")
    allocate_array(path, LARGE.shape)
    map_array(path, writeable=True)[:] = LARGE
    return Found(large=map_array(path), small=np.arange(3), n=1)


def test_arrays_come_back_and_large_ones_are_mapped(tmp_path: Path) -> None:
    store = TaskStore(tmp_path)
    store.compute(KEY, work)
    loaded = store.load(KEY, Found)
    assert loaded is not None
    assert isinstance(loaded.large, np.memmap)
    np.testing.assert_array_equal(loaded.large, LARGE)
    np.testing.assert_array_equal(loaded.small, np.arange(3))
    assert loaded.n == 1


def test_a_finished_task_leaves_no_partial(tmp_path: Path) -> None:
    TaskStore(tmp_path).compute(KEY, work)
    assert sorted(path.name for path in (tmp_path / KEY.name).iterdir()) == ["large.npy", "result.npz", "task.json"]


@pytest.mark.parametrize("name", ["large.npy", "result.npz"])
def test_a_flipped_byte_makes_a_task_undone(name: str, tmp_path: Path) -> None:
    store = TaskStore(tmp_path)
    store.compute(KEY, work)
    path = tmp_path / KEY.name / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert store.load(KEY, Found) is None


def test_a_failed_task_leaves_no_partial(tmp_path: Path) -> None:
    def fail(folder: Path) -> Found:
        work(folder)
        raise InputError("no")

    with pytest.raises(InputError, match="no"):
        TaskStore(tmp_path).compute(KEY, fail)
    assert sorted(path.name for path in (tmp_path / KEY.name).iterdir()) == ["error.txt", "task.json"]


def test_pieces_on_disk_are_one_array_in_a_file_without_a_name(tmp_path: Path) -> None:
    kept = keep_on_disk(tmp_path, iter([LARGE, LARGE[:1] + 100]))
    np.testing.assert_array_equal(kept, np.concatenate([LARGE, LARGE[:1] + 100]))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"missing.*cannot be written .* check space and rights"):
        keep_on_disk(tmp_path / "missing", iter([LARGE]))


@pytest.mark.parametrize("content", ["[]", "null", '{"state": "done", "kind": null}', "\xff"])
def test_a_task_json_that_holds_something_else_is_damaged_and_undone(content: str, tmp_path: Path) -> None:
    store = TaskStore(tmp_path)
    store.compute(KEY, work)
    (tmp_path / KEY.name / "task.json").write_bytes(content.encode("latin-1"))
    assert store.load(KEY, Found) is None
    assert [(one.state, one.error) for one in store.states()] == [("failed", "task.json is damaged")]


def test_a_part_of_a_task_json_that_is_null_makes_the_task_undone(tmp_path: Path) -> None:
    store = TaskStore(tmp_path)
    store.compute(KEY, work)
    mark = tmp_path / KEY.name / "task.json"
    mark.write_text(json.dumps(json.loads(mark.read_text()) | {"mapped": None}))
    assert store.load(KEY, Found) is None
