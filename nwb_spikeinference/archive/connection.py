"""
Requests to an archive: bounded in time, redirected by rule, with the token for the archive alone.

Retries, waits, time limits and redirects are decided here and nowhere else: the client libraries that use a connection
see either a good answer or one of our errors, which they do not repeat.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3
from requests.auth import AuthBase

import nwb_spikeinference
from nwb_spikeinference.errors import InputError, ResourceError, SettingsError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_REPEATED = (408, 429, 500, 502, 503, 504)  # that another attempt may cure
_NO_ACCESS = (401, 403)
_MAX_REDIRECTS = 5
_MAX_JSON_BYTES = 1 << 26
_BLOCK_BYTES = 1 << 20
_MIN_BYTES_PER_S = 1000  # below, a download counts as broken


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """How long to wait for an archive."""

    connect_s: float = 10
    read_s: float = 30  # of silence
    retries: int = 3
    first_wait_s: float = 1  # before the first retry; doubles from one to the next
    limit_s: float = 60  # of one request with its retries, without the body of a download


class _TokenForOne(AuthBase):
    """The token, for one host alone; stands where requests would otherwise look into the user's .netrc."""

    def __init__(self, server: str, token: str | None) -> None:
        self._origin = _origin(urlsplit(server))
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token and request.url and _origin(urlsplit(request.url)) == self._origin:
            request.headers["Authorization"] = f"token {self._token}"
        return request


class Connection:
    """
    Requests to one archive and to where it sends us.

    Parameters
    ----------
    server : str
        Address of the archive's API; https, or a server on this machine.
    token : str, optional
        Key of the user, sent to this server only.
    token_variable : str, optional
        Environment variable that a key for this server would be read from, named where access is refused.

    Raises
    ------
    SettingsError
        If the server's address cannot be used.
    """

    def __init__(
        self, server: str, network: NetworkSettings, token: str | None = None, token_variable: str | None = None
    ) -> None:
        self.server = require_server(server)
        self._network = network
        self._token_variable = token_variable
        self._auth = _TokenForOne(server, token)
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"nwb-spikeinference/{nwb_spikeinference.__version__}"

    def close(self) -> None:
        """Close what is open."""
        self._session.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **others: Any,
    ) -> requests.Response:
        """
        One whole answer, as `requests.Session.request` gives it, for the dandi client; GET alone is known.

        Raises
        ------
        InputError
            If the archive refuses, lacks what was asked for, or answers without end.
        ResourceError
            If it does not answer in time.
        """
        given = {name for name, value in others.items() if value is not None}
        if method.upper() != "GET" or given:
            raise TypeError(f"an archive is only read here, not asked to {method} {sorted(given)}")
        deadline = time.monotonic() + self._network.limit_s
        with self.open(url, params=params, headers=headers) as response:
            body = bytearray()
            for block in read_blocks(response, self._network):
                body += block
                if len(body) > _MAX_JSON_BYTES or time.monotonic() > deadline:
                    raise InputError(f"{_name(url)}: the answer does not end; try again later, or ask the archive")
            if response.raw.length_remaining:
                raise ResourceError(f"{_name(url)}: the connection broke within the answer; try again later")
            response._content = bytes(body)  # what requests reads itself, without a limit
            return response

    @contextmanager
    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, params: Mapping[str, Any] | None = None
    ) -> Iterator[requests.Response]:
        """
        A good answer of which nothing but the head was read.

        Raises
        ------
        InputError
            If the archive refuses, lacks what was asked for, or leads to where we do not follow.
        ResourceError
            If it does not answer in time.
        """
        with self._send(url, headers, params) as response:
            yield response

    def _send(self, url: str, headers: Mapping[str, str] | None, params: Mapping[str, Any] | None) -> requests.Response:
        """The answer of the first attempt that is good."""
        deadline = time.monotonic() + self._network.limit_s
        wait_s = self._network.first_wait_s
        for attempt in range(self._network.retries + 1):
            asked_to_wait_s = 0.0
            try:
                response = self._follow(url, headers, params, deadline)
            except ValueError as error:  # of the request; its text may hold the key
                raise InputError(
                    f"{_name(url)}: cannot be asked, or leads to what is no address ({type(error).__name__}); "
                    f"check the server's address"
                ) from None
            except requests.RequestException as error:
                problem = _describe(error)
            else:
                if response.ok:
                    return response
                response.close()
                problem = f"HTTP {response.status_code}"
                if response.status_code not in _REPEATED:
                    raise _refusal(url, response.status_code, self._token_variable)
                asked_to_wait_s = _retry_after_s(response)
            wait_s = max(wait_s, asked_to_wait_s)
            if attempt == self._network.retries or time.monotonic() + wait_s > deadline:
                break
            time.sleep(wait_s)
            wait_s = self._network.first_wait_s * 2 ** (attempt + 1)
        asked = f", asks to wait {asked_to_wait_s:.0f} s" if asked_to_wait_s else ""
        raise ResourceError(
            f"{_name(url)}: the archive does not answer ({problem}{asked}); check the connection and try again later"
        )

    def _follow(
        self, url: str, headers: Mapping[str, str] | None, params: Mapping[str, Any] | None, deadline: float
    ) -> requests.Response:
        asked = urlsplit(url)
        _require_allowed(url, asked)
        for _ in range(_MAX_REDIRECTS + 1):
            left_s = max(deadline - time.monotonic(), 0.1)
            response = self._session.get(
                url,
                params=params,
                headers=headers,
                auth=self._auth,
                stream=True,
                allow_redirects=False,
                timeout=(min(self._network.connect_s, left_s), min(self._network.read_s, left_s)),
            )
            if not response.is_redirect:
                return response
            response.close()
            url, params = urljoin(url, response.headers["location"]), None
            _require_allowed(url, asked)
        raise InputError(f"{_name(asked.geturl())}: redirects without end; tell the archive")


