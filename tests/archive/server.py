"""
A server on this machine that answers like the DANDI archive, and misbehaves as a test tells it to.

It knows the requests that reading needs: a dataset, its versions, the pages of its list of files, the metadata of a
file, and its download, which leads to a store that sends ranges.
"""

import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

WHEN = "2022-01-26T00:00:00Z"
Json = dict[str, Any]


@dataclass(kw_only=True)
class ServedAsset:
    """One file; `sha256`, `size` and `path` are what the archive says of it, true or not."""

    path: str
    content: bytes
    asset_id: str = ""
    sha256: str | None = ""
    size: int = -1
    is_zarr: bool = False

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.content).hexdigest()
        self.asset_id = self.asset_id or str(uuid.uuid5(uuid.NAMESPACE_URL, self.path + digest))
        self.sha256 = digest if self.sha256 == "" else self.sha256
        self.size = len(self.content) if self.size < 0 else self.size

    @property
    def blob(self) -> str:
        """Where the store keeps it."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.asset_id))

    def metadata(self) -> Json:
        """As ``/assets/ID/`` answers."""
        digest = {"dandi:dandi-etag": "0-1"} | ({"dandi:sha2-256": self.sha256} if self.sha256 else {})
        return {
            "schemaKey": "Asset",
            "identifier": self.asset_id,
            "path": self.path,
            "contentSize": self.size,
            "encodingFormat": "application/x-nwb",
            "digest": digest,
        }

    def entry(self, *, with_metadata: bool) -> Json:
        """As a page of the list of files holds it."""
        own = {"zarr": self.blob, "blob": None} if self.is_zarr else {"zarr": None, "blob": self.blob}
        entry = {"asset_id": self.asset_id, "path": self.path, "size": self.size, "created": WHEN, "modified": WHEN}
        return entry | own | ({"metadata": self.metadata()} if with_metadata else {})


@dataclass(frozen=True)
class Request:
    """One request that came in."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass(kw_only=True)
