"""What an archive, or the way to it, can do wrong; numbers as in the list of faults."""

import json
import logging
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dandi.consts import known_instances
from dandi.utils import DandiInstance

from nwb_spikeinference.archive.address import normalise_paths, parse_address
from nwb_spikeinference.archive.client import open_archive
from nwb_spikeinference.archive.connection import Connection, NetworkSettings
from nwb_spikeinference.archive.listing import list_assets
from nwb_spikeinference.archive.lock_file import LOCK_NAME
from nwb_spikeinference.archive.stream import RemoteFile
from nwb_spikeinference.errors import InputError, ResourceError
from tests.archive.conftest import CONTENT, HASTY, Fetch, files_below
from tests.archive.server import ArchiveServer, ServedAsset

FIRST = "sub-1/sub-1_ses-1.nwb"
SECRET = "b1946ac92492d2347c6235b4d2611184"


def answer_with(archive: ArchiveServer, part: str, *answers: tuple[int, dict[str, str]]) -> None:
    """The next requests to a path that holds `part` get these answers, the last of them for ever if it is repeated."""
    left = list(answers)

    def before(handler: Any) -> bool:
        if part not in handler.path or not left:
            return False
        status, headers = left.pop(0)
        handler.send_json(status, {"detail": "as told"}, headers)
        return True

    archive.before = before


def nothing_fetched(tmp_path: Path) -> bool:
    return not files_below(tmp_path)


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
    code = "from nwb_spikeinference.cli import main; main()"
    where = ["-o", str(tmp_path / "data"), "--cache", str(tmp_path / "cache"), "--server", archive.api]
    process = subprocess.Popen([sys.executable, "-c", code, "fetch", "DANDI:000574", "--glob", "sub-1/*", *where])
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in tmp_path.glob("cache/*.partial")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not [name for name in files_below(tmp_path) if name.endswith(".nwb")]
    archive.send_blob = lambda handler, content: handler.send_body(content)
    fetch(glob="sub-1/*")
    assert ranges(archive)[-1] == "bytes=512000-"


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


# 53: what the archive answers instead


def test_f53_two_failures_are_overcome(archive: ArchiveServer, fetch: Fetch) -> None:
    answer_with(archive, "/versions/", (503, {}), (503, {}))
    assert len(fetch().files) == 2


def test_f53_failures_of_the_store_are_overcome(archive: ArchiveServer, fetch: Fetch) -> None:
    answer_with(archive, "/blobs/", (503, {}), (502, {}))
    assert len(fetch().files) == 2


