"""What a person sees while runs go: one live line each."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.text import Text

from stallproof.job import Job
from stallproof.model import Verdict
from stallproof.records import RunRecord
from stallproof.request import Progress

STYLES = {Verdict.VALID: "green", Verdict.UNKNOWN: "yellow", Verdict.INVALID: "red"}


class Live:
    """The lines of the runs under way; those that ended scroll away above."""

    def __init__(self, console: Console, plan: Sequence[Job]) -> None:
        self._console = console
        self._total = len(plan)
        self._ended = 0
        self._lock = threading.Lock()
        self._lines: dict[str, tuple[float, Progress]] = {}
        self._live = RichLive(
            console=console, get_renderable=self._draw, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def progress(self, job: Job, progress: Progress) -> None:
        """A run said how far it is."""
        with self._lock:
            started, _ = self._lines.get(job.dir, (time.monotonic(), progress))
            self._lines[job.dir] = (started, progress)

    def done(self, job: Job, record: RunRecord) -> None:
        """A run ended."""
        with self._lock:
            self._lines.pop(job.dir, None)
            self._ended += 1
        line = Text(f"[{self._ended:>{len(str(self._total))}}/{self._total}] ")
        line.append(f"{record.verdict.value:<8}", STYLES[record.verdict])
        line.append(f"{job.dir.removeprefix('runs/')}  {record.seconds:.0f} s")
        self._console.print(line)

    def _draw(self) -> Group:
        with self._lock:
            lines = dict(self._lines)
        now = time.monotonic()
        return Group(
            *(
                Text.assemble(
                    (f"{name.removeprefix('runs/'):<46}", "bold"),
                    f" {now - started:4.0f} s  {progress.phase:<7}",
                    f" accepted {progress.accepted:>3}  done {progress.done:>3}"
                    f"  waiting {progress.waiting:>3}  ",
                    (", ".join(progress.faults), "red"),
                    no_wrap=True,
                    overflow="ellipsis",
                )
                for name, (started, progress) in lines.items()
            )
        )
