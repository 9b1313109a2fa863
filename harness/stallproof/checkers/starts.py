"""Task starts, each with the moment at which the worker had its message.

A prefork worker pops more messages than it runs. What it had in hand when its connection to the
broker died it starts all the same: such a start says that the pool works, and nothing of the
connection.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from stallproof.events import MessagePhase, Task


@dataclass(frozen=True)
class Start:
    """A worker began work on a story."""

    t: float
    story_id: str
    received_t: float | None
    """When the worker popped the message that it comes from; None: the ledger does not say."""

    def was_in_hand(self, t: float) -> bool:
        """It began after `t`, from a message that the worker had by then."""
        return self.t > t and self.received_t is not None and self.received_t <= t


def read_starts(tasks: Iterable[Task], messages: Iterable[MessagePhase]) -> list[Start]:
    """The starts among `tasks`; both in order of time. O(n log n)."""
    received: dict[str, list[float]] = defaultdict(list)
    for message in messages:
        if message.phase == "received":
            received[message.task_id].append(message.t)
    starts = []
    for task in tasks:
        if task.event == "start":
            ts = received.get(task.task_id or "", [])
            before = bisect_right(ts, task.t)
            starts.append(Start(task.t, task.story_id, ts[before - 1] if before else None))
    return starts
