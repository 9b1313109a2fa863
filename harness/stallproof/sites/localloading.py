"""A restart of the broker after which it loads its data slowly."""

from __future__ import annotations

from anyio import to_thread

from stallproof.sites.base import SiteError
from stallproof.sites.brokers import START_TIMEOUT_S, BrokerServer
from stallproof.sites.localreplica import LocalReplica
from stallproof.sites.localservers import Servers
from stallproof.sites.waiting import wait_until

LOOK_UP_B = 1024
"""It looks at its clients after so many bytes: the least that it takes."""


class LocalLoading:
    """`SlowLoading`: with settings that the server has for its own tests."""

    def __init__(self, servers: Servers, broker: BrokerServer, replica: LocalReplica) -> None:
        self._servers = servers
        self._broker = broker
        self._replica = replica

    async def restart(self, *, key_s: float) -> None:
        await self._broker.kill()
        await to_thread.run_sync(self._start, key_s)

    def _start(self, key_s: float) -> None:
        number = self._replica.serving
        slowly = (
            *("--key-load-delay", str(round(key_s * 1e6))),
            *("--loading-process-events-interval-bytes", str(LOOK_UP_B)),
        )
        try:
            life = self._servers.start(number, *slowly)(self._broker.exited)
        except OSError as error:
            raise SiteError(f"the broker does not start: {error}") from error
        self._broker.replace(
            life, start=self._servers.start(number), wipe=self._servers.wipe(number)
        )
        wait_until(self._problem, awaited="a broker that loads", timeout_s=START_TIMEOUT_S)

    def _problem(self) -> str | None:
        if not self._broker.running:
            raise SiteError("the broker exited while starting; logs/broker.log says why")
        try:
            self._broker.control.ask("PING")
        except ConnectionError as error:
            return None if "loading" in str(error) else str(error)
        return None  # it had next to nothing to load
