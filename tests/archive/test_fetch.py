"""A dataset fetched from an archive on this machine."""

import json
import os
from pathlib import Path

import pytest

from nwb_spikeinference.archive.address import Address, parse_address
from nwb_spikeinference.archive.lock_file import LOCK_NAME, read_lock
from nwb_spikeinference.errors import ExistsError, InputError, ResourceError, SettingsError
from tests.archive.conftest import CONTENT, Fetch, files_below
from tests.archive.server import ArchiveServer, ServedAsset

DRAFT = ServedAsset(path="sub-9/sub-9.nwb", content=b"draft")


@pytest.mark.parametrize("text", ["DANDI:000574", "dandi:000574", "DANDI:000574/"])
def test_an_address_without_a_version_means_the_latest(text: str) -> None:
    assert parse_address(text) == Address(dandiset="000574")


def test_an_address_names_a_version_or_the_draft() -> None:
    assert parse_address("DANDI:000574/0.220126.1852").version == "0.220126.1852"
    assert parse_address("DANDI:000574/draft").version == "draft"


@pytest.mark.parametrize("text", ["DANDI:574", "DANDI:000574/latest", "DANDI:000574/0.1/../..", "DANDI:", "000574"])
def test_other_addresses_are_refused_with_examples(text: str) -> None:
    with pytest.raises(SettingsError, match=r"is no dataset of the DANDI archive; write DANDI:000574 "):
        parse_address(text)


def test_nwb_files_lie_in_a_folder_named_by_the_number(fetch: Fetch, tmp_path: Path) -> None:
    fetch()
    (tmp_path / "data" / "000574" / LOCK_NAME).unlink()
    assert files_below(tmp_path / "data") == {f"000574/{path}": content for path, content in CONTENT.items()}


def test_the_lock_file_says_what_was_fetched_to_the_byte(archive: ArchiveServer, fetch: Fetch, tmp_path: Path) -> None:
    fetch()
    lock = json.loads((tmp_path / "data" / "000574" / LOCK_NAME).read_text())
    assets = [asset for asset in archive.datasets["000574"]["0.220126.1852"] if asset.path.endswith(".nwb")]
    assert (lock["server"], lock["dandiset"], lock["version"]) == (archive.api, "000574", "0.220126.1852")
    assert lock["files"] == [
        {"path": one.path, "asset_id": one.asset_id, "size": one.size, "sha256": one.sha256} for one in assets
    ]


def test_files_in_other_formats_are_counted_and_left(fetch: Fetch) -> None:
    assert fetch().n_others == 1


def test_a_zarr_is_no_file_to_fetch(archive: ArchiveServer, fetch: Fetch) -> None:
    zarr = ServedAsset(path="sub-1/b.nwb", content=b"", is_zarr=True)
    archive.serve("000574", ServedAsset(path="sub-1/a.nwb", content=b"a"), zarr)
    plan = fetch()
    assert ([one.asset.path for one in plan.files], plan.n_others) == (["sub-1/a.nwb"], 1)


def test_a_second_fetch_makes_no_request(archive: ArchiveServer, fetch: Fetch) -> None:
    fetch()
    archive.requests.clear()
    assert {one.state for one in fetch().files} == {"in place"}
    assert archive.requests == []


def test_a_removed_file_comes_back_from_the_cache_without_a_request(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path
) -> None:
    fetch()
    path = tmp_path / "data" / "000574" / "sub-2" / "sub-2_ses-1.nwb"
    path.unlink()
    archive.requests.clear()
    fetch()
    assert (path.read_bytes(), archive.requests) == (CONTENT["sub-2/sub-2_ses-1.nwb"], [])


def test_another_folder_is_filled_from_the_cache(archive: ArchiveServer, fetch: Fetch, tmp_path: Path) -> None:
    fetch()
    archive.requests.clear()
    fetch(folder=tmp_path / "other")
    assert not [path for path in archive.paths() if path.startswith("/blobs")]
    assert os.path.samefile(*(tmp_path / name / "000574/sub-1/sub-1_ses-1.nwb" for name in ("data", "other")))


def test_a_damaged_cache_is_not_used(fetch: Fetch, tmp_path: Path) -> None:
    fetch()
    for path in (tmp_path / "cache").iterdir():
        damaged = path.read_bytes()[:-1] + b"?"
        path.unlink()
        path.write_bytes(damaged)
    fetch(folder=tmp_path / "other")
    assert (tmp_path / "other/000574/sub-1/sub-1_ses-1.nwb").read_bytes() == CONTENT["sub-1/sub-1_ses-1.nwb"]


