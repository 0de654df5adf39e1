"""What lies on the disk and what is sent, and what can be wrong with it; numbers as in the list of faults."""

import json
import logging
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from nwb_spikeinference.archive.address import normalise_paths, parse_address
from nwb_spikeinference.archive.client import open_archive
from nwb_spikeinference.archive.listing import list_assets
from nwb_spikeinference.archive.lock_file import LOCK_NAME
from nwb_spikeinference.archive.stream import RemoteFile
from nwb_spikeinference.errors import InputError, ResourceError
from tests.archive.conftest import CONTENT, HASTY, Fetch, files_below, nothing_fetched
from tests.archive.server import ArchiveServer, ServedAsset
from tests.command import NSI

FIRST = "sub-1/sub-1_ses-1.nwb"


# 24, 49: what lies on the disk


def test_f24_a_fetched_file_that_was_changed_is_refused_by_name(fetch: Fetch, tmp_path: Path) -> None:
    fetch()
    path = tmp_path / "data/000574/sub-2/sub-2_ses-1.nwb"
    path.unlink()
    path.write_bytes(CONTENT["sub-2/sub-2_ses-1.nwb"][:-1] + b"?")
    with pytest.raises(InputError, match=r"sub-2_ses-1\.nwb: was changed since it was fetched .*; move it away"):
        fetch()


def test_f24_an_update_does_not_replace_what_was_changed(fetch: Fetch, tmp_path: Path) -> None:
    fetch()
    path = tmp_path / "data/000574/sub-2/sub-2_ses-1.nwb"
    path.unlink()
    path.write_bytes(b"mine")
    with pytest.raises(InputError, match=r"was changed since it was fetched"):
        fetch(update=True)
    assert path.read_bytes() == b"mine"


BAD_PATHS = ["../../x.nwb", "a/../../x.nwb", "/abs.nwb", "C:\\x.nwb", "C:x.nwb", "a\\b.nwb", "a\0b.nwb", "a\nb.nwb"]


@pytest.mark.parametrize("path", [*BAD_PATHS, "b/" * 148 + "x.nwb", "x" * 300 + ".nwb", ""])
def test_f49_a_path_that_leads_out_refuses_the_whole_list(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path, path: str
) -> None:
    archive.serve("000574", ServedAsset(path="a.nwb", content=b"a"), ServedAsset(path=path, content=b"bad"))
    with pytest.raises(InputError, match=r"path .* (leaves the folder|climbs|has 30\d characters)"):
        fetch()
    assert nothing_fetched(tmp_path)


@pytest.mark.parametrize(
    "paths", [("sub-1/A.nwb", "sub-1/a.nwb"), ("\u00e4.nwb", "a\u0308.nwb"), ("a.nwb", "./a.nwb"), ("a//b", "a/b")]
)
def test_f49_paths_that_would_be_one_file_are_refused(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path, paths: tuple[str, str]
) -> None:
    archive.serve("000574", *(ServedAsset(path=path, content=path.encode()) for path in paths))
    with pytest.raises(InputError, match=r"asset paths .* and .* would be one file on many disks"):
        fetch()
    assert nothing_fetched(tmp_path)


def test_f49_a_path_that_is_a_file_and_a_folder_is_refused() -> None:
    with pytest.raises(InputError, match=r"'A\.nwb' is a file and a folder at once"):
        normalise_paths(["a.nwb/b.nwb", "A.nwb"])


def test_f49_usual_paths_are_kept_and_normalised() -> None:
    assert normalise_paths(["sub-1/./a b.nwb", "sub-1//\u00fc.nwb"]) == ("sub-1/a b.nwb", "sub-1/\u00fc.nwb")


def test_f49_a_folder_that_links_elsewhere_is_not_written_through(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data/000574").mkdir(parents=True)
    (tmp_path / "data/000574/sub-1").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"sub-1_ses-1\.nwb' leaves the folder"):
        fetch()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_f49_a_lock_file_with_a_path_that_leads_out_is_refused(fetch: Fetch, tmp_path: Path) -> None:
    fetch()
    path = tmp_path / "data/000574" / LOCK_NAME
    lock = json.loads(path.read_text())
    lock["files"][0]["path"] = "../../x.nwb"
    path.write_text(json.dumps(lock))
    with pytest.raises(InputError, match=r"path '\.\./\.\./x\.nwb' leaves the folder"):
        fetch()


# 50, 51, 52, 57: what is sent


def test_f50_what_is_not_what_the_archive_lists_is_removed(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path
) -> None:
    archive.serve("000574", ServedAsset(path="a.nwb", content=b"other bytes", sha256="0" * 64))
    with pytest.raises(InputError, match=r"a\.nwb: what was sent is not the file .* and was removed"):
        fetch()
    assert nothing_fetched(tmp_path)


