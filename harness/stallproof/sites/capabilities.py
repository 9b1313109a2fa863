"""The small capabilities that faults act through. A site offers those that it has.

System.use(BrokerProcess).kill()

Those that act between the services and the broker are in `between.py`.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec

from stallproof.clock import ArmedTimer
from stallproof.sites.base import Address, Link
from stallproof.sites.seen import ProcessSeen
from stallproof.sites.tcpsockets import TcpSocket
from stallproof.sites.wiretap import Tap

GRACE_S = 10.0
"""Between SIGTERM and SIGKILL. Source: https://cloud.google.com/run/docs/container-contract"""


@runtime_checkable
class BrokerProcess(Protocol):
    """The broker's own process."""

    async def kill(self) -> None:
        """SIGKILL and wait until it is gone."""

    async def stop(self) -> None:
        """SIGTERM (the broker saves what its persistence says) and wait until it is gone."""

    async def start(self, *, empty: bool = False) -> None:
        """Start it again on the same addresses and wait for PONG; `empty` drops its data first."""


@runtime_checkable
class BrokerCommands(Protocol):
    """Redis commands over a way that no fault touches (a Unix socket on the local site)."""

    async def execute(self, *command: str | int) -> object:
        """The decoded reply.

        Raises:
            ConnectionError: the broker is down.
            redis.ResponseError: the broker refused the command.
        """

    def address_of(self, link: Link) -> Address:
        """The broker's own address on that link: the `laddr` of its clients."""


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """How far a replica is behind its primary."""

    bytes: int
    """Of the stream of commands."""
    writes: int
    """Changes that the primary made since the replica fell behind; 0 as long as it follows."""


@runtime_checkable
class Replica(Protocol):
    """A second server that follows the broker, and takes its place."""

    async def follow(self) -> None:
        """Start one, and wait until it has all that the broker has; nothing if there is one.

        Raises:
            ConnectionError: the broker is down.
        """

    async def fall_behind(self) -> None:
        """From now on it takes in nothing of what the broker does."""

    async def behind(self) -> Lag:
        """How far it is behind now.

        Raises:
            ConnectionError: the broker is down.
        """

    async def promote(self) -> bool:
        """Make it the broker, on the broker's addresses. False: there is none, or a broker runs."""


@runtime_checkable
class SlowLoading(Protocol):
    """The broker's data, which it can be made to load slowly."""

    async def restart(self, *, key_s: float) -> None:
        """Kill it and start it again, each key taking that long; return while it loads."""


