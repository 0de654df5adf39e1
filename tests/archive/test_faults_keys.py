"""Where the user's key goes, and where it does not; numbers as in the list of faults."""

import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest
from dandi.consts import known_instances
from dandi.utils import DandiInstance

from nwb_spikeinference.archive.connection import Connection
from nwb_spikeinference.errors import InputError
from tests.archive.conftest import HASTY, Fetch, answer_with
from tests.archive.server import ArchiveServer

SECRET = "b1946ac92492d2347c6235b4d2611184"


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
