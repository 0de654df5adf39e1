"""Atomic replacement, locks, hashes and path checks."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nwb_spikeinference import files
from nwb_spikeinference.errors import ExistsError, InputError, LockedError, ResourceError
from nwb_spikeinference.files import (
    lock,
    partial_path,
    replace_atomically,
    require_absent,
    require_space,
    resolve_inside,
    sha256_file,
    sha256_json,
    sweep_partials,
    write_json,
    write_text,
)

HOLD_LOCK = """
import sys
from pathlib import Path
from nwb_spikeinference.files import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def replace_and_fail(target: Path) -> None:
    """Die half-way through writing."""
    with replace_atomically(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError("stopped half-way")


# Atomic replacement


def test_a_file_is_written_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "er" / "a.txt", "new")
    assert (tmp_path / "deep" / "er" / "a.txt").read_text() == "new"


def test_f1_a_failure_leaves_the_old_file_and_no_partial(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError, match="stopped half-way"):
        replace_and_fail(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_the_old_file_stays_until_the_check_has_passed(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def refuse(temporary: Path) -> None:
        assert (temporary.read_text(), target.read_text()) == ("new", "old")
        raise InputError("does not look right")

    with pytest.raises(InputError, match="does not look right"), replace_atomically(target, check=refuse) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_f4_a_full_disk_is_a_matter_of_resources(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    no_space = OSError(28, "No space left on device")
    with (
        pytest.raises(ResourceError, match=r"a.txt: cannot be written \(No space left on device\); check space"),
        replace_atomically(tmp_path / "a.txt"),
    ):
        raise no_space
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_file_where_a_folder_should_be_is_a_matter_of_resources(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResourceError, match=r"file/a.txt: cannot be written"):
        write_text(tmp_path / "file" / "a.txt", "new")


def test_a_lock_below_a_file_says_which_file_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(ResourceError, match=r"/file: is a file, not a folder; choose another place"),
        lock(tmp_path / "file" / "sub" / "a.nwb"),
    ):
        raise AssertionError("taken")


def test_f18_a_name_of_255_bytes_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("ä" * 127 + "x")
    write_text(target, "new")
    assert names(tmp_path) == [target.name]


def test_sweep_takes_partials_of_one_output_only(tmp_path: Path) -> None:
    mine, other = partial_path(tmp_path / "a[1].txt"), partial_path(tmp_path / "b.txt")
    for path in (mine, other, tmp_path / "a[1].txt"):
        path.touch()
    sweep_partials(tmp_path, "a[1].txt")
    assert names(tmp_path) == sorted([other.name, "a[1].txt"])


def test_sweep_finds_the_partial_of_a_name_of_255_bytes_only(tmp_path: Path) -> None:
    mine, other = (partial_path(tmp_path / ("x" * 250 + end)) for end in (".nwb1", ".nwb2"))
    for path in (mine, other):
        path.touch()
    sweep_partials(tmp_path, "x" * 250 + ".nwb1")
    assert names(tmp_path) == [other.name]


def test_json_is_readable_and_keeps_letters(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Müller"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n "name": "Müller"\n}\n'


def test_json_without_numbers_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        write_json(tmp_path / "a.json", [float("nan")])
    assert names(tmp_path) == []


# Locks


@contextmanager
def another_holder(target: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until its standard input closes."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_f11_a_second_process_is_refused_and_told_the_first(tmp_path: Path) -> None:
    target = tmp_path / "out.nwb"
    with (
        another_holder(target) as holder,
        pytest.raises(LockedError, match=rf"out.nwb: process {holder.pid} is writing here; wait for it or stop it"),
        lock(target),
    ):
        pass


def test_f12_the_lock_of_a_killed_process_is_taken(tmp_path: Path) -> None:
    target = tmp_path / "out.nwb"
    with another_holder(target) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        left = tmp_path / ".out.nwb.lock"
        assert left.read_text() == str(holder.pid)
        with lock(target):
            assert left.read_text() == str(os.getpid())


def test_a_lock_that_was_refused_is_still_held(tmp_path: Path) -> None:
    with lock(tmp_path / "a"):
        for _ in range(2):
            with pytest.raises(LockedError, match=f"process {os.getpid()} is writing"), lock(tmp_path / "a"):
                pass


def test_a_lock_leaves_nothing_behind(tmp_path: Path) -> None:
    with lock(tmp_path / "a"):
        assert names(tmp_path) == [".a.lock"]
    assert names(tmp_path) == []


def test_f18_an_output_with_a_name_of_255_bytes_can_be_locked(tmp_path: Path) -> None:
    with lock(tmp_path / ("x" * 255)), lock(tmp_path / ("x" * 254 + "y")):
        assert len(names(tmp_path)) == 2


def test_a_lock_is_free_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="inside"), lock(tmp_path / "a"):
        raise RuntimeError("inside")
    with lock(tmp_path / "a"):
        pass


def test_a_lock_file_removed_by_its_last_holder_in_between_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".a.lock"
    take = files.fcntl.flock
    calls = []

    def release_first(stream: object, operation: int) -> None:
        calls.append(operation)
        if len(calls) == 1:
            path.unlink()  # what the last holder does between our opening the file and our locking it
        take(stream, operation)  # type: ignore[arg-type]

    monkeypatch.setattr(files.fcntl, "flock", release_first)
    with lock(tmp_path / "a"):
        assert path.exists()
        with pytest.raises(LockedError, match="is writing here"), lock(tmp_path / "a"):
            pass


def test_a_file_system_without_locks_is_a_matter_of_resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(stream: object, operation: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(files.fcntl, "flock", refuse)
    with pytest.raises(ResourceError, match=r"cannot lock \(No locks available\)"), lock(tmp_path / "a"):
        pass


# Refusals


def test_f10_an_existing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nwb").touch()
    with pytest.raises(ExistsError, match=r"a.nwb: exists already; add --overwrite to replace it"):
        require_absent(tmp_path / "a.nwb", overwrite=False)


def test_an_existing_file_may_be_replaced_when_asked(tmp_path: Path) -> None:
    (tmp_path / "a.nwb").touch()
    require_absent(tmp_path / "a.nwb", overwrite=True)


def test_an_absent_file_needs_no_asking(tmp_path: Path) -> None:
    require_absent(tmp_path / "a.nwb", overwrite=False)


def test_f6_what_cannot_fit_is_refused_before_writing(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"needs 1000.0 EB, only .* [MGT]B free"):
        require_space(tmp_path / "not" / "yet" / "made", 10**21)


def test_what_fits_is_not_refused(tmp_path: Path) -> None:
    require_space(tmp_path / "not" / "yet" / "made", 1)


@pytest.mark.parametrize("relative", ["../x", "a/../../x", "/etc/passwd", "a\0b", "..", "out/../../x", "link/x"])
def test_f47_paths_that_leave_the_folder_are_refused(tmp_path: Path, relative: str) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match=r"leaves the folder .*; only paths below it are allowed"):
        resolve_inside(folder, relative)


@pytest.mark.parametrize("relative", ["results", "a/b.nwb", "a/../b.nwb", "..b", "a b/ü.nwb"])
def test_f47_paths_below_the_folder_are_kept(tmp_path: Path, relative: str) -> None:
    assert resolve_inside(tmp_path, relative) == tmp_path / relative


# Hashes


def test_sha256_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000  # more than one block
    (tmp_path / "a").write_bytes(content)
    assert sha256_file(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_sha256_of_a_missing_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone: cannot be read \(No such file"):
        sha256_file(tmp_path / "gone")


def test_sha256_of_plain_data_does_not_depend_on_key_order() -> None:
    assert sha256_json({"a": 1, "b": {"c": 2, "d": 3}}) == sha256_json({"b": {"d": 3, "c": 2}, "a": 1})


def test_sha256_of_plain_data_depends_on_values_and_list_order() -> None:
    assert len({sha256_json(content) for content in ([1, 2], [2, 1], [1, 2.5], {"a": 1})}) == 4


def test_sha256_of_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        sha256_json([float("nan")])
