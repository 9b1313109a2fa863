"""What a history is made of: each event is one thing that was done or seen.

Times (`t`) are seconds of system time since the run's clock started, from CLOCK_MONOTONIC as the
system's processes see it (`stallproof.clock`). The first event says how much faster than real time
that is: `t / speed` are the real seconds.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from stallproof.forensics.findings import Wait, Why
from stallproof.messages import Holdings


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """One thing done or seen, `t` seconds into the run."""

    t: float


class ClockSet(Event, frozen=True, kw_only=True, omit_defaults=True, tag="clock"):
    """The head of the history: how fast the system's time goes, and when it was real time."""

    speed: float
    """Seconds of system time in a real one."""
    wall_s: float
    """The UNIX time at which this event stands, real and of the system."""


class KernelTimer(Event, frozen=True, kw_only=True, omit_defaults=True, tag="kernel-timer"):
    """A service armed a timer of the kernel, which goes by real time whatever the speed.

    Looked for only where system time is faster; `t` is when it was found.
    """

    service: str
    option: str
    """The socket option: `TCP_KEEPIDLE`."""
    value: int
    """As given to setsockopt: seconds; milliseconds for TCP_USER_TIMEOUT; a count or a switch."""


class Phase(Event, frozen=True, kw_only=True, omit_defaults=True, tag="phase"):
    """The run went on to its next phase."""

    name: Literal["boot", "warmup", "load", "settle", "end"]


class Starved(Event, frozen=True, kw_only=True, omit_defaults=True, tag="starved"):
    """The system did not come up; for so long of that every processor of the machine was taken."""

    for_s: float
    """Real seconds."""


class Op(Event, frozen=True, kw_only=True, omit_defaults=True, tag="op"):
    """An operation of a client, as Jepsen names them.

    `submit` is POST /stories/; `await` is watching GET /stories/{id} until the story is done.
    `ok`: it happened. `fail`: it surely did not. `info`: nobody knows (a timeout, say).
    """

    f: Literal["submit", "await"]
    type: Literal["invoke", "ok", "fail", "info"]
    story: int
    """The client's own number for the story, from 0; the warm-up's are negative."""
    story_id: str | None = None
    """The id the API gave it, once known."""
    latency_s: float | None = None
    """From invoke to this completion."""
    error: str | None = None
    status: str | None = None
    """Of an await that saw no end: what the API last said of the story."""
    late_s: float | None = None
    """Of an invoke by Locust: how long after its moment, which is `t`, it was sent."""


class NotSent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="not-sent"):
    """A story whose moment came when the load generator could send no more: it never was."""

    story: int


class Cpu(Event, frozen=True, kw_only=True, omit_defaults=True, tag="cpu"):
    """Processor time of the run's processes since the last sample, as a share of one core."""

    shares: dict[str, float]
    """By process: `api`, `worker`, `worker pool 1`, `broker`, `locust 1`, `harness`."""
    others: float = 0.0
    """Cores that everything else on this machine used."""


class Task(Event, frozen=True, kw_only=True, omit_defaults=True, tag="task"):
    """A line of the system's ledger: the worker began or ended work on a story.

    `skip` is a delivery that the worker refused because the story is done or in work elsewhere.
    """

    event: Literal["start", "end", "skip"]
    story_id: str
    attempt: int
    outcome: Literal["ok", "error"] | None = None
    pid: int = 0
    task_id: str | None = None
    """The message that it comes from: Celery's id of it."""
    instance: str = ""
    """Whose work it is: the id that the site gave the instance; empty: not known."""


class MessagePhase(Event, frozen=True, kw_only=True, omit_defaults=True, tag="message"):
    """A line of the system's ledger on a story's message.

    `published`: the broker has answered for it. `received`: a worker has popped it, and kombu has
    written it to `unacked`.
    """

    phase: Literal["published", "received"]
    story_id: str
    task_id: str
    """The same when it is delivered again; a story published again gets another."""
    service: str = ""
    """Whose line it is: `api`, or `worker`, which publishes what is due (the reconciler)."""
    instance: str = ""
    redelivered: bool = False
    """kombu had put it back into its queue."""


