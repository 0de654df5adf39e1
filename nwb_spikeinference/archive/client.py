"""
The dandi client, speaking through our connection.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from nwb_spikeinference.archive.connection import LOOPBACK, Connection, NetworkSettings


class Archive:
    """One archive: its API by the dandi client, its files by the connection."""

    def __init__(self, server: str, network: NetworkSettings) -> None:
        os.environ["DANDI_NO_ET"] = "1"  # before the import: no telemetry
        from dandi.dandiapi import DandiAPIClient
        from dandi.utils import DandiInstance

        logging.getLogger("dandi").setLevel(logging.CRITICAL)  # what it reports stands in our errors
        self.connection = Connection(server, network, _read_token(server))
        self.network = network
        self.server = self.connection.server
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
    try:
        yield archive
    finally:
        archive.connection.close()


def _read_token(server: str) -> str | None:
    """The user's key, where the variable that the dandi client reads is meant for this server."""
    from dandi.consts import known_instances

    names = [name for name, instance in known_instances.items() if instance.api == server.rstrip("/")]
    if names:
        return os.environ.get(f"{names[0].upper().replace('-', '_')}_API_KEY")
    return os.environ.get("DANDI_API_KEY") if urlsplit(server).hostname in LOOPBACK else None
