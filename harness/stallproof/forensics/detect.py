"""Whether something hangs, while the run goes: the checkers' own judgement, of the history so far.

    detector = Detector(recorder, path, scenario)
    if detector.suspects():      # cheap, at any time
        detector.judge()         # reads the history: in a thread

No second definition of a stall: `Facts.stalls` and `accept.hanging` decide. What is asked before
them only spares reading the history for nothing; a run in which work moves is never read.
"""

from __future__ import annotations

from pathlib import Path

from stallproof.checkers.accept import hanging
from stallproof.checkers.facts import Facts
from stallproof.events import AnyEvent, Broker, Op, Phase, Task
from stallproof.forensics.findings import Why
from stallproof.history import History, Recorder
from stallproof.model import Scenario


class Detector:
    """Follows a run from its beginning."""

    def __init__(self, recorder: Recorder, path: Path, scenario: Scenario) -> None:
        """`path` is the file that the recorder writes."""
        self._recorder = recorder
        self._path = path
        self._scenario = scenario
        self._moved_t: float | None = None
        """When something was last taken, or the load began; None before that."""
        self._may_hold = False
        """The broker held messages at its last sample, or did not answer."""
        self._posted_t: dict[int, float] = {}
        """The POSTs without an answer: when each was sent."""
        recorder.watch(self._note)

    def suspects(self) -> bool:
        """A checker may be about to call something; False, it certainly is not."""
        return self._may_stall() or self._may_hang()

    def judge(self) -> set[Why]:
        """What the checkers would call now, and what still goes on. O(n log n) of the history.

        A stall that shows only afterwards (a story that was nowhere, and is then done) is over
        by the time it shows: there is nothing left to seize.
        """
        facts = self._facts()
        found: set[Why] = set()
        if any(end_t >= facts.end_t for _, end_t in facts.stalls):
            found.add("stalled")
        if hanging(facts):
            found.add("post-hangs")
        return found

    def unfinished(self) -> bool:
        """Whether there are accepted stories that neither are done nor failed, or open POSTs."""
        facts = self._facts()
        return bool(hanging(facts)) or any(story.over_t is None for story in facts.unfinished)

    def _facts(self) -> Facts:
        return Facts(History.read(self._path), self._scenario)

    def _may_stall(self) -> bool:
        limit_s = self._scenario.limits.stall_s
        moved_t = self._moved_t
        return moved_t is not None and self._may_hold and self._recorder.now() - moved_t > limit_s

    def _may_hang(self) -> bool:
        # A copy: other threads add to it.
        oldest_t = min(list(self._posted_t.values()), default=self._recorder.now())
        return self._recorder.now() - oldest_t > self._scenario.limits.accept_s

    def _note(self, event: AnyEvent) -> None:
        if isinstance(event, Phase):
            self._moved_t = event.t if event.name == "load" else self._moved_t
        elif isinstance(event, Task):
            if self._moved_t is not None and event.event != "end":
                self._moved_t = max(event.t, self._moved_t)
        elif isinstance(event, Broker):
            self._may_hold = not event.up or event.unacked > 0 or any(event.queues.values())
        elif isinstance(event, Op) and event.f == "submit" and event.story >= 0:
            if event.type == "invoke":
                self._posted_t[event.story] = event.t
            else:
                self._posted_t.pop(event.story, None)
