"""Arrival shapes: relative in the file, in stories and seconds once a rate and a time are given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from stallproof.arrivals import Stage, arrivals_s
from stallproof.load.files import LoadError, default_folder, read_toml
from stallproof.model import Workload

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A share of the time; the rate goes evenly from one multiple of the shape's to another."""

    share: Positive
    from_: NotNegative = msgspec.field(name="from")
    to: NotNegative


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When clients arrive (open model), and what each does: `loadtests/shapes.toml` says more."""

    rate_per_s: Positive
    for_s: Positive
    stages: Annotated[tuple[Part, ...], msgspec.Meta(min_length=1)]
    stories_each: Annotated[int, msgspec.Meta(ge=1)] = 1
    think_s: NotNegative = 0.0

    def stretched(self, *, rate_per_s: float | None, for_s: float | None) -> Shape:
        """The same shape at another rate, over another time; None keeps its own.

        Raises:
            LoadError: either is not above 0.
        """
        changes = {"rate_per_s": rate_per_s, "for_s": for_s}
        for name, value in changes.items():
            if value is not None and not 0 < value < float("inf"):
                raise LoadError(f"--{name.replace('_', '-')} {value:g}: it must be above 0")
        given = {name: value for name, value in changes.items() if value is not None}
        return msgspec.structs.replace(self, **given)

    @property
    def in_seconds(self) -> tuple[Stage, ...]:
        """The stages with their own times and rates."""
        whole = sum(part.share for part in self.stages)
        return tuple(
            Stage(
                for_s=part.share / whole * self.for_s,
                from_per_s=part.from_ * self.rate_per_s,
                to_per_s=part.to * self.rate_per_s,
            )
            for part in self.stages
        )

    @property
    def peak_per_s(self) -> float:
        """The most stories that can come in a second, should every client go on at once."""
        highest = max(max(stage.from_per_s, stage.to_per_s) for stage in self.in_seconds)
        return highest * self.stories_each

    def arrivals_s(self) -> list[float]:
        """Seconds after the load starts at which each client arrives."""
        return arrivals_s(self.in_seconds)

    def check_not_empty(self) -> None:
        """Refuse a shape in which nobody comes.

        Raises:
            LoadError: no client arrives in it.
        """
        if not self.arrivals_s():
            raise LoadError("no client arrives in that shape: raise --rate-per-s or --for-s")

    def workload(self, *, task_s: float) -> Workload:
        """The same as a run's workload."""
        stages = self.in_seconds
        mean = sum(stage.total for stage in stages) / self.for_s
        return Workload(rate_per_s=mean, for_s=self.for_s, task_s=task_s, stages=stages)


def read_shape(name: str, *, path: Path | None = None) -> Shape:
    """The shape of that name.

    Raises:
        LoadError: the file cannot be used, or it has no such shape.
    """
    path = path or default_folder() / "shapes.toml"
    shapes = read_toml(path, dict[str, Shape])
    if name not in shapes:
        raise LoadError(f"--shape {name}: {path.name} has {', '.join(shapes) or 'none'}")
    return shapes[name]