def test_f53_too_many_requests_waits_as_long_as_it_is_told(archive: ArchiveServer, fetch: Fetch) -> None:
    answer_with(archive, "/versions/", (429, {"Retry-After": "1"}))
    began = time.monotonic()
    fetch()
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("wait", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_f53_a_longer_wait_than_allowed_is_refused_at_once(archive: ArchiveServer, fetch: Fetch, wait: str) -> None:
    answer_with(archive, "/dandisets/", (429, {"Retry-After": wait}))
    with pytest.raises(ResourceError, match=r"does not answer \(HTTP 429, asks to wait \d+ s\)"):
        fetch()
    assert len(archive.requests) == 1


def test_f53_failure_for_ever_ends(archive: ArchiveServer, fetch: Fetch) -> None:
    answer_with(archive, "", *[(500, {})] * 100)
    with pytest.raises(ResourceError, match=r"the archive does not answer \(HTTP 500\); check the connection"):
        fetch()
    assert len(archive.requests) == HASTY.retries + 1


def test_f53_the_usual_waits_end_within_a_minute() -> None:
    usual = NetworkSettings()
    assert usual.limit_s <= 60
    assert sum(usual.first_wait_s * 2**attempt for attempt in range(usual.retries)) < 60


def test_f53_silence_ends(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.before = lambda handler: bool(time.sleep(3)) or True
    silent = NetworkSettings(connect_s=1, read_s=0.1, retries=1, first_wait_s=0.01, limit_s=1)
    with pytest.raises(ResourceError, match=r"does not answer \(no answer in time\)"):
        fetch(network=silent)


def test_f53_what_does_not_exist_is_said(fetch: Fetch) -> None:
    with pytest.raises(InputError, match=r"dandisets/000999/: the archive does not have it \(HTTP 404\)"):
        fetch("DANDI:000999")


def test_f53_a_version_that_does_not_exist_is_said(fetch: Fetch) -> None:
    with pytest.raises(InputError, match=r"versions/0\.1\.2/info/: the archive does not have it"):
        fetch("DANDI:000574/0.1.2")


def test_f53_an_embargoed_dataset_asks_for_a_key(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.token = SECRET
    with pytest.raises(InputError, match=r"no access \(HTTP 401\), embargoed or not public; set DANDI_API_KEY"):
        fetch()


def test_f53_an_embargoed_dataset_of_the_sandbox_asks_for_its_own_key(
    archive: ArchiveServer, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = DandiInstance(name="dandi-sandbox", gui=None, api=archive.api)
    monkeypatch.setitem(known_instances, "dandi-sandbox", sandbox)
    archive.token = SECRET
    with pytest.raises(InputError, match=r"embargoed or not public; set DANDI_SANDBOX_API_KEY to the key"):
        fetch()


def test_f53_a_server_that_gets_no_key_asks_for_none(archive: ArchiveServer) -> None:
    answer_with(archive, "", (403, {}))
    with (
        pytest.raises(InputError, match=r"no key is sent to a server that the dandi client does not know"),
        Connection(archive.api, HASTY).open(f"{archive.api}/info/"),
    ):
        pass


# 54, 58: where requests go, and with what


@pytest.mark.parametrize(
    "place", ["file:///etc/passwd", "http://localhost:1/blobs/x", "ftp://127.0.0.1/x", "http://archive.example/x"]
)
def test_f54_a_redirect_to_elsewhere_is_not_followed(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path, place: str
) -> None:
    archive.redirect = lambda _: place
    with pytest.raises(InputError, match=r"download/: leads to .*, which is not followed"):
        fetch()
    assert nothing_fetched(tmp_path)


@pytest.mark.parametrize("place", ["https://[bad/x", "ftp://127.0.0.1:abc/x", "http://127.0.0.1:abc/x"])
def test_f54_a_redirect_to_what_is_no_address_is_refused(archive: ArchiveServer, fetch: Fetch, place: str) -> None:
    archive.redirect = lambda _: place
    with pytest.raises(InputError, match=r"download/: cannot be asked, or leads to what is no address"):
        fetch()


def test_f54_redirects_in_a_circle_end(archive: ArchiveServer, fetch: Fetch) -> None:
    def around(handler: Any) -> bool:
        handler.send_head(302, {"Location": handler.path, "Content-Length": "0"})
        return True

    archive.before = around
    with pytest.raises(InputError, match=r"redirects without end"):
        fetch()


def test_f54_the_key_opens_what_is_embargoed(
    archive: ArchiveServer, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.token = SECRET
    monkeypatch.setenv("DANDI_API_KEY", SECRET)
    assert len(fetch().files) == 2


def test_f54_the_key_goes_to_no_other_server(archive: ArchiveServer) -> None:
    """Another port is another server."""
    connection = Connection("http://127.0.0.1:9/api", HASTY, SECRET)
    with connection.open(f"{archive.api}/info/"):
        pass
    assert "Authorization" not in archive.requests[0].headers


def test_f54_neither_a_netrc_file_is_used(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    fetch()
    assert not [one for one in archive.requests if "Authorization" in one.headers]


def fetch_with_key(archive: ArchiveServer, tmp_path: Path, key: str) -> subprocess.CompletedProcess[str]:
    """A real fetch that logs whatever can be logged."""
    where = ["-o", str(tmp_path), "--server", archive.api, "-v", "--debug"]
    code = "import logging; logging.basicConfig(level=10); from nwb_spikeinference.cli import main; main()"
    environment: Mapping[str, str] = os.environ | {"DANDI_API_KEY": key, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", code, "fetch", "DANDI:000574", *where]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)


@pytest.mark.parametrize("key", [f"{SECRET}\x07", f"{SECRET} {SECRET}", f"{SECRET}\nX-Other: 1", f"{SECRET}\u00e4"])
def test_f58_a_key_with_characters_that_none_has_is_refused_and_not_said(
    archive: ArchiveServer, tmp_path: Path, key: str
) -> None:
    done = fetch_with_key(archive, tmp_path, key)
    assert "DANDI_API_KEY holds characters that no key has" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert archive.requests == []


def test_f58_white_space_around_a_key_is_no_part_of_it(archive: ArchiveServer, tmp_path: Path) -> None:
    archive.token = SECRET
    assert fetch_with_key(archive, tmp_path, f" {SECRET}\r\n").returncode == 0


def test_f58_a_request_that_cannot_be_made_says_nothing_of_its_headers(archive: ArchiveServer) -> None:
    connection = Connection(archive.api, HASTY, f"{SECRET}\r")
    with pytest.raises(InputError, match=r"cannot be asked") as caught, connection.open(f"{archive.api}/info/"):
        pass
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_f58_no_key_in_what_is_said(archive: ArchiveServer, tmp_path: Path) -> None:
    archive.token = "another"
    done = fetch_with_key(archive, tmp_path, SECRET)
    assert "no access (HTTP 401)" in done.stderr
    assert [one.headers["Authorization"] for one in archive.requests][-1] == f"token {SECRET}"
    assert SECRET not in done.stdout + done.stderr


# 55, 56: what is listed


def test_f55_a_list_that_changes_between_pages_is_refused(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.serve("000574", *(ServedAsset(path=f"{k}.nwb", content=b"%d" % k) for k in range(150)))
    archive.change_page = lambda number, page: page | {"count": 150 + number}
    with pytest.raises(InputError, match=r"its list of files changed while it was read; run the same command again"):
        fetch()


def test_f55_a_list_that_ends_early_is_refused(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.change_page = lambda _, page: page | {"count": 4}
    with pytest.raises(InputError, match=r"lists 3 of 4 files, it changed while it was read"):
        fetch()


def test_f55_pages_that_loop_are_refused(archive: ArchiveServer, fetch: Fetch) -> None:
    first: list[dict[str, Any]] = []

    def always_the_first(_: int, page: dict[str, Any]) -> dict[str, Any]:
        first.append(page)
        return first[0] | {"next": "more", "count": 1000}

    archive.change_page = always_the_first
    with pytest.raises(InputError, match=r"its list of files changed"):
        fetch()
    assert len(first) == 2


def test_f55_empty_pages_without_end_are_refused(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.change_page = lambda _, page: page | {"next": "more", "results": []}
    with pytest.raises(InputError, match=r"its list of files changed"):
        fetch()


def test_f55_links_between_pages_are_not_followed(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.serve("000574", *(ServedAsset(path=f"{k}.nwb", content=b"%d" % k) for k in range(150)))
    archive.change_page = lambda _, page: page | {"next": page["next"] and "file:///etc/passwd"}
    assert len(fetch(only_plan=True).files) == 150


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
