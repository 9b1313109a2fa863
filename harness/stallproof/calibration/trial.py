"""One trial: bare clients are opened, the fault begins on time, and each says what it saw.

Four clients a link. One waits (BLPOP) and is sent an answer after the begin; one was idle and
asks; one connects anew; one is redis-py with a pooled connection that was idle.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

import anyio
import msgspec
import redis
from anyio import to_thread
from redis.backoff import NoBackoff
from redis.retry import Retry

from stallproof.calibration.rows import LINKS, Row
from stallproof.faults.base import Observation
from stallproof.sites.base import Link, System
from stallproof.sites.capabilities import BrokerCommands, Vantage

USER = "calibrator"
PROBES = ("waits", "next", "new", "redis-py", "broker")
OPEN_DEADLINE_S = 3.0
AHEAD_S = 0.05
"""The fault is due this long after everything is ready."""
BROKER_S = 0.3
"""What a proxy closes on one side it closes on the other within this, also on a busy machine."""
PAUSE_S = 0.05
"""A connection is quiet for this long before it asks."""

_serial = itertools.count()


class Seen(msgspec.Struct, frozen=True):
    """What one client saw, and how long after the fault's begin or its own next call."""

    outcome: str
    """`answer`, `EOF`, the errno's name, `no connect`, `silence`; the code of the broker's refusal
    (`READONLY`); redis-py's exception; what the broker makes of the waiting connection and of the
    idle one: `open`, `closed`, `gone`."""
    after_s: float


class Trial(msgspec.Struct, frozen=True):
    """What the clients of each link saw, by probe, and how late the fault was."""

    seen: dict[Link, dict[str, Seen]]
    late_s: float
    proof: Observation
    """What the fault's own `observe` says, which every run asks it."""


async def once(row: Row, system: System) -> Trial:
    """Do it once, and undo it."""
    commands = system.use(BrokerCommands)
    await _let_in(commands)
    life = await _life(commands)
    clients = {link: _Clients(link, system, row) for link in LINKS}
    seen: dict[Link, dict[str, Seen]] = {link: {} for link in LINKS}

    async def record(link: Link, probe: str, act: Callable[[], Seen]) -> None:
        seen[link][probe] = await to_thread.run_sync(act)

    try:
        await row.fault.prepare(system)
        for each in clients.values():
            await to_thread.run_sync(each.open)
        async with anyio.create_task_group() as waiting:
            for link, each in clients.items():
                waiting.start_soon(record, link, "waits", each.wait)
            due = anyio.current_time() + AHEAD_S
            await anyio.sleep_until(due)
            for each in clients.values():
                each.fault_at = time.monotonic()
            begun = await row.fault.begin(system)
            late_s = anyio.current_time() - due
            await _let_in(commands)  # one that has restarted knows us no more
            await anyio.sleep(row.wait_s)
            async with anyio.create_task_group() as asking:
                for link, each in clients.items():
                    # A broker that is down, or takes no pushes.
                    with contextlib.suppress(ConnectionError, redis.ResponseError):
                        await commands.execute("LPUSH", each.key, "answer")
                    each.give_up_at = time.monotonic() + row.deadline_s
                    asking.start_soon(record, link, "next", each.ask)
                    asking.start_soon(record, link, "new", each.connect)
                    asking.start_soon(record, link, "redis-py", each.ping)
        await anyio.sleep(BROKER_S)
        for link, seen_broker in (await _at_broker(commands, clients, life)).items():
            seen[link]["broker"] = seen_broker
        proof = await row.fault.observe(system, begun)
        if row.fault.lasting:
            await row.fault.end(system)
    finally:
        for each in clients.values():
            each.close()
    return Trial(seen=seen, late_s=late_s, proof=proof)


async def _let_in(commands: BrokerCommands) -> None:
    """Have a user of our own, if the broker is there.

    The site keeps the password to itself, and redis-py will not do without.
    """
    with contextlib.suppress(ConnectionError):
        if USER not in str(await commands.execute("ACL", "USERS")):
            await commands.execute("ACL", "SETUSER", USER, "on", f">{USER}", "~*", "&*", "+@all")


async def _life(commands: BrokerCommands) -> str | None:
    """Tells one life of the broker from the next; None: it is down."""
    try:
        answer = await commands.execute("INFO", "server")
    except ConnectionError:
        return None
    assert isinstance(answer, dict)
    return str(answer["run_id"])


async def _at_broker(
    commands: BrokerCommands, clients: Mapping[Link, _Clients], life: str | None
) -> dict[Link, Seen]:
    """Whether the broker still holds the waiting connection and the idle one."""
    if await _life(commands) != life:
        return dict.fromkeys(clients, Seen("gone", 0.0))
    text = str(await commands.execute("CLIENT", "LIST"))
    ids = {line.split(" ")[0].removeprefix("id=") for line in text.splitlines()}
    held = {link: [str(id_) in ids for id_ in each.ids] for link, each in clients.items()}
    return {
        link: Seen(" and ".join("open" if each else "closed" for each in both), 0.0)
        for link, both in held.items()
    }


