"""The broker's running configuration, changed for a while."""

from __future__ import annotations

from collections.abc import Mapping

from stallproof.sites.capabilities import BrokerCommands


class KeptSettings:
    """`BrokerSettings`, on any site: it remembers what was there before."""

    def __init__(self, commands: BrokerCommands) -> None:
        self._commands = commands
        self._before: dict[str, Mapping[str, str]] = {}

    async def change(self, name: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        if name not in self._before:
            self._before[name] = {key: await self._read(key) for key in settings}
            await self._write(settings)
        return self._before[name]

    async def restore(self, name: str) -> bool:
        before = self._before.pop(name, None)
        if before is not None:
            await self._write(before)
        return before is not None

    async def _read(self, key: str) -> str:
        answer = await self._commands.execute("CONFIG", "GET", key)
        assert isinstance(answer, dict)
        return str(answer[key])

    async def _write(self, settings: Mapping[str, str]) -> None:
        pairs = (word for pair in settings.items() for word in pair)
        await self._commands.execute("CONFIG", "SET", *pairs)
