"""What a run sees of the broker: whose connections count."""

from __future__ import annotations

from pathlib import Path

import anyio

from stallproof.events import Connections
from stallproof.history import History, Recorder
from stallproof.sites.base import Address, Link
from stallproof.watch import BrokerSampler

CLIENTS = """\
id=1 laddr=10.0.0.1:6379 cmd=hello
id=2 laddr=10.0.0.1:6379 cmd=NULL
id=3 laddr=10.0.0.1:6379 cmd=brpop
"""


class Commands:
    """An idle broker with those clients on the worker's link."""

    def address_of(self, link: Link) -> Address:
        return Address("10.0.0.1" if link is Link.WORKER_BROKER else "10.0.0.2", 6379)

    async def execute(self, *command: str | int) -> object:
        answers = {"SCAN": ("0", []), "HLEN": 0, "CLIENT": CLIENTS, "INFO": {"run_id": "r"}}
        return answers[str(command[0])]


def test_who_has_only_introduced_itself_is_no_connection_of_the_systems(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "history.jsonl")
    anyio.run(BrokerSampler(Commands(), recorder).sample)
    (seen,) = History.read(tmp_path / "history.jsonl").of(Connections)
    assert (seen.link, seen.open, seen.opened, seen.closed) == ("worker-broker", 1, 1, 0)
