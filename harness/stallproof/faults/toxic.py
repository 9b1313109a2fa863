"""What the faults of the toxiproxy plane have in common: toxics put on, and taken off again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

import anyio.to_thread
import msgspec

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.validate import check_links, check_several
from stallproof.sites.base import EVERY, Address, Link, Route, System
from stallproof.sites.between import Proxies
from stallproof.sites.proxies import ToxicSpec

if TYPE_CHECKING:
    from stallproof.sites.toxiproxy_client import ToxiproxyClient

Listens = Mapping[Link, Address]
Stream = Literal["upstream", "downstream"]
HOUR_MS = 3_600_000
"""The most that any of them takes."""
T = TypeVar("T")
R = TypeVar("R")


class Toxic(Fault, frozen=True, kw_only=True):
    """One toxic on the proxy of each link, for each stream: `downstream` is broker to client."""

    plane: ClassVar[Plane] = "toxiproxy"
    needs = (Proxies,)
    route = Route.PROXIED
    toxic: ClassVar[str]
    """Toxiproxy's name for it."""

    links: tuple[Link, ...] = EVERY
    streams: tuple[Stream, ...] = ("downstream",)

    def __post_init__(self) -> None:
        check_links(self.links)
        check_several("streams", self.streams, ("upstream", "downstream"))

    def attributes(self) -> dict[str, int]:
        """Toxiproxy's names for the settings."""
        raise NotImplementedError

    def setting(self) -> str:
        """The settings in a few words, for `describe`."""
        raise NotImplementedError

    def describe(self) -> str:
        return " ".join([self.name, self.setting(), " and ".join(self.streams)])

    def at_speed(self, speed: float) -> Self:
        """The toxic that does to a system `speed` times faster what this one does to it.

        Toxiproxy does not pass through libc and lives in real time.

        Raises:
            ValueError: what is left is less than can be proven on the wire.
        """
        if speed == 1:
            return self
        return msgspec.structs.replace(self, **self.faster(speed))

    def faster(self, speed: float) -> dict[str, int]:  # noqa: ARG002 (sizes have no time)
        """The settings that change with the speed: a time is divided, a rate multiplied."""
        return {}

    def specs(self) -> list[ToxicSpec]:
        """The toxics, named after the settings too: two faults of a kind may overlap."""
        attributes = self.attributes()
        values = "-".join(str(value) for value in attributes.values())
        return [
            ToxicSpec(
                name=f"{self.name}_{stream}_{values}",
                type=self.toxic,
                stream=stream,
                attributes=attributes,
            )
            for stream in self.streams
        ]

    async def begin(self, system: System) -> dict[str, Any]:
        """Add the toxics. Raises ToxiproxyError: it refused, or did not answer in time."""
        client, names = proxies_of(self.links, system)
        specs = self.at_speed(system.clock.speed).specs()

        def add(proxy: str) -> int:
            return sum(client.add_toxic(proxy, spec) for spec in specs)

        added = await anyio.to_thread.run_sync(on_each, names, add)
        return {"proxies": names, "toxics": [spec.name for spec in specs], "added": sum(added)}

    async def end(self, system: System) -> dict[str, Any]:
        """Remove exactly those; `recreated` names the proxies that had to be made anew for it,
        whose connections closed. Raises ToxiproxyError: not even that worked.
        """
        client, names = proxies_of(self.links, system)
        specs = self.at_speed(system.clock.speed).specs()

        def remove(proxy: str) -> list[str]:
            return [client.remove_toxic(proxy, spec.name) for spec in specs]

        how = await anyio.to_thread.run_sync(on_each, names, remove)
        return {
            "removed": sum(len(each) - each.count("absent") for each in how),
            "recreated": [
                name for name, each in zip(names, how, strict=True) if "recreated" in each
            ],
        }

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:  # noqa: ARG002 (what begin answered proves nothing here)
        """Probe the proxies of all links at once; it bit when every one of them shows it."""
        proxies = system.use(Proxies)
        real = self.at_speed(system.clock.speed)
        return await real.probe({link: proxies.listen_of(link) for link in self.links})

    async def probe(self, listens: Listens) -> Observation:
        """What the wire shows there, in under two seconds."""
        raise NotImplementedError


def proxies_of(links: tuple[Link, ...], system: System) -> tuple[ToxiproxyClient, list[str]]:
    """The client of the site's Toxiproxy, and the names of the links' proxies."""
    proxies = system.use(Proxies)
    # Whoever made the proxies has loaded it: no fault is late for this.
    from stallproof.sites.toxiproxy_client import ToxiproxyClient  # noqa: PLC0415 (0.1 s)

    return ToxiproxyClient(proxies.control), [proxies.name_of(link) for link in links]


def on_each(items: Iterable[T], act: Callable[[T], R]) -> list[R]:
    """`act` on all of them at once, so that a fault begins everywhere together and one hanging
    call does not keep the others waiting. The first error is raised after all have finished.
    """
    todo = list(items)
    with ThreadPoolExecutor(max_workers=len(todo)) as pool:
        # Not `map`: that cancels what has not started when an earlier one fails.
        futures = [pool.submit(act, item) for item in todo]
    return [future.result() for future in futures]
