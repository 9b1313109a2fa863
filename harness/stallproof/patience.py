"""A deadline on the work of a machine that may have more to do than it can.

A boot takes seconds of processor time. On a machine that is taken up by others it takes minutes,
and says nothing of the system: so only the time counts in which a processor was free for it.
"""

from __future__ import annotations

import time

import anyio
import psutil

LOOK_S = 0.5
FREE = 0.1
"""Share of the processors' time that was left over: with less, somebody waited for one."""
LONGEST = 3.0
"""The deadline in real seconds, as a multiple of what was asked for."""


class Patience:
    """Waits until `deadline_s` seconds with a free processor have passed, or thrice that in all."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self.starved_s = 0.0
        """How long every processor was taken, in real seconds."""

    async def ends(self) -> None:
        """Return when there is no more of it."""
        began = looked = time.monotonic()
        before = psutil.cpu_times()
        while looked - began < min(self._deadline_s + self.starved_s, LONGEST * self._deadline_s):
            await anyio.sleep(LOOK_S)
            now, times = time.monotonic(), psutil.cpu_times()
            spent = sum(times) - sum(before)
            idle = times.idle + times.iowait - before.idle - before.iowait
            if idle < FREE * spent:
                self.starved_s += now - looked
            looked, before = now, times
