"""The dandi client, speaking through our connection."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

from nwb_spikeinference.archive.connection import LOOPBACK, Connection, NetworkSettings, require_server
from nwb_spikeinference.errors import SettingsError

_KEY = re.compile("[!-~]+")  # printable ASCII without white space


class Archive:
    """One archive: its API by the dandi client, its files by the connection."""

    def __init__(self, server: str, network: NetworkSettings) -> None:
        os.environ["DANDI_NO_ET"] = "1"  # before the import: no telemetry
        from dandi.dandiapi import DandiAPIClient
        from dandi.utils import DandiInstance

        logging.getLogger("dandi").setLevel(logging.CRITICAL)  # what it reports stands in our errors
        self.server = require_server(server)
        self.network = network
        variable = _token_variable(self.server)
        self.connection = Connection(self.server, network, _read_token(variable), variable)
        # Given as an instance, the server is not asked what it is, which the client would do without time limits.
        self.client = DandiAPIClient(dandi_instance=DandiInstance(name="archive", gui=None, api=self.server))
        self.client.session.close()
        self.client.session = self.connection

    def get_json(self, path: str, **parameters: Any) -> dict[str, Any]:
        """What the API answers at a path."""
        answer: dict[str, Any] = self.client.get(path, params=parameters)
        return answer

    def download_url(self, asset_id: str) -> str:
        """Where the content of an asset is to be had."""
        return f"{self.server}/assets/{asset_id}/download/"


@contextmanager
def open_archive(server: str, network: NetworkSettings) -> Iterator[Archive]:
    """An archive, closed in the end."""
    archive = Archive(server, network)
    with closing(archive.connection):
        yield archive


def _token_variable(server: str) -> str | None:
    """The environment variable that the dandi client reads for this server; none for servers that it does not know."""
    from dandi.consts import known_instances

    names = [name for name, instance in known_instances.items() if instance.api == server]
    if names:
        return f"{names[0].upper().replace('-', '_')}_API_KEY"
    return "DANDI_API_KEY" if urlsplit(server).hostname in LOOPBACK else None


def _read_token(variable: str | None) -> str | None:
    """The user's key; white space around it, as files and the clipboard leave it, is no part of it."""
    token = os.environ.get(variable, "").strip() if variable else ""
    if token and not _KEY.fullmatch(token):
        raise SettingsError(f"{variable} holds characters that no key has; copy the key again")  # never the value
    return token or None
