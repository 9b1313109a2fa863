"""The processes of an instance that is a session of this machine, each by its pid."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence

from stallproof.sites.fleet import Fleet
from stallproof.sites.proctable import session_members


class InstanceProcesses:
    """`Processes`: an instance is what lives in its first process's session."""

    def __init__(self, instances: Mapping[str, Fleet]) -> None:
        self._instances = instances

    async def members(self, service: str) -> Sequence[int]:
        return self._members(service)

    async def kill(self, service: str, pid: int) -> bool:
        if pid not in self._members(service):
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def _members(self, service: str) -> list[int]:
        first = self._instances[service].oldest.pid
        if first is None:
            return []
        return sorted(session_members(first), key=lambda pid: pid != first)
