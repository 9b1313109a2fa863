"""The reaper itself: `python -m images.reaper`, with the engine's socket mounted.

RYUK_PORT                   where it listens; 8080
RYUK_CONNECTION_TIMEOUT     how long it waits for somebody to connect at all; 60s
RYUK_RECONNECTION_TIMEOUT   after the last connection ended; 10s
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

from images.reaper.engine import EngineError, remove_all
from images.reaper.protocol import ACK, Filters, duration_s, filters_in

REMOVAL_TIMEOUT_S = 60.0
"""A network goes only after the last of its containers has gone: asked for until then."""
_AGAIN_S = 0.2


class Reaper:
    """Knows the sessions, and since when nobody has been connected."""

    def __init__(self) -> None:
        self.sessions: list[Filters] = []
        self._connected = 0
        self._change = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: a session a line, each acknowledged, until the other side is gone."""
        self._connected += 1
        self._change.set()
        try:
            while line := await reader.readline():
                try:
                    filters = filters_in(line)
                except ValueError as error:
                    say(f"refused: {error}")
                    continue
                if filters not in self.sessions:
                    self.sessions.append(filters)
                    say(f"Adding {filters}")
                writer.write(ACK)
                await writer.drain()
        except (ConnectionError, ValueError) as error:  # ValueError: a line without an end
            say(f"connection: {error}")
        finally:
            self._connected -= 1
            self._change.set()
            writer.close()

    async def abandoned(self, *, first_s: float, again_s: float) -> None:
        """Return when nobody connects for `first_s`, or for `again_s` after the last one."""
        allowed_s = first_s
        while True:
            self._change.clear()
            try:
                await asyncio.wait_for(self._change.wait(), None if self._connected else allowed_s)
            except TimeoutError:
                return
            allowed_s = again_s


async def run() -> int:
    """Listen, wait until abandoned or told to stop, remove. 1: something would not go."""
    first_s = duration_s(os.environ.get("RYUK_CONNECTION_TIMEOUT", "60s"))
    again_s = duration_s(os.environ.get("RYUK_RECONNECTION_TIMEOUT", "10s"))
    reaper = Reaper()
    port = int(os.environ.get("RYUK_PORT", "8080"))
    server = await asyncio.start_server(reaper.serve, port=port)
    abandoned = asyncio.create_task(reaper.abandoned(first_s=first_s, again_s=again_s))
    loop = asyncio.get_running_loop()
    # Whoever stops it takes its sessions for ended: as process 1 it has no other chance.
    loop.add_signal_handler(signal.SIGTERM, abandoned.cancel)
    loop.add_signal_handler(signal.SIGINT, abandoned.cancel)
    say("Started!")
    await asyncio.wait([abandoned])
    server.close()
    left = [line for filters in reaper.sessions for line in remove(filters)]
    say("; ".join(left) if left else f"Removed what {len(reaper.sessions)} sessions left")
    return 1 if left else 0


def remove(filters: Filters) -> list[str]:
    """Ask until nothing is left, or the time is up; what was left then."""
    deadline = time.monotonic() + REMOVAL_TIMEOUT_S
    while True:
        try:
            left = remove_all(filters)
        except EngineError as error:
            left = [str(error)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(_AGAIN_S)


def say(text: str) -> None:
    """A line that begins with the time, as testcontainers expects of ` Started!`."""
    print(f"{time.strftime('%Y/%m/%d %H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(run()))
