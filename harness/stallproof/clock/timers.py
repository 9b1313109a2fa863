"""Timers of the kernel that the system armed: they stay in real time, whatever the speed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class ArmedTimer(NamedTuple):
    """A socket option that arms or sets a timer of the kernel."""

    service: str
    option: str
    """`TCP_KEEPIDLE`, as socket(7) and tcp(7) name it."""
    value: int
    """As given to setsockopt: seconds, for TCP_USER_TIMEOUT milliseconds; a count or a switch."""


def read_timers(folder: Path) -> list[ArmedTimer]:
    """What the processes told into their files, one file a service; each option once."""
    found: dict[ArmedTimer, None] = {}
    for file in sorted(folder.iterdir()):
        for line in file.read_text().splitlines():
            option, value = line.split()
            found[ArmedTimer(file.name, option, int(value))] = None
    return list(found)
