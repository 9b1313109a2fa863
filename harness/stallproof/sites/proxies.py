"""A proxy of Toxiproxy's, and a toxic on it, as its API takes and shows them: values only."""

from __future__ import annotations

import msgspec


class ToxicSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One toxic. It hits every connection (`toxicity` 1): Toxiproxy would draw a smaller share from
    a source that cannot be seeded.
    """

    name: str
    type: str
    stream: str
    attributes: dict[str, int]
    toxicity: float = 1.0


class ProxyState(msgspec.Struct, frozen=True, kw_only=True):
    """One proxy."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[ToxicSpec, ...] = ()

    def bare(self) -> dict[str, object]:
        """What the API takes to make it: toxics are put on one by one."""
        made: dict[str, object] = msgspec.to_builtins(self)
        del made["toxics"]
        return made


# Made here, by one thread: msgspec 0.22 learns a struct's fields at its first use, and two threads
# at once that use it first crash the process.
PROXY = msgspec.json.Decoder(ProxyState)
