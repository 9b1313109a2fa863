"""Instances beside one another, judged by what is seen of them.

That real ones come and go so is in `tests/sites/test_local.py` and in the scenarios.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from stallproof.clock import Clock
from stallproof.faults import Rollout, ScaleIn, ScaleOut, crews, revisions
from stallproof.faults.ledger import publishers, tasks_in_hand
from stallproof.sites.base import Address, Link
from stallproof.sites.capabilities import BrokerCommands, Hands, Revisions, Routing

ONE = Hands(1, 0.0)
HERE = Address("198.18.3.13", 6379)


def entry(event: str, story: str, instance: str, attempt: int = 1) -> str:
    line = {"event": event, "story_id": story, "attempt": attempt, "instance": instance}
    return json.dumps(line) + "\n"


class Site:
    """A worker of instances that consume as soon as they are started, or never."""

    def __init__(
        self,
        folder: Path,
        *,
        kept: tuple[str, ...] = ("worker-1",),
        ledger: str = "",
        consume: bool = True,
        go: bool = True,
    ) -> None:
        self.ledger = folder / "ledger.jsonl"
        self.ledger.write_text(ledger)
        self.clock = Clock(speed=1000)
        self._kept = list(kept)
        self._consumers = len(kept)
        self._consume = consume
        self._go = go
        self.acts: list[str] = []

    def use(self, capability: type) -> Any:
        assert capability in (BrokerCommands, Revisions)
        return self

    def address_of(self, link: Link) -> Address:
        assert link is Link.WORKER_BROKER
        return HERE

    async def execute(self, *command: str) -> str:
        assert command == ("CLIENT", "LIST")
        other = [
            f"id=1 laddr={HERE.host}:{HERE.port} name= cmd=publish user=default",
            f"id=2 laddr=198.18.3.11:{HERE.port} name= cmd=brpop user=default",
        ]
        here = f"laddr={HERE.host}:{HERE.port} name= cmd=brpop user=default"
        return "\n".join([*other, *(f"id={3 + n} {here}" for n in range(self._consumers))])

    async def kept(self, _service: str) -> list[str]:
        return list(self._kept)

    async def start(self, _service: str) -> str:
        new = f"worker-{len(self._kept) + 1}"
        self.acts.append(f"start {new}")
        self._kept.append(new)
        self._consumers += self._consume
        return new

    async def retire(self, _service: str, instance: str) -> bool:
        self.acts.append(f"retire {instance} with {self._consumers} consumers")
        self._kept.remove(instance)
        return True

    async def left(self, _service: str, _instance: str) -> int | None:
        return 0 if self._go else None


BUSY = entry("start", "a", "worker-1") + entry("start", "b", "worker-2")


async def bite(fault: Any, system: Any) -> Any:
    begun = await fault.begin(system)
    begun |= await fault.follow(system, begun)
    return await fault.observe(system, begun)


class Api:
    """An API of instances that publish as soon as they are started, or never."""

    def __init__(
        self,
        folder: Path,
        *,
        kept: tuple[str, ...] = ("api-1",),
        hands: Hands = ONE,
        publish: bool = True,
        go: bool = True,
    ) -> None:
        self.ledger = folder / "ledger.jsonl"
        self.ledger.write_text("".join(published(instance) for instance in kept))
        self.clock = Clock(speed=1000)
        self._kept = list(kept)
        self._hands = hands
        self._publish = publish
        self._go = go
        self.acts: list[str] = []

    def use(self, capability: type) -> Any:
        assert capability in (Routing, Revisions)
        return self

    async def kept(self, service: str) -> list[str]:
        assert service == "api"
        return list(self._kept)

    async def start(self, service: str) -> str:
        new = f"{service}-{len(self._kept) + 1}"
        self.acts.append(f"start {new}")
        self._kept.append(new)
        if self._publish:
            with self.ledger.open("a") as ledger:
                ledger.write(published(new))
        return new

    async def retire(self, _service: str, instance: str) -> bool:
        self.acts.append(f"retire {instance}")
        self._kept.remove(instance)
        return True

    async def left(self, _service: str, _instance: str) -> int | None:
        return -15 if self._go else None

    def withhold(self, instances: list[str]) -> None:
        self.acts.append(f"withhold {' '.join(instances)}")

    def hands(self, _instance: str) -> Hands:
        return self._hands

    async def handed(self, instances: list[str], *, within_s: float) -> None:
        assert within_s > 0
        self.acts.append(f"await a request for {' '.join(instances)}")
        await anyio.sleep(0.01)


def published(instance: str) -> str:
    line = {"event": "published", "story_id": "a", "instance": instance, "service": "api"}
    return json.dumps(line) + "\n"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What never comes is not awaited for long."""
    monkeypatch.setattr(revisions, "BOOT_S", 0.2)
    monkeypatch.setattr(revisions, "EXIT_S", 0.2)
    monkeypatch.setattr(crews, "READ_S", 0.0)
    monkeypatch.setattr(crews, "MOMENT_S", 0.2)


