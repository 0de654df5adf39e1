"""An archive on this machine, and a fetch that waits for nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nwb_spikeinference.archive.address import parse_address
from nwb_spikeinference.archive.connection import NetworkSettings
from nwb_spikeinference.archive.fetch import FetchPlan, FetchSettings, carry_out, plan_fetch
from tests.archive.server import ArchiveServer, serve_files

HASTY = NetworkSettings(connect_s=2, read_s=2, retries=3, first_wait_s=0.01, limit_s=5)
CONTENT = {
    "sub-1/sub-1_ses-1.nwb": bytes(range(256)) * 4000,
    "sub-2/sub-2_ses-1.nwb": b"two" * 1000,
}
Fetch = Callable[..., FetchPlan]


@pytest.fixture
def archive() -> Iterator[ArchiveServer]:
    """Serves dataset 000574 with two NWB files and a text."""
    with serve_files(CONTENT) as server:
        yield server


@pytest.fixture
def fetch(archive: ArchiveServer, tmp_path: Path) -> Fetch:
    """Fetches a dataset into `tmp_path`, by default all of 000574."""

    def run(
        text: str = "DANDI:000574", folder: Path | None = None, *, only_plan: bool = False, **settings: object
    ) -> FetchPlan:
        usual = {"server": archive.api, "cache": tmp_path / "cache", "network": HASTY}
        chosen = FetchSettings(**usual | settings)  # type: ignore[arg-type]
        plan = plan_fetch(parse_address(text), folder or tmp_path / "data", chosen)
        if not only_plan:
            carry_out(plan, chosen)
        return plan

    return run


def files_below(folder: Path) -> dict[str, bytes]:
    """Path -> content of everything in a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


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
