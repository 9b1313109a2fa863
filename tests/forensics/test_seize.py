"""Each piece stands by itself: what cannot be had is a line that says why, never an exception."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.checkers.histories import scenario

from stallproof.events import Broker, Op, Phase, Seizure
from stallproof.forensics import seize
from stallproof.forensics.seize import Forensics
from stallproof.history import History, Recorder
from stallproof.sites.base import CapabilityMissingError
from stallproof.sites.between import Conntrack
from stallproof.sites.capabilities import BrokerCommands, Insides


class Broken:
    """A site that can look into nothing, and whose broker is down or does not answer."""

    def __init__(self, *, hangs: bool = False) -> None:
        self._hangs = hangs

    def use(self, capability: type) -> Any:
        if capability in (BrokerCommands, Conntrack):
            return self
        raise CapabilityMissingError(capability.__name__)

    async def execute(self, *_: str | int) -> object:
        raise ConnectionError("the broker is down")

    async def entries(self) -> Sequence[str]:
        if self._hangs:
            await anyio.sleep_forever()
        raise OSError("conntrack dump: refused")


class Restarting(Broken):
    """Between an exit and the next start."""

    def use(self, capability: type) -> Any:
        return self if capability is Insides else super().use(capability)

    async def processes(self, _: str) -> Sequence[Any]:
        return []

    async def sockets(self, _: str) -> Sequence[Any]:
        return []


def seized(folder: Path, system: Broken) -> list[Seizure]:
    """A POST that never ends, watched until something is seized and then to the end."""
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "worker.log").write_text("    0.250000 the last words\n")
    recorder = Recorder(folder / "history.jsonl")
    found: list[Any] = []
    recorder.watch(found.append)

    async def run() -> None:
        limits = scenario(accept_s=0.01)
        forensics = Forensics(system, recorder, limits, folder)  # type: ignore[arg-type]
        recorder.add(Phase(t=recorder.now(), name="load"))
        recorder.add(Op(t=recorder.now(), f="submit", type="invoke", story=0))
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(forensics.watch)
                while not any(isinstance(event, Seizure) for event in found):
                    recorder.add(Broker(t=recorder.now(), up=False))
                    await anyio.sleep(0.01)
                group.cancel_scope.cancel()
            recorder.add(Phase(t=recorder.now(), name="end"))
            await forensics.finish(all_done=False)

    anyio.run(run)
    recorder.close()
    return list(History.read(folder / "history.jsonl").of(Seizure))


def test_what_cannot_be_had_is_told_and_the_rest_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seize, "ASK_S", 0.01)
    first, last = seized(tmp_path, Broken())
    assert (first.why, last.why) == ("post-hangs", "unfinished")
    assert first.missing == (
        "CLIENT LIST: ConnectionError: the broker is down",
        "conntrack: OSError: conntrack dump: refused",
        "contents of the broker: ConnectionError: the broker is down",
        "sockets of api: not to be had on this site and route (no Insides)",
        "sockets of worker: not to be had on this site and route (no Insides)",
        "stacks of api: not to be had on this site and route (no Insides)",
        "stacks of worker: not to be had on this site and route (no Insides)",
    )
    assert first.files == ("forensics/post-hangs/worker.log",)
    assert "the last words" in (tmp_path / first.files[0]).read_text()
    assert set(first.silent_s) == {"worker"}
    assert (first.waits, first.queued, first.unacked) == ((), None, None)


def test_a_piece_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seize, "ASK_S", 0.01)
    monkeypatch.setattr(seize, "PIECE_S", 0.5)
    first, _ = seized(tmp_path, Broken(hangs=True))
    assert "conntrack: waited 0.5 s for it, nothing came" in first.missing


def test_a_service_between_two_lives_has_no_stacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seize, "ASK_S", 0.01)
    first, _ = seized(tmp_path, Restarting())
    assert "stacks of worker: it was not running" in first.missing
