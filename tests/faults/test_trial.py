"""A trial of the calibration in which something goes wrong."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from stallproof.calibration import trial
from stallproof.calibration.row import Row
from stallproof.faults import Latency
from stallproof.sites.base import Route
from stallproof.sites.toxiproxy_client import ToxiproxyError

DEADLINE_S = 20.0


@pytest.mark.anyio
@pytest.mark.real
async def test_a_fault_that_does_not_begin_ends_it_with_its_cause(ground: Any) -> None:
    row = Row(name="latency", fault=Latency(latency_ms=10), route=Route.PROXIED)
    # There is no Toxiproxy on this ground, while its broker's clients wait for an answer.
    with anyio.fail_after(DEADLINE_S), pytest.raises(ExceptionGroup) as failed:
        await trial.once(row, ground)
    assert failed.group_contains(ToxiproxyError, match="cannot be reached")
