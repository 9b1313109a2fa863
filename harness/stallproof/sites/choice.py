"""The sites by name, as `--site` takes them."""

from __future__ import annotations

from stallproof.sites.base import Site, SiteError
from stallproof.sites.local import LocalSite

LOCAL = "local"
LOOPBACK = "local-loopback"
DOCKER = "docker"
SITES = (LOCAL, LOOPBACK, DOCKER)


def site_of(name: str) -> Site:
    """The site of that name.

    Raises:
        SiteError: there is none, or its library does not load.
    """
    if name == DOCKER:
        from stallproof.sites.docker.site import DockerSite  # noqa: PLC0415 (half a second)

        return DockerSite()
    if name not in SITES:
        raise SiteError(f"site {name}: there are {', '.join(SITES)}")
    return LocalSite(namespaces=name == LOCAL)


def bury(name: str, run_dir: str) -> None:
    """Do what is left to do for a run whose runner did not end by itself.

    Raises:
        SiteError: it cannot be done.
    """
    if name == DOCKER:
        from stallproof.sites.docker.reach import leave  # noqa: PLC0415 (half a second)

        leave(run_dir)
