"""The kernel plane of a site: rules, cut flows and forgotten ones on the way to the broker.

A site gives it the host where packets pass (the gateway here, elsewhere the broker's own) and
the host whose sockets tell which connections there are. What acts is in `nft.py`,
`conntrack.py` and `sockdiag.py`, which know nothing of links.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Mapping, Sequence

from anyio import to_thread

from stallproof.sites import conntrack, nft, packet, sockdiag
from stallproof.sites.base import Address, Link, Way
from stallproof.sites.between import Impediment
from stallproof.sites.hosts import Here, Host

_TRACKING, _CUT, _FORGOTTEN = "tracking", "cut", "forgotten"


@functools.cache
def why_no_rules() -> str | None:
    """None if this network namespace takes all that is needed here; else why not, in one line.

    Found out by doing it: call it only where the namespace is the run's own.
    """
    try:
        probe(Here(), hooks=nft.GATEWAY)
    except OSError as error:
        return str(error)
    return None


def probe(passing: Host, *, hooks: Sequence[str]) -> None:
    """Do on that host what the kernel plane needs, and undo it.

    Raises:
        OSError: the kernel cannot do it, or not for us.
    """
    rule = [*packet.opening(), *packet.invalid(), *packet.by_chance(1), *packet.reset()]
    passing.run(nft.install, "probe", [rule], hooks=hooks)
    passing.run(nft.remove, "probe")
    passing.run(conntrack.remember_for, idle_s=conntrack.ESTABLISHED_S)


class BrokerFirewall:
    """`Firewall`, `Flows` and `Conntrack`."""

    def __init__(
        self,
        links: Mapping[Link, Address],
        *,
        passing: Host,
        sockets: Host,
        hooks: Sequence[str] = nft.GATEWAY,
    ) -> None:
        """Starts tracking connections, so build it before the first of them.

        Raises:
            OSError: the kernel cannot do it, or not for us.
        """
        self._links = links
        self._passing = passing
        self._sockets = sockets
        self._hooks = hooks
        self._imposed: set[str] = set()
        self._dead: set[str] = set()
        self._one_at_a_time = threading.Lock()
        self._install(_TRACKING, [packet.tracked()])

    # Firewall

    async def impose(self, name: str, impediment: Impediment) -> None:
        def impose() -> None:
            with self._one_at_a_time:
                if name in self._imposed:
                    return
                if impediment.unsent:
                    early = [self._rule(packet.to, ip, impediment) for ip in ips]
                    self._passing.run(nft.install, name, early, hooks=nft.ARRIVAL)
                self._install(name, [self._rule(*end, impediment) for end in ends])
                self._imposed.add(name)

        ips = self._ips(impediment.links)
        ends = [(match, ip) for ip in ips for match in _matches(impediment.way)]
        await to_thread.run_sync(impose)

    async def lift(self, name: str) -> bool:
        def lift() -> bool:
            with self._one_at_a_time:
                if name not in self._imposed:
                    return False
                self._imposed.remove(name)
                return self._passing.run(nft.remove, name)

        return await to_thread.run_sync(lift)

    async def hits(self, name: str) -> int:
        return await to_thread.run_sync(self._passing.run, nft.packets, name)

    # Flows

    async def cut(self, links: Sequence[Link], *, way: Way, reset: bool = False) -> Sequence[str]:
        def cut() -> Sequence[str]:
            flows = [
                (client, at)
                for at in self._at(links)
                for client in self._clients(at)
                if _named(client) not in self._dead
            ]
            rules = []
            for client, broker in flows:
                if way is not Way.TO_CLIENT:
                    rules.append([*packet.between(client, broker), *_stopped(reset=reset)])
                if way is not Way.TO_BROKER:
                    rules.append([*packet.between(broker, client), *_stopped(reset=reset)])
            with self._one_at_a_time:
                self._install(_CUT, rules)
            return self._bury(client for client, _ in flows)

        return await to_thread.run_sync(cut)

    # Conntrack

    async def forget_idle(self, links: Sequence[Link], *, idle_s: int, client_renews: bool) -> None:
        def forget_idle() -> None:
            self._turn_strangers_away(links, client_renews=client_renews)
            self._passing.run(conntrack.remember_for, idle_s=idle_s)
            self._passing.run(conntrack.expire, self._ips(links), in_s=idle_s)

        await to_thread.run_sync(forget_idle)

    async def remember(self, links: Sequence[Link]) -> None:
        def remember() -> None:
            # The rules stay: what is dead must not come back to life.
            kept_s = conntrack.ESTABLISHED_S
            self._passing.run(conntrack.remember_for, idle_s=kept_s)
            self._passing.run(conntrack.expire, self._ips(links), in_s=kept_s)

        await to_thread.run_sync(remember)

    async def flush(self, links: Sequence[Link]) -> Sequence[str]:
        def flush() -> Sequence[str]:
            self._turn_strangers_away(links, client_renews=False)
            return self._bury(self._passing.run(conntrack.forget, self._ips(links)))

        return await to_thread.run_sync(flush)

    async def entries(self) -> Sequence[str]:
        return await to_thread.run_sync(self._passing.run, conntrack.entries, self._ips(list(Link)))

    def _turn_strangers_away(self, links: Sequence[Link], *, client_renews: bool) -> None:
        """Drop what belongs to no connection that is remembered.

        The kernel is loose: it takes a packet from the middle for a connection's first one. A
        client renews by that, where it may.
        """
        rules = []
        for ip in self._ips(links):
            for match in (packet.to, packet.of):
                rules.append([*match(ip), *packet.invalid(), *_stopped()])
                if not client_renews:
                    rules.append([*match(ip), *packet.astray(), *_stopped()])
            if client_renews:
                rules.append([*packet.of(ip), *packet.from_the_opener(), *_stopped()])
        with self._one_at_a_time:
            self._install(_FORGOTTEN, rules)

    # Parts

    def _bury(self, clients: Iterable[tuple[str, int]]) -> Sequence[str]:
        """The names of those that were not dead before; from now on they are."""
        fresh = [name for name in map(_named, clients) if name not in self._dead]
        self._dead.update(fresh)
        return fresh

    def _install(self, table: str, rules: Sequence[nft.Rule]) -> None:
        self._passing.run(nft.install, table, rules, hooks=self._hooks)

    def _rule(self, match: packet.Match, ip: str, impediment: Impediment) -> nft.Rule:
        return [
            *match(ip),
            *(packet.opening() if impediment.only_new else []),
            *(packet.by_chance(impediment.percent) if impediment.percent < 100 else []),
            *_stopped(reset=impediment.refuses),
        ]

    def _clients(self, broker: tuple[str, int]) -> list[tuple[str, int]]:
        return self._sockets.run(sockdiag.peers_of, *broker)

    def _at(self, links: Sequence[Link]) -> list[tuple[str, int]]:
        return [(self._links[link].host, self._links[link].port) for link in links]

    def _ips(self, links: Sequence[Link]) -> list[str]:
        return [self._links[link].host for link in links]


def _named(client: tuple[str, int]) -> str:
    return f"{client[0]}:{client[1]}"


def _matches(way: Way) -> list[packet.Match]:
    if way is Way.BOTH:
        return [packet.to, packet.of]
    return [packet.to if way is Way.TO_BROKER else packet.of]


def _stopped(*, reset: bool = False) -> list[packet.Expression]:
    if reset:
        return [*packet.no_reset(), *packet.counted(), *packet.reset()]
    return [*packet.counted(), *packet.dropped()]
