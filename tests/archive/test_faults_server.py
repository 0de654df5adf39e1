"""What an archive's API can answer wrong; numbers as in the list of faults."""

import time
from pathlib import Path
from typing import Any

import pytest

from nwb_spikeinference.archive.connection import NetworkSettings
from nwb_spikeinference.errors import InputError, ResourceError
from tests.archive.conftest import HASTY, Fetch, answer_with, nothing_fetched
from tests.archive.server import ArchiveServer, ServedAsset


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