class FaultPhase(Event, frozen=True, kw_only=True, omit_defaults=True, tag="fault"):
    """A step of the schedule began or ended.

    `begin` and `end` stand at the moment the act was complete; `late_s` says how long after its
    scheduled time that was. An instantaneous fault (a reset, a kill) has no `end`.
    """

    phase: Literal["begin", "end"]
    step: int
    """Index into the schedule."""
    name: str
    plane: str
    late_s: float = 0.0
    detail: dict[str, Any] = {}


class Bite(Event, frozen=True, kw_only=True, omit_defaults=True, tag="bite"):
    """Proof, or its absence, that a fault did to the wire what it says."""

    step: int
    name: str
    bit: bool
    seen: str
    """In words, with the numbers: '6 sockets reset', 'PING took 0.51 s through the proxy'."""
    numbers: dict[str, float] = {}


class Health(Event, frozen=True, kw_only=True, omit_defaults=True, tag="health"):
    """An answer of a service's GET /health (status None: no answer, see error)."""

    service: str
    instance: str = ""
    status: int | None
    latency_s: float
    error: str | None = None


class Log(Event, frozen=True, kw_only=True, omit_defaults=True, tag="log"):
    """A line of a service's log that matters, secrets removed."""

    service: str
    instance: str = ""
    what: Literal["ready", "connected", "connection-lost", "error", "warning"]
    line: str


class Broker(Event, frozen=True, kw_only=True, omit_defaults=True, tag="broker"):
    """The broker as its control socket shows it. `up` False: it did not answer."""

    up: bool
    queues: dict[str, int] = {}
    """Length of each Celery queue list."""
    unacked: int = 0


class Held(Event, frozen=True, kw_only=True, omit_defaults=True, tag="held"):
    """The messages that the broker holds, by name, at the moment `t`.

    Before and after each step that acts on the broker, and twice at the end, a second apart: a
    message that is just being delivered stands nowhere for some milliseconds.
    """

    when: Literal["before-fault", "after-fault", "end"]
    step: int | None = None
    """Of the schedule; None at the end."""
    holdings: Holdings
    visibility_timeout_s: float
    """The worker's: so long after its delivery an unacknowledged message may come back."""


class Connections(Event, frozen=True, kw_only=True, omit_defaults=True, tag="connections"):
    """The set of a link's connections at the broker changed."""

    link: str
    open: int
    opened: int
    closed: int


class InstancePhase(Event, frozen=True, kw_only=True, omit_defaults=True, tag="instance"):
    """A service's process was started, got SIGTERM, was killed by the liveness probe, or exited.

    Each start has an id of its own (`worker-1`, `worker-2`), whether it comes after an exit or
    beside another: as on Cloud Run, where an instance that ended never comes back.
    """

    service: str
    instance: str = ""
    phase: Literal["start", "sigterm", "liveness-kill", "exit"]
    pid: int = 0
    code: int | None = None


class Seizure(Event, frozen=True, kw_only=True, omit_defaults=True, tag="seizure"):
    """The evidence of a stall was taken, while nothing had been undone: `stallproof.forensics`."""

    why: Why
    took_s: float
    """Real seconds."""
    files: tuple[str, ...] = ()
    """What lies in the run's folder, relative to it."""
    waits: tuple[Wait, ...] = ()
    """Where the services' threads stood."""
    queued: int | None = None
    """Messages that the broker held in its queues; None: it could not be read."""
    unacked: int | None = None
    """Those that were delivered and not acknowledged."""
    silent_s: dict[str, float] = {}
    """By log: how long before it had its last line been written."""
    missing: tuple[str, ...] = ()
    """What could not be had, and why, a line each."""


class Freezing(Event, frozen=True, kw_only=True, omit_defaults=True, tag="freezing"):
    """All processes of a service's instance were stopped, or continued."""

    service: str
    instance: str = ""
    phase: Literal["freeze", "thaw"]
    pid: int = 0
    """Of its first process."""


AnyEvent = (
    ClockSet
    | KernelTimer
    | Phase
    | Starved
    | Op
    | NotSent
    | Cpu
    | Task
    | MessagePhase
    | FaultPhase
    | Bite
    | Health
    | Log
    | Broker
    | Held
    | Connections
    | InstancePhase
    | Seizure
    | Freezing
)