def test_one_more_is_there_when_one_more_asks_for_work(tmp_path: Path) -> None:
    seen = anyio.run(bite, ScaleOut(), Site(tmp_path))
    assert (seen.bit, seen.numbers) == (True, {"new_consumers": 1})


def test_one_that_was_started_and_does_not_ask_is_not_there(tmp_path: Path) -> None:
    seen = anyio.run(bite, ScaleOut(), Site(tmp_path, consume=False))
    assert (seen.bit, seen.numbers) == (False, {"new_consumers": 0})


def test_the_one_with_the_most_in_hand_goes(tmp_path: Path) -> None:
    ledger = BUSY + entry("start", "c", "worker-2")
    site = Site(tmp_path, kept=("worker-1", "worker-2"), ledger=ledger)
    seen = anyio.run(bite, ScaleIn(), site)
    assert site.acts == ["retire worker-2 with 2 consumers"]
    assert seen.bit
    assert "worker-2 left by itself with code 0" in seen.seen
    assert (seen.numbers["in_hand"], seen.numbers["code"]) == (2, 0)


def test_the_last_one_stays_and_one_that_still_starts_is_no_other(tmp_path: Path) -> None:
    alone = Site(tmp_path, ledger=BUSY)
    starting = Site(tmp_path, ledger=BUSY, consume=False)
    anyio.run(starting.start, "worker")
    for site in (alone, starting):
        seen = anyio.run(bite, ScaleIn(), site)
        assert not seen.bit
        assert "not several at work" in seen.seen
        assert not any(act.startswith("retire") for act in site.acts)


@pytest.mark.parametrize(("ledger", "go"), [("", True), (BUSY, False)])
def test_one_that_had_nothing_in_hand_or_does_not_go_shows_nothing(
    tmp_path: Path,
    ledger: str,
    go: bool,  # noqa: FBT001 (a parameter)
) -> None:
    site = Site(tmp_path, kept=("worker-1", "worker-2"), ledger=ledger, go=go)
    assert not anyio.run(bite, ScaleIn(), site).bit


def test_the_old_revision_is_told_to_go_once_the_new_one_asks_for_work(tmp_path: Path) -> None:
    site = Site(tmp_path, kept=("worker-1", "worker-2"), ledger=BUSY)
    seen = anyio.run(bite, Rollout(overlap_s=0), site)
    assert seen.bit
    assert seen.numbers["in_hand"] == 2
    assert site.acts == [
        "start worker-3",
        "start worker-4",
        "retire worker-1 with 4 consumers",
        "retire worker-2 with 4 consumers",
    ]


def test_a_revision_that_does_not_come_up_leaves_the_old_one_at_work(tmp_path: Path) -> None:
    site = Site(tmp_path, ledger=BUSY, consume=False)
    seen = anyio.run(bite, Rollout(), site)
    assert not seen.bit
    assert "never took work: 0 new consumers beside 1" in seen.seen
    assert site.acts == ["start worker-2"]


@pytest.mark.parametrize(("ledger", "go"), [("", True), (BUSY, False)])
def test_a_rollout_that_nobody_felt_or_that_does_not_end_shows_nothing(
    tmp_path: Path,
    ledger: str,
    go: bool,  # noqa: FBT001 (a parameter)
) -> None:
    site = Site(tmp_path, ledger=ledger, go=go)
    assert not anyio.run(bite, Rollout(overlap_s=0), site).bit