@runtime_checkable
class BrokerSettings(Protocol):
    """The broker's running configuration (CONFIG SET), with a way back."""

    async def change(self, name: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Set all of it under a name of its own; again under the same name: nothing.

        Answers what was set before.

        Raises:
            ConnectionError: the broker is down.
            redis.ResponseError: it knows no such setting.
        """

    async def restore(self, name: str) -> bool:
        """Set what was set before; False: nothing was changed under that name."""


@runtime_checkable
class BrokerLogin(Protocol):
    """What the broker says to a new client of the services' own kind (for wire probes)."""

    async def ask(self, link: Link, *command: str) -> str:
        """Connect to the broker's address on the link, log in as the services do, say one thing.

        Answers the first line that comes back (`+PONG`, `-READONLY ...`), that of the refusal
        where it is not let in, `EOF`, or the name of the OSError. In a few seconds at most.
        """


@runtime_checkable
class Instances(Protocol):
    """The services' instances, to be ended as Cloud Run ends them."""

    async def kill(self, service: str) -> bool:
        """SIGKILL every process of the instance and wait until it has exited. False: none ran.

        The site starts the instance again, like after any exit.
        """

    async def terminate(self, service: str) -> bool:
        """SIGTERM to its first process, without waiting for what comes of it. False: none ran.

        If it still runs after `GRACE_S` of system time, all of it is killed. The site starts it
        again, like after any exit.
        """


@runtime_checkable
class Processes(Protocol):
    """The processes of a service's instances, as the kernel sees them."""

    async def members(self, service: str) -> Sequence[int]:
        """Their pids, as the ledger gives them too; first processes first. Empty: none runs."""

    async def kill(self, service: str, pid: int) -> bool:
        """SIGKILL one of them. False: it is none of them."""

    async def signal(self, service: str, number: int) -> int:
        """Send a signal to all of them. Answers how many there were."""

    async def freeze(self, service: str) -> int:
        """Stop them all; no liveness probe comes meanwhile. Answers how many there are, once none
        of them runs.

        Raises:
            SiteError: one ran on.
        """

    async def thaw(self, service: str) -> int:
        """Continue them all. Answers how many there were; thawed already: nothing."""

    async def running(self, service: str) -> int:
        """How many of them are not stopped."""


@runtime_checkable
class FrontEnd(Protocol):
    """What stands before the API and sees every request of a client (`SystemSpec.front`)."""

    async def govern(
        self,
        *,
        when_idle: Callable[[], Awaitable[object]],
        when_busy: Callable[[], Awaitable[object]],
    ) -> None:
        """From now on do `when_busy` before the API gets a request while none was in flight, and
        `when_idle` when the last of them is answered; at once if none is.
        """

    async def release(self) -> None:
        """Govern no more; `when_busy` for a last time if no request is in flight."""


class Hands(NamedTuple):
    """What an instance has in hand of what clients ask."""

    requests: int
    last_s: float | None
    """Seconds since it last had one; None: it never did."""


@runtime_checkable
class Routing(Protocol):
    """To which instance of the API each request goes that passes the front end."""

    def withhold(self, instances: Sequence[str]) -> None:
        """From now on no new request goes to them; what they have in hand, they finish."""

    def hands(self, instance: str) -> Hands:
        """What that instance has in hand."""

    async def handed(self, instances: Sequence[str], *, within_s: float) -> None:
        """Wait until one of them has just been handed a request, for that long at most."""


@runtime_checkable
class Revisions(Protocol):
    """Instances of a service beside one another, started and ended as Cloud Run's control does."""

    async def kept(self, service: str) -> Sequence[str]:
        """The ids of those that are kept running, the oldest first."""

    async def start(self, service: str) -> str:
        """Start one more, at an address of its own where there is one; its id. Does not wait."""

    async def retire(self, service: str, instance: str) -> bool:
        """SIGTERM, and after `GRACE_S` SIGKILL, as `Instances.terminate`; it is not started again.

        Does not wait. False: it was not running just then.
        """

    async def left(self, service: str, instance: str) -> int | None:
        """The exit code of one that was retired; None: something of it still runs."""


@runtime_checkable
class KernelTimers(Protocol):
    """The timers of the kernel that the system armed. Offered where system time is faster."""

    def armed(self) -> Sequence[ArmedTimer]:
        """Those of all services so far."""


@runtime_checkable
class Insides(Protocol):
    """The services' processes and sockets, looked at from outside: for forensics."""

    async def processes(self, service: str) -> Sequence[ProcessSeen]:
        """Those of the service, its first one first; none while it is being started again."""

    async def sockets(self, service: str) -> Sequence[TcpSocket]:
        """The TCP sockets of the network that the service is in."""


@runtime_checkable
class Wiretap(Protocol):
    """The packets that come in at the broker's host in which a peer ends its connection. On the
    direct route: with whom the services talk.
    """

    def open(self) -> Tap:
        """Read them from now on; the caller's to close.

        Raises:
            OSError: the kernel refused.
        """


@runtime_checkable
class Vantage(Protocol):
    """A place where the services stand, for bare clients that show what the wire does."""

    def address_of(self, link: Link) -> Address:
        """Where the link's service reaches the broker: the broker itself, or its proxy."""

    def open_socket(self, link: Link) -> socket.socket:
        """An unconnected TCP socket in the network of the link's service; the caller's to close."""

    async def connect(self, link: Link) -> str:
        """Open a bare connection there that is kept until the system goes down; its `ip:port`.

        Raises:
            OSError: it does not connect, or gets no answer to its HELLO.
        """

    def kept(self, name: str) -> socket.socket | None:
        """The connection of that name; None: it is not one of these."""