def read_blocks(response: requests.Response, network: NetworkSettings) -> Iterator[bytes]:
    """The body as it comes; ends early where the connection breaks or all but stands still."""
    began, n_bytes = time.monotonic(), 0
    try:
        while block := response.raw.read1(_BLOCK_BYTES, decode_content=True):
            yield block
            n_bytes += len(block)
            elapsed_s = time.monotonic() - began
            if elapsed_s > network.limit_s and n_bytes < elapsed_s * _MIN_BYTES_PER_S:
                return
    except (urllib3.exceptions.HTTPError, OSError):
        return


def require_server(server: str) -> str:
    """
    Address of an archive's API, without a slash at its end.

    Raises
    ------
    SettingsError
        If it is malformed, or neither https nor on this machine.
    """
    problem = SettingsError(f"archive server {server!r}: write the address of its API, https://HOST/api")
    try:
        parts = urlsplit(server)
        is_whole = parts.hostname and parts.port != 0 and not any(map(str.isspace, server))  # reading a port checks it
    except ValueError:
        raise problem from None
    if not is_whole or parts.scheme not in ("https", "http") or parts.username or parts.password:
        raise problem
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise SettingsError(f"archive server {server!r}: only https is allowed, http on this machine alone")
    return server.rstrip("/")


def _require_allowed(url: str, asked: SplitResult) -> None:
    parts = urlsplit(url)
    is_same_host = parts.hostname == asked.hostname and asked.scheme == "http"
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and is_same_host)):
        return
    raise InputError(
        f"{_name(asked.geturl())}: leads to {_name(url)}, which is not followed (https alone, or http on the very "
        f"host that was asked); tell the archive"
    )


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _name(url: str) -> str:
    """An address for messages: without its query, which may hold a signature."""
    parts = urlsplit(url)
    host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
    return f"{parts.scheme}://{host}{parts.path}"


def _describe(error: requests.RequestException) -> str:
    """Why there was no answer; the library's own text holds whole addresses."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _refusal(url: str, status: int, token_variable: str | None) -> InputError:
    if status in _NO_ACCESS:
        advice = (
            f"set {token_variable} to the key of somebody who may read it"
            if token_variable
            else "no key is sent to a server that the dandi client does not know; ask its owners"
        )
        return InputError(f"{_name(url)}: no access (HTTP {status}), embargoed or not public; {advice}")
    if status == 404:
        return InputError(f"{_name(url)}: the archive does not have it (HTTP 404); check number and version")
    return InputError(f"{_name(url)}: the archive refuses (HTTP {status}); check number and version")


def _retry_after_s(response: requests.Response) -> float:
    """Seconds that the server asks to wait, 0 if it does not say."""
    text = response.headers.get("Retry-After", "")
    try:
        if text.isdigit():
            return float(text)
        moment = parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return 0.0
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
