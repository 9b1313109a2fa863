"""What each fault does to a bare client: a subtest for each row of `stallproof calibrate`.

The rows are measured once, side by side (three quarters of a minute), and each is held against
what it must be. One test: several would measure again in each worker of xdist, beside the other.
"""

from __future__ import annotations

import pytest

from stallproof.calibration import Measured, exit_code, markdown, measure, problems, rows_called
from stallproof.calibration.row import INSTANCE_PROBES, PROBES, InstanceRow
from stallproof.calibration.rows import ROWS, VERSIONS
from stallproof.calibration.run import requests
from stallproof.exits import Exit
from stallproof.faults import AnyFault
from stallproof.sites.base import SystemSpec
from stallproof.sites.namespaces import why_no_namespaces

WORKS = ("answer", "answer", "answer", "answer", "open and open")
SILENT = ("silence", "silence", "answer", "TimeoutError", "open and open")
GONE = ("EOF", "EOF", "ECONNREFUSED", "ConnectionError", "gone")
BROKEN = ("EOF", "EOF", "EOF", "ConnectionError", "closed and closed")
FULL = ("silence", "OOM", "OOM", "OutOfMemoryError", "open and open")
STANDS_STILL = ("silence, then answer", "silence", "no connect", "TimeoutError", "open and open")
NO_MORE = "ERR max number of clients reached"

EXPECTED: dict[str, tuple[str, str, str, str, str]] = {
    "latency": WORKS,
    "bandwidth": WORKS,
    "slow-close": WORKS,
    "slicer": WORKS,
    "timeout-0": ("silence", "silence", "silence", "TimeoutError", "open and open"),
    "timeout-500": BROKEN,
    "limit-data": BROKEN,
    "reset-peer": ("EOF", "EOF", "ECONNRESET", "ConnectionError", "closed and closed"),
    "down": ("EOF", "EOF", "ECONNREFUSED", "ConnectionError", "closed and closed"),
    "broker-killed": GONE,
    "broker-graceful": GONE,
    "broker-killed-proxied": ("EOF", "EOF", "EOF", "ConnectionError", "gone"),
    "client-kill": ("EOF", "EOF", "answer", "answer", "closed and closed"),
    "failover": GONE,
    "failover-demoted": ("UNBLOCKED", *GONE[1:]),
    "loading": ("EOF", "EOF", "LOADING", "BusyLoadingError", "gone"),
    "demote": ("UNBLOCKED", "READONLY", "READONLY", "ReadOnlyError", "closed and open"),
    "oom-noeviction": FULL,
    "oom-volatile-lru": FULL,
    "maxclients": ("answer", "answer", NO_MORE, "answer", "open and open"),
    "auth-rotated": ("answer", "answer", "WRONGPASS", "answer", "open and open"),
    "auth-rotated-closes": ("EOF", "EOF", "WRONGPASS", "AuthenticationError", "closed and closed"),
    "idle-reset": ("ECONNRESET", "ECONNRESET", "answer", "answer", "closed and closed"),
    "rst": ("silence", "ECONNRESET", "answer", "ConnectionError", "closed and open"),
    "silent-drop": SILENT,
    "silent-drop-to-broker": ("answer", *SILENT[1:]),
    "silent-drop-to-client": SILENT,
    "conntrack-flush": SILENT,
    "nat-idle-expiry": SILENT,
    "vpc-inbound-expiry": ("silence", "answer", "answer", "answer", "open and open"),
    "refuse": ("answer", "answer", "ECONNREFUSED", "answer", "open and open"),
    "blackhole-connect": ("answer", "answer", "no connect", "answer", "open and open"),
    "partition": ("silence", "silence", "no connect", "TimeoutError", "open and open"),
    "loss": WORKS,
    "freeze-api": STANDS_STILL,
    "freeze-worker": STANDS_STILL,
    "cpu-throttling": STANDS_STILL,
    "migrate-api": ("silence", *STANDS_STILL[1:]),
    "migrate-worker": ("silence", *STANDS_STILL[1:]),
}
"""By row: what the client that waits, the idle one, the new one, redis-py and the broker see."""

NOBODY = "-"
BOTH = "EOF and reset"
LATER = "silence, then 200"

OF_INSTANCES: dict[str, tuple[str, str, str, str, str, str, str]] = {
    "freeze-api": ("open", LATER, "silence, then 202", "silence", "stopped", "the same", NOBODY),
    "freeze-worker": ("open", LATER, NOBODY, "silence", "stopped", "the same", "1"),
    "migrate-api": ("open", LATER, "silence", "silence", "stopped", "the same", NOBODY),
    "migrate-worker": ("open", LATER, NOBODY, "silence", "stopped", "the same", "1"),
    "cpu-throttling": ("open", "200", "202", "200", "stopped", "the same", NOBODY),
    "terminate-api": (BOTH, "EOF", "202", "ECONNREFUSED", "SIGTERM", "its successor", NOBODY),
    "terminate-worker": (
        *("EOF", "EOF", NOBODY, "ECONNREFUSED", "code 0", "its successor"),
        "1 then 0 then 1",
    ),
    "instance-kill-api": (BOTH, "EOF", "EOF", "ECONNREFUSED", "SIGKILL", "its successor", NOBODY),
    "instance-kill-worker": (
        *("EOF", "EOF", NOBODY, "ECONNREFUSED", "SIGKILL", "its successor"),
        "1 then 0 then 1",
    ),
    "kill-child": ("open", "200", NOBODY, "200", "runs on", "the same", "1"),
    "scale-out": ("open", "200", NOBODY, "200", "runs on", "the same", "1 then 2"),
    "scale-in": ("EOF", "200", NOBODY, "200", "code 0", "nobody", "2 then 1"),
    "scale-out-api": ("open", "200", "202", "200", "runs on", "the same", NOBODY),
    "rollout-api": (BOTH, "EOF", "202", "ECONNREFUSED", "SIGTERM", "nobody", NOBODY),
    "rollout": ("EOF", "200", NOBODY, "200", "SIGKILL", "nobody", "1 then 2 then 1"),
}
"""By row: its connections at the broker, the client that was connected, the one in mid-request, the
new one, its process, who answers in the end, how many workers ask for work."""


