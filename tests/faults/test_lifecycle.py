"""What Cloud Run does to an instance; that a real one dies of it is in `tests/clock`."""

from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from stallproof.faults import InstanceKill


class Instances:
    """A worker whose instance ends as it is told to, or not at all."""

    def __init__(self, exits: tuple[int, ...], *, ran: bool) -> None:
        self._ends_with = exits
        self._ran = ran
        self.instances = {"worker": SimpleNamespace(exits=(0,))}

    def use(self, _capability: type) -> "Instances":
        return self

    async def kill(self, service: str) -> bool:
        self.instances[service].exits += self._ends_with
        return self._ran


async def bite(system: Any) -> bool:
    fault = InstanceKill()
    return (await fault.observe(system, await fault.begin(system))).bit


@pytest.mark.parametrize(
    ("exits", "ran", "bit"),
    [((-9,), True, True), ((), True, False), ((-15,), True, False), ((-9,), False, False)],
)
def test_it_bit_if_there_was_one_and_it_died_of_it(
    exits: tuple[int, ...],
    ran: bool,  # noqa: FBT001
    bit: bool,  # noqa: FBT001
) -> None:
    assert anyio.run(bite, Instances(exits, ran=ran)) is bit
