"""What the reaper asks of the engine, over the socket that is mounted into its container."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import Any
from urllib.parse import urlencode

from images.reaper.protocol import Filters

SOCKET = "/var/run/docker.sock"
TIMEOUT_S = 30.0
"""For one request. The engine gives a container that it kills ten seconds to be gone."""


class EngineError(Exception):
    """The engine refused, or does not answer."""


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(SOCKET)


def remove_all(filters: Filters) -> list[str]:
    """Remove the session's containers with their own volumes, then its networks, volumes, images.

    Answers what would not go, a line each; empty when nothing is left.
    """
    fit = json.dumps({key: list(values) for key, values in filters.items()})
    left: list[str] = []
    for container in _list("/containers/json", {"all": "1", "filters": fit}):
        left += _remove("container", container["Id"], {"force": "1", "v": "1"})
    for network in _list("/networks", {"filters": fit}):
        left += _remove("network", network["Id"], {})
    for volume in _list("/volumes", {"filters": fit}):
        left += _remove("volume", volume["Name"], {"force": "1"})
    for image in _list("/images/json", {"all": "1", "filters": fit}):
        left += _remove("image", image["Id"], {"force": "1"})
    return left


def _list(path: str, query: dict[str, str]) -> list[dict[str, Any]]:
    status, body = _ask("GET", path, query)
    if status != http.client.OK:
        raise EngineError(f"GET {path}: {status} {body.strip()}")
    found = json.loads(body)
    rows: list[dict[str, Any]] = found["Volumes"] or [] if isinstance(found, dict) else found
    return rows


def _remove(kind: str, name: str, query: dict[str, str]) -> list[str]:
    status, body = _ask("DELETE", f"/{kind}s/{name}", query)
    # Not found, or already on its way out: either will not be listed the next time.
    if status < http.client.BAD_REQUEST or status == http.client.NOT_FOUND:
        return []
    return [f"{kind} {name[:12]}: {status} {body.strip()}"]


def _ask(method: str, path: str, query: dict[str, str]) -> tuple[int, str]:
    connection = _Connection("engine")
    try:
        with contextlib.closing(connection):
            connection.request(method, f"{path}?{urlencode(query)}")
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise EngineError(f"{method} {path}: {error}") from error
