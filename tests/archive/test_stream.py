"""Remote files, read where they are."""

import os

import pytest

from nwb_spikeinference.archive.address import parse_address
from nwb_spikeinference.archive.client import open_archive
from nwb_spikeinference.archive.listing import list_assets
from nwb_spikeinference.archive.stream import RemoteFile
from nwb_spikeinference.errors import InputError, ResourceError
from tests.archive.conftest import CONTENT, HASTY
from tests.archive.server import ArchiveServer

WHOLE = CONTENT["sub-1/sub-1_ses-1.nwb"]


def open_first(archive: ArchiveServer) -> RemoteFile:
    with open_archive(archive.api, HASTY) as opened:
        listing = list_assets(opened, parse_address("DANDI:000574"))
        return RemoteFile(opened, listing.address, listing.assets[0])


def test_parts_are_those_of_the_file(archive: ArchiveServer) -> None:
    stream = open_first(archive)
    stream.seek(300_000)
    assert stream.read(1000) == WHOLE[300_000:301_000]
    stream.seek(-10, os.SEEK_END)
    assert stream.read(100) == WHOLE[-10:]


def test_only_what_is_read_is_transferred(archive: ArchiveServer) -> None:
    open_first(archive).read(1000)
    (part,) = [one.headers["Range"] for one in archive.requests if one.path.startswith("/blobs")]
    assert part == "bytes=0-102399"


def test_the_archive_is_asked_once_where_a_file_lies(archive: ArchiveServer) -> None:
    stream = open_first(archive)
    for place in (0, 500_000, 900_000):
        stream.seek(place)
        stream.read(10)
    assert sum(path.endswith("/download/") for path in archive.paths()) == 1


def test_an_address_that_expired_is_asked_for_again(archive: ArchiveServer) -> None:
    stream = open_first(archive)
    stream.read(10)
    blob = archive.requests[-1].path
    archive.redirect = lambda place: f"{place}?signature=2"
    archive.before = lambda handler: handler.path == blob and (handler.send_json(403, {}) or True)
    stream.seek(900_000)
    assert stream.read(10) == WHOLE[900_000:900_010]


@pytest.mark.parametrize(("status", "error"), [(404, InputError), (500, ResourceError)])
def test_failures_end_and_are_ours(archive: ArchiveServer, status: int, error: type[Exception]) -> None:
    stream = open_first(archive)
    archive.before = lambda handler: handler.send_json(status, {}) or True
    with pytest.raises(error, match=f"HTTP {status}"):
        stream.read(10)
    n_requests = len(archive.requests)
    with pytest.raises(error, match=f"HTTP {status}"):
        stream.read(10)
    assert len(archive.requests) == n_requests


def test_a_file_that_changed_its_size_is_refused(archive: ArchiveServer) -> None:
    stream = open_first(archive)
    archive.datasets["000574"]["0.220126.1852"][0].content = WHOLE[:-1]
    with pytest.raises(InputError, match="does not send parts of it as asked"):
        stream.read(10)
