"""The broker plane: a replica takes the broker's place, with or without its last writes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import msgspec

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.broker import gone
from stallproof.faults.clients import by_link, clients_of
from stallproof.faults.validate import check_between
from stallproof.sites.base import EVERY, Persistence, System
from stallproof.sites.brokers import NOBODY
from stallproof.sites.capabilities import BrokerCommands, BrokerProcess, Lag, Replica

SYNC_S = 1.0
"""What a replica gets to start and to take over the broker's data; a tenth of it is usual."""


class Failover(Fault, frozen=True, kw_only=True, tag="failover"):
    """The primary goes, its addresses refuse for a while, then its replica answers on them.

    Open connections get EOF, new ones ECONNREFUSED until the end. The replica follows by real
    replication, which is asynchronous: what the primary acknowledged and the replica had not yet
    got is lost. With `lag_s` replication stops that long before, so that it loses what was
    written in that time: messages, acknowledgements, and what was taken back from a queue is in
    it again.

    It stands for a failover of Memorystore Standard: 15 s away in maintenance, 30 s in a repair.
    """

    plane: ClassVar[Plane] = "broker"
    needs = (Replica, BrokerProcess, BrokerCommands)
    apart_from: ClassVar[Mapping[str, str]] = {
        "auth-rotated": "a replica logs in with the services' password, and takes no other over"
    }

    lag_s: float = 0.0
    """In system time, before its moment."""
    how: Literal["killed", "demoted"] = "killed"
    """`killed`: SIGKILL. `demoted`: it turns replica before (-UNBLOCKED), as in a planned one."""

    def __post_init__(self) -> None:
        check_between("lag_s", self.lag_s, 0.0, 60.0)

    def describe(self) -> str:
        return f"failover, primary {self.how}, replica {self.lag_s:g} s behind"

    def forgets(self, persistence: Persistence) -> bool:  # noqa: ARG002 (the replica's data counts)
        return self.lag_s > 0

    @property
    def lead_s(self) -> float:
        return SYNC_S + self.lag_s

    async def prepare(self, system: System) -> None:
        """A replica follows; with `lag_s` it stops to, when the moment is that far away.

        Raises:
            ConnectionError: the broker is down.
        """
        replica, began = system.use(Replica), system.clock.now()
        await replica.follow()
        if self.lag_s:
            await system.clock.sleep(began + SYNC_S - system.clock.now())
            await replica.fall_behind()

    async def begin(self, system: System) -> dict[str, Any]:
        """`clients`: how many each link had just before; `behind`: what is lost (`Lag`), None if
        the broker was down already.
        """
        commands, replica = system.use(BrokerCommands), system.use(Replica)
        began = time.monotonic()
        try:
            await replica.follow()
            clients = await clients_of(commands, EVERY)
            if self.how == "demoted":
                await commands.execute("REPLICAOF", *NOBODY)
            behind = await replica.behind()
        except ConnectionError:
            return {"clients": by_link([]), "behind": None, "took_s": 0.0}
        await system.use(BrokerProcess).kill()
        took_s = round(time.monotonic() - began, 4)
        lag = msgspec.to_builtins(behind)
        return {"clients": by_link(clients), "behind": lag, "took_s": took_s}

    async def end(self, system: System) -> dict[str, Any]:
        """`promoted` False: there was no replica, or a broker runs already."""
        began = time.monotonic()
        promoted = await system.use(Replica).promote()
        return {"promoted": promoted, "took_s": round(time.monotonic() - began, 4)}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """The primary is gone from its addresses; with `lag_s` writes are lost with it."""
        seen = await gone(system, clients=sum(begun["clients"].values()))
        if begun["behind"] is None:
            return Observation(bit=False, seen=f"there was no primary to fail over; {seen.seen}")
        lag = msgspec.convert(begun["behind"], Lag)
        return Observation(
            bit=seen.bit and (lag.writes > 0 or not self.lag_s),
            seen=f"{seen.seen}; its replica is {lag.bytes} B and {lag.writes} writes behind",
            numbers=seen.numbers | {"behind_b": lag.bytes, "behind_writes": lag.writes},
        )
