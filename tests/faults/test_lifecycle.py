"""What Cloud Run does to an instance; that a real one dies of it is in `tests/clock`."""

from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from stallproof.faults import InstanceKill


class Instances:
    """A worker whose instance ends as it is told to, or not at all."""

    def __init__(self, exits: tuple[int, ...], processes: int) -> None:
        self._ends_with = exits
        self._processes = processes
        self.instances = {"worker": SimpleNamespace(exits=(0,))}

    def use(self, _capability: type) -> "Instances":
        return self

    async def kill(self, service: str) -> int:
        self.instances[service].exits += self._ends_with
        return self._processes


async def bite(system: Any) -> bool:
    fault = InstanceKill()
    return (await fault.observe(system, await fault.begin(system))).bit


@pytest.mark.parametrize(
    ("exits", "processes", "bit"),
    [((-9,), 3, True), ((), 3, False), ((-15,), 3, False), ((-9,), 0, False)],
)
def test_it_bit_if_there_were_processes_and_they_died_of_it(
    exits: tuple[int, ...],
    processes: int,
    bit: bool,  # noqa: FBT001
) -> None:
    assert anyio.run(bite, Instances(exits, processes)) is bit
