"""The instances of one service: one at the boot, more where it is scaled or rolled out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from stallproof.sites.instances import SupervisedInstance


def instance_ids(service: str) -> Iterator[str]:
    """`worker-1`, `worker-2`: one for each start of any of the service's instances. Thread-safe."""
    return map(f"{service}-{{}}".format, itertools.count(1))


class Fleet:
    """`Instance`: all instances of one service since the boot."""

    def __init__(self, first: SupervisedInstance) -> None:
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
    def oldest(self) -> SupervisedInstance:
        """The one that has been kept for longest; the last that was kept if none is."""
        return (self.kept or self._made[-1:])[0]

    def close(self) -> None:
        """End all of them for good."""
        for instance in self._made:
            instance.close()
