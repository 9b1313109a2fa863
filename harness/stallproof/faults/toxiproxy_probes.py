"""How each toxic shows on the wire: one probe each, through the proxies of all links at once.

A toxic bit when every link shows it; tests/faults/ runs each probe with its toxic and without.
None takes two seconds, so that what takes longer is judged by the silence until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from statistics import median

from stallproof.faults.base import Observation
from stallproof.faults.toxic import Listens
from stallproof.faults.wire import (
    HELLO,
    HELLO_ANSWER,
    HELLOS_AT_ONCE,
    WireOutcome,
    dial_each,
    observation,
    padded_ping,
)
from stallproof.sites.base import Link

NEAR = 0.9
"""Share of a set time that counts as that time: clocks and timers differ a little."""
LATE_S = 0.5
"""How much later than set a thing may come on a busy machine and still be that thing."""


async def latency(listens: Listens, *, least_s: float, most_s: float) -> Observation:
    """The median PING takes at least `least_s`; where `most_s` is too long to wait, silence."""
    rounds = min(15, max(1, int(1.0 / most_s)))
    outcomes = await dial_each(listens, rounds=rounds)

    def bites(seen: WireOutcome) -> bool:
        if seen.rounds_s:
            return median(seen.rounds_s) >= NEAR * least_s
        return seen.silent and most_s >= NEAR * seen.elapsed_s

    return observation(outcomes, bites)


async def bandwidth(listens: Listens, streams: Sequence[str], *, rate_b_s: float) -> Observation:
    """What would take 0.4 s at that rate takes as long as that."""

    async def takes(payload: bytes, *, replies: int, counted_b: int) -> Observation:
        rounds = ceil(0.4 * rate_b_s / counted_b)
        outcomes = await dial_each(listens, payload=payload, replies=replies, rounds=rounds)
        round_s = counted_b / rate_b_s

        def bites(seen: WireOutcome) -> bool:
            # The sum is what the rate promises; the median tells it from a machine that stalls.
            return (
                seen.outcome == "answer"
                and sum(seen.rounds_s) >= NEAR * rounds * round_s
                and median(seen.rounds_s) >= round_s / 2
            )

        return observation(outcomes, bites)

    seen = []
    if "downstream" in streams:
        count = min(HELLOS_AT_ONCE, ceil(0.4 * rate_b_s / len(HELLO_ANSWER)))
        seen.append(await takes(HELLO * count, replies=count, counted_b=count * len(HELLO_ANSWER)))
    if "upstream" in streams:
        request = padded_ping(min(8000, int(0.4 * rate_b_s)))
        seen.append(await takes(request, replies=1, counted_b=len(request)))
    return _together(seen)


async def slow_close(listens: Listens, streams: Sequence[str], *, delay_s: float) -> Observation:
    """The broker's close (on QUIT), or its answer to ours, comes late by the delay."""

    def bites(seen: WireOutcome) -> bool:
        # From the asking, not from the reply: one read late would make the close look early.
        asked_s = sum(seen.rounds_s) + seen.quiet_s
        if seen.outcome == "timeout":
            return seen.replies == 1 and delay_s * len(streams) >= NEAR * asked_s
        return seen.outcome == "eof" and seen.replies == 1 and asked_s >= NEAR * delay_s

    seen = []
    if "downstream" in streams:
        quit_ = await dial_each(listens, payload=b"QUIT\r\n", after="wait", deadline_s=0.9)
        seen.append(observation(quit_, bites))
    if "upstream" in streams:
        half_close = await dial_each(listens, after="half-close", deadline_s=0.9)
        seen.append(observation(half_close, bites))
    return _together(seen)


async def silence(listens: Listens, *, closes_after_s: float | None) -> Observation:
    """A connection opens and PING meets silence; EOF comes when it should, if soon enough."""
    outcomes = await dial_each(listens, deadline_s=1.2)

    def bites(seen: WireOutcome) -> bool:
        if closes_after_s is None or closes_after_s > seen.elapsed_s:
            return seen.silent
        in_time = NEAR * closes_after_s <= seen.elapsed_s <= closes_after_s + LATE_S
        return seen.outcome == "eof" and seen.received_b == 0 and in_time

    return observation(outcomes, bites)


