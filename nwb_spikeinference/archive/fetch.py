"""
A dataset on this machine: planned with all sizes first, then downloaded, verified, and locked.

Files lie in a cache, named by asset and content, and in the dataset's folder as hard links to it where that is
possible. What is complete once is used without any request.
"""

import logging
import os
import shutil
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from nwb_spikeinference.archive.address import Address, Asset, parse_address
from nwb_spikeinference.archive.client import open_archive
from nwb_spikeinference.archive.connection import NetworkSettings
from nwb_spikeinference.archive.download import cached_bytes, default_cache, download, holds, take_cached
from nwb_spikeinference.archive.listing import Listing, list_assets
from nwb_spikeinference.archive.lock_file import LOCK_NAME, LockFile, read_lock, write_lock
from nwb_spikeinference.config import DANDI_API
from nwb_spikeinference.errors import ExistsError, InputError, ResourceError
from nwb_spikeinference.files import (
    describe_bytes,
    lock,
    make_folder,
    nearest_existing,
    replace_atomically,
    require_space,
    resolve_inside,
)

State = Literal["in place", "outdated", "absent"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """What to fetch, from where, and how much of it at most."""

    server: str = DANDI_API
    glob: str = "*"  # of paths inside the dataset; * matches slashes too
    max_bytes: int | None = None  # of all chosen files
    cache: Path | None = None  # None: the user's cache folder
    keep_cached: bool = True  # otherwise downloads stay in the folder alone
    update: bool = False  # ask the archive again, though the lock file knows
    check_content: bool = True  # of files in place; otherwise their sizes alone
    network: NetworkSettings = field(default_factory=NetworkSettings)

    @property
    def cache_folder(self) -> Path:
        """Where downloads are kept."""
        return self.cache if self.cache is not None else default_cache()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """One file of a dataset, and what is there of it."""

    asset: Asset
    target: Path
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPlan:
    """All that a fetch will do; made without writing anything."""

    address: Address  # with its version
    folder: Path  # of the dataset
    files: tuple[PlannedFile, ...]
    obsolete: tuple[Path, ...]  # fetched earlier, no longer in the dataset or another asset there
    lock: LockFile  # to be written
    n_others: int  # files in another format, which are not fetched
    missing_bytes: int  # to be downloaded

    @property
    def n_bytes(self) -> int:
        """Size of all chosen files."""
        return sum(one.asset.size for one in self.files)

    @property
    def missing(self) -> tuple[PlannedFile, ...]:
        """Files that are not in place."""
        return tuple(one for one in self.files if one.state != "in place")


def fetch_dataset(text: str, folder: Path, settings: FetchSettings = FetchSettings()) -> FetchPlan:
    """
    Download the NWB files of a dataset, verified, into a folder below `folder`; what is there already is not repeated.

    Parameters
    ----------
    text : str
        ``DANDI:000574``, or with a version ``DANDI:000574/0.220126.1852``.

    Raises
    ------
    SpikeInferenceError
        See `plan_fetch` and `carry_out`.
    """
    plan = plan_fetch(parse_address(text), Path(folder), settings)
    carry_out(plan, settings)
    return plan


def plan_fetch(address: Address, folder: Path, settings: FetchSettings) -> FetchPlan:
    """
    Find out what a fetch will do. No request is made if the lock file knows all that is asked for.

    Parameters
    ----------
    folder : Path
        Of all datasets; this one goes into a folder below, named by its number.

    Raises
    ------
    InputError
        If the dataset cannot be had, is not the one in the folder, or a fetched file was changed since.
    ExistsError
        If another file lies where one is to go.
    ResourceError
        If it is larger than allowed, does not fit on the disk, or the archive does not answer.
    """
    root = folder / address.dandiset
    known = read_lock(root)
    if known is not None and not settings.update:
        _require_same(known, address, settings.server, root)
        address = known.address
    old = known or LockFile(
        server=settings.server, dandiset=address.dandiset, version=address.version or "", globs=(), files=()
    )
    if known is not None and not settings.update and settings.glob in known.globs:
        assets = tuple(asset for asset in known.files if fnmatchcase(asset.path, settings.glob))
        listing, new = Listing(address=known.address, assets=assets), known
    else:
        with open_archive(settings.server, settings.network) as archive:
            listing = list_assets(archive, address, settings.glob)
        new = _merge(old, listing, settings)
    files = tuple(_plan_file(asset, root, old, settings) for asset in listing.assets)
    kept = {asset.path for asset in new.files}
    obsolete = [_plan_file(asset, root, old, settings) for asset in old.files if asset.path not in kept]
    missing = [one.asset for one in files if one.state != "in place"]
    plan = FetchPlan(
        address=listing.address,
        folder=root,
        files=files,
        obsolete=tuple(one.target for one in obsolete if one.state == "in place"),
        lock=new,
        n_others=listing.n_others,
        missing_bytes=sum(asset.size - cached_bytes(asset, settings.cache_folder) for asset in missing),
    )
    _require_room(plan, settings)
    return plan


def carry_out(plan: FetchPlan, settings: FetchSettings) -> None:
    """
    Download what is missing, then put all of it in place, then write the lock file.

    Interrupted at any moment, the same call continues.

    Raises
    ------
    InputError
        If the archive sends something else than it lists.
    ResourceError
        If the archive does not answer, or the disk is full.
    LockedError
        If another process fetches the same.
    """
    missing, cache = plan.missing, settings.cache_folder
    if not missing and not plan.obsolete and read_lock(plan.folder) == plan.lock:
        return
    with lock(plan.folder):
        make_folder(plan.folder)
        kept = {one.asset.key: take_cached(one.asset, cache) for one in missing}
        absent = [one.asset for one in missing if kept[one.asset.key] is None]
        if absent:
            with open_archive(settings.server, settings.network) as archive:
                for number, asset in enumerate(absent, start=1):
                    _log.info("%d of %d: %s, %s", number, len(absent), asset.path, describe_bytes(asset.size))
                    kept[asset.key] = download(archive, asset, cache)
        for one in missing:
            _place(kept[one.asset.key] or cache / one.asset.key, one.target)
        for path in plan.obsolete:
            path.unlink(missing_ok=True)
        write_lock(plan.folder, plan.lock)
        if not settings.keep_cached:
            for one in missing:
                (cache / one.asset.key).unlink(missing_ok=True)


def _require_same(known: LockFile, address: Address, server: str, root: Path) -> None:
    if known.dandiset != address.dandiset or address.version not in (None, known.version):
        raise InputError(
            f"{root / LOCK_NAME}: holds {known.address}, not {address}; ask for the version that it holds, choose "
            f"another folder, or exchange it by 'nsi fetch {address} -o {root.parent} --update'"
        )
    if known.server.rstrip("/") != server.rstrip("/"):
        raise InputError(
            f"{root / LOCK_NAME}: was fetched from {known.server}, not {server}; ask that server, choose another "
            f"folder, or exchange it with --update"
        )


def _merge(old: LockFile, listing: Listing, settings: FetchSettings) -> LockFile:
    """The lock file after a fetch; what other globs chose stays, on an update where the dataset still has it."""
    stay = [one for one in old.files if not settings.update or listing.asset_ids.get(one.path) == one.asset_id]
    files = {asset.path: asset for asset in (*stay, *listing.assets)}
    lacking = listing.asset_ids.keys() - files.keys()
    globs = [glob for glob in old.globs if not settings.update or not any(fnmatchcase(path, glob) for path in lacking)]
    return LockFile(
        server=settings.server.rstrip("/"),
        dandiset=listing.address.dandiset,
        version=listing.address.version or "",
        globs=tuple(dict.fromkeys((*globs, settings.glob))),
        files=tuple(files[path] for path in sorted(files)),
    )


def _plan_file(asset: Asset, root: Path, old: LockFile, settings: FetchSettings) -> PlannedFile:
    """
    What is there of one file.

    Raises
    ------
    InputError
        If it was fetched and changed since.
    ExistsError
        If another file lies there.
    """
    target = resolve_inside(root, asset.path)
    state: State = "absent"
    if target.exists():
        fetched = next((one for one in old.files if one.path == asset.path), None)
        if holds(target, asset, check_content=settings.check_content or fetched is None):
            state = "in place"
        elif fetched is None:
            raise ExistsError(
                f"{target}: exists and is not the file of {old.dandiset}; move it or choose another folder"
            )
        elif fetched != asset and holds(target, fetched):
            state = "outdated"
        else:
            raise InputError(
                f"{target}: was changed since it was fetched (sha256 is not that in {LOCK_NAME}); move it away and "
                f"run the same command again"
            )
    return PlannedFile(asset=asset, target=target, state=state)


def _require_room(plan: FetchPlan, settings: FetchSettings) -> None:
    if plan.missing and settings.max_bytes is not None and plan.n_bytes > settings.max_bytes:
        raise ResourceError(
            f"{plan.address}: {len(plan.files)} files of {describe_bytes(plan.n_bytes)}, more than the "
            f"{describe_bytes(settings.max_bytes)} allowed; raise the limit (max-size) or choose files (glob)"
        )
    require_space(settings.cache_folder, plan.missing_bytes)
    places = (settings.cache_folder, plan.folder)
    if plan.missing and len({nearest_existing(one).stat().st_dev for one in places}) > 1:  # copies instead of links
        require_space(plan.folder, sum(one.asset.size for one in plan.missing))


def _place(source: Path, target: Path) -> None:
    with replace_atomically(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, temporary)
