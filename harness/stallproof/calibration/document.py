"""docs/CALIBRATION.md: one line a fault, written by the command from what it measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from itertools import groupby

from stallproof.calibration.row import INSTANCE_PROBES, PROBES, InstanceRow
from stallproof.calibration.rows import VERSIONS
from stallproof.calibration.run import PROFILE, QUIET, Measured

_HEADINGS = {
    "waits": "waits for a push",
    "next": "idle, then asks",
    "new": "connects anew",
    "redis-py": "redis-py, idle, then asks",
    "broker": "the broker holds the first two",
}
_INSTANCE_HEADINGS = {
    "connections": "its connections at the broker",
    "held": "connected and quiet, then asks",
    "request": "in mid-request",
    "newcomer": "connects anew",
    "process": "its first process",
    "afterwards": "who answers at its port afterwards",
    "consumers": "workers asking for work",
}
_FOR_AT_LEAST_S = 0.02
"""A shorter time is no part of what the fault does: the cell says only what was seen."""

_READING = """\
Bare clients stand where the API and the worker stand. One waits (BLPOP), and after the
fault has begun the broker pushes an answer to it. One was idle and, a moment later, sends PING
(from `demote` to `oom-volatile-lru` a write). One connects anew, is quiet for a moment, and sends
the same (from `loading` to `auth-rotated-closes` it logs in first). One is redis-py's own, with a
pooled connection that was idle and without retries. `silence`: nothing until the client gave up
(after 1.2 s; 4 s for `loss`). A word in capitals is the code with which the broker refuses. A time
is the median, from the fault's begin for the one that waits and from its own call for the others.
`late`: how long after its moment the fault was complete. Each trial
has a client of every kind at both places; where they do not agree the cell says `or`. In the rows
of the lifecycle plane they stand in the network of the instance that stands still, and `then` is
what came once it went on, so long after that."""

_READING_INSTANCES = f"""\
The system itself stands in these rows (profile `{PROFILE}`, `{" ".join(QUIET)}`),
and what it holds is read at the other end. Its connections at the broker: how they ended, from the
first packet that said so, and the last of them when; a reset is what its kernel sends where it had
not read all that had come (so the connection of BRPOP, closed or reset as it happens, is left out).
Three clients of its own port: one was connected and quiet, and asks
`GET /health` (where an instance goes by itself it waits for that, and says what it heard); one is
a byte short of a whole `POST /stories/`, and sends it (the API alone has requests that last); one
connects anew (where an instance goes by itself, once the first has heard so). A number is the HTTP
status. `cpu-throttling` is seen through what stands before the API, and each of them wakes it; in
`scale-out-api` and `rollout-api` others submit stories there all the while. Its first process: the
signal or the code with which it went, and when. Workers asking for work: how
many the broker knows whose last command was BRPOP, one number after the other; a time is how long
the one in the middle stood, or when the second of two came. Times count from the begin; of what
comes in steps (`scale-in` and the rollouts) from the SIGTERM; a time after `then` from the thaw.
The task in hand is one of 3 s (`scale-in`) or of 60 s (`kill-child`, `rollout`).
SIGTSTP comes 0.05 s before `migrate` here, not ten."""


def markdown(measured: Sequence[Measured], *, command: str) -> str:
    """The whole document."""
    kernel = platform.release().partition("-")[0]  # without what a distributor adds
    machine = f"Linux {kernel}, {os.cpu_count()} processors"
    lines = [
        "# Calibration: what each fault does on the wire",
        "",
        f"Written by `{command}`: do not edit it. {machine}.",
        "",
        _READING,
        "",
        "| fault | " + " | ".join(_HEADINGS[probe] for probe in PROBES) + " | late p50, p99 | n |",
        "|---" * (len(PROBES) + 3) + "|",
    ]
    at_broker = [each for each in measured if set(PROBES) <= set(each.row.probes)]
    for plane, of_plane in groupby(at_broker, key=lambda each: each.row.fault.plane):
        lines.append(f"| **{plane}** |" + " |" * (len(PROBES) + 2))
        lines += [_line(each, PROBES) for each in of_plane]
    lines += _of_instances([each for each in measured if isinstance(each.row, InstanceRow)])
    lines += ["", "## What each fault's own proof said", ""]
    lines += ["| fault | settings | bit | seen |", "|---|---|---|---|"]
    lines += [
        f"| {each.row.name} | {each.row.fault.describe()}, {each.row.route} | "
        f"{'yes' if each.bit else 'no'} | {each.proof} |"
        for each in measured
        if not each.lacking
    ]
    differences = _differences({each.row.name: each for each in measured})
    if differences:
        lines += ["", "## Behind a proxy and without one", "", *differences]
    return "\n".join(lines) + "\n"


def _of_instances(measured: Sequence[Measured]) -> list[str]:
    """The second table, those of one fault beside one another."""
    if not measured:
        return []
    faults = [each.row.fault.name for each in measured]
    headings = " | ".join(_INSTANCE_HEADINGS[probe] for probe in INSTANCE_PROBES)
    return [
        *("", "## What becomes of an instance", "", _READING_INSTANCES, ""),
        f"| fault | {headings} | late p50, p99 | n |",
        "|---" * (len(INSTANCE_PROBES) + 3) + "|",
        *(
            _line(each, INSTANCE_PROBES)
            for each in sorted(measured, key=lambda each: faults.index(each.row.fault.name))
        ),
    ]


def _line(each: Measured, probes: Sequence[str]) -> str:
    if each.lacking:
        return f"| {each.row.name} | needs {', '.join(each.lacking)}" + " |" * (len(probes) + 2)
    cells = [_cell(each, probe) for probe in probes]
    late = f"{1000 * each.late_p50_s:.0f} ms, {1000 * each.late_p99_s:.0f} ms"
    return f"| {each.row.name} | {' | '.join(cells)} | {late} | {each.n} |"


def _cell(each: Measured, probe: str) -> str:
    """What was seen; a dash for who cannot see anything of it."""
    if probe not in each.outcomes:
        return "-"
    seen, after_s = " or ".join(each.outcomes[probe]), each.after_s[probe]
    quick = after_s < _FOR_AT_LEAST_S or seen in ("silence", "no connect")
    return seen if quick else f"{seen}, {after_s:.2f} s"


def _differences(measured: dict[str, Measured]) -> list[str]:
    """A line for each pair of versions of one thing: where what is seen differs."""
    lines = []
    for what, proxied, direct in VERSIONS:
        one, other = measured.get(proxied), measured.get(direct)
        if one is None or other is None or one.lacking or other.lacking:
            continue
        apart = [
            f"{_HEADINGS[probe]}: {' or '.join(one.outcomes[probe])} against "
            f"{' or '.join(other.outcomes[probe])}"
            for probe in PROBES
            if one.outcomes[probe] != other.outcomes[probe]
        ]
        said = "; ".join(apart) or "no difference that these clients see"
        lines.append(f"- **{what}** (`{proxied}` against `{direct}`): {said}.")
    return lines
