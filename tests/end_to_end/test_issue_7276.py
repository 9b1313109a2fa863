"""Issue #7276 itself: there in the versions that have it, and in no other.

What the mended ones must show is `stalled` valid, and that a fault did bite: a run that was
not judged says nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .command import runs_of, stallproof, verdicts_of

pytestmark = [pytest.mark.real, pytest.mark.long]

OLD = "celery==5.3.6,kombu==5.3.7,redis==5.0.8"
NEW = "celery==5.7.0,kombu==5.7.0,redis==8.1.0"
REPEAT = 4
DEADLINE_S = 400.0
"""Two environments to be made among it, where nobody made them yet."""


@pytest.mark.parametrize(
    ("stack", "options", "stalls"),
    [
        pytest.param(OLD, [], range(3, REPEAT + 1), id="old"),
        pytest.param(OLD, ["--worker-args=--without-mingle"], range(1), id="old-no-mingle"),
        pytest.param(NEW, [], range(1), id="new"),
    ],
)
def test_the_worker_is_mute_just_where_it_should_be(
    desk: Path, stack: str, options: list[str], stalls: range
) -> None:
    done = stallproof(
        *["run", "issue-7276", "--profile", "celery-defaults", "--stack", stack, *options],
        *["--repeat", str(REPEAT), "--json"],
        cwd=desk,
        timeout_s=DEADLINE_S,
    )
    verdicts = [verdicts_of(run) for run in runs_of(done.json)]
    assert len(verdicts) == REPEAT
    assert [v.get("fault-bit") for v in verdicts] == ["valid"] * REPEAT
    stalled = [v["stalled"] for v in verdicts]
    assert stalled.count("invalid") in stalls, stalled
    assert stalled.count("invalid") + stalled.count("valid") == REPEAT, stalled
