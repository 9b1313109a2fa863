"""The kernel's TCP sockets on the broker's host, as a capability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from anyio import to_thread

from stallproof.sites import sockdiag
from stallproof.sites.base import Address, Link
from stallproof.sites.hosts import Host

_CAP_NET_ADMIN = 12
"""<linux/capability.h>"""


class BrokerSockets:
    """`Sockets`: asks the kernel of the broker's host."""

    def __init__(self, host: Host, links: Mapping[Link, Address]) -> None:
        self._host = host
        self._links = links

    async def idle_for_s(self, link: Link) -> Sequence[float]:
        at = self._links[link]
        return await to_thread.run_sync(self._host.run, sockdiag.idle_for_s, at.host, at.port)

    async def destroy(self, link: Link, *, min_idle_s: float = 0.0) -> int:
        at = self._links[link]

        def destroy() -> int:
            return self._host.run(sockdiag.destroy, at.host, at.port, min_idle_s=min_idle_s)

        return await to_thread.run_sync(destroy)


def may_administer_network() -> bool:
    """CAP_NET_ADMIN is among this process's effective capabilities."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_NET_ADMIN & 1)
    return False