def test_a_glob_chooses_files(fetch: Fetch) -> None:
    assert [one.asset.path for one in fetch(glob="sub-2/*").files] == ["sub-2/sub-2_ses-1.nwb"]


def test_globs_add_up_in_one_folder(archive: ArchiveServer, fetch: Fetch, tmp_path: Path) -> None:
    fetch(glob="sub-2/*")
    fetch(glob="sub-1/*")
    archive.requests.clear()
    fetch(glob="sub-2/*")
    assert archive.requests == []
    assert len(json.loads((tmp_path / "data/000574" / LOCK_NAME).read_text())["files"]) == 2


def test_a_glob_that_matches_nothing_is_told_what_there_is(fetch: Fetch) -> None:
    with pytest.raises(InputError, match=r"no NWB file that matches 'sub-3\*'; .* named like sub-1/sub-1_ses-1\.nwb"):
        fetch(glob="sub-3*")


def test_more_than_the_limit_is_refused_before_a_byte_is_downloaded(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path
) -> None:
    with pytest.raises(ResourceError, match=r"2 files of 1\.0 MB, more than the 1\.0 KB allowed"):
        fetch(max_bytes=1000)
    assert not [path for path in archive.paths() if "download" in path]
    assert not list(tmp_path.iterdir())


def test_what_cannot_fit_on_the_disk_is_refused(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.serve("000574", ServedAsset(path="sub-1/a.nwb", content=b"a", size=10**17))
    with pytest.raises(ResourceError, match=r"needs 100\.0 PB, only .* free"):
        fetch()


def test_the_most_recent_published_version_is_the_usual_one(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.serve("000574", DRAFT, version="draft")
    assert fetch().address.version == "0.220126.1852"


def test_a_dataset_that_was_never_published_gives_its_draft(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.serve("000575", DRAFT, version="draft")
    assert str(fetch("DANDI:000575").address) == "DANDI:000575/draft"


def test_the_draft_can_be_asked_for(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.serve("000574", DRAFT, version="draft")
    assert [one.asset.path for one in fetch("DANDI:000574/draft").files] == ["sub-9/sub-9.nwb"]


def test_another_version_than_the_locked_one_is_refused_with_what_to_do(archive: ArchiveServer, fetch: Fetch) -> None:
    fetch()
    archive.serve("000574", DRAFT, version="0.230101.0000")
    with pytest.raises(InputError, match=r"holds DANDI:000574/0\.220126\.1852, not .*/0\.230101\.0000; .* --update"):
        fetch("DANDI:000574/0.230101.0000")


def test_an_update_exchanges_the_files_for_those_of_the_version(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path
) -> None:
    fetch()
    first = ServedAsset(path="sub-1/sub-1_ses-1.nwb", content=b"new")
    archive.serve("000574", first, version="0.230101.0000")
    fetch(update=True)
    (tmp_path / "data/000574" / LOCK_NAME).unlink()
    assert files_below(tmp_path / "data") == {"000574/sub-1/sub-1_ses-1.nwb": b"new"}


def held(tmp_path: Path) -> list[str]:
    """Names of the files in the dataset's folder and, which is to be the same, in its lock file."""
    there = sorted(str(path.relative_to(tmp_path / "data/000574")) for path in tmp_path.glob("data/000574/*/*.nwb"))
    lock = json.loads((tmp_path / "data/000574" / LOCK_NAME).read_text())
    assert [one["path"] for one in lock["files"]] == there
    return there


def test_an_update_of_some_files_leaves_the_others(archive: ArchiveServer, fetch: Fetch, tmp_path: Path) -> None:
    fetch()
    assert fetch(glob="sub-2/*", update=True).obsolete == ()
    assert held(tmp_path) == sorted(CONTENT)
    archive.requests.clear()
    fetch()
    assert archive.requests == []


@pytest.mark.parametrize(
    "others", [(), (ServedAsset(path="sub-1/sub-1_ses-1.nwb", content=b"new"),)], ids=["gone", "another-asset"]
)
def test_an_update_of_some_files_removes_others_that_the_dataset_lacks(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path, others: tuple[ServedAsset, ...]
) -> None:
    fetch()
    path = "sub-2/sub-2_ses-1.nwb"
    archive.serve("000574", ServedAsset(path=path, content=CONTENT[path]), *others, version="0.230101.0000")
    assert [one.name for one in fetch(glob="sub-2/*", update=True).obsolete] == ["sub-1_ses-1.nwb"]
    assert held(tmp_path) == [path]
    fetch()
    assert held(tmp_path) == [*(one.path for one in others), path]


def test_a_fetch_can_leave_nothing_in_the_cache(fetch: Fetch, tmp_path: Path) -> None:
    fetch(keep_cached=False)
    assert not list((tmp_path / "cache").iterdir())
    assert held(tmp_path) == sorted(CONTENT)


def test_a_file_of_somebody_else_is_not_replaced(fetch: Fetch, tmp_path: Path) -> None:
    own = tmp_path / "data/000574/sub-1/sub-1_ses-1.nwb"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    with pytest.raises(ExistsError, match=r"sub-1_ses-1\.nwb: exists and is not the file of 000574"):
        fetch()
    assert own.read_bytes() == b"mine"


def test_many_files_come_in_pages(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.serve("000574", *(ServedAsset(path=f"sub-{k:03}/a.nwb", content=b"%d" % k) for k in range(230)))
    assert len(fetch(only_plan=True).files) == 230
    assert sum("versions" in path for path in archive.paths()) == 3


def test_a_list_without_metadata_is_completed_file_by_file(archive: ArchiveServer, fetch: Fetch) -> None:
    def without_metadata(_: int, page: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
        return page | {"results": [entry | {"metadata": None} for entry in page["results"]]}

    archive.change_page = without_metadata  # type: ignore[assignment]
    assert len(fetch().files) == 2


def test_a_file_whose_digest_is_not_known_yet_is_refused(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.serve("000574", ServedAsset(path="sub-1/a.nwb", content=b"a", sha256=None))
    with pytest.raises(InputError, match=r"sub-1/a\.nwb: the archive has no sha256 of it yet"):
        fetch()


def test_an_empty_file_is_fetched(archive: ArchiveServer, fetch: Fetch, tmp_path: Path) -> None:
    archive.serve("000574", ServedAsset(path="a.nwb", content=b""))
    fetch()
    assert (tmp_path / "data/000574/a.nwb").read_bytes() == b""


@pytest.mark.parametrize("content", ["", "{}", '{"files": [{"path": "../x"}]}'])
def test_a_lock_file_that_is_none_is_refused(fetch: Fetch, tmp_path: Path, content: str) -> None:
    (tmp_path / "data/000574").mkdir(parents=True)
    (tmp_path / "data/000574" / LOCK_NAME).write_text(content)
    with pytest.raises(InputError, match=r"dandi\.lock\.json: is no lock file .*; remove it and fetch again"):
        fetch()


def test_a_server_that_is_no_archive_is_named(archive: ArchiveServer, fetch: Fetch) -> None:
    archive.change_page = lambda _, page: {"hello": "world"}
    with pytest.raises(InputError, match=r"/api: does not answer like a DANDI archive .*; check the server's address"):
        fetch()


BAD_PORTS = ["http://localhost:abc/api", "http://localhost:99999/api", "http://localhost:0/api", "https://[bad/api"]
ELSEWHERE = ["http://archive.example/api", "file:///etc", "archive", "https://me:pw@host/api", "https://a b/api", ""]


@pytest.mark.parametrize("server", [*ELSEWHERE, *BAD_PORTS])
def test_a_server_must_be_https_or_on_this_machine(fetch: Fetch, server: str) -> None:
    with pytest.raises(SettingsError, match=r"archive server .*: (only https is allowed|write the address)"):
        fetch(server=server)


def test_a_lock_file_that_links_to_itself_is_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).symlink_to(LOCK_NAME)
    with pytest.raises(InputError, match=rf"{LOCK_NAME}: cannot be read \(Too many levels of symbolic links\)"):
        read_lock(tmp_path)


def test_a_file_in_place_of_the_folder_is_told_before_the_archive_is_asked(
    archive: ArchiveServer, fetch: Fetch, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(InputError, match=rf"{LOCK_NAME}: cannot be read \(Not a directory\)"):
        fetch()
    assert archive.requests == []
