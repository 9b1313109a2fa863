"""What Cloud Run does to an instance, judged by what is seen of it.

That a real one dies of it is in `tests/sites/test_instances.py` and in the scenarios.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from stallproof.clock import Clock
from stallproof.faults import InstanceKill, KillChild, Terminate, lifecycle
from stallproof.faults.ledger import at_work
from stallproof.sites.capabilities import Processes


class Site:
    """A worker whose instance ends as it is told to, or not at all."""

    def __init__(
        self,
        exits: tuple[int, ...] = (),
        *,
        ran: bool = True,
        members: tuple[int, ...] = (),
        dies: bool = True,
    ) -> None:
        self._ends_with = exits
        self._ran = ran
        self._members = members
        self._dies = dies
        self.instances = {"worker": SimpleNamespace(exits=(0,))}
        self.clock = Clock(speed=1000)
        self.ledger = Path()

    def use(self, capability: type) -> Any:
        if capability is Processes:
            return SimpleNamespace(members=self.members, kill=self.kill_one)
        return self

    async def kill(self, service: str) -> bool:
        self.instances[service].exits += self._ends_with
        return self._ran

    terminate = kill

    async def members(self, _service: str) -> tuple[int, ...]:
        return self._members

    async def kill_one(self, service: str, pid: int) -> bool:
        if self._dies:
            self._members = tuple(member for member in self._members if member != pid)
        self.instances[service].exits += self._ends_with
        return True


async def bite(fault: Any, system: Any) -> Any:
    return await fault.observe(system, await fault.begin(system))


@pytest.mark.parametrize(
    ("exits", "ran", "bit"),
    [((-9,), True, True), ((), True, False), ((-15,), True, False), ((-9,), False, False)],
)
def test_it_bit_if_there_was_one_and_it_died_of_it(
    exits: tuple[int, ...],
    ran: bool,  # noqa: FBT001
    bit: bool,  # noqa: FBT001
) -> None:
    assert anyio.run(bite, InstanceKill(), Site(exits, ran=ran)).bit is bit


def test_it_left_by_itself_or_was_killed() -> None:
    left = anyio.run(bite, Terminate(), Site((0,)))
    assert left.bit
    assert "left by itself with code 0" in left.seen
    assert left.numbers["killed"] == 0
    killed = anyio.run(bite, Terminate(), Site((-9,)))
    assert killed.bit
    assert "was killed" in killed.seen
    assert (killed.numbers["killed"], killed.numbers["code"]) == (1, -9)
    assert killed.numbers["after_s"] >= 0


def test_nothing_that_ran_was_told_to_go() -> None:
    assert not anyio.run(bite, Terminate(), Site((0,), ran=False)).bit


def test_one_that_lives_on_was_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "EXIT_S", 0.05)
    seen = anyio.run(bite, Terminate(), Site())
    assert (seen.bit, seen.seen) == (False, "the worker's instance: it still runs")


def entry(event: str, pid: int) -> str:
    return json.dumps({"event": event, "pid": pid}) + "\n"


LEDGER = entry("start", 11) + entry("start", 12) + entry("start", 13) + entry("end", 12)


def test_who_is_at_work_by_the_ledger() -> None:
    again = LEDGER + entry("end", 11) + entry("skip", 12) + entry("start", 11)
    assert at_work(LEDGER.encode()) == [11, 13]
    assert at_work(again.encode()) == [13, 11]
    assert at_work(again.encode()[:-3]) == [13]  # a line that is not whole yet
    assert at_work(b"") == []


@pytest.mark.parametrize(
    ("members", "exits", "dies", "bit", "says"),
    [
        ((1, 13, 14), (), True, True, "pool process 13: gone"),  # 11 is of an instance before
        ((1, 14), (), True, False, "no pool process was at work"),
        ((1, 13), (-9,), True, False, "pool process 13: gone, its instance too"),
        ((1, 13), (), False, False, "pool process 13: still there"),
    ],
)
def test_a_pool_process_at_work_is_killed_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    members: tuple[int, ...],
    exits: tuple[int, ...],
    dies: bool,  # noqa: FBT001
    bit: bool,  # noqa: FBT001
    says: str,
) -> None:
    monkeypatch.setattr(lifecycle, "EXIT_S", 0.05)
    site = Site(exits, members=members, dies=dies)
    site.ledger = tmp_path / "ledger"
    site.ledger.write_text(LEDGER)
    seen = anyio.run(bite, KillChild(), site)
    assert (seen.bit, seen.seen) == (bit, says)
