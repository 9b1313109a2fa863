"""Whether the system's processes really live in the run's time, and what they armed besides.

The dynamic linker only warns when it cannot load a library, and a static program never looks:
either would go on in real time, and every figure of the run would be wrong by the speed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from stallproof.clock import ArmedTimer, Clock, read_timers
from stallproof.commands import CommandError, output_of
from stallproof.sites.base import SiteError
from stallproof.sites.brokers import BrokerControl

AHEAD_S = 0.05
"""System time must be ahead of real time by so much for a check to tell them apart."""
ROUNDING_S = 0.001
_CHECK_TIMEOUT_S = 20.0


class Pace:
    """`KernelTimers`: the run's clock, handed to its processes; at speed 1 it does nothing.

    Each service's processes tell which timers of the kernel they armed in a file in `folder`.
    """

    def __init__(self, clock: Clock, *, shim: str | None, folder: Path) -> None:
        folder.mkdir()
        self._clock = clock
        self._shim = shim
        self._folder = folder

    def env_of(self, service: str) -> dict[str, str]:
        """What the service's processes find in their environment."""
        return self._clock.env(shim=self._shim, timers=str(self._folder / service))

    def armed(self) -> Sequence[ArmedTimer]:
        return read_timers(self._folder)

    def check_python(self, python: str) -> None:
        """A stack's interpreter lives in the clock's time.

        Raises:
            SiteError: it does not, or does not run.
        """

        def read() -> float:
            argv = [python, "-I", "-c", "import time; print(time.time())"]
            env = self._clock.env(shim=self._shim)
            try:
                return float(
                    output_of(argv, awaited="its time", timeout_s=_CHECK_TIMEOUT_S, env=env)
                )
            except (CommandError, ValueError) as error:
                raise SiteError(f"{python} does not run under the clock: {error}") from None

        _check(read, clock=self._clock, who=python)

    def check_broker(self, control: BrokerControl, *, binary: str) -> None:
        """The broker lives in the clock's time.

        Raises:
            SiteError: it does not.
        """

        def read() -> float:
            answer = control.ask("TIME")
            assert isinstance(answer, (list, tuple))
            seconds, microseconds = answer
            return int(seconds) + int(microseconds) / 1e6

        _check(read, clock=self._clock, who=binary)


def _check(read: Callable[[], float], *, clock: Clock, who: str) -> None:
    if clock.speed == 1:
        return
    while clock.wall_s() - time.time() < AHEAD_S:
        time.sleep(clock.real_s(AHEAD_S))
    before = clock.wall_s()
    seen = read()
    after = clock.wall_s()
    if not before - ROUNDING_S <= seen <= after + ROUNDING_S:
        raise SiteError(
            f"{who} does not follow the clock: it reads {seen:.3f}, "
            f"awaited was {before:.3f} to {after:.3f} (a static binary? run it at --speed 1)"
        )
