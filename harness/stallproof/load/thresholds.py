"""Thresholds as data, and whether a load kept to them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from stallproof.load.files import LoadError, default_folder, read_toml
from stallproof.load.measured import Measured
from stallproof.model import Verdict
from stallproof.records import Finding

LATE_S = 1.0
"""A client may be sent off this long after its moment; later, and Locust did not keep up."""
Limit = Annotated[float, msgspec.Meta(ge=0)]
COUNTED = ("error_rate", "lost_stories")
"""What no slowness of the generator can make worse."""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most that is allowed of each; None: not judged."""

    p95_accept_ms: Limit | None = None
    p95_end_to_end_ms: Limit | None = None
    error_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    lost_stories: Annotated[int, msgspec.Meta(ge=0)] | None = None
    drain_s: Limit | None = None


def read_thresholds(path: Path | None) -> Thresholds:
    """The thresholds of a file; without one, those of `loadtests/thresholds.toml`.

    Raises:
        LoadError: the file cannot be used, or says nothing.
    """
    path = path or default_folder() / "thresholds.toml"
    thresholds = read_toml(path, Thresholds)
    if thresholds == Thresholds():
        raise LoadError(f"{path}: no threshold in it; name one of {', '.join(names())}")
    return thresholds


def names() -> tuple[str, ...]:
    return Thresholds.__struct_fields__


def checker_of(name: str) -> str:
    """The finding's name: `load-drain-s`."""
    return "load-" + name.replace("_", "-")


def judge_load(measured: Measured, thresholds: Thresholds) -> tuple[Finding, ...]:
    """A finding for the generator and one for each threshold that is set.

    `load-generator` is unknown where Locust did not keep up: a client was not sent, or later than
    `LATE_S`, or a process told nothing or not all, or nothing was POSTed. Then what depends on
    time is at best unknown, for part of it is the generator's; what is counted is judged all the
    same.
    """
    wrong = _wrong_with_generator(measured)
    text = (
        f"{measured.posted} stories POSTed by {measured.processes} Locust processes, "
        f"a client at most {measured.latest_s:.2f} s after its moment"
    )
    generator = Finding(
        checker="load-generator",
        verdict=Verdict.UNKNOWN if wrong else Verdict.VALID,
        text=f"{'; '.join(wrong) or text}.",
        numbers={
            "clients": measured.clients,
            "not_sent": measured.not_sent,
            "latest_s": measured.latest_s,
            "posted": measured.posted,
            "accepted": measured.accepted,
            "done": measured.done,
        },
    )
    return (
        generator,
        *(
            _finding(name, measured, thresholds, kept_up=not wrong)
            for name in names()
            if getattr(thresholds, name) is not None
        ),
    )


def _wrong_with_generator(measured: Measured) -> list[str]:
    wrong = []
    if measured.reported < measured.processes:
        wrong.append(f"{measured.reported} of {measured.processes} Locust processes reported")
    if measured.timed < measured.posted:
        wrong.append(f"Locust's percentiles are of {measured.timed} POSTs of {measured.posted}")
    if not measured.posted:
        wrong.append("nothing was POSTed")
    if measured.not_sent:
        wrong.append(f"{measured.not_sent} of {measured.clients} clients not sent: over the cap")
    if measured.latest_s > LATE_S:
        wrong.append(
            f"a client was sent {measured.latest_s:.1f} s after its moment (at most {LATE_S:g} s)"
        )
    return wrong


def _seen(measured: Measured, name: str) -> float | None:
    return measured.lost if name == "lost_stories" else getattr(measured, name)


def _finding(name: str, measured: Measured, thresholds: Thresholds, *, kept_up: bool) -> Finding:
    limit, seen = getattr(thresholds, name), _seen(measured, name)
    if seen is None:
        verdict, text = Verdict.UNKNOWN, f"nothing to measure it by (limit {limit:g})"
    else:
        # More than may be lost were still not done when nobody watched any more: no drain.
        over = measured.lost > (thresholds.lost_stories or 0)
        left = measured.lost if over and name == "drain_s" else 0
        verdict = Verdict.INVALID if seen > limit or left else Verdict.VALID
        shown = f"{seen:.0f}" if seen >= 1000 else f"{seen:.4g}"
        text = f"{shown} (limit {limit:g})" + (f", and {left} stories not done" if left else "")
        if verdict is Verdict.INVALID and not kept_up and name not in COUNTED:
            verdict = Verdict.UNKNOWN
            text += "; no verdict, because Locust did not keep up"
    return Finding(
        checker=checker_of(name), verdict=verdict, text=f"{text}.", numbers={"seen": seen}
    )