class _Clients:
    """The four clients of one link."""

    def __init__(self, link: Link, system: System, row: Row) -> None:
        vantage = system.use(Vantage)
        self._address = vantage.address_of(link)
        self._open_socket = lambda: vantage.open_socket(link)
        self._row = row
        self._wires: list[socket.socket] = []
        self.key = f"calibration-{next(_serial)}"
        self.ids: list[int] = []
        self.fault_at = time.monotonic()
        self.give_up_at = inf

    def open(self) -> None:
        """Connect those that are open beforehand. Raises OSError: that does not even work."""
        self._waiting, self._idle = self._wire(), self._wire()
        self.ids = [_id_of(self._waiting), _id_of(self._idle)]
        self._waiting.sendall(f"BLPOP {self.key} 0\r\n".encode())
        self._redis = redis.Redis(
            connection_pool=redis.ConnectionPool(
                connection_class=_Placed,
                host=self._address.host,
                port=self._address.port,
                username=USER,
                password=USER,
                socket_timeout=self._row.deadline_s,
                socket_connect_timeout=self._row.deadline_s,
                retry=Retry(NoBackoff(), 0),
                open_socket=self._open_socket,
            )
        )
        self.ping()

    def wait(self) -> Seen:
        """What comes over the waiting connection, from the begin of the fault on."""
        self._waiting.settimeout(0.05)
        outcome = "silence"
        while outcome == "silence" and time.monotonic() < self.give_up_at:
            outcome = _outcome(lambda: _read(self._waiting, until=b"answer\r\n"))
        return Seen(outcome, max(0.0, time.monotonic() - self.fault_at))

    def ask(self) -> Seen:
        self._idle.settimeout(self._row.deadline_s)
        # What is closed at the begin is closed by now: data that crosses the close would make a
        # reset of it, or not, as it happens.
        select.select([self._idle], [], [], PAUSE_S)
        return _timed(lambda: _outcome(lambda: _exchange(self._idle, self._row.asks)))

    def connect(self) -> Seen:
        wire = self._open_socket()  # type: ignore[no-untyped-call]
        self._wires.append(wire)
        wire.settimeout(self._row.deadline_s)
        began = time.monotonic()
        try:
            wire.connect((self._address.host, self._address.port))
        except TimeoutError:
            return Seen("no connect", time.monotonic() - began)
        except OSError as error:
            return Seen(_named(error), time.monotonic() - began)
        # One that is closed as soon as it is open says so before anything is sent, as above.
        if select.select([wire], [], [], PAUSE_S)[0]:
            said = _outcome(lambda: _read(wire, until=b"\r\n"))
            return Seen(said, time.monotonic() - began)
        return _timed(lambda: _outcome(lambda: self._first_words(wire)))

    def _first_words(self, wire: socket.socket) -> bytes:
        if self._row.logs_in and (said := _exchange(wire, ("AUTH", USER, USER))) != b"+OK\r\n":
            return said
        return _exchange(wire, self._row.asks)

    def ping(self) -> Seen:
        def outcome() -> str:
            try:
                self._redis.execute_command(*self._row.asks)  # type: ignore[no-untyped-call]
            except redis.RedisError as error:
                return type(error).__name__
            return "answer"

        return _timed(outcome)

    def close(self) -> None:
        for wire in self._wires:
            wire.close()
        if hasattr(self, "_redis"):
            self._redis.close()

    def _wire(self) -> socket.socket:
        wire = self._open_socket()  # type: ignore[no-untyped-call]
        self._wires.append(wire)
        wire.settimeout(OPEN_DEADLINE_S)
        wire.connect((self._address.host, self._address.port))
        wire.sendall(f"AUTH {USER} {USER}\r\n".encode())
        if wire.recv(100) != b"+OK\r\n":
            raise ConnectionError("the broker does not let the calibration in")
        return wire


class _Placed(redis.Connection):
    """redis-py's own connection on a socket that is made elsewhere."""

    def __init__(self, *, open_socket: Callable[[], socket.socket], **options: Any) -> None:
        self._open_socket = open_socket
        super().__init__(**options)  # type: ignore[no-untyped-call]

    def _connect(self) -> socket.socket:
        wire = self._open_socket()
        try:
            wire.settimeout(self.socket_connect_timeout)
            wire.connect((self.host, self.port))
            wire.settimeout(self.socket_timeout)
        except BaseException:
            wire.close()
            raise
        return wire


def _exchange(wire: socket.socket, command: Sequence[str]) -> bytes:
    wire.sendall(" ".join(command).encode() + b"\r\n")
    return _read(wire, until=b"\r\n")


def _read(wire: socket.socket, *, until: bytes) -> bytes:
    """The whole answer, or a refusal; nothing if the other side closed before the end of either."""
    data = b""
    while not data.endswith(until) and not (data.startswith(b"-") and data.endswith(b"\r\n")):
        more = wire.recv(100)
        if not more:
            return b""
        data += more
    return data


def _id_of(wire: socket.socket) -> int:
    wire.sendall(b"CLIENT ID\r\n")
    return int(wire.recv(100).removeprefix(b":"))


def _timed(act: Callable[[], str]) -> Seen:
    began = time.monotonic()
    return Seen(act(), time.monotonic() - began)


def _outcome(receive: Callable[[], bytes]) -> str:
    try:
        data = receive()
    except TimeoutError:
        return "silence"
    except OSError as error:
        return _named(error)
    # One that has not logged in is told so: an answer like any other.
    if data.startswith(b"-") and not data.startswith(b"-NOAUTH"):
        return _code(data)
    return "answer" if data else "EOF"


def _code(refusal: bytes) -> str:
    """`READONLY`; the whole text where the broker has no code of its own for it."""
    text = refusal.decode().strip().removeprefix("-")
    code = text.partition(" ")[0]
    return text if code == "ERR" else code


def _named(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
