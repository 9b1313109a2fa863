"""The eyes of a run: ledger, health ports, queues and connections, sampled into the history."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import httpx2
import msgspec

from stallproof.clientlist import clients_in
from stallproof.events import Broker, Connections, Health, MessagePhase, Task
from stallproof.history import Recorder
from stallproof.sites.base import Address, HealthPort, Link, System
from stallproof.sites.capabilities import BrokerCommands
from stallproof.sites.liveness import ANSWER_REAL_S

SAMPLE_S = 0.5
SAMPLE_REAL_S = 0.25
"""No denser than this, however fast the system's time goes: looking costs processor time."""
HEALTH_DEADLINE_S = 0.9
"""A health port that answers later than this has not answered in its second."""
LEDGER_S = 0.05
INTRODUCING = ("hello", "NULL")
"""The last command of a connection that has not gone beyond its first: the faults' wire probes,
which never do, and for a moment any other."""
QUEUES_AT_MOST = 100
"""Lists looked at per sample: a broker under test holds a handful."""


async def watch(system: System, recorder: Recorder, http: httpx2.AsyncClient) -> None:
    """Sample everything until cancelled. Periods are system time, down to what is bearable."""
    clock = recorder.clock
    period_s = clock.real_s(SAMPLE_S, at_least_s=SAMPLE_REAL_S)
    ledger_s = clock.real_s(LEDGER_S, at_least_s=LEDGER_S)
    async with anyio.create_task_group() as group:
        group.start_soon(_every, ledger_s, LedgerTail(system.ledger, recorder).read)
        for service in system.instances:
            group.start_soon(_every, period_s, HealthProbe(service, system, recorder, http).sample)
        broker = BrokerSampler(system.use(BrokerCommands), recorder)
        group.start_soon(_every, period_s, broker.sample)


async def _every(period_s: float, act: Callable[[], Awaitable[None]]) -> None:
    """Act at a fixed real rate; an act that takes longer than a period delays the next, no more."""
    while True:
        start = anyio.current_time()
        await act()
        await anyio.sleep(max(0.0, start + period_s - anyio.current_time()))


class LedgerTail:
    """Follows the ledger that the worker appends to; a line not yet whole waits for its end."""

    class Line(msgspec.Struct):
        """A ledger line, as far as the history wants it."""

        event: str
        story_id: str
        pid: int
        instance: str
        monotonic_s: float
        attempt: int = 0
        outcome: str | None = None
        task_id: str | None = None
        service: str = ""
        redelivered: bool = False

    def __init__(self, path: Path, recorder: Recorder) -> None:
        self._path = path
        self._recorder = recorder
        self._offset = 0

    async def read(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as ledger:
            ledger.seek(self._offset)
            whole, newline, _ = ledger.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for raw in whole.splitlines():
            line = msgspec.json.decode(raw, type=self.Line)
            self._recorder.add(self._event(line))

    def _event(self, line: Line) -> Task | MessagePhase:
        t = line.monotonic_s - self._recorder.started_at
        fields = {"t": t, **msgspec.structs.asdict(line)}
        if line.event in ("published", "received"):
            return msgspec.convert({"phase": line.event, "kind": "message", **fields}, MessagePhase)
        return msgspec.convert({"kind": "task", **fields}, Task)


class HealthProbe:
    """Asks the health port of each instance of a service."""

    def __init__(
        self, service: str, system: System, recorder: Recorder, http: httpx2.AsyncClient
    ) -> None:
        self._service = service
        self._system = system
        self._recorder = recorder
        self._http = http

    async def sample(self) -> None:
        async with anyio.create_task_group() as group:
            for port in self._system.health_ports(self._service):
                group.start_soon(self._ask, port)

    async def _ask(self, port: HealthPort) -> None:
        start = self._recorder.now()
        deadline_s = self._recorder.clock.real_s(HEALTH_DEADLINE_S, at_least_s=ANSWER_REAL_S)
        status, error = None, None
        try:
            answer = await self._http.get(port.url, timeout=deadline_s)
            status = answer.status_code
        except httpx2.HTTPError as problem:
            error = type(problem).__name__
        self._recorder.add(
            Health(
                t=start,
                service=self._service,
                instance=port.instance,
                status=status,
                latency_s=self._recorder.now() - start,
                error=error,
            )
        )


class BrokerSampler:
    """Reads queue lengths, the unacked hash and the client list over the untouched way."""

    def __init__(self, broker: BrokerCommands, recorder: Recorder) -> None:
        self._broker = broker
        self._recorder = recorder
        self._links = {_text(broker.address_of(link)): link for link in Link}
        self._clients: dict[Link, set[str]] = {link: set() for link in Link}

    async def sample(self) -> None:
        t = self._recorder.now()
        try:
            queues = await self._queues()
            unacked = await self._broker.execute("HLEN", "unacked")
            clients = await self._broker.execute("CLIENT", "LIST")
            # A restarted broker counts its clients from 1 again: its run id tells them apart.
            info = await self._broker.execute("INFO", "server")
            assert isinstance(info, dict)
        except ConnectionError:
            self._recorder.add(Broker(t=t, up=False))
            self._note(t, "down", "")
            return
        self._recorder.add(Broker(t=t, up=True, queues=queues, unacked=int(str(unacked))))
        self._note(t, str(info["run_id"]), str(clients))

    async def _queues(self) -> dict[str, int]:
        """Every list in the database is a Celery queue: kombu keeps all else in other types."""
        found = await self._broker.execute("SCAN", 0, "COUNT", 1000, "TYPE", "list")
        assert isinstance(found, (list, tuple))
        names = [str(name) for name in found[1]][:QUEUES_AT_MOST]
        return {name: int(str(await self._broker.execute("LLEN", name))) for name in names}

    def _note(self, t: float, run_id: str, client_list: str) -> None:
        """Record what changed since the last look, per link."""
        now: dict[Link, set[str]] = {link: set() for link in Link}
        for fields in clients_in(client_list):
            link = self._links.get(fields.get("laddr", ""))
            if link is not None and fields.get("cmd") not in INTRODUCING:
                now[link].add(f"{run_id}/{fields['id']}")
        for link, ids in now.items():
            before = self._clients[link]
            if ids != before:
                self._recorder.add(
                    Connections(
                        t=t,
                        link=link.value,
                        open=len(ids),
                        opened=len(ids - before),
                        closed=len(before - ids),
                    )
                )
        self._clients = now


def _text(address: Address) -> str:
    return f"{address.host}:{address.port}"