def cut_once(archive: ArchiveServer, *, always: bool = False) -> None:
    """The store sends half of what it promised, once or always."""
    done: list[bool] = []

    def send(handler: Any, content: bytes) -> None:
        if done and not always:
            return handler.send_body(content)
        done.append(True)
        handler.send_body(content[: len(content) // 2])
        handler.hang_up()
        return None

    archive.send_blob = send


def ranges(archive: ArchiveServer) -> list[str | None]:
    return [one.headers.get("Range") for one in archive.requests if one.path.startswith("/blobs")]


def test_f51_a_download_that_breaks_off_goes_on_where_it_ended(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path
) -> None:
    cut_once(archive)
    fetch(glob="sub-1/*")
    assert ranges(archive) == [None, "bytes=512000-"]
    assert (tmp_path / "data/000574" / FIRST).read_bytes() == CONTENT[FIRST]


def test_f51_a_later_fetch_goes_on_where_the_last_one_ended(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path
) -> None:
    cut_once(archive, always=True)
    with pytest.raises(ResourceError, match=r"broke again and again, 960000 of 1024000 bytes are there; run the same"):
        fetch(glob="sub-1/*")
    archive.send_blob = lambda handler, content: handler.send_body(content)
    archive.requests.clear()
    fetch(glob="sub-1/*")
    assert ranges(archive) == ["bytes=960000-"]
    assert (tmp_path / "data/000574" / FIRST).read_bytes() == CONTENT[FIRST]


def test_f51_a_killed_fetch_leaves_no_file_under_its_name_and_goes_on(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path
) -> None:
    def send_half_and_wait(handler: Any, content: bytes) -> None:
        handler.send_body(content[:512000])
        time.sleep(20)

    archive.send_blob = send_half_and_wait
    where = ["-o", str(tmp_path / "data"), "--cache", str(tmp_path / "cache"), "--server", archive.api]
    process = subprocess.Popen([*NSI, "fetch", "DANDI:000574", "--glob", "sub-1/*", *where])
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in tmp_path.glob("cache/*.partial")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not [name for name in files_below(tmp_path) if name.endswith(".nwb")]
    (partial,) = tmp_path.glob("cache/*.partial")
    held = partial.stat().st_size  # all that was sent, or what of it had come when it was killed
    archive.send_blob = lambda handler, content: handler.send_body(content)
    fetch(glob="sub-1/*")
    assert ranges(archive)[-1] == f"bytes={held}-"


def test_f51_a_partial_that_was_damaged_is_not_kept(archive: ArchiveServer, fetch: Fetch, tmp_path: Path) -> None:
    asset = archive.datasets["000574"]["0.220126.1852"][0]
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{asset.asset_id}-{asset.sha256}.partial").write_bytes(b"?" * 1000)
    with pytest.raises(InputError, match=r"and was removed; run the same command again"):
        fetch()
    fetch()
    assert (tmp_path / "data/000574" / FIRST).read_bytes() == CONTENT[FIRST]


def test_f52_a_store_without_ranges_sends_the_whole_file_again(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path
) -> None:
    cut_once(archive)
    archive.knows_ranges = False
    fetch(glob="sub-1/*")
    assert ranges(archive) == [None, "bytes=512000-"]
    assert (tmp_path / "data/000574" / FIRST).read_bytes() == CONTENT[FIRST]


def test_f52_reading_in_place_from_a_store_without_ranges_is_refused_at_once(archive: ArchiveServer) -> None:
    archive.knows_ranges = False
    with open_archive(archive.api, HASTY) as opened:
        listing = list_assets(opened, parse_address("DANDI:000574"))
        stream = RemoteFile(opened, listing.address, listing.assets[0])
        with pytest.raises(InputError, match=r"does not send parts of it as asked; download it with 'nsi fetch'"):
            stream.read(10)
    assert len(ranges(archive)) == 1


@pytest.mark.parametrize("content", [b"12345678", b"123456789012"], ids=["shorter", "longer"])
def test_f57_a_file_of_another_length_than_promised_is_refused(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path, content: bytes
) -> None:
    archive.serve("000574", ServedAsset(path="a.nwb", content=content, size=10))
    with pytest.raises(InputError, match=r"the archive lists 10 bytes, but its store offers '\d+'; nothing of it is"):
        fetch()
    assert nothing_fetched(tmp_path)


def test_f57_a_body_without_end_is_given_up_at_the_promised_length(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path
) -> None:
    archive.before = lambda handler: "/blobs/" in handler.path and (handler.send_for_ever(b"x" * 100_000) or True)
    with pytest.raises(InputError, match=r"lists 1024000 bytes, but its store sends more; nothing of it is kept"):
        fetch(glob="sub-1/*")
    assert nothing_fetched(tmp_path)


def test_f57_an_answer_of_the_api_without_end_is_given_up(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.before = lambda handler: handler.send_for_ever(b" " * 1_000_000) or True
    with pytest.raises(InputError, match=r"the answer does not end"):
        fetch()


# 56, 58: what was fetched before
def test_f56_another_asset_under_the_same_path_is_downloaded_anew(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path
) -> None:
    fetch(glob="sub-1/*")
    changed = ServedAsset(path=FIRST, content=CONTENT[FIRST][::-1])
    archive.serve("000574", changed)
    fetch(glob="sub-1/*", update=True)
    assert (tmp_path / "data/000574" / FIRST).read_bytes() == changed.content


def test_f56_a_part_of_the_old_asset_is_not_continued(archive: ArchiveServer, fetch: Fetch, tmp_path: Path) -> None:
    cut_once(archive, always=True)
    with pytest.raises(ResourceError, match="broke again and again"):
        fetch(glob="sub-1/*")
    archive.send_blob = lambda handler, content: handler.send_body(content)
    archive.serve("000574", ServedAsset(path=FIRST, content=CONTENT[FIRST][::-1]))
    archive.requests.clear()
    fetch(glob="sub-1/*")
    assert ranges(archive) == [None]


def test_f58_what_was_fetched_is_there_without_a_network(fetch: Fetch, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9/api"
    fetch()
    lock = tmp_path / "data/000574" / LOCK_NAME
    lock.write_text(lock.read_text().replace(json.loads(lock.read_text())["server"], nowhere))
    assert len(fetch(server=nowhere).files) == 2


def test_f58_without_a_network_the_first_fetch_says_so(fetch: Fetch, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ResourceError, match=r"does not answer \(no connection\)"):
        fetch(server="http://127.0.0.1:9/api")
