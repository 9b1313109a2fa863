"""The broker plane: the broker is back, and has to load its data before it answers."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import anyio

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.clients import by_link, clients_of
from stallproof.faults.refusals import ask_each, told
from stallproof.sites.base import EVERY, System
from stallproof.sites.capabilities import BrokerCommands, BrokerLogin, BrokerProcess, SlowLoading

LOADS_S = 60.0
"""How long it would load, in system time, if the end of the fault did not let it go on faster."""
KEYS = 3000
KEY_B = 1000
"""Of random text, which does not compress: between two keys it looks at its clients."""
AT_ONCE = 200
DATABASE = 15
"""The last of the sixteen: the system's own keys are in 0."""
PREPARE_S = 3.0
REWRITE_TIMEOUT_S = 10.0
FILL = f"""
redis.call('SELECT', {DATABASE})
local letters = {{}}
for n = 1, {KEY_B} do letters[n] = string.char(math.random(97, 122)) end
local text = table.concat(letters)
for n = 1, {AT_ONCE} do redis.call('SET', 'load-' .. ARGV[1] .. '-' .. n, text) end
"""
EMPTY = f"redis.call('SELECT', {DATABASE}) redis.call('FLUSHDB')"


class Loading(Fault, frozen=True, kw_only=True, tag="loading"):
    """The broker is killed, is there again at once, and loads its data until the end.

    Connections get EOF. Who connects anew is let in and gets -LOADING to every command that needs
    data. Nothing is lost: it really loads what its append-only file holds, with as many keys
    more as it takes, and slowly (`key-load-delay`, which the server's own tests use).

    It stands for a restart, or a replica's first synchronisation, with gigabytes of data.
    """

    plane: ClassVar[Plane] = "broker"
    needs = (SlowLoading, BrokerProcess, BrokerCommands, BrokerLogin)

    def describe(self) -> str:
        return "broker killed, back loading its data"

    @property
    def lead_s(self) -> float:
        return PREPARE_S

    async def prepare(self, system: System) -> None:
        """Give it something to load, if it keeps anything.

        Raises:
            ConnectionError: the broker is down.
            TimeoutError: it did not rewrite its file in time.
        """
        commands = system.use(BrokerCommands)
        if not await _number(commands, "aof_enabled"):
            return
        for part in range(KEYS // AT_ONCE):
            await commands.execute("EVAL", FILL, 0, part)
        # Only a rewritten file is read as it is here: a key at a time, clients looked at between.
        await commands.execute("CONFIG", "SET", "rdbcompression", "no")
        await commands.execute("BGREWRITEAOF")
        try:
            with anyio.fail_after(REWRITE_TIMEOUT_S):
                while await _rewriting(commands):
                    await anyio.sleep(0.02)
        except TimeoutError:
            raise TimeoutError(
                f"waited {REWRITE_TIMEOUT_S:g} s for the broker to rewrite its append-only file"
            ) from None

    async def begin(self, system: System) -> dict[str, Any]:
        """`clients`: how many each link had just before; `restarted` False: it was down, or loads
        already, or keeps nothing that it could load.
        """
        commands = system.use(BrokerCommands)
        began = time.monotonic()
        try:
            clients = by_link(await clients_of(commands, EVERY))
            await commands.execute("PING")  # CLIENT LIST is answered while it loads
            keeps = await _number(commands, "aof_enabled")
        except ConnectionError:
            return {"clients": by_link([]), "restarted": False}
        if not keeps:
            return {"clients": clients, "restarted": False}
        await system.use(SlowLoading).restart(key_s=LOADS_S / KEYS)
        took_s = round(time.monotonic() - began, 4)
        return {"clients": clients, "restarted": True, "took_s": took_s}

    async def end(self, system: System) -> dict[str, Any]:
        """`loaded` False: it had loaded everything before."""
        commands = system.use(BrokerCommands)
        began = time.monotonic()
        try:
            loads = await _number(commands, "loading")
            await commands.execute("CONFIG", "SET", "key-load-delay", 0)
        except ConnectionError:
            return {"loaded": False}
        await system.use(BrokerProcess).start()  # it runs: waits until it answers
        await commands.execute("EVAL", EMPTY, 0)
        return {"loaded": bool(loads), "took_s": round(time.monotonic() - began, 4)}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """A new connection gets -LOADING."""
        seen = told(await ask_each(system, "PING"), lambda said: said.startswith("-LOADING"))
        clients = sum(begun["clients"].values())
        return Observation(
            bit=seen.bit,
            seen=f"{clients} clients before; {seen.seen}",
            numbers=seen.numbers | {"clients": clients},
        )


async def _rewriting(commands: BrokerCommands) -> bool:
    going = await _number(commands, "aof_rewrite_in_progress")
    return bool(going or await _number(commands, "aof_rewrite_scheduled"))


async def _number(commands: BrokerCommands, field: str) -> int:
    answer = await commands.execute("INFO", "persistence")
    assert isinstance(answer, dict)
    return int(answer[field])
