"""The instances of one service: one at the boot, more where it is scaled or rolled out."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from anyio import to_thread

from stallproof.sites.instances import SupervisedInstance


def instance_ids(service: str) -> Iterator[str]:
    """`worker-1`, `worker-2`: one for each start of any of the service's instances. Thread-safe."""
    return map(f"{service}-{{}}".format, itertools.count(1))


class Fleet:
    """`Instance`: all instances of one service since the boot."""

    def __init__(
        self,
        first: SupervisedInstance,
        *,
        more: Callable[[int], SupervisedInstance] | None = None,
    ) -> None:
        """`more(n)` makes and starts the n-th of them; without it there is only the first."""
        self._more = more
        self._changing = threading.Lock()
        self._made = [first]

    @property
    def starts(self) -> int:
        return sum(instance.starts for instance in self._made)

    @property
    def exits(self) -> Sequence[int]:
        dated = [exit_ for instance in self._made for exit_ in instance.dated_exits]
        return tuple(code for _, code in sorted(dated))

    @property
    def kept(self) -> Sequence[SupervisedInstance]:
        """Those that the site keeps running, the oldest first."""
        return [instance for instance in self._made if not instance.retired]

    @property
    def open_to_requests(self) -> Sequence[SupervisedInstance]:
        """Those of them that run just now and were not told to go."""
        return [instance for instance in self.kept if instance.takes_requests]

    @property
    def oldest(self) -> SupervisedInstance:
        """The one that has been kept for longest; the last that was kept if none is."""
        return (self.kept or self._made[-1:])[0]

    def add(self) -> SupervisedInstance:
        """One more beside the others, started.

        Raises:
            SiteError: there is no place for it.
        """
        assert self._more is not None
        with self._changing:
            self._made.append(self._more(len(self._made) + 1))
            return self._made[-1]

    def find(self, instance: str) -> SupervisedInstance:
        """The one of whose lives one has that id.

        Raises:
            LookupError: none has.
        """
        for made in self._made:
            if instance in made.ids:
                return made
        raise LookupError(f"no instance {instance}; there are {[made.id for made in self._made]}")

    def close(self) -> None:
        """End all of them for good."""
        with self._changing:
            made = tuple(self._made)
        for instance in made:
            instance.close()


class SupervisedInstances:
    """`Instances`: those of one system, on any site."""

    def __init__(self, instances: Mapping[str, Fleet]) -> None:
        self._instances = instances

    async def kill(self, service: str) -> bool:
        return await to_thread.run_sync(self._instances[service].oldest.kill_and_wait)

    async def terminate(self, service: str) -> bool:
        return self._instances[service].oldest.terminate()


class LocalRevisions:
    """`Revisions`: more instances on this machine, and fewer."""

    def __init__(self, instances: Mapping[str, Fleet]) -> None:
        self._instances = instances

    async def kept(self, service: str) -> Sequence[str]:
        return [instance.id for instance in self._instances[service].kept]

    async def start(self, service: str) -> str:
        return (await to_thread.run_sync(self._instances[service].add)).id

    async def retire(self, service: str, instance: str) -> bool:
        return self._instances[service].find(instance).retire()

    async def left(self, service: str, instance: str) -> int | None:
        retired = self._instances[service].find(instance)
        return retired.dated_exits[-1][1] if retired.over and retired.dated_exits else None
