"""Which line of which library a thread waits in, on which connection, in what TCP state.

Values in, values out. What is said is what was seen: a thread's connection is the one whose
descriptor its system call names, never one that looks likely.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise

from stallproof.checkers.wording import count
from stallproof.clientlist import clients_in
from stallproof.forensics.findings import Connection, Wait
from stallproof.sites.pystacks import Frame
from stallproof.sites.seen import ProcessSeen, ThreadSeen
from stallproof.sites.tcpsockets import TcpSocket

LIBRARIES = ("redis", "kombu", "celery")
MOST_CONNECTIONS = 12
"""Kept of those that one thread waits for."""


def waits(
    service: str,
    processes: Sequence[ProcessSeen],
    connections: Mapping[int, Connection],
) -> tuple[Wait, ...]:
    """The threads that have to do with the broker, and a worker's consumer in any case.

    `connections` by inode. The consumer is the main thread of the worker's own process; a pool
    process without work waits for its parent and is left out.
    """
    return tuple(
        _wait(service, process, thread, on)
        for process in processes
        for thread in process.threads
        if thread.frames
        for on in (_connections(process, thread, connections),)
        if on or _in_library(thread) or (service == "worker" and _is_consumer(process, thread))
    )


def connections_of(
    sockets: Iterable[TcpSocket],
    *,
    links: Mapping[str, str],
    clients: Mapping[str, str] | None,
) -> dict[int, Connection]:
    """Those of the sockets that lead to the broker, by inode.

    `links`: the link by the address that it leads to. `clients`: what the broker says of each of
    its clients, by their address; None: it was not asked, or a proxy stands between.
    """
    return {
        socket.inode: Connection(
            local=socket.local,
            remote=socket.remote,
            link=links[socket.remote],
            state=socket.state,
            unacked=socket.unacked,
            send_q_b=socket.send_q_b,
            recv_q_b=socket.recv_q_b,
            timer=socket.timer,
            timer_s=socket.timer_s,
            retransmits=socket.retransmits,
            probes=socket.probes,
            rto_s=socket.rto_s,
            sent_s=socket.sent_s,
            received_s=socket.received_s,
            at_broker=None
            if clients is None
            else clients.get(socket.local, "the broker has no such client"),
        )
        for socket in sockets
        if socket.inode and socket.remote in links
    }


def clients_of(client_list: str) -> dict[str, str]:
    """What CLIENT LIST says of each client, by its address."""
    found = {}
    for fields in clients_in(client_list):
        if "addr" in fields:
            last = f"last command {fields.get('cmd', 'unknown')}, {fields.get('idle', '?')} s ago"
            subscribed = sum(int(fields.get(kind, 0)) for kind in ("sub", "psub", "ssub"))
            found[fields["addr"]] = f"{last}, {count(subscribed, 'subscription')}"
    return found


def path_of(frames: Sequence[Frame]) -> tuple[str, ...]:
    """From where it waits outwards: of each library the innermost frame and the outermost.

    The outermost is what the next library called: `PubSubCommands.publish` of redis-py's. As far
    as the first frames of Celery. Python's own are left out, but for the one that it waits in.
    """
    told = [str(frames[0])]
    outside = (frame for frame in frames if not frame.stdlib)
    blocks = [(name, list(block)) for name, block in groupby(outside, lambda f: f.package)]
    for (package, block), (caller, _) in pairwise([*blocks, ("", [])]):
        told.append(str(block[0]))
        if caller in LIBRARIES:
            told.append(str(block[-1]))
        if package == "celery" or caller not in LIBRARIES:
            break
    return tuple(dict.fromkeys(told))


def _wait(
    service: str,
    process: ProcessSeen,
    thread: ThreadSeen,
    on: tuple[Connection, ...],
) -> Wait:
    at, *under = path_of(thread.frames)
    return Wait(
        service=service,
        process=process.role,
        pid=process.pid,
        thread=thread.name,
        at=at,
        under=tuple(under),
        call=thread.blocked.call if thread.blocked else None,
        descriptors=len(thread.blocked.fds) if thread.blocked else 0,
        on=on,
    )


def _connections(
    process: ProcessSeen, thread: ThreadSeen, connections: Mapping[int, Connection]
) -> tuple[Connection, ...]:
    """Those that the thread waits for, the dead ones first."""
    if thread.blocked is None:
        return ()
    inodes = [_inode(process.fds.get(fd, "")) for fd in thread.blocked.fds]
    found = [connections[inode] for inode in inodes if inode in connections]
    return tuple(sorted(found, key=lambda one: not one.dead)[:MOST_CONNECTIONS])


def _inode(target: str) -> int:
    socket = re.fullmatch(r"socket:\[(\d+)\]", target)
    return int(socket[1]) if socket else 0


def _in_library(thread: ThreadSeen) -> bool:
    """It waits within redis-py or kombu; every thread of a worker has frames of Celery's."""
    inner = next((frame for frame in thread.frames if not frame.stdlib), None)
    return inner is not None and inner.package in ("redis", "kombu")


def _is_consumer(process: ProcessSeen, thread: ThreadSeen) -> bool:
    return process.first and thread.name == "MainThread"
