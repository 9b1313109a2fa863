"""System time and real time, and the way from one to the other.

The system's processes live in system time (`shim.c`), and so does the history. The harness
itself lives in real time: what guards the machine (a process that must die, a binary that must
start) needs no translation. What it does to the system or asks of it at a moment of the
scenario goes through a `Clock`.
"""

from __future__ import annotations

import time

import anyio

VARIABLE = "STALLPROOF_CLOCK"
TIMERS_VARIABLE = "STALLPROOF_CLOCK_TIMERS"


class Clock:
    """System time of one run: `speed` seconds of it pass in a real one, from `base_ns` on."""

    def __init__(self, *, speed: float = 1.0, base_ns: int = 0) -> None:
        """With `speed` 1 system time is real time. `base_ns` is a reading of CLOCK_MONOTONIC.

        Raises:
            ValueError: `speed` is below 1.
        """
        if speed < 1:
            raise ValueError(f"speed is {speed:g}: it must be 1 or more")
        self.speed = speed
        self.base_ns = base_ns

    @classmethod
    def starting_now(cls, speed: float) -> Clock:
        """A clock that shows real time at this moment and runs ahead of it from here on."""
        return cls(speed=speed, base_ns=time.monotonic_ns())

    def now(self) -> float:
        """What CLOCK_MONOTONIC shows to the system's processes, in seconds."""
        return time.monotonic() + self._ahead_s()

    def wall_s(self) -> float:
        """What CLOCK_REALTIME shows to the system's processes: a UNIX time in seconds."""
        return time.time() + self._ahead_s()

    def _ahead_s(self) -> float:
        return (time.monotonic_ns() - self.base_ns) / 1e9 * (self.speed - 1)

    def real_s(self, system_s: float, *, at_least_s: float = 0.0) -> float:
        """How long a span of system time really takes.

        `at_least_s` (real) is for waits in which this machine has to work, which it does no
        faster: an answer that takes it 5 ms looks like 0.3 s at 60 times speed.
        """
        real_s = system_s / self.speed
        return real_s if self.speed == 1 else max(real_s, at_least_s)

    async def sleep(self, system_s: float) -> None:
        """Sleep for a span of system time; not at all if it is below zero."""
        await anyio.sleep(max(0.0, self.real_s(system_s)))

    def env(self, *, shim: str | None, timers: str | None = None) -> dict[str, str]:
        """What a process finds in its environment to live in this time; nothing at speed 1.

        `timers` is the file to which it tells which timers of the kernel it armed.

        Raises:
            ValueError: faster than real time, without the library that makes it so.
        """
        if self.speed == 1:
            return {}
        if shim is None:
            raise ValueError(f"speed {self.speed:g} needs the clock's library")
        told = {} if timers is None else {TIMERS_VARIABLE: timers}
        return {"LD_PRELOAD": shim, VARIABLE: f"{self.speed!r}:{self.base_ns}", **told}


REAL = Clock()
"""System time that is real time."""


def lenient_s(limit_s: float, *, speed: float, real_s: float) -> float:
    """A limit on what the harness itself may take, in system seconds.

    The machine works no faster at a higher speed: there it gets `real_s` of its own time where
    that is more.
    """
    return limit_s if speed == 1 else max(limit_s, real_s * speed)
