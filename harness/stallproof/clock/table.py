"""Asked against seen: every way of waiting, at several speeds, in system time and in real time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from stallproof.clock.build import find_shim
from stallproof.clock.clock import Clock
from stallproof.clock.stopwatch import Mark
from stallproof.clock.waits import every_wait
from stallproof.parts import find_broker
from stallproof.sites.base import SiteError
from stallproof.sites.namespaces import command_enclosed

SPEEDS = (1, 10, 60)
REAL_S = 0.5
"""How long a wait really takes, at the higher speeds."""
LATE_REAL_S = 0.15
"""So much later than asked a wait may end, in real time: what a busy machine takes to wake up."""
EARLY = 0.01
"""So much of what was asked for a wait may end early: rounding."""
UPTIME_S = 0.02
"""So much less may show on the real clock, which is read twice, in hundredths of a second."""
DEADLINE_S = 120.0


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One wait at one speed."""

    wait: str
    speed: int
    asked_s: float
    seen_s: float
    """System time, as the waiting process measured it."""
    real_s: float
    """Real time, as /proc/uptime tells it: no library stands in between."""
    grain_s: float

    @property
    def right(self) -> bool:
        """It took what was asked for, in both times."""
        late_s = self.grain_s + LATE_REAL_S * self.speed
        least_s, most_s = self.asked_s * (1 - EARLY), self.asked_s + late_s
        return (
            least_s <= self.seen_s <= most_s
            and least_s / self.speed - UPTIME_S <= self.real_s <= most_s / self.speed + UPTIME_S
        )


def measure(speeds: Sequence[int] = SPEEDS) -> list[Seen]:
    """Every wait at every speed; the speeds side by side.

    Raises:
        SiteError: a part is missing, or a wait failed or did not end in time, named in the text.
    """
    shim, broker = find_shim(), find_broker().path
    with ThreadPoolExecutor(len(speeds)) as pool:
        futures = [pool.submit(_at_speed, speed, shim=shim, broker=broker) for speed in speeds]
        return [seen for future in futures for seen in future.result()]


def _at_speed(speed: int, *, shim: str, broker: str) -> list[Seen]:
    asked_s = max(1, round(REAL_S * speed))
    clock = Clock.starting_now(speed).env(shim=shim)
    # `env`, so that the guardians stay in real time.
    waits = [sys.executable, "-m", "stallproof.clock.waits", str(asked_s), broker]
    argv = ["env", *(f"{name}={value}" for name, value in clock.items()), *waits]
    with subprocess.Popen(
        command_enclosed(argv, namespaces=False),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        overdue = threading.Timer(DEADLINE_S, process.kill)
        overdue.start()
        try:
            assert process.stdout is not None
            found, under_way = _read(process.stdout, asked_s, speed=speed)
        finally:
            overdue.cancel()
            process.kill()
    if len(found) < len(every_wait()):
        raise SiteError(
            f"at speed {speed} {len(found)} of {len(every_wait())} waits ended in "
            f"{DEADLINE_S:g} s; under way or failed: {under_way}"
        )
    return found


def _read(lines: Iterable[str], asked_s: int, *, speed: int) -> tuple[list[Seen], str]:
    """What was seen, and the last wait that began."""
    decode = msgspec.json.Decoder(Mark).decode
    grains = {wait.name: wait.grain_s for wait in every_wait()}
    found: list[Seen] = []
    under_way = "the start"
    for line in lines:
        mark = decode(line)
        if mark.seen_s is None:
            under_way = mark.wait
            continue
        found.append(
            Seen(
                wait=mark.wait,
                speed=speed,
                asked_s=asked_s,
                seen_s=mark.seen_s,
                real_s=mark.real_s,
                grain_s=grains[mark.wait],
            )
        )
    return found, under_way


HEAD = """# The clock

Every way in which the system's parts wait, as the compressed clock shows it: what was asked for,
what the waiting process saw in its own time (system time), and what it took in real time (read
from /proc/uptime, in hundredths). Seconds. Written by `stallproof clock --out`; the same is asked
by `tests/clock/test_waits.py`.

What this says: at each speed a wait takes what was asked for, in the time of those who wait, and a
speed's part of it in ours. What a wait takes beyond that is the machine's: it wakes up no faster,
and a millisecond of its work is 60 at 60 times speed. `timeout` of Valkey counts whole seconds
and is looked at by its cron.

Not in this table, because they do not follow: timers inside the kernel (keepalive, retransmission,
TCP_USER_TIMEOUT, conntrack), CPU time, file times, and programs that do not call libc (Toxiproxy).
"""


def markdown(found: Sequence[Seen]) -> str:
    """The page that the project publishes."""
    speeds = list(dict.fromkeys(seen.speed for seen in found))
    titles = [f"{what} at {speed}" for speed in speeds for what in ("asked", "seen", "really took")]
    lines = [HEAD, f"| wait | {' | '.join(titles)} |", f"|---|{'---|' * len(titles)}"]
    for wait in dict.fromkeys(seen.wait for seen in found):
        cells = [
            cell
            for seen in found
            if seen.wait == wait
            for cell in (f"{seen.asked_s:g}", f"{seen.seen_s:.2f}", f"{seen.real_s:.2f}")
        ]
        lines.append(f"| {wait} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
