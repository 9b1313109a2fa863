"""A program: waits in every way there is and tells what each saw.

    python -m stallproof.clock.waits ASKED_S BROKER_BINARY

Runs between guardians (`sites/enclosed.py`), in whose scratch directory it works. One `Mark` a
line on standard output; what the parent does with it is in `table.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from stallproof.clock import waits_python, waits_services
from stallproof.clock.stopwatch import WAITS, Stopwatch, Wait
from stallproof.sites.guardian import SCRATCH
from stallproof.sites.waiting import wait_until

__all__ = ["every_wait", "waits_python", "waits_services"]

_START_S = 600.0
"""Of system time, for a broker that takes some milliseconds."""


def every_wait() -> tuple[Wait, ...]:
    """All of them, in the order in which they are written down."""
    return tuple(WAITS.values())


def main(asked_s: int, broker: str) -> None:
    """Wait in every way, beside a broker."""
    os.chdir(os.environ[SCRATCH])
    path = Path(waits_services.BROKER_SOCKET)
    argv = [broker, "--port", "0", "--unixsocket", str(path), "--save", ""]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(
                lambda: None if path.is_socket() else "nothing",
                awaited=f"the broker's socket {path}",
                timeout_s=_START_S,
            )
            for each in every_wait():
                each.run(asked_s, Stopwatch(each.name))
        finally:
            server.kill()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
