"""Takes the evidence while a run stands still: each piece by itself, each with a deadline.

    forensics = Forensics(system, recorder, scenario, folder)
    background.start_soon(forensics.watch)      # at the first stall, and the first POST that hangs
    ...
    await forensics.finish(all_done=False)      # at the end of the watch, if anything is unfinished

What is taken lies in `forensics/` of the run's folder; what is short of it goes to the history as a
`Seizure`. A piece that cannot be had is a line that says why. Where nothing hangs, nothing happens.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import anyio
import msgspec
from anyio import to_thread

from stallproof.events import Seizure
from stallproof.forensics.detect import Detector
from stallproof.forensics.findings import Connection, Wait, Why
from stallproof.forensics.listings import sockets_text, stacks_text
from stallproof.forensics.waits import clients_of, connections_of, waits
from stallproof.history import Recorder
from stallproof.holdings import holdings
from stallproof.model import Scenario
from stallproof.sites.base import CapabilityMissingError, Link, System
from stallproof.sites.between import Conntrack
from stallproof.sites.capabilities import BrokerCommands, Insides, Vantage
from stallproof.sites.seen import ProcessSeen
from stallproof.sites.tcpsockets import TcpSocket

ASK_S = 1.0
"""Real seconds between two looks; a look that takes long makes the next one wait longer."""
PIECE_S = 10.0
"""Real seconds that a piece may take. All go at once; a second is usual for all of them."""
LAST_LINES = 40
SERVICES = ("api", "worker")


class Forensics:
    """The seizures of one run: one of each kind at most."""

    def __init__(
        self, system: System, recorder: Recorder, scenario: Scenario, folder: Path
    ) -> None:
        self._system = system
        self._recorder = recorder
        self._folder = folder
        self._detector = Detector(recorder, folder / "history.jsonl", scenario)
        self._taken: set[Why] = set()
        self._one_at_a_time = anyio.Lock()

    async def watch(self) -> None:
        """Look until cancelled."""
        wait_s = ASK_S
        while True:
            await anyio.sleep(wait_s)
            wait_s = ASK_S
            if not self._detector.suspects():
                continue
            began = time.monotonic()
            found = await to_thread.run_sync(self._detector.judge)
            wait_s = max(ASK_S, 10 * (time.monotonic() - began))
            for why in sorted(found - self._taken):
                await self._seize(why)

    async def finish(self, *, all_done: bool) -> None:
        """The end of the watch: wait for what is being taken, and see what is unfinished.

        `all_done`: the clients know already that nothing is.
        """
        async with self._one_at_a_time:
            if all_done or not await to_thread.run_sync(self._detector.unfinished):
                return
        await self._seize("unfinished")

    async def _seize(self, why: Why) -> None:
        async with self._one_at_a_time:
            self._taken.add(why)
            t, began = self._recorder.now(), time.monotonic()
            taken = Taking(self._system, self._folder, Path("forensics") / why)
            await taken.everything(now_t=t)
            self._recorder.add(
                Seizure(
                    t=t,
                    why=why,
                    took_s=time.monotonic() - began,
                    files=tuple(sorted(taken.files)),
                    waits=taken.waits(),
                    queued=taken.queued,
                    unacked=taken.unacked,
                    silent_s=taken.silent_s,
                    missing=tuple(sorted(taken.missing)),
                )
            )


class Taking:
    """One seizure, while it is made."""

    def __init__(self, system: System, folder: Path, below: Path) -> None:
        self._system = system
        self._root = folder
        self._below = below
        self.files: list[str] = []
        self.missing: list[str] = []
        self.silent_s: dict[str, float] = {}
        self.queued: int | None = None
        self.unacked: int | None = None
        self._clients: str | None = None
        self._processes: dict[str, Sequence[ProcessSeen]] = {}
        self._sockets: dict[str, Sequence[TcpSocket]] = {}

    async def everything(self, *, now_t: float) -> None:
        (self._root / self._below).mkdir(parents=True, exist_ok=True)
        async with anyio.create_task_group() as pieces:
            for service in SERVICES:
                pieces.start_soon(self._piece, f"stacks of {service}", self._stacks, service)
                pieces.start_soon(self._piece, f"sockets of {service}", self._of_network, service)
            pieces.start_soon(self._piece, "CLIENT LIST", self._client_list)
            pieces.start_soon(self._piece, "contents of the broker", self._contents)
            pieces.start_soon(self._piece, "conntrack", self._tracked)
        for service, sockets in self._sockets.items():
            owners = self._processes.get(service, ())
            self._keep(f"{service}-sockets.txt", sockets_text(sockets, owners))
        self._last_lines(now_t)

    def waits(self) -> tuple[Wait, ...]:
        """Where the services' threads stood, of what could be had."""
        return tuple(
            wait
            for service, processes in self._processes.items()
            for wait in waits(service, processes, self._connections(service))
        )

    async def _piece(
        self, name: str, take: Callable[..., Awaitable[None]], *arguments: str
    ) -> None:
        try:
            with anyio.fail_after(PIECE_S):
                await take(*arguments)
        except CapabilityMissingError as lacking:
            self.missing.append(f"{name}: not to be had on this site and route (no {lacking})")
        except TimeoutError:
            self.missing.append(f"{name}: waited {PIECE_S:g} s for it, nothing came")
        except Exception as error:  # noqa: BLE001  # evidence must never end the run it is about
            self.missing.append(f"{name}: {type(error).__name__}: {error}")

    async def _stacks(self, service: str) -> None:
        processes = await self._system.use(Insides).processes(service)
        self._processes[service] = processes
        if not processes:
            self.missing.append(f"stacks of {service}: it was not running")
            return
        self._keep(f"{service}-stacks.txt", stacks_text(processes))
        self.missing += [
            f"stacks of {service}, process {process.pid}: {process.problem}"
            for process in processes
            if process.problem is not None
        ]

    async def _of_network(self, service: str) -> None:
        self._sockets[service] = await self._system.use(Insides).sockets(service)

    async def _client_list(self) -> None:
        self._clients = str(await self._system.use(BrokerCommands).execute("CLIENT", "LIST"))
        self._keep("broker-clients.txt", self._clients)

    async def _contents(self) -> None:
        held = await holdings(self._system.use(BrokerCommands))
        if held.unseen is not None:
            self.missing.append(f"contents of the broker: {held.unseen}")
            return
        self.queued, self.unacked = len(held.waiting), len(held.unacked)
        if held.not_read:
            self.missing.append(f"contents of the broker: {held.not_read} messages more, not read")
        text = msgspec.json.format(msgspec.json.encode(held), indent=2).decode()
        self._keep("broker-contents.json", f"{text}\n")

    async def _tracked(self) -> None:
        entries = await self._system.use(Conntrack).entries()
        self._keep("conntrack.txt", "".join(f"{line}\n" for line in entries))

    def _last_lines(self, now_t: float) -> None:
        """The end of each log, and how long ago its last line was written."""
        for log in sorted((self._root / "logs").glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
            if not lines:
                continue
            self._keep(log.name, "".join(f"{line}\n" for line in lines))
            self.silent_s[log.stem] = max(0.0, now_t - float(lines[-1].split()[0]))

    def _keep(self, name: str, text: str) -> None:
        path = self._below / name
        (self._root / path).write_text(text)
        self.files.append(str(path))

    def _connections(self, service: str) -> Mapping[int, Connection]:
        sockets = self._sockets.get(service, ())
        if not sockets:
            return {}
        broker, vantage = self._system.use(BrokerCommands), self._system.use(Vantage)
        at = {link: vantage.address_of(link) for link in Link}
        direct = all(broker.address_of(link) == address for link, address in at.items())
        seen = self._clients if direct else None  # else the broker's clients are the proxy's
        return connections_of(
            sockets,
            links={f"{address.host}:{address.port}": str(link) for link, address in at.items()},
            clients=None if seen is None else clients_of(seen),
        )
