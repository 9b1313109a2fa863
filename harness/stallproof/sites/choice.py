"""The sites by name, as `--site` takes them."""

from __future__ import annotations

from stallproof.sites.base import Site, SiteError
from stallproof.sites.local import LocalSite

LOCAL = "local"
LOOPBACK = "local-loopback"
DOCKER = "docker"
COMPOSE = "compose"
IN_CONTAINERS = (DOCKER, COMPOSE)
"""They take a Docker Engine, and run the system in an image."""
SITES = (LOCAL, LOOPBACK, *IN_CONTAINERS)


def site_of(name: str) -> Site:
    """The site of that name.

    Raises:
        SiteError: there is none, or its library does not load.
    """
    if name in IN_CONTAINERS:
        from stallproof.sites.compose.project import Project  # noqa: PLC0415 (half a second)
        from stallproof.sites.docker.boot import ContainerSite  # noqa: PLC0415 (likewise)
        from stallproof.sites.docker.lives import Lives  # noqa: PLC0415 (likewise)

        return ContainerSite(name, Lives if name == DOCKER else Project)
    if name not in SITES:
        raise SiteError(f"site {name}: there are {', '.join(SITES)}")
    return LocalSite(namespaces=name == LOCAL)


def modules_of(name: str) -> tuple[str, ...]:
    """What a run there imports only when it comes to it: whoever forks many imports it before.

    Not what the sites of containers need: testcontainers draws the name of its session when it is
    imported, and each run has a reaper of its own by that name.
    """
    if name in IN_CONTAINERS:
        return ()
    return ("stallproof.sites.gateway", "stallproof.sites.proxyserver")


def bury(name: str, run_dir: str) -> None:
    """Do what is left to do for a run whose runner did not end by itself.

    Raises:
        SiteError: it cannot be done.
    """
    if name in IN_CONTAINERS:
        from stallproof.sites.docker.reach import leave  # noqa: PLC0415 (half a second)

        leave(run_dir)
