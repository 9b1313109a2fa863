"""The processes of instances that are sessions of this machine, each by its pid."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from anyio import to_thread

from stallproof.sites.fleet import Fleet
from stallproof.sites.proctable import processes
from stallproof.sites.waiting import wait_until

FREEZE_TIMEOUT_S = 5.0
_STOPPED, _ENDED = "T", "ZX"
"""States in the process table."""


class InstanceProcesses:
    """`Processes`: an instance is what lives in the session of its first process."""

    def __init__(self, instances: Mapping[str, Fleet]) -> None:
        self._instances = instances

    async def members(self, service: str) -> Sequence[int]:
        return list(self._states(service))

    async def kill(self, service: str, pid: int) -> bool:
        return pid in self._states(service) and _send(signal.SIGKILL, pid)

    async def signal(self, service: str, number: int) -> int:
        return sum(_send(number, pid) for pid in self._states(service))

    async def freeze(self, service: str) -> int:
        def stop_those_that_run() -> str | None:
            # Again and again: one that was about to fork has a child by now that runs.
            running = self._running(service)
            for pid in running:
                _send(signal.SIGSTOP, pid)
            return f"{running} run" if running else None

        for instance in self._instances[service].kept:
            instance.set_frozen(True)
        await to_thread.run_sync(
            lambda: wait_until(
                stop_those_that_run,
                awaited=f"all processes of the {service} stopped",
                timeout_s=FREEZE_TIMEOUT_S,
            )
        )
        return len(self._states(service))

    async def thaw(self, service: str) -> int:
        continued = await self.signal(service, signal.SIGCONT)
        for instance in self._instances[service].kept:
            instance.set_frozen(False)
        return continued

    async def running(self, service: str) -> int:
        return len(self._running(service))

    def _running(self, service: str) -> list[int]:
        return [pid for pid, state in self._states(service).items() if state != _STOPPED]

    def _states(self, service: str) -> dict[int, str]:
        """By pid, first processes first."""
        sessions = {instance.pid for instance in self._instances[service].kept}
        states = {
            entry.pid: entry.state
            for entry in processes()
            if entry.session in sessions and entry.state not in _ENDED
        }
        return dict(sorted(states.items(), key=lambda item: item[0] not in sessions))


def _send(number: int, pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False
