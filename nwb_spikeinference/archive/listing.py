"""The listing of a dataset, with our own checks on what the archive says."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from nwb_spikeinference.archive.address import Address, Asset, normalise_paths
from nwb_spikeinference.archive.client import Archive
from nwb_spikeinference.errors import InputError, describe

_PAGE_SIZE = 100
_MAX_ASSETS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The chosen NWB files of one version, and how many other files it holds."""

    address: Address  # with its version
    assets: tuple[Asset, ...]
    n_others: int = 0  # in another format
    asset_ids: Mapping[str, str] = field(default_factory=dict)  # of every NWB file, chosen or not, by its path


def list_assets(archive: Archive, address: Address, glob: str = "*") -> Listing:
    """
    NWB files of a dataset, sorted by path.

    Parameters
    ----------
    glob : str
        Of paths inside the dataset; ``*`` matches slashes too.

    Raises
    ------
    InputError
        If the dataset cannot be had, holds no such file, lists a path that leads out of a folder, or changed while it
        was listed.
    ResourceError
        If the archive does not answer.
    """
    try:
        return _list(archive, address, glob)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{archive.server}: does not answer like a DANDI archive ({describe(error, longest=120)}); "
            f"check the server's address"
        ) from error


def _list(archive: Archive, address: Address, glob: str) -> Listing:
    dandiset = archive.client.get_dandiset(address.dandiset, address.version, lazy=False)
    found = Address(dandiset=address.dandiset, version=dandiset.version_id)
    entries = list(_entries(archive, dandiset.version_api_path + "assets/", found))
    named = dict(zip(normalise_paths(str(entry["path"]) for entry in entries), entries, strict=True))
    files = {path: entry for path, entry in named.items() if path.endswith(".nwb") and not entry.get("zarr")}
    chosen = sorted(path for path in files if fnmatchcase(path, glob))
    if not chosen:
        known = f"; its NWB files are named like {min(files)}" if files else f" among {len(named)} files"
        raise InputError(f"{found}: holds no NWB file that matches {glob!r}{known}")
    return Listing(
        address=found,
        assets=tuple(_asset(archive, path, files[path]) for path in chosen),
        n_others=len(named) - len(files),
        asset_ids={path: str(entry["asset_id"]) for path, entry in files.items()},
    )


def _entries(archive: Archive, path: str, address: Address) -> Iterator[dict[str, Any]]:
    """
    Entries of all pages, each once.

    Pages are asked for by number instead of following the archive's links, which could lead in circles.
    """
    seen: set[str] = set()
    count = 0
    for page in itertools.count(1):
        answer = archive.get_json(path, page=page, page_size=_PAGE_SIZE, order="path", metadata="true")
        entries = answer["results"]
        said = answer.get("count")  # newer archives count on the first page alone
        if page == 1:
            count = int(answer["count"])
        identities = {str(entry["asset_id"]) for entry in entries}
        is_steady = said in (None, count) and len(identities) == len(entries) and not identities & seen
        seen |= identities
        if not is_steady or len(seen) > count or (answer["next"] and not entries):
            raise InputError(f"{address}: its list of files changed while it was read; run the same command again")
        if count > _MAX_ASSETS:
            raise InputError(f"{address}: lists {count} files, more than the {_MAX_ASSETS} that are read here")
        yield from entries
        if not answer["next"]:
            break
    if len(seen) != count:
        raise InputError(
            f"{address}: lists {len(seen)} of {count} files, it changed while it was read; run the same command again"
        )


def _asset(archive: Archive, path: str, entry: dict[str, Any]) -> Asset:
    metadata = entry.get("metadata") or archive.get_json(f"/assets/{entry['asset_id']}/")
    digest = metadata.get("digest", {}).get("dandi:sha2-256")
    if digest is None:
        raise InputError(f"{path}: the archive has no sha256 of it yet, which new files lack for some time; try later")
    return Asset(path=path, asset_id=entry["asset_id"], size=entry["size"], sha256=digest)
