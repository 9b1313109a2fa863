"""The text of the files that a seizure leaves in the run's folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from stallproof.sites.seen import ProcessSeen, ThreadSeen
from stallproof.sites.tcpsockets import TcpSocket

_COLUMNS = (
    "state",
    "recv-q",
    "send-q",
    "local",
    "remote",
    "unacked",
    "timer",
    "rto",
    "sent",
    "received",
    "acked",
    "owner",
)


def stacks_text(processes: Sequence[ProcessSeen]) -> str:
    """Each thread: its name, the system call it waits in, its frames, the innermost first."""
    parts = []
    for process in processes:
        lines = [f"process {process.pid}, {process.role}"]
        if process.problem is not None:
            lines.append(f"  no stacks: {process.problem}")
        for thread in process.threads:
            lines.append(f"  thread {thread.name}{_call(process, thread)}")
            lines += [f"    {frame}" for frame in thread.frames]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def sockets_text(sockets: Iterable[TcpSocket], processes: Iterable[ProcessSeen]) -> str:
    """What `ss -tnoi` shows: a line a socket, times in seconds."""
    owners: dict[str, str] = {}
    for process in processes:
        for fd, target in process.fds.items():
            owners.setdefault(target, f"process {process.pid} fd {fd}")
    rows = [_COLUMNS, *(_row(socket, owners) for socket in sockets)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        + "\n"
        for row in rows
    )


def _call(process: ProcessSeen, thread: ThreadSeen) -> str:
    if thread.blocked is None:
        return ""
    fds = ", ".join(f"{fd} {process.fds.get(fd, 'closed')}" for fd in thread.blocked.fds)
    return f": waits in {thread.blocked.call}({fds})"


def _row(socket: TcpSocket, owners: Mapping[str, str]) -> tuple[str, ...]:
    timer = "-"
    if socket.timer is not None:
        tries = socket.retransmits or socket.probes
        timer = f"{socket.timer} in {socket.timer_s:.1f}, {tries} so far"
    return (
        socket.state,
        str(socket.recv_q_b),
        str(socket.send_q_b),
        socket.local,
        socket.remote,
        str(socket.unacked),
        timer,
        f"{socket.rto_s:.1f}",
        f"{socket.sent_s:.1f}",
        f"{socket.received_s:.1f}",
        f"{socket.acked_s:.1f}",
        owners.get(f"socket:[{socket.inode}]", "-"),
    )
