"""A seizure in sentences: which line of which library waits, on which connection, in what state."""

from __future__ import annotations

from collections.abc import Iterable

from stallproof.checkers.wording import count, seconds
from stallproof.events import Seizure
from stallproof.forensics.findings import Connection, Wait, Why

ABOUT: dict[Why, tuple[str, ...]] = {
    "stalled": ("worker",),
    "post-hangs": ("api",),
    "unfinished": ("worker", "api"),
}
"""Whose waiting a seizure of that kind is about; what else was taken is in its files."""
HEAD: dict[Why, str] = {
    "stalled": "while work waited",
    "post-hangs": "while a POST hung",
    "unfinished": "when the watch ended",
}


def evidence(seizures: Iterable[Seizure], *, load_t: float) -> tuple[str, ...]:
    """One sentence a thread, stalls first; the end of the watch says only what is new."""
    told: dict[str, str] = {}
    for seizure in sorted(seizures, key=lambda one: list(ABOUT).index(one.why)):
        when = f"{seconds(seizure.t - load_t)} into the load, {HEAD[seizure.why]}"
        for wait in seizure.waits:
            if wait.service in ABOUT[seizure.why]:
                told.setdefault(_same(wait), f"{when}, {sentence(wait)}")
        if seizure.why == "stalled":
            told[seizure.why] = surroundings(seizure)
    return tuple(filter(None, told.values()))


def surroundings(seizure: Seizure) -> str:
    """What the broker held and how long the worker had said nothing; empty if neither is known."""
    parts = []
    if seizure.queued is not None and seizure.unacked is not None:
        parts.append(
            f"the broker held {count(seizure.queued, 'message')} in its queues and "
            f"{seizure.unacked} unacknowledged"
        )
    if "worker" in seizure.silent_s:
        parts.append(f"the worker had logged nothing for {seconds(seizure.silent_s['worker'])}")
    return f"at that moment {', and '.join(parts)}." if parts else ""


def sentence(wait: Wait) -> str:
    """`the worker (main process, MainThread) waited in redis/...py:64 ..., called by ...`."""
    who = f"the {wait.service} ({wait.process}, {wait.thread})"
    text = f"{who} waited in {wait.at}"
    if wait.under:
        text += f", called by {', by '.join(wait.under)}"
    if wait.call is None:
        return f"{text}; it ran, or moved on while it was looked at."
    if wait.descriptors == 1 and wait.on:
        return f"{text}: {wait.call} on {connection(wait.on[0])}."
    if wait.on:
        each = "; ".join(connection(one) for one in wait.on)
        return (
            f"{text}: {wait.call} for any of {count(wait.descriptors, 'descriptor')}, of them "
            f"{count(len(wait.on), 'connection')} to the broker: {each}."
        )
    if wait.descriptors:
        return f"{text}: {wait.call} for what is no connection to the broker."
    return f"{text}: {wait.call}."


def connection(one: Connection) -> str:
    """Its two ends, its link, its state, and what its kernel was about to do."""
    parts = [f"{one.local} to {one.remote} ({one.link})", one.state]
    if one.unacked:
        parts.append(f"{count(one.unacked, 'segment')} unacknowledged")
    if one.recv_q_b:
        parts.append(f"{one.recv_q_b} bytes unread")
    if one.timer is not None:
        parts.append(_timer(one))
    if one.at_broker is not None:
        parts.append(f"at the broker: {one.at_broker}")
    return ", ".join(parts)


def _timer(one: Connection) -> str:
    if one.timer == "retransmission" and one.retransmits:
        again = count(one.retransmits, "retransmission")
        return f"{again} without an answer, the next in {seconds(one.timer_s)}"
    if one.probes:
        return (
            f"{count(one.probes, f'{one.timer} probe')} without an answer, the next in "
            f"{seconds(one.timer_s)}"
        )
    return f"{one.timer} timer in {seconds(one.timer_s)}"


def _same(wait: Wait) -> str:
    """What makes two waits one and the same: who, where, and on which connection."""
    ends = [f"{one.local} {one.remote}" for one in wait.on]
    return repr((wait.service, wait.pid, wait.thread, wait.at, wait.under, ends))
