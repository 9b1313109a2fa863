"""All rows side by side, in enclosures of their own, and what they come to.

Rows of one ground share an enclosure, and a trial of them takes another: what one has done to the
system goes with it. Every other row has all its trials in one.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from stallproof.calibration.inside import Answer, Request
from stallproof.calibration.row import Ground, InstanceRow, Row
from stallproof.calibration.seen import Seen
from stallproof.commands import CommandError, output_of
from stallproof.parts import find_broker, find_toxiproxy
from stallproof.sites import images
from stallproof.sites.base import Route, SiteError, SystemSpec
from stallproof.sites.choice import IN_CONTAINERS, LOCAL
from stallproof.sites.namespaces import command_enclosed

ROW_DEADLINE_S = 30.0
CONTAINERS_DEADLINE_S = 180.0
"""The same where a row takes containers: what makes and removes them has deadlines of its own, up
to 90 s (Compose), whose errors say more."""
TRIAL_DEADLINE_S = 15.0
INSTANCE_DEADLINE_S = 180.0
"""The same where instances boot and end meanwhile, whose deadlines say more."""
PROFILE = "celery-defaults"
"""What nobody has tuned: it is the faults that are looked at."""
QUIET = ("--without-mingle", "--without-gossip", "--without-heartbeat")
"""A worker that talks to others has read what they say when it goes, or not, as it happens; and its
kernel resets a connection on which something lies unread."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What the trials of one row came to."""

    row: Row
    n: int = 0
    """Trials; each has a client of every kind at the API's place and at the worker's, or at that of
    the row's instance."""
    outcomes: dict[str, tuple[str, ...]] = {}
    """By probe, what was seen, the most frequent first: one, or the trials do not agree."""
    after_s: dict[str, float] = {}
    """By probe: the median."""
    late_p50_s: float = 0.0
    late_p99_s: float = 0.0
    proof: str = ""
    """What the fault's own `observe` said, in words."""
    bit: bool = False
    """It said in every trial that the fault bites."""
    lacking: tuple[str, ...] = ()
    """Capabilities that the site does not have: nothing was measured."""

    @property
    def agrees(self) -> bool:
        """Every client of a kind saw the same, in every trial and at both places."""
        return all(len(each) == 1 for each in self.outcomes.values())


def measure(rows: Sequence[Row], *, trials: int, at_once: int, site: str = LOCAL) -> list[Measured]:
    """Every row, in its own order.

    Raises:
        SiteError: a part cannot be had, or a row could not be measured; its last line says why.
    """
    proxied = any(row.route is Route.PROXIED for row in rows)
    spec = _spec_in_images() if site in IN_CONTAINERS else _spec_of_processes(proxied=proxied)
    asked = list(requests(rows, trials=trials, site=site, spec=spec))
    # Threads that outlive what they start: an enclosure ends with the thread that forked it.
    with ThreadPoolExecutor(at_once) as pool:
        answers = [answer for each in pool.map(_ask, asked) for answer in each]
    return [summed_up(row, [each for each in answers if each.row == row.name]) for row in rows]


def requests(rows: Sequence[Row], *, trials: int, site: str, spec: SystemSpec) -> Iterator[Request]:
    """What is asked of each enclosure, what takes longest first."""
    on_grounds: dict[Ground, list[str]] = {}
    for row in rows:
        if isinstance(row, InstanceRow):
            on_grounds.setdefault(row.ground, []).append(row.name)
    for ground, names in on_grounds.items():
        booted = msgspec.structs.replace(
            spec,
            profile=PROFILE,
            worker_args=QUIET,
            services=ground.services,
            task_s=ground.task_s,
            front=ground.front,
        )
        for _ in range(trials):
            yield Request(rows=tuple(names), trials=1, site=site, spec=booted)
    for row in rows:
        if not isinstance(row, InstanceRow):
            own = msgspec.structs.replace(spec, route=row.route)
            yield Request(rows=(row.name,), trials=trials, site=site, spec=own)


def _spec_of_processes(*, proxied: bool) -> SystemSpec:
    return SystemSpec(
        profile="none",
        python=sys.executable,
        services=(),
        broker_binary=find_broker().path,
        toxiproxy_binary=find_toxiproxy().path if proxied else None,
        run_dir="",
    )


def _spec_in_images() -> SystemSpec:
    return SystemSpec(
        profile="none",
        python="python",
        image=images.APP,
        services=(),
        broker_binary=images.BROKER_COMMAND,
        run_dir="",
    )


def _ask(request: Request) -> list[Answer]:
    said = msgspec.json.encode(request).decode()
    inner = [sys.executable, "-m", "stallproof.calibration.inside", said]
    boot_s = CONTAINERS_DEADLINE_S if request.site in IN_CONTAINERS else ROW_DEADLINE_S
    trial_s = INSTANCE_DEADLINE_S if request.spec.services else TRIAL_DEADLINE_S
    deadline_s = boot_s + trial_s * request.trials
    names = ", ".join(request.rows)
    try:
        said = output_of(
            command_enclosed(inner, namespaces=request.site == LOCAL),
            awaited=f"{request.trials} trials",
            timeout_s=deadline_s,
        )
    except CommandError as error:
        raise SiteError(f"calibration of {names} failed: {error}") from None
    return msgspec.json.decode(said, type=list[Answer])


def summed_up(row: Row, answers: Sequence[Answer]) -> Measured:
    """From the trials to the table's line."""
    if lacking := answers[0].lacking:
        return Measured(row=row, lacking=lacking)
    trials = [trial for answer in answers for trial in answer.trials]
    late_s = sorted(trial.late_s for trial in trials)
    by_probe: dict[str, list[Seen]] = {
        probe: [link[probe] for trial in trials for link in trial.seen.values()]
        for probe in row.probes
    }
    return Measured(
        row=row,
        n=len(trials),
        outcomes={
            probe: tuple(sorted(names, key=lambda name: (-all_.count(name), name)))
            for probe, seen in by_probe.items()
            for all_ in [[each.outcome for each in seen]]
            for names in [set(all_)]
        },
        after_s={
            probe: statistics.median(each.after_s for each in seen)
            for probe, seen in by_probe.items()
        },
        proof=trials[-1].proof.seen,
        bit=all(trial.proof.bit for trial in trials),
        late_p50_s=statistics.median(late_s),
        late_p99_s=late_s[min(len(late_s) - 1, int(0.99 * len(late_s)))],
    )
