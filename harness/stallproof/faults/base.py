"""The protocol of a fault: what it does, its undo, and the proof that it bit.

A fault is a value: it prints as JSON, compares equal, replays. It acts on a system only
through the capabilities it names in `needs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import msgspec

from stallproof.sites.base import Persistence, Route, System

Plane = Literal["toxiproxy", "kernel", "broker", "lifecycle"]


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What a wire probe saw of a fault in force."""

    bit: bool
    seen: str
    """In words with the numbers: 'PING took 0.51 s through the proxy'."""
    numbers: dict[str, float] = {}


class Fault(msgspec.Struct, frozen=True, kw_only=True, tag_field="fault"):
    """One undoable thing done to the system.

    Subclasses set `tag`, `plane`, `needs` and, where it matters, `route`, validate their
    fields in `__post_init__` (ValueError: what, where, what would be right), and implement
    the methods (`follow` only where it takes more than one step). All are idempotent, and bounded
    in time.
    """

    plane: ClassVar[Plane]
    needs: ClassVar[tuple[type, ...]] = ()
    """Capabilities (protocols of `stallproof.sites`) without which it cannot act, however it is
    set."""
    route: ClassVar[Route | None] = None
    """The way to the broker on which this fault reaches the clients; None: either."""
    cuts: ClassVar[bool] = True
    """It ends connections, so that whoever holds one feels it; False: it slows or silences."""
    kernel_timers: ClassVar[bool] = False
    """A peer no longer answers, so that timers of the kernel which an option arms (keepalive,
    TCP_USER_TIMEOUT) may decide what comes of it. They go by real time: no higher speed then."""
    real_time: ClassVar[bool] = False
    """Timers that the kernel has by itself decide what comes of it (retransmission, the memory of
    a NAT): no higher speed, whatever the system arms."""
    lasting: ClassVar[bool] = True
    """False: done in an instant, with nothing to undo."""

    standing: ClassVar[bool] = False
    """A condition that a system is to live with: while it is in force nobody is excused."""

    apart_from: ClassVar[Mapping[str, str]] = {}
    """By name, faults that must not be in force between its preparation and its end, and why."""

    @property
    def needed(self) -> tuple[type, ...]:
        """`needs`, and what it takes besides as it is set."""
        return self.needs

    def forgets(self, persistence: Persistence) -> bool:  # noqa: ARG002 (most forget nothing)
        """Whether the broker comes back without something for which it had answered."""
        return False

    @property
    def lead_s(self) -> float:
        """How long before its moment `prepare` is called, in system time; 0: not at all."""
        return 0.0

    async def prepare(self, system: System) -> None:
        """Bring about what has to be there when it begins, or tell whom it will hit."""

    async def begin(self, system: System) -> dict[str, Any]:
        """Do it. Answers what was done, for the history (`{"sockets": 6}`)."""
        raise NotImplementedError

    async def follow(self, system: System, begun: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 (most do all at once)
        """What comes of it by itself, step by step, when the system is ready for each.

        `begun` is what `begin` answered; answers what is to be added to it.
        """
        return {}

    async def end(self, system: System) -> dict[str, Any]:  # noqa: ARG002 (the instant ones)
        """Undo it: afterwards new connections work as if it had never been."""
        return {}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """Prove on the wire that it is in force, right after `begin` and what followed.

        `begun` is what the two answered.
        """
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The field's name for it, as in the JSON (`latency`, `broker-kill`)."""
        tag = self.__struct_config__.tag
        assert isinstance(tag, str)
        return tag

    def describe(self) -> str:
        """One short line for people: the name and what was set."""
        settings = ", ".join(
            f"{field} {value}"
            for field, value in msgspec.to_builtins(self).items()
            if field not in ("fault", "links")
        )
        return f"{self.name} ({settings})" if settings else self.name
