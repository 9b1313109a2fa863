"""What each fault does to a bare client: a test for each row of `stallproof calibrate`.

The rows are measured once, side by side (half a minute), and each is held against what it must be.
"""

from __future__ import annotations

import functools

import pytest

from stallproof.calibration import Measured, exit_code, markdown, measure, problems, rows_called
from stallproof.calibration.rows import ROWS, VERSIONS
from stallproof.calibration.trial import PROBES
from stallproof.exits import Exit
from stallproof.faults import AnyFault
from stallproof.sites.namespaces import why_no_namespaces

WORKS = ("answer", "answer", "answer", "answer", "open and open")
SILENT = ("silence", "silence", "answer", "TimeoutError", "open and open")
GONE = ("EOF", "EOF", "ECONNREFUSED", "ConnectionError", "gone")
BROKEN = ("EOF", "EOF", "EOF", "ConnectionError", "closed and closed")
FULL = ("silence", "OOM", "OOM", "OutOfMemoryError", "open and open")
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
}
"""By row: what the client that waits, the idle one, the new one, redis-py and the broker see."""


@functools.cache
def measured() -> dict[str, Measured]:
    return {each.row.name: each for each in measure(ROWS, trials=1, at_once=4)}


@pytest.mark.real
@pytest.mark.parametrize("name", [row.name for row in ROWS])
def test_row(name: str) -> None:
    if refused := why_no_namespaces():
        pytest.skip(f"no namespaces here: {refused}")
    row = measured()[name]
    assert not row.lacking
    assert {probe: row.outcomes[probe] for probe in PROBES} == {
        probe: (seen,) for probe, seen in zip(PROBES, EXPECTED[name], strict=True)
    }
    assert row.bit, row.proof
    assert row.late_p99_s < 1.0


def test_every_fault_that_a_bare_client_can_see_has_a_row() -> None:
    on_the_wire = {kind for kind in AnyFault.__args__ if kind.plane != "lifecycle"}
    assert {type(row.fault) for row in ROWS} == on_the_wire
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
