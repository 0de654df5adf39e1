"""``nsi fetch`` and ``nsi inspect`` of a dataset, in a second process against an archive on this machine."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archive.server import ArchiveServer, serve_files
from tests.command import NSI

Start = Callable[..., subprocess.CompletedProcess[str]]
FILES = {"sub-1/sub-1.nwb": b"1" * 5000, "sub-2/sub-2.nwb": b"2" * 7000}


@pytest.fixture(scope="module")
def archive() -> Iterator[ArchiveServer]:
    """Serves dataset 000574 with two files and a text."""
    with serve_files(FILES) as server:
        yield server


@pytest.fixture
def nsi(archive: ArchiveServer, tmp_path: Path) -> Start:
    """Runs a command in `tmp_path`, with a cache in it."""

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        archive.requests.clear()
        cache = ["--cache", str(tmp_path / "cache")] if arguments[0] == "fetch" else []
        command = [*NSI, *arguments, *cache]
        command += [] if "--server" in arguments else ["--server", archive.api]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)

    return start


def test_a_dry_run_says_sizes_and_writes_nothing(nsi: Start, tmp_path: Path) -> None:
    done = nsi("fetch", "DANDI:000574", "-o", "data", "--dry-run")
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])
    assert [line.strip() for line in done.stderr.splitlines()] == [
        "5.0 KB  sub-1/sub-1.nwb, absent",
        "7.0 KB  sub-2/sub-2.nwb, absent",
        "12.0 KB  in all, 12.0 KB to download",
        "1 files in other formats than NWB are not fetched",
    ]


def test_a_fetch_says_what_it_did_and_the_next_asks_nobody(nsi: Start, archive: ArchiveServer, tmp_path: Path) -> None:
    first = json.loads(nsi("fetch", "DANDI:000574", "-o", "data", "--json").stdout)
    assert (first["version"], first["bytes"], first["downloaded_bytes"]) == ("0.220126.1852", 12_000, 12_000)
    assert [(tmp_path / one["file"]).read_bytes() for one in first["files"]] == list(FILES.values())
    again = nsi("fetch", "DANDI:000574", "-o", "data")
    assert again.stdout == "data/000574: DANDI:000574/0.220126.1852, 2 files, 12.0 KB, was in place\n"
    assert archive.requests == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["DANDI:000574", "--max-size", "10 kB"], 4, "2 files of 12.0 KB, more than the 10.0 KB allowed"),
        (["DANDI:000574", "--max-size", "much"], 2, "'much' is no size; write e.g. 500 MB or 20 GB"),
        (["DANDI:574"], 2, "'DANDI:574' is no dataset of the DANDI archive"),
        (["DANDI:000999"], 3, "the archive does not have it (HTTP 404)"),
        (["DANDI:000574", "--glob", "*.mat"], 3, "holds no NWB file that matches '*.mat'"),
    ],
    ids=["too-large", "no-size", "no-address", "no-dataset", "no-match"],
)
def test_refusals_are_one_line_and_write_nothing(
    nsi: Start, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    done = nsi("fetch", *arguments, "-o", "data")
    assert (done.returncode, done.stderr.count("\n"), list(tmp_path.iterdir())) == (code, 1, [])
    assert says in done.stderr


@pytest.mark.parametrize("arguments", [["fetch", "-o", "data"], ["inspect"]], ids=["fetch", "inspect"])
def test_a_malformed_server_is_a_usage_error_in_one_line(nsi: Start, arguments: list[str]) -> None:
    server = "http://localhost:abc/api"
    done = nsi(*arguments, "DANDI:000574", "--server", server)
    expected = f"error: archive server '{server}': write the address of its API, https://HOST/api\n"
    assert (done.returncode, done.stderr) == (2, expected)


def test_no_cache_leaves_the_files_in_the_folder_alone(nsi: Start, tmp_path: Path) -> None:
    assert nsi("fetch", "DANDI:000574", "-o", "data", "--no-cache").returncode == 0
    assert not list((tmp_path / "cache").iterdir())


def test_inspect_looks_into_a_dataset_and_exits_3_when_no_file_can_be_read(nsi: Start) -> None:
    done = nsi("inspect", "DANDI:000574")
    assert done.returncode == 3
    assert done.stdout.count("no: is not an HDF5 file") == 2