async def slicer(
    listens: Listens, streams: Sequence[str], *, largest_b: int, delay_s: float
) -> Observation:
    """Downstream, answers come in segments no larger than set; upstream, requests take longer."""
    request = HELLO * HELLOS_AT_ONCE
    seen = []
    # With both streams cut, the request for that answer may itself take too long to arrive.
    upstream_s = delay_s * len(request) / largest_b if "upstream" in streams else 0.0
    if "downstream" in streams and upstream_s < LATE_S:
        cut = await dial_each(
            listens, payload=request, replies=HELLOS_AT_ONCE, rounds=5, deadline_s=0.9
        )

        def bites(seen: WireOutcome) -> bool:
            # Uncut, a round is one segment. Cut small, TCP joins many of them again (more than
            # half of one-byte slices, on a busy machine), so ten a round are enough.
            rounds = max(1, len(seen.rounds_s))
            slices = seen.received_b / largest_b
            return seen.segments >= max(2 * rounds, min(10 * rounds, slices / 2))

        seen.append(observation(cut, bites))
    if "upstream" in streams:
        padded = padded_ping(8000)
        late = await dial_each(listens, payload=padded, deadline_s=0.9)
        takes_s = (len(padded) // largest_b - 1) * delay_s
        seen.append(
            observation(
                late,
                lambda one: (
                    sum(one.rounds_s) >= NEAR * takes_s
                    if one.rounds_s
                    else one.silent and takes_s >= NEAR * one.elapsed_s
                ),
            )
        )
    return _together(seen)


async def limit_data(listens: Listens, streams: Sequence[str], *, limit_b: int) -> Observation:
    """Asked for more than the limit, a connection closes after just that many bytes."""
    # By EOF; a request that was under way when it closed gets an RST for it.
    closed = ("eof", "reset")

    async def cut(payload: bytes, *, replies: int, counted_b: int) -> dict[Link, WireOutcome]:
        rounds = limit_b // counted_b + 1
        return await dial_each(
            listens, payload=payload, replies=replies, rounds=rounds, deadline_s=0.9
        )

    seen = []
    if "downstream" in streams:
        down = await cut(
            HELLO * HELLOS_AT_ONCE,
            replies=HELLOS_AT_ONCE,
            counted_b=HELLOS_AT_ONCE * len(HELLO_ANSWER),
        )
        seen.append(
            observation(down, lambda one: one.outcome in closed and one.received_b == limit_b)
        )
    if "upstream" in streams:
        # Larger than its answer, so that a limit on the other stream does not come first.
        request = padded_ping(100 if limit_b < 5000 else 1000)
        up = await cut(request, replies=1, counted_b=len(request))
        whole = limit_b // len(request)
        # The last request that fits may be answered just too late.
        seen.append(
            observation(up, lambda one: one.outcome in closed and whole - 1 <= one.replies <= whole)
        )
    return _together(seen)


async def reset(listens: Listens, *, after_s: float) -> Observation:
    """A new connection gets ECONNRESET that long after its first data."""
    outcomes = await dial_each(listens, deadline_s=after_s + LATE_S)
    return observation(
        outcomes, lambda seen: seen.outcome == "reset" and seen.elapsed_s >= NEAR * after_s
    )


async def refused(listens: Listens) -> Observation:
    """A new connection gets ECONNREFUSED."""
    return observation(await dial_each(listens), lambda seen: seen.outcome == "refused")


def _together(seen: Sequence[Observation]) -> Observation:
    """One for both streams: it bit if it bit in each."""
    numbers: dict[str, float] = {}
    for one in seen:
        numbers = one.numbers | numbers
    return Observation(
        bit=all(one.bit for one in seen),
        seen="; ".join(one.seen for one in seen),
        numbers=numbers,
    )
