"""How many runs boot at once: the only time at which a run is short of processors."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager


class Boots:
    """Places for runs that boot, one a processor: a boot is two Pythons that import side by side.

    Many that boot at once take turns: each of them takes as long as all together, and starves those
    that are further on.
    """

    def __init__(self, at_once: int | None = None) -> None:
        self._places = threading.Semaphore(at_once or os.cpu_count() or 1)

    @contextmanager
    def place(self) -> Iterator[Callable[[], None]]:
        """Wait for a place. It is given back by a call of what this yields, or in the end."""
        self._places.acquire()
        with ExitStack() as taken:
            taken.callback(self._places.release)
            yield taken.close
