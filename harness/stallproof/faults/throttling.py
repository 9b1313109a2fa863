"""Request-based billing: an instance of the API runs only while a request is in flight."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import Any, ClassVar

import anyio
from anyio import to_thread

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.sites.base import API, Link, Route, System
from stallproof.sites.between import Firewall, Impediment
from stallproof.sites.capabilities import FrontEnd, Processes

SERVICE = "api"
CALM_S = 5.0
"""Between the requests of a load that this is meant for there is such a pause."""
ANSWER_S = 5.0
_RULE = "throttled api"


class CpuThrottling(Fault, frozen=True, kw_only=True, tag="cpu-throttling"):
    """The API gets CPU only while a request is in flight: frozen after each, thawed by the next.

    Cloud Run's request-based billing, its default (`--cpu-throttling`). What the API leaves to a
    thread of its own stands still with it, and so do its keepalive probes: what the network has
    forgotten between two requests (`nat-idle-expiry`) is found dead by the next.
    Source: https://cloud.google.com/run/docs/configuring/billing-settings
    """

    plane: ClassVar[Plane] = "lifecycle"
    needs = (Firewall, FrontEnd, Processes)
    route = Route.DIRECT
    cuts = False
    kernel_timers = True
    real_time = True
    standing = True

    @property
    def links(self) -> tuple[Link, ...]:
        return API

    def describe(self) -> str:
        return "give the API no CPU between requests"

    async def begin(self, system: System) -> dict[str, Any]:
        """From here on.

        Raises:
            OSError: the kernel refused a rule.
            SiteError: a process ran on.
        """
        firewall, processes = system.use(Firewall), system.use(Processes)

        async def freeze() -> None:
            await firewall.impose(_RULE, Impediment(links=API, unsent=True))
            await processes.freeze(SERVICE)

        async def thaw() -> None:
            await firewall.lift(_RULE)
            await processes.thaw(SERVICE)

        await system.use(FrontEnd).govern(when_idle=freeze, when_busy=thaw)
        return {}

    async def end(self, system: System) -> dict[str, Any]:
        """CPU always. Raises OSError: the kernel refused."""
        await system.use(FrontEnd).release()
        return {}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:  # noqa: ARG002 (what begin answered proves nothing here)
        """Without a request it stands still, with one it answers, afterwards it stands still."""
        members = await system.use(Processes).members(SERVICE)
        before = await _stands_still(system)
        answer = await to_thread.run_sync(_ask, f"{system.api_url}/health")
        after = await _stands_still(system)
        return Observation(
            bit=bool(members) and before and answer == "200" and after,
            seen=f"{len(members)} processes of the API {'stopped' if before else 'run on'}; a "
            f"request meets {answer}, then they {'are stopped again' if after else 'run on'}",
            numbers={"processes": len(members), "stopped": int(before) + int(after)},
        )


async def _stands_still(system: System) -> bool:
    """Whether there is a moment at which no process of it runs."""
    processes = system.use(Processes)
    with anyio.move_on_after(CALM_S):
        while await processes.running(SERVICE):
            await anyio.sleep(0.01)
        return True
    return False


def _ask(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_S) as answer:  # noqa: S310 (the system's own http URL)
            return str(answer.status)
    except (OSError, urllib.error.URLError, http.client.HTTPException) as error:
        return type(error).__name__
