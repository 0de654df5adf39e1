"""Verified downloads into a cache: one file per asset and content, resumed where they broke off."""

import logging
import os
import time
from pathlib import Path

import platformdirs

from nwb_spikeinference.archive.address import Asset
from nwb_spikeinference.archive.client import Archive
from nwb_spikeinference.archive.connection import read_blocks
from nwb_spikeinference.errors import InputError, ResourceError
from nwb_spikeinference.files import fsync_path, lock, make_folder, sha256_file, writing

_PROGRESS_S = 30  # between lines that say how far a download is
_ENOUGH_BYTES = 1 << 24  # gained by an attempt, and it does not count as failed
_log = logging.getLogger(__name__)


def default_cache() -> Path:
    """The user's folder for what can be downloaded again."""
    return platformdirs.user_cache_path("nwb-spikeinference") / "dandi"


def holds(path: Path, asset: Asset, *, check_content: bool = True) -> bool:
    """Whether a file is an asset, by its size and, if asked for, its content."""
    has_size = path.is_file() and path.stat().st_size == asset.size
    return has_size and (not check_content or sha256_file(path) == asset.sha256)


def cached_bytes(asset: Asset, cache: Path) -> int:
    """Bytes of an asset that need not be downloaded."""
    path = cache / asset.key
    if not holds(path, asset, check_content=False):
        path = _partial(asset, cache)
    return min(path.stat().st_size, asset.size) if path.is_file() else 0


def take_cached(asset: Asset, cache: Path) -> Path | None:
    """The asset in the cache; None, and no longer there, if its content is not what it should be."""
    path = cache / asset.key
    if holds(path, asset):
        return path
    path.unlink(missing_ok=True)
    return None


def download(archive: Archive, asset: Asset, cache: Path) -> Path:
    """
    Bring an asset into the cache.

    Raises
    ------
    InputError
        If what the archive sends is not what it promised; nothing of it is kept.
    ResourceError
        If the connection or the disk fails; a later call continues where this one ended.
    """
    make_folder(cache)
    target, partial = cache / asset.key, _partial(asset, cache)
    with lock(target):
        _fill(archive, asset, partial)
        if (digest := sha256_file(partial)) != asset.sha256:
            partial.unlink()
            raise InputError(
                f"{asset.path}: what was sent is not the file that the archive lists (sha256 {digest[:12]}..., not "
                f"{asset.sha256[:12]}...), and was removed; run the same command again"
            )
        fsync_path(partial)
        os.replace(partial, target)
        fsync_path(cache)
    return target


def _partial(asset: Asset, cache: Path) -> Path:
    return cache / f"{asset.key}.partial"


def _fill(archive: Archive, asset: Asset, partial: Path) -> None:
    """Append to the partial file, in as many attempts as bring it on."""
    network = archive.network
    failures = 0
    with writing(partial):
        while (have := _held(partial)) < asset.size or not partial.exists():
            if failures > network.retries:
                raise ResourceError(
                    f"{asset.path}: the connection broke again and again, {have} of {asset.size} bytes are there; "
                    f"run the same command again to continue"
                )
            if failures:
                time.sleep(network.first_wait_s * 2 ** (failures - 1))
            _append(archive, asset, partial, have)
            failures = 0 if _held(partial) - have >= _ENOUGH_BYTES else failures + 1


def _held(partial: Path) -> int:
    return partial.stat().st_size if partial.exists() else 0


def _append(archive: Archive, asset: Asset, partial: Path, have: int) -> None:
    """One attempt; ends early where the connection breaks."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with archive.connection.open(archive.download_url(asset.asset_id), headers=headers) as response:
        is_part = response.status_code == 206
        if not is_part:  # a server that knows no ranges sends all of it
            have = 0
        promised = response.headers.get("Content-Range" if is_part else "Content-Length", "")
        expected = f"bytes {have}-{asset.size - 1}/{asset.size}" if is_part else str(asset.size)
        if promised not in ("", expected):
            partial.unlink(missing_ok=True)
            raise _wrong_length(asset, f"offers {promised!r}")
        with partial.open("ab" if have else "wb") as stream:
            said = time.monotonic()
            for block in read_blocks(response, archive.network):
                have += len(block)
                if have > asset.size:
                    partial.unlink()
                    raise _wrong_length(asset, "sends more")
                stream.write(block)
                if time.monotonic() - said > _PROGRESS_S:
                    said = time.monotonic()
                    _log.info("%s: %d %% of %.1f MB", asset.path, 100 * have // asset.size, asset.size / 1e6)


def _wrong_length(asset: Asset, what: str) -> InputError:
    return InputError(
        f"{asset.path}: the archive lists {asset.size} bytes, but its store {what}; nothing of it is kept; "
        f"try again later, or tell the archive"
    )
