"""A deadline counts only the time in which a processor was free."""

from __future__ import annotations

from typing import NamedTuple

import anyio
import psutil
import pytest

from stallproof import patience
from stallproof.patience import LONGEST, Patience

pytestmark = pytest.mark.anyio


class Times(NamedTuple):
    user: float
    idle: float
    iowait: float


class Machine:
    """Two processors, free for a share of each second, and a clock that sleeping moves on."""

    def __init__(self, free: float, *, free_from_s: float = 0.0) -> None:
        self.free = free
        self.free_from_s = free_from_s
        self.now_s = 0.0
        self.idle_s = 0.0

    def times(self) -> Times:
        return Times(user=2 * self.now_s - self.idle_s, idle=self.idle_s, iowait=0.0)

    async def sleep(self, for_s: float) -> None:
        self.now_s += for_s
        if self.now_s > self.free_from_s:
            self.idle_s += 2 * for_s * self.free


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def waited(machine: Machine, deadline_s: float, monkeypatch: pytest.MonkeyPatch) -> Patience:
    monkeypatch.setattr(psutil, "cpu_times", machine.times)
    monkeypatch.setattr(patience.time, "monotonic", lambda: machine.now_s)
    monkeypatch.setattr(anyio, "sleep", machine.sleep)
    waiting = Patience(deadline_s)
    await waiting.ends()
    return waiting


@pytest.mark.parametrize(
    ("free", "free_from_s", "ends_s"),
    [
        (0.5, 0.0, 40.0),
        (0.11, 0.0, 40.0),
        (0.5, 30.0, 70.0),
        (0.05, 0.0, LONGEST * 40.0),
    ],
)
async def test_what_others_took_does_not_count(
    free: float, free_from_s: float, ends_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(free, free_from_s=free_from_s)
    waiting = await waited(machine, 40.0, monkeypatch)
    assert machine.now_s == pytest.approx(ends_s, abs=1.0)
    assert waiting.starved_s == pytest.approx(ends_s - 40.0 if free >= 0.1 else ends_s, abs=1.0)
