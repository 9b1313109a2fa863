"""What a fork server imports in tests instead of the runner: its run is any Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

if counted := os.environ.get("COUNT_IMPORTS"):
    with Path(counted).open("a") as file:
        file.write("imported\n")


def main(argument: str) -> int:
    """Run the environment's `RUN` or else the argument; its exit status is what that calls code."""
    names: dict[str, Any] = {}
    exec(os.environ.get("RUN", argument), names)
    return int(names.get("code", 0))
