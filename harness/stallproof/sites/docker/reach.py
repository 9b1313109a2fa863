"""Whether the harness reaches the containers by their addresses; it joins their network if not.

On Linux the engine's bridges are interfaces of the machine, and the addresses just work. Where
the harness runs in a container itself (Cloud Build), that container joins the run's network.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import docker
import docker.errors

from stallproof.sites.base import SiteError
from stallproof.sites.docker.containers import LABEL
from stallproof.sites.docker.engine import connect, explained
from stallproof.sites.docker.network import Plan

_CONNECT_TIMEOUT_S = 2.0
_UNUSED_PORT = 1
_MINE = ("host", "none", "container:")
"""Network modes whose container cannot join another network."""


@contextlib.contextmanager
def joined(client: docker.DockerClient, plan: Plan) -> Iterator[None]:
    """Be on the run's network, if this process is in a container of the same engine."""
    own = _own_container(client)
    if own is None:
        yield
        return
    network = client.networks.get(plan.name)
    with explained("join the run's network"):
        network.connect(own)
    try:
        yield
    finally:
        with explained("leave the run's network"):
            network.disconnect(own, force=True)


def leave(run: str) -> None:
    """Take this process's container off the network of a run that was killed.

    Ryuk removes all that such a run made, but no network that somebody is still on.

    Raises:
        SiteError: the engine refuses.
    """
    with contextlib.closing(connect()) as client, explained("leave a killed run's network"):
        own = _own_container(client)
        if own is None:
            return
        for network in client.networks.list(filters={"label": f"{LABEL}={run}"}):
            network.disconnect(own, force=True)


def _own_container(client: docker.DockerClient) -> str | None:
    """The container this process runs in; None outside, or where it has its network elsewhere."""
    name = socket.gethostname()
    try:
        found = client.containers.get(name)
    except docker.errors.DockerException:
        return None
    mode = str(found.attrs["HostConfig"]["NetworkMode"])
    if found.attrs["Config"]["Hostname"] != name or mode.startswith(_MINE):
        return None
    return str(found.id)


def check(plan: Plan) -> None:
    """Make sure that a container's address answers, if only by refusing.

    Raises:
        SiteError: it does not; with what to do.
    """
    at = plan.control.host
    try:
        socket.create_connection((at, _UNUSED_PORT), timeout=_CONNECT_TIMEOUT_S).close()
    except ConnectionRefusedError:
        return
    except OSError as error:
        raise SiteError(
            f"docker: {at} on the run's network cannot be reached from here ({error}): with "
            "Docker Desktop or an engine elsewhere, run stallproof itself in a container, with "
            "the engine's socket mounted (docs/SITES.md)"
        ) from None
