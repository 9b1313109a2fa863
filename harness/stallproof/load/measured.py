"""What a load came to, in numbers: one process's tally, and the whole."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Tally(msgspec.Struct, kw_only=True):
    """What one Locust process did. The moments are its own monotonic clock's, in seconds."""

    planned: int = 0
    """Clients that were to arrive."""
    not_sent: int = 0
    """Clients that came while as many as the cap were under way: counted, never sent."""
    latest_s: float = 0.0
    """The most that a client was sent off after its moment."""
    posted: int = 0
    accepted: int = 0
    refused: int = 0
    """POSTs that were not accepted, or of which nobody knows."""
    done: int = 0
    failed: int = 0
    """Accepted stories of which the system itself said that they failed."""
    drain_s: float = 0.0
    """From the last arrival to the last story done, or to the end of the watch."""

    @property
    def lost(self) -> int:
        """Accepted and not done when the drain limit was over."""
        return self.accepted - self.done


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A whole load: the tallies of all processes, and Locust's percentiles."""

    processes: int
    """Locust processes that were to send."""
    reported: int
    """Those of them that told what they did."""
    clients: int
    not_sent: int
    latest_s: float
    posted: int
    accepted: int
    refused: int
    done: int
    lost: int
    drain_s: float
    timed: int
    """POSTs that Locust's percentiles are of: fewer than `posted`, and some never reached it."""
    p95_accept_ms: float | None
    """From the moment a client was to arrive, so that a late answer delays nobody's clock."""
    p95_end_to_end_ms: float | None
    """From accepted to seen done, the client's polling included."""

    @property
    def error_rate(self) -> float | None:
        """Share of POSTs that were not accepted; None: nothing was POSTed."""
        return self.refused / self.posted if self.posted else None


def whole(
    tallies: Iterable[Tally],
    *,
    processes: int,
    timed: int,
    p95_accept_ms: float | None,
    p95_end_to_end_ms: float | None,
) -> Measured:
    """All tallies together."""
    told = list(tallies)
    return Measured(
        processes=processes,
        reported=len(told),
        clients=sum(tally.planned for tally in told),
        not_sent=sum(tally.not_sent for tally in told),
        latest_s=max((tally.latest_s for tally in told), default=0.0),
        posted=sum(tally.posted for tally in told),
        accepted=sum(tally.accepted for tally in told),
        refused=sum(tally.refused for tally in told),
        done=sum(tally.done for tally in told),
        lost=sum(tally.lost for tally in told),
        drain_s=max((tally.drain_s for tally in told), default=0.0),
        timed=timed,
        p95_accept_ms=p95_accept_ms,
        p95_end_to_end_ms=p95_end_to_end_ms,
    )
