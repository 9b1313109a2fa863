"""A time budget for many runs together: what has not ended by then is not waited for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Budget:
    """Counts from the moment it is made."""

    for_s: float
    _since: float = field(default_factory=time.monotonic)

    @property
    def left_s(self) -> float:
        """Seconds until it is used up; never below 0."""
        return max(0.0, self._since + self.for_s - time.monotonic())

    @property
    def spent(self) -> bool:
        return self.left_s == 0.0

    @property
    def why(self) -> str:
        """What is said of a run that it cut short."""
        return f"the time budget of {self.for_s:g} s was used up."


class BudgetSpentError(Exception):
    """An experiment of many runs was cut short: what it would have found is not known."""