def test_what_an_instance_has_in_hand_by_the_ledger() -> None:
    ledger = BUSY + entry("start", "c", "worker-2") + entry("end", "a", "worker-1")
    assert tasks_in_hand(ledger.encode()) == {"worker-2": 2}
    again = ledger + entry("skip", "b", "worker-1") + entry("start", "b", "worker-1", attempt=2)
    assert tasks_in_hand(again.encode()) == {"worker-2": 2, "worker-1": 1}
    assert tasks_in_hand(again.encode()[:-3]) == {"worker-2": 2}  # a line that is not whole yet
    assert tasks_in_hand(b"") == {}


def test_who_published_by_the_ledger() -> None:
    ledger = published("api-1") + BUSY + published("worker-1")
    assert publishers(ledger.encode()) == {"api-1", "worker-1"}
    assert publishers(ledger.encode()[:-3]) == {"api-1"}


def test_the_old_api_gets_no_more_requests_and_is_told_to_go_with_one_in_hand(
    tmp_path: Path,
) -> None:
    site = Api(tmp_path, kept=("api-1", "api-2"))
    seen = anyio.run(bite, Rollout(service="api", overlap_s=0), site)
    assert seen.bit
    assert "2 new publishers beside 2; api-1 was ended by signal 15" in seen.seen
    assert seen.seen.endswith("2 requests in hand")
    assert (seen.numbers["new_publishers"], seen.numbers["in_hand"]) == (2, 2)
    assert site.acts == [
        "start api-3",
        "start api-4",
        "await a request for api-1 api-2",
        "withhold api-1 api-2",
        "retire api-1",
        "retire api-2",
    ]


@pytest.mark.parametrize(
    ("hands", "bit", "says"),
    [
        (Hands(0, 0.3), True, "0 requests in hand, the last just done"),
        (Hands(0, 3.5), False, "0 requests in hand"),
        (Hands(0, None), False, "0 requests in hand"),
    ],
)
def test_an_api_is_at_work_that_has_just_answered(
    tmp_path: Path,
    hands: Hands,
    bit: bool,  # noqa: FBT001 (a parameter)
    says: str,
) -> None:
    seen = anyio.run(bite, Rollout(service="api", overlap_s=0), Api(tmp_path, hands=hands))
    assert seen.bit is bit
    assert seen.seen.endswith(says)


def test_an_api_that_does_not_answer_or_does_not_go_shows_nothing(tmp_path: Path) -> None:
    mute, stays = Api(tmp_path, publish=False), Api(tmp_path, go=False)
    seen = anyio.run(bite, Rollout(service="api", overlap_s=0), mute)
    assert not seen.bit
    assert "never took work: 0 new publishers beside 1" in seen.seen
    assert mute.acts == ["start api-2"]
    assert not anyio.run(bite, Rollout(service="api", overlap_s=0), stays).bit
    assert not anyio.run(bite, ScaleOut(service="api"), Api(tmp_path, publish=False)).bit


def test_an_old_api_that_publishes_only_now_is_not_the_new_one(tmp_path: Path) -> None:
    site = Api(tmp_path, publish=False)
    site.ledger.write_text("")

    async def scale_out() -> Any:
        begun = await ScaleOut(service="api").begin(site)  # type: ignore[arg-type]
        site.ledger.write_text(published("api-1"))
        return await ScaleOut(service="api").observe(site, begun)  # type: ignore[arg-type]

    assert not anyio.run(scale_out).bit


def test_one_api_more_and_one_fewer(tmp_path: Path) -> None:
    seen = anyio.run(bite, ScaleOut(service="api"), Api(tmp_path))
    assert (seen.bit, seen.numbers) == (True, {"new_publishers": 1})
    site = Api(tmp_path, kept=("api-1", "api-2"))
    assert anyio.run(bite, ScaleIn(service="api"), site).bit
    assert site.acts == ["await a request for api-1", "withhold api-1", "retire api-1"]


def test_what_they_need_goes_by_the_service() -> None:
    for fault in (Rollout, ScaleIn, ScaleOut):
        assert fault().needed == (Revisions, BrokerCommands)
        assert fault(service="api").needed == (Revisions, Routing)


def test_an_overlap_out_of_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="overlap_s is -1"):
        Rollout(overlap_s=-1)