class ArchiveServer:
    """
    What is served.

    `before` sees every request first and answers it itself if it returns True. `change_page` alters a page of a list of
    files. `send_blob` sends a part of a file, and may cut or prolong it.
    """

    url: str = ""
    datasets: dict[str, dict[str, list[ServedAsset]]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    token: str | None = None  # that embargoed datasets ask for
    knows_ranges: bool = True
    before: Callable[["_Handler"], bool] = lambda handler: False
    change_page: Callable[[int, Json], Json] = lambda number, page: page
    redirect: Callable[[str], str] = lambda place: place
    send_blob: Callable[["_Handler", bytes], object] = lambda handler, content: handler.send_body(content)

    @property
    def api(self) -> str:
        """Address of the API."""
        return f"{self.url}/api"

    def serve(self, dandiset: str, *assets: ServedAsset, version: str = "0.220126.1852") -> None:
        """Publish a version of a dataset; ``draft`` is not published."""
        self.datasets.setdefault(dandiset, {})[version] = list(assets)

    def find(self, **wanted: str) -> ServedAsset | None:
        """The asset of a number, or of a blob."""
        every = [one for versions in self.datasets.values() for assets in versions.values() for one in assets]
        return next((one for one in every if all(getattr(one, name) == value for name, value in wanted.items())), None)

    def paths(self) -> list[str]:
        """Paths that were asked for, in order."""
        return [request.path for request in self.requests]


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    served: ArchiveServer

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.request_seen = Request(parts.path, parse_qs(parts.query), dict(self.headers))
        self.served.requests.append(self.request_seen)
        if not self.served.before(self):
            self._answer(parts.path, self.request_seen.query)

    def _answer(self, path: str, query: dict[str, list[str]]) -> None:
        routes: list[tuple[str, Callable[..., None]]] = [
            (r"/api/info/", self._info),
            (r"/api/dandisets/(\d{6})/", self._dataset),
            (r"/api/dandisets/(\d{6})/versions/([^/]+)/info/", self._version_info),
            (r"/api/dandisets/(\d{6})/versions/([^/]+)/assets/", self._assets),
            (r"/api/assets/([^/]+)/", self._metadata),
            (r"/api/assets/([^/]+)/download/", self._download),
            (r"/blobs/([^/]+)", self._blob),
        ]
        for pattern, answer in routes:
            if match := re.fullmatch(pattern, path):
                return answer(*match.groups())
        return self.send_json(404, {"detail": "Not found."})

    def _info(self) -> None:
        api = {"api": {"url": self.served.api}, "webui": None, "jupyterhub": None}
        self.send_json(200, {"version": "0.3", "schema_version": "0.6.7", "services": api})

    def _dataset(self, dandiset: str) -> None:
        if dandiset not in self.served.datasets:
            return self.send_json(404, {"detail": "Not found."})
        versions = self.served.datasets[dandiset]
        published = [version for version in versions if version != "draft"]
        answer = {
            "identifier": dandiset,
            "created": WHEN,
            "modified": WHEN,
            "contact_person": "",
            "embargo_status": "OPEN",
            "most_recent_published_version": self._version(published[-1], versions) if published else None,
            "draft_version": self._version("draft", versions),
        }
        return self.send_json(200, answer)

    def _version_info(self, dandiset: str, version: str) -> None:
        versions = self.served.datasets.get(dandiset, {})
        if version not in versions:
            return self.send_json(404, {"detail": "Not found."})
        errors: Json = {"asset_validation_errors": [], "version_validation_errors": []}
        return self.send_json(200, self._version(version, versions) | errors)

    def _version(self, version: str, versions: dict[str, list[ServedAsset]]) -> Json:
        assets = versions.get(version, [])
        size = sum(asset.size for asset in assets)
        about = {"name": "a dataset", "created": WHEN, "modified": WHEN, "status": "Valid"}
        return about | {"version": version, "asset_count": len(assets), "size": size}

    def _assets(self, dandiset: str, version: str) -> None:
        token = self.served.token
        if token is not None and self.headers.get("Authorization") != f"token {token}":
            return self.send_json(401, {"detail": "Authentication credentials were not provided."})
        assets = self.served.datasets.get(dandiset, {}).get(version)
        if assets is None:
            return self.send_json(404, {"detail": "Not found."})
        query = self.request_seen.query
        number, size = int(query.get("page", ["1"])[0]), int(query.get("page_size", ["100"])[0])
        part = assets[(number - 1) * size : number * size]
        more = f"{self.served.url}{self.path}&page={number + 1}" if number * size < len(assets) else None
        with_metadata = query.get("metadata") == ["true"]
        page = {
            "count": len(assets),
            "next": more,
            "previous": None,
            "results": [asset.entry(with_metadata=with_metadata) for asset in part],
        }
        return self.send_json(200, self.served.change_page(number, page))

    def _metadata(self, asset_id: str) -> None:
        asset = self.served.find(asset_id=asset_id)
        self.send_json(*((404, {}) if asset is None else (200, asset.metadata())))

    def _download(self, asset_id: str) -> None:
        asset = self.served.find(asset_id=asset_id)
        if asset is None:
            return self.send_json(404, {"detail": "Not found."})
        place = self.served.redirect(f"{self.served.url}/blobs/{asset.blob}")
        return self.send_head(302, {"Location": place, "Content-Length": "0"})

    def _blob(self, blob: str) -> None:
        asset = self.served.find(blob=blob)
        if asset is None:
            return self.send_json(404, {})
        wanted = self.headers.get("Range") if self.served.knows_ranges else None
        content = asset.content
        if wanted is None:
            self.send_head(200, {"Content-Length": str(len(content))})
            self.served.send_blob(self, content)
            return None
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        assert match
        first, last = int(match[1]), min(int(match[2] or len(content) - 1), len(content) - 1)
        if first >= len(content):
            return self.send_head(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
        part = content[first : last + 1]
        self.send_head(206, {"Content-Range": f"bytes {first}-{last}/{len(content)}", "Content-Length": str(len(part))})
        self.served.send_blob(self, part)
        return None

    def send_json(self, status: int, content: Json, headers: dict[str, str] | None = None) -> None:
        """A whole answer."""
        body = json.dumps(content).encode()
        self.send_head(status, {"Content-Type": "application/json", "Content-Length": str(len(body))} | (headers or {}))
        self.send_body(body)

    def send_head(self, status: int, headers: dict[str, str]) -> None:
        """Status and headers."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_body(self, content: bytes) -> bool:
        """Content; whether the other side still wanted it."""
        try:
            self.wfile.write(content)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.hang_up()
            return False
        return True

    def send_for_ever(self, content: bytes) -> None:
        """An answer without a length and without an end."""
        self.send_head(200, {"Connection": "close"})
        while self.send_body(content):
            pass

    def hang_up(self) -> None:
        """End the connection."""
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the other side hung up, which tests do."""


@contextmanager
def run_archive() -> Iterator[ArchiveServer]:
    """An archive on a free port of this machine."""
    served = ArchiveServer()
    handler = type("Handler", (_Handler,), {"served": served})
    with _Server(("127.0.0.1", 0), handler) as server:
        served.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serve_files(files: Mapping[str, bytes]) -> Iterator[ArchiveServer]:
    """An archive whose dataset 000574 holds these files, path -> content, and a text."""
    with run_archive() as server:
        assets = [ServedAsset(path=path, content=content) for path, content in files.items()]
        server.serve("000574", *assets, ServedAsset(path="README.md", content=b"read me"))
        yield server