def expected(name: str) -> dict[str, tuple[str, ...]]:
    pairs = [
        *zip(PROBES, EXPECTED.get(name, ()), strict=name in EXPECTED),
        *zip(INSTANCE_PROBES, OF_INSTANCES.get(name, ()), strict=name in OF_INSTANCES),
    ]
    return {probe: (seen,) for probe, seen in pairs if seen != NOBODY}


SPEC = SystemSpec(profile="none", python="python", services=(), broker_binary="none", run_dir="")


@pytest.mark.real
@pytest.mark.long
def test_every_row_is_what_it_must_be(subtests: pytest.Subtests) -> None:
    if refused := why_no_namespaces():
        pytest.skip(f"no namespaces here: {refused}")
    measured = measure(ROWS, trials=1, at_once=4)
    assert [each.row.name for each in measured] == [row.name for row in ROWS]
    for each in measured:
        with subtests.test(each.row.name):
            assert not each.lacking
            assert each.outcomes == expected(each.row.name)
            assert each.bit, each.proof
            assert each.late_p99_s < 1.0


def test_every_fault_has_a_row() -> None:
    assert {type(row.fault) for row in ROWS} == set(AnyFault.__args__)
    of_services = {(row.fault.name, row.service) for row in ROWS if isinstance(row, InstanceRow)}
    for fault in ("instance-kill", "terminate", "freeze", "migrate", "scale-out", "rollout"):
        assert {(fault, "api"), (fault, "worker")} <= of_services
    assert {name for _, *names in VERSIONS for name in names} <= {row.name for row in ROWS}


def sample(name: str, *, waits: tuple[str, ...] = ("EOF",), bit: bool = True) -> Measured:
    (row,) = rows_called([name])
    outcomes = dict.fromkeys(PROBES, ("answer",)) | {"waits": waits}
    return Measured(
        row=row, n=3, outcomes=outcomes, after_s=dict.fromkeys(PROBES, 0.5), proof="seen", bit=bit
    )


def test_trials_that_do_not_agree_are_a_violation() -> None:
    mixed = sample("down", waits=("EOF", "ECONNRESET"))
    assert problems([mixed]) == ["down: waits saw EOF or ECONNRESET in 3 trials"]
    assert exit_code([mixed, sample("rst")]) is Exit.VIOLATED
    assert exit_code([sample("down")]) is Exit.VALID


def test_a_fault_that_did_not_bite_is_a_violation() -> None:
    assert exit_code([sample("down", bit=False)]) is Exit.VIOLATED
    assert problems([sample("down", bit=False)]) == ["down: did not bite: seen"]


def test_a_row_that_the_site_cannot_measure_is_inconclusive() -> None:
    (row,) = rows_called(["rst"])
    lacking = Measured(row=row, lacking=("Flows",))
    assert exit_code([lacking, sample("down")]) is Exit.INCONCLUSIVE
    assert problems([lacking]) == ["rst: not measured, needs Flows"]


def test_the_document_names_what_differs_behind_a_proxy() -> None:
    text = markdown([sample("down"), sample("refuse", waits=("answer",))], command="calibrate")
    assert "**refused** (`down` against `refuse`): waits for a push: EOF against answer." in text
    assert "| down | EOF, 0.50 s |" in text


def test_the_rows_of_a_ground_share_a_system_and_each_trial_has_another() -> None:
    rows = rows_called(["rst", "scale-out", "scale-in", "rollout"])
    asked = list(requests(rows, trials=2, site="local", spec=SPEC))
    assert [(each.rows, each.trials, each.spec.task_s) for each in asked] == [
        (("scale-out", "scale-in"), 1, 3.0),
        (("scale-out", "scale-in"), 1, 3.0),
        (("rollout",), 1, 60.0),
        (("rollout",), 1, 60.0),
        (("rst",), 2, SPEC.task_s),
    ]
    assert [each.spec.services for each in asked[-2:]] == [("api", "worker"), ()]


def test_the_document_shows_an_instance_and_who_cannot_see_it() -> None:
    (row,) = rows_called(["scale-in"])
    outcomes: dict[str, tuple[str, ...]] = {
        probe: ("2 then 1",) if probe == "consumers" else ("200",) for probe in row.probes
    }
    seen = Measured(row=row, n=3, outcomes=outcomes, after_s=dict.fromkeys(row.probes, 0.5))
    text = markdown([seen, sample("down")], command="calibrate")
    cell = "200, 0.50 s"
    cells = [cell, cell, "-", cell, cell, cell, "2 then 1, 0.50 s", "0 ms, 0 ms", "3"]
    assert f"| scale-in | {' | '.join(cells)} |" in text
    assert text.count("| scale-in |") == 2  # its line here and its proof: no client of the broker
