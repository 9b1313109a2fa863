"""The ledger: one line for each start, end and refusal of work on a story, and for its messages.

Written with a single `os.write` on an O_APPEND descriptor, so that lines of several processes
never mix and a killed process leaves whole lines.
"""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Literal


class Ledger:
    """Appends lines to a file; without a path it keeps none."""

    def __init__(self, path: Path | None, *, instance: str | None = None) -> None:
        self._path = path
        self._instance = instance or socket.gethostname()

    def write(
        self,
        event: Literal["published", "received", "start", "end", "skip"],
        story_id: str,
        **more: str | int | None,
    ) -> None:
        """`start` stands after the claim, right before the work; `skip` is a refused delivery.

        All three of work say `attempt`, and `task_id`, the message that it comes from; `end` says
        `outcome`, which is `ok` or `error`. For the other two see `deliveries.py`.
        """
        if self._path is None:
            return
        line = json.dumps(
            {
                "event": event,
                "story_id": story_id,
                **more,
                "pid": os.getpid(),
                "instance": self._instance,
                "monotonic_s": time.monotonic(),
                "wall_s": time.time(),
            }
        )
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode() + b"\n")
        finally:
            os.close(descriptor)
