"""Results written into the file that the study read: whatever happens, that file is the old one or the new one."""

import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError, LockedError, ResourceError
from nwb_spikeinference.files import lock, sha256_file
from nwb_spikeinference.nwb.copies.copy_file import dataset_digest, walk
from nwb_spikeinference.nwb.copies.digest import recording_digest
from nwb_spikeinference.nwb.results.result_records import SessionResults
from nwb_spikeinference.nwb.results.results_writer import is_sealed, write_results_in_place
from tests.limits import largest_file

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's processes and limits")

NOBODY = 65534
# Imports once, then does the writing in a child per line of its input: "PATH [SECONDS]", killed after so many seconds.
WRITER = """
import os, pickle, signal, sys, time
from pathlib import Path
import nwb_spikeinference.nwb.results.results_writer as writer
results = pickle.loads(Path(sys.argv[1]).read_bytes())
writer.load_extension()
for line in sys.stdin:
    path, _, seconds = line.strip().rpartition("|")
    child = os.fork()
    if child == 0:
        if seconds == "before replacing":
            os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        writer.write_results_in_place(Path(path), results)
        os._exit(0)
    if seconds[:1].isdigit():
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Writer:
    """A second process that writes results in place, and may be killed meanwhile."""

    def __init__(self, results: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WRITER, str(results)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def write(self, path: Path, until: str = "the end") -> int:
        """Exit code of the writing, -9 if it was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(f"{path}|{until}", file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def writer(results: SessionResults, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writer]:
    path = tmp_path_factory.mktemp("results") / "results.pickle"
    path.write_bytes(pickle.dumps(results))
    made = Writer(path)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def written_template(bundle_template: Path, results: SessionResults, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = Path(shutil.copy(bundle_template, tmp_path_factory.mktemp("written")))
    assert write_results_in_place(path, results)
    return path


def holds_results(path: Path) -> bool:
    with h5py.File(path) as file:
        return "processing/spike_inference" in file and is_sealed(file)


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_everything_else_is_kept_raw_voltages_too(bundle_template: Path, written_template: Path) -> None:
    with h5py.File(bundle_template) as before, h5py.File(written_template) as after:
        names = [name for name in walk(before, ["/specifications"]) if isinstance(before[name], h5py.Dataset)]
        assert "/acquisition/ElectricalSeriesRaw/data" in names
        assert [name for name in names if dataset_digest(before[name]) != dataset_digest(after[name])] == []
    assert holds_results(written_template)


def test_history_says_what_wrote_the_results(written_template: Path) -> None:
    with h5py.File(written_template) as file:
        assert file["general/was_generated_by"].asstr()[()].tolist()[-1][0] == "nwb-spikeinference write-back"


@pytest.mark.slow
def test_f01_killed_at_any_moment_leaves_the_original_and_a_rerun_succeeds(
    bundle_template: Path, writer: Writer, tmp_path: Path
) -> None:
    path = Path(shutil.copy(bundle_template, tmp_path))
    original = sha256_file(path)
    began = time.monotonic()
    assert writer.write(path) == 0
    seconds = time.monotonic() - began
    moments = random.Random(5)
    n_untouched = n_partials = 0
    for _ in range(20):
        shutil.copy(bundle_template, path)
        code = writer.write(path, f"{moments.uniform(0, 0.7) * seconds:.3f}")
        n_partials += any(name.endswith(".partial") for name in hidden(tmp_path))
        if sha256_file(path) == original:
            assert code == -signal.SIGKILL
            n_untouched += 1
        else:  # the machine was faster than before
            assert holds_results(path)
    assert n_untouched >= 5
    assert n_partials >= 3
    shutil.copy(bundle_template, path)
    assert writer.write(path) == 0
    assert holds_results(path)
    assert hidden(tmp_path) == []


def test_f02_killed_between_flush_and_replacement_leaves_the_original(
    bundle_file: Path, writer: Writer, tmp_path: Path
) -> None:
    original = sha256_file(bundle_file)
    assert writer.write(bundle_file, "before replacing") == -signal.SIGKILL
    assert sha256_file(bundle_file) == original
    assert any(name.endswith(".partial") for name in hidden(tmp_path))
    assert writer.write(bundle_file) == 0
    assert holds_results(bundle_file)
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("n_bytes", [20_000, 100_000, 200_000, 300_000, 400_000])
def test_f04_full_disk_leaves_the_original(
    bundle_file: Path, written_template: Path, results: SessionResults, tmp_path: Path, n_bytes: int
) -> None:
    assert n_bytes < written_template.stat().st_size
    original = sha256_file(bundle_file)
    with largest_file(n_bytes), pytest.raises(ResourceError, match="make room on the disk"):
        write_results_in_place(bundle_file, results)
    assert sha256_file(bundle_file) == original
    assert hidden(tmp_path) == []


def test_f06_what_cannot_fit_is_refused_before_anything_is_written(
    bundle_file: Path, results: SessionResults, tmp_path: Path
) -> None:
    original = sha256_file(bundle_file)
    endless = np.broadcast_to(np.float32(0), (10**14, 2))  # takes 4 bytes here, 800 TB in a file
    huge = replace(results, main=replace(results.main, probabilities=endless))
    with pytest.raises(ResourceError, match=r"needs 80\d\.\d TB, only .* free; make room or choose another disk"):
        write_results_in_place(bundle_file, huge)
    assert sha256_file(bundle_file) == original
    assert hidden(tmp_path) == []


# Fails from the third write on to any file with ".partial" in its name, as a broken disk does.
BROKEN_DISK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static int fails(int fd) {
    static int writes = 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return strstr(path, ".partial") && ++writes > 3;
}
ssize_t write(int fd, const void *data, size_t size) {
    if (fails(fd)) { errno = EIO; return -1; }
    return ((ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write"))(fd, data, size);
}
"""


@pytest.fixture(scope="module")
def broken_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler, for a disk that fails")
    folder = tmp_path_factory.mktemp("disk")
    (folder / "disk.c").write_text(BROKEN_DISK)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "disk.so", folder / "disk.c", "-ldl"], check=True)
    return folder / "disk.so"


def test_f09_a_disk_that_fails_leaves_the_original(
    bundle_file: Path, results: SessionResults, tmp_path: Path, broken_disk: Path
) -> None:
    original = sha256_file(bundle_file)
    content = tmp_path / "results.pickle"
    content.write_bytes(pickle.dumps(results))
    code = (
        "import pickle, sys; from pathlib import Path\n"
        "from nwb_spikeinference.errors import ResourceError\n"
        "from nwb_spikeinference.nwb.results.results_writer import write_results_in_place\n"
        "try: write_results_in_place(Path(sys.argv[1]), pickle.loads(Path(sys.argv[2]).read_bytes()))\n"
        "except ResourceError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(bundle_file), str(content)],
        env=os.environ | {"LD_PRELOAD": str(broken_disk)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "writing failed (Input/output error); check the disk" in done.stdout
    assert sha256_file(bundle_file) == original
    assert hidden(tmp_path) == []


@contextmanager
def without_privileges(folder: Path) -> Iterator[None]:
    """Be nobody, if this is the superuser, who may write everywhere; the folder and its files are nobody's then."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_f07_read_only_folder_is_refused(bundle_template: Path, results: SessionResults) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)  # not below pytest's, which nobody may enter
        path = Path(shutil.copy(bundle_template, folder))
        folder.chmod(0o555)
        with without_privileges(folder), pytest.raises(ResourceError, match="check the folder's rights"):
            write_results_in_place(path, results)
        folder.chmod(0o755)
        assert not holds_results(path)


def test_f08_read_only_file_is_refused_and_left(bundle_file: Path, results: SessionResults) -> None:
    original = sha256_file(bundle_file)
    bundle_file.chmod(0o444)
    with pytest.raises(ResourceError, match="is read-only; make it writable, or write copies"):
        write_results_in_place(bundle_file, results)
    assert sha256_file(bundle_file) == original


def test_f11_second_writer_is_refused_with_the_first_ones_pid(bundle_file: Path, results: SessionResults) -> None:
    code = (
        "import sys, pathlib; from nwb_spikeinference.files import lock\n"
        "with lock(pathlib.Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(bundle_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout is not None
        first.stdout.readline()
        with pytest.raises(LockedError, match=f"process {first.pid} is writing here"):
            write_results_in_place(bundle_file, results)
        first.communicate()


def test_f12_lock_of_a_dead_process_is_taken_with_a_notice(
    bundle_file: Path, results: SessionResults, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / f".{bundle_file.name}.lock").write_text("999999999")
    assert write_results_in_place(bundle_file, results)
    (notice,) = caplog.messages
    assert notice == f"{bundle_file}: process 999999999 ended while it was writing here; its lock is taken over"
    assert hidden(tmp_path) == []


def test_f13_reader_keeps_what_it_opened(bundle_file: Path, results: SessionResults) -> None:
    with h5py.File(bundle_file) as reader:
        assert write_results_in_place(bundle_file, results)
        assert "processing/spike_inference" not in reader
        assert reader["acquisition/ElectricalSeriesRaw/data"][-1, 0] is not None
    assert holds_results(bundle_file)


def test_f13_writer_that_holds_the_file_is_named_as_the_reason(bundle_file: Path, results: SessionResults) -> None:
    code = "import sys, h5py; f = h5py.File(sys.argv[1], 'r+'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(bundle_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(InputError, match="another program has it open for writing; close it there"):
            write_results_in_place(bundle_file, results)
        other.communicate()


def test_f14_own_lock_works_without_that_of_hdf5(
    bundle_file: Path, results: SessionResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "FALSE")
    with lock(bundle_file), pytest.raises(LockedError, match=f"process {os.getpid()} is writing here"):
        write_results_in_place(bundle_file, results)


def test_f15_writing_the_same_twice_leaves_the_file_as_it_is(
    written_template: Path, results: SessionResults, tmp_path: Path
) -> None:
    path = Path(shutil.copy(written_template, tmp_path))
    before = sha256_file(path)
    assert not write_results_in_place(path, replace(results, source_sha256=before))
    assert sha256_file(path) == before
    assert hidden(tmp_path) == []


def test_f15_other_results_replace_the_first(written_template: Path, results: SessionResults, tmp_path: Path) -> None:
    path = Path(shutil.copy(written_template, tmp_path))
    other = replace(results, within_session=None, source_sha256=sha256_file(path))
    assert write_results_in_place(path, other)
    with h5py.File(path) as file:
        assert [name for name in file["processing"] if name.startswith("spike")] == ["spike_inference"]
        assert "spike_probability_within_session" not in file["processing/spike_inference"]
        assert file["general/was_generated_by"].shape == (1, 2)


def test_f16_file_that_changed_since_is_refused(bundle_file: Path, results: SessionResults, tmp_path: Path) -> None:
    with h5py.File(bundle_file, "r+") as file:
        file["units/snr"][0] = 9.0
    changed = sha256_file(bundle_file)
    with pytest.raises(InputError, match="was changed after it had been read; run the study again"):
        write_results_in_place(bundle_file, results)
    assert sha256_file(bundle_file) == changed
    assert hidden(tmp_path) == []


def test_f17_link_stays_a_link(bundle_file: Path, results: SessionResults, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "session.nwb"
    link.symlink_to(bundle_file)
    assert write_results_in_place(link, results)
    assert (link.is_symlink(), link.readlink()) == (True, bundle_file)
    assert holds_results(bundle_file)
    assert hidden(link.parent) == []


@pytest.mark.parametrize(
    "name", ["with space.nwb", "-leading dash.nwb", "Übung_日本.nwb", "[a]*?.nwb", "x" * 251 + ".nwb"]
)
def test_f18_odd_names_are_written(
    bundle_file: Path, results: SessionResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    bundle_file.rename(folder / name)
    monkeypatch.chdir(folder)
    assert write_results_in_place(Path(name), results)
    assert [path.name for path in folder.iterdir()] == [name]
    assert holds_results(folder / name)


def test_f19_mode_and_times_are_kept(bundle_file: Path, results: SessionResults) -> None:
    bundle_file.chmod(0o640)
    os.utime(bundle_file, ns=(1_500_000_000_123_456_789, 1_400_000_000_987_654_321))
    assert write_results_in_place(bundle_file, results)
    found = bundle_file.stat()
    assert (found.st_mode & 0o777, found.st_mtime_ns) == (0o640, 1_400_000_000_987_654_321)


def test_recording_has_the_same_digest_before_and_after(bundle_template: Path, written_template: Path) -> None:
    assert recording_digest(written_template) == recording_digest(bundle_template)


@pytest.mark.parametrize("name", ["units/snr", "acquisition/ElectricalSeriesRaw/data", "general/session_id"])
def test_recording_that_changed_has_another_digest(bundle_template: Path, bundle_file: Path, name: str) -> None:
    with h5py.File(bundle_file, "r+") as file:
        file[name][(0,) * file[name].ndim] = "another" if name.endswith("id") else 5
    assert recording_digest(bundle_file) != recording_digest(bundle_template)
