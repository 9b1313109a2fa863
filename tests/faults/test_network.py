"""The kernel plane on a real gateway: begin, proof, end, and what stays dead afterwards.

One test with a subtest for each fault, as in `test_calibration.py`: they are done side by side.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stallproof.faults import (
    AnyFault,
    BlackholeConnect,
    ConntrackFlush,
    Loss,
    NatIdleExpiry,
    Partition,
    Refuse,
    Rst,
    SilentDrop,
    VpcInboundExpiry,
)
from stallproof.sites.base import Way
from stallproof.sites.namespaces import why_no_namespaces

from .enclosed_script import printed_by

INSIDE = Path(__file__).parent / "network.py"
DEADLINE_S = 60.0


AFTERWARDS: dict[AnyFault, list[str]] = {
    SilentDrop(): ["silence"],
    SilentDrop(way=Way.TO_BROKER): ["silence"],
    Rst(): ["reset"],
    ConntrackFlush(): ["silence"],
    Partition(): ["silence"],
    NatIdleExpiry(idle_s=1): ["silence"],
    VpcInboundExpiry(idle_s=1): ["answer"],
    Refuse(): ["answer"],
    BlackholeConnect(): ["answer"],
    Loss(percent=5): ["answer"],
}
"""What was dead at the end stays dead; what only waited, or was late, goes on."""


def perform(fault: AnyFault) -> dict[str, Any]:
    text = msgspec.json.encode(fault).decode()
    return printed_by(INSIDE, text, namespaces=True, deadline_s=DEADLINE_S)


@pytest.mark.real
def test_each_bites_says_no_when_it_does_not_and_leaves_new_connections_alone(
    subtests: pytest.Subtests,
) -> None:
    if refused := why_no_namespaces():
        pytest.skip(f"no namespaces here: {refused}")
    with ThreadPoolExecutor(4) as pool:
        performed = {fault: pool.submit(perform, fault) for fault in AFTERWARDS}
    for fault, seen in performed.items():
        with subtests.test(fault.describe()):
            check(fault, seen.result())


def check(fault: AnyFault, seen: dict[str, Any]) -> None:
    assert not seen["lie"]
    assert seen["bit"], seen["seen"]
    assert seen["fresh"] == ["answer"]
    assert seen["afterwards"] == AFTERWARDS[fault]
    if "flows" in seen["numbers"]:
        assert seen["begun"]["flows"] == 0  # nobody is there but bare clients, which do not count
    if isinstance(fault, Partition):
        assert seen["begun"]["cut"] == 12  # three of them on each link
    if "lifted" in seen["ended"][0]:
        assert [ended["lifted"] for ended in seen["ended"]] == [True, False]
        assert seen["ended"][0]["stopped"] > 0
