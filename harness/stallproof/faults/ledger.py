"""Who is at work, as the system's ledger has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec


def tasks_in_hand(ledger: bytes) -> Counter[str]:
    """How many tasks each instance has begun and not ended, as the ledger has it."""
    begun: dict[tuple[str, int], str] = {}
    for entry in _entries(ledger):
        if entry["event"] not in ("start", "end"):
            continue
        task = (entry["story_id"], entry["attempt"])
        if entry["event"] == "start":
            begun[task] = entry["instance"]
        else:
            begun.pop(task, None)
    return Counter(begun.values())


def publishers(ledger: bytes) -> set[str]:
    """The instances that have published a story's message, as the ledger has it."""
    return {entry["instance"] for entry in _entries(ledger) if entry["event"] == "published"}


def at_work(ledger: bytes) -> list[int]:
    """The processes that a ledger has at work, by their pid, the longest at it first."""
    since: dict[int, None] = {}
    for entry in _entries(ledger):
        if entry["event"] == "start":
            since[entry["pid"]] = None
        elif entry["event"] == "end":
            since.pop(entry["pid"], None)
    return list(since)


def _entries(ledger: bytes) -> Iterator[dict[str, Any]]:
    """Its lines; one that is not whole yet is left out."""
    for line in ledger[: ledger.rfind(b"\n") + 1].splitlines():
        yield msgspec.json.decode(line)
