"""Keepalive judged: the API's first publish after the network forgot its idle connection.

One scenario, `celery-defaults`, and one setting at a time beside it: which of them lets the
publish through, and after how long. Only the connection that publishing uses is forgotten.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec

from stallproof.events import Connections, Op
from stallproof.faults import NatIdleExpiry
from stallproof.history import History
from stallproof.job import Job
from stallproof.manners import SUBMIT_DEADLINE_S
from stallproof.model import Limits, Scenario, Schedule, Verdict, Workload, at
from stallproof.plan import make_jobs
from stallproof.records import Results, ScenarioResult
from stallproof.sites.base import Link
from stallproof.wish import Wish

PROFILE = "celery-defaults"
IDLE_S = 5
SECOND_POST_S = 10.0
_OPTIONS = "broker_transport_options."
_ON: dict[str, object] = {f"{_OPTIONS}socket_keepalive": True}
_EACH = f"{_OPTIONS}socket_keepalive_options.socket."


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Settings beside those of the profile, and what to call them."""

    name: str
    said: str
    settings: dict[str, object] = {}


CASES = (
    Case(name="nothing", said="nothing"),
    Case(name="keepalive", said="`socket_keepalive` alone", settings=_ON),
    Case(
        name="keepalive-options",
        said="`socket_keepalive` with the guide's options 1, 3, 5 under int keys",
        settings=_ON
        | {f"{_EACH}TCP_KEEPIDLE": 1, f"{_EACH}TCP_KEEPINTVL": 3, f"{_EACH}TCP_KEEPCNT": 5},
    ),
    Case(
        name="health-check",
        said="`health_check_interval` 3 alone",
        settings={f"{_OPTIONS}health_check_interval": 3},
    ),
    Case(
        name="socket-timeout",
        said="`socket_timeout` 3 alone",
        settings={f"{_OPTIONS}socket_timeout": 3},
    ),
    Case(
        name="user-timeout",
        said="`socket_keepalive` with `TCP_USER_TIMEOUT` 5000",
        settings=_ON | {f"{_EACH}TCP_USER_TIMEOUT": 5000},
    ),
)


def jobs(*, repeat: int, root: Path) -> list[Job]:
    """The runs of every case. Raises what `make_jobs` raises."""
    return [
        job
        for case in CASES
        for job in make_jobs(
            Wish(
                scenarios=(_scenario(case),),
                profiles=(PROFILE,),
                repeat=repeat,
                settings=case.settings,
            ),
            root=root,
        )
    ]


def _scenario(case: Case) -> Scenario:
    forgets = NatIdleExpiry(links=(Link.API_BROKER,), idle_s=IDLE_S)
    return Scenario(
        name=f"keepalive-{case.name}",
        title="The API's first publish after the network forgot its idle connection",
        on_cloud_run="A quiet API behind Direct VPC egress, which forgets after ten minutes.",
        guide_promises="Socket keepalive keeps Cloud Run's connections alive.",
        must_hold="The publish goes through in time.",
        schedule=Schedule((at(0, forgets, for_s=SECOND_POST_S + 1),)),
        workload=Workload(rate_per_s=1 / SECOND_POST_S, for_s=2 * SECOND_POST_S),
        limits=Limits(settle_s=SUBMIT_DEADLINE_S + 5),
    )


class _Publish(msgspec.Struct, frozen=True):
    """The second POST of one run."""

    answered: bool
    after_s: float
    opened: int
    """Connections opened on the link from that POST on."""


def markdown(results: Results, *, command: str) -> str:
    """The whole document, from the stored runs."""
    versions = results.results[0].runs[0].stack_versions
    stack = ", ".join(f"{name} {versions[name]}" for name in ("celery", "kombu", "redis"))
    lines = [
        "# Keepalive judged",
        "",
        f"Written by `{command}`: do not edit it. {stack}; profile `{PROFILE}`.",
        "",
        _READING,
        "",
        "| set beside it | n | POST answered | after, median | what it saw |",
        "|---|---|---|---|---|",
        *(
            _line(case, result, Path(results.run_dir))
            for case, result in zip(CASES, results.results, strict=True)
        ),
    ]
    return "\n".join(lines) + "\n"


_READING = f"""\
The API publishes once, is quiet for {SECOND_POST_S:g} s and publishes again; connection tracking in
the network between forgets after {IDLE_S} idle seconds (Cloud Run's VPC: ten minutes) and drops
what comes then. Only the connection that publishing uses is forgotten: the settings below do not
reach the one to the result backend. A POST is given up by its client after
{SUBMIT_DEADLINE_S:g} s."""


def _line(case: Case, result: ScenarioResult, root: Path) -> str:
    """Only runs in which the fault bit count; a line of none says so."""
    bitten = [
        run
        for run in result.runs
        if any(f.checker == "fault-bit" and f.verdict is Verdict.VALID for f in run.findings)
    ]
    histories = [History.read(root / run.dir / "history.jsonl") for run in bitten]
    published = [each for each in map(_second_publish, histories) if each is not None]
    if not published:
        return f"| {case.said} | 0 | | | nothing was measured |"
    times = [each.after_s for each in published]
    return (
        f"| {case.said} | {len(published)} | {sum(each.answered for each in published)} | "
        f"{statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f}) | "
        f"{_seen(published)} |"
    )


def _second_publish(history: History) -> _Publish | None:
    """None: the run did not come to its second POST."""
    ops = [event for event in history.events if isinstance(event, Op) and event.f == "submit"]
    began_t = next((op.t for op in ops if op.story == 1 and op.type == "invoke"), None)
    if began_t is None:
        return None
    over = next((op for op in ops if op.story == 1 and op.type != "invoke"), None)
    opened = sum(
        event.opened
        for event in history.events
        if isinstance(event, Connections) and event.link == Link.API_BROKER and event.t >= began_t
    )
    if over is None:
        return _Publish(answered=False, after_s=SUBMIT_DEADLINE_S, opened=opened)
    return _Publish(answered=over.type == "ok", after_s=over.t - began_t, opened=opened)


def _seen(published: Sequence[_Publish]) -> str:
    """In words; where the runs differ, each of them, with its count."""
    words = [
        "nothing, until it was given up"
        if not each.answered
        else "a dead connection, and opened another"
        if each.opened
        else "the same connection, alive"
        for each in published
    ]
    kinds = sorted(set(words), key=lambda word: -words.count(word))
    if len(kinds) == 1:
        return kinds[0]
    return "; ".join(f"{word} ({words.count(word)})" for word in kinds)
