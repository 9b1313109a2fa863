"""The strips below the stories: health and restarts, the broker's queue, how the stories flowed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stallproof.report.flow import Flow
from stallproof.report.frame import Frame
from stallproof.report.svg import Canvas, width_of
from stallproof.report.timeline import UNSEEN_S, Depth, Restart, Stretch
from stallproof.report.words import seconds

STRIP = 16.0
MARKS = 10.0
"""Height of the line of restart marks above a strip."""
AREA = 40.0
FINEST = 1.5
"""A stretch narrower than this many units is drawn with its neighbour, the worse state shown."""
GRAVITY = {"well": 0, "sick": 1, "mute": 2}


def draw_health(canvas: Canvas, frame: Frame, service: str, stretches: Sequence[Stretch]) -> None:
    """What the health port said, as a strip; starts, exits and kills as signs above it."""
    restarts = frame.time.instances.get(service, ())
    if frame.wide:
        frame.y += MARKS
        frame.heading(canvas, f"{service} health", middle=STRIP / 2)
    else:
        frame.heading(canvas, f"{service} health", middle=0)
        frame.y += MARKS
    for stretch in coarse(stretches, frame):
        x, end = frame.x(stretch.begin), frame.x(stretch.end)
        canvas.add(
            "rect", x=x, y=frame.y, width=max(end - x, 1.0), height=STRIP, klass=stretch.state
        )
        if width_of(stretch.said) + 4 <= end - x:
            canvas.text((x + end) / 2, frame.y + 12, stretch.said, anchor="middle", klass="said")
    _restarts(canvas, frame, restarts)
    frame.y += STRIP + 8


def coarse(stretches: Sequence[Stretch], frame: Frame) -> list[Stretch]:
    """Stretches too narrow to see, joined with the one before."""
    found: list[Stretch] = []
    for stretch in stretches:
        if stretch.end <= frame.time.begin:
            continue
        last = found[-1] if found else None
        if (
            last is not None
            and frame.x(stretch.begin) - frame.x(last.end) < 0.1
            and min(_width(last, frame), _width(stretch, frame)) < FINEST
        ):
            worse = max(last, stretch, key=lambda s: GRAVITY[s.state])
            found[-1] = msgspec.structs.replace(worse, begin=last.begin, end=stretch.end)
        else:
            found.append(stretch)
    return found


def _width(stretch: Stretch, frame: Frame) -> float:
    return frame.x(stretch.end) - frame.x(stretch.begin)


def _restarts(canvas: Canvas, frame: Frame, restarts: Sequence[Restart]) -> None:
    y, last = frame.y - 5, dict.fromkeys(("start", "sigterm", "liveness-kill", "exit"), -9.0)
    for restart in restarts:
        x = frame.x(restart.t)
        if restart.t < frame.time.begin or x - last[restart.phase] < 5:
            continue
        last[restart.phase] = x
        if restart.phase == "start":
            canvas.stroke("start", (x - 3, y + 3), (x, y - 3), (x + 3, y + 3), (x - 3, y + 3))
        elif restart.phase == "sigterm":
            canvas.stroke("exit", (x, y - 3), (x, y + 3))
        elif restart.phase == "exit":
            canvas.stroke("exit", (x - 3, y - 3), (x + 3, y + 3))
            canvas.stroke("exit", (x - 3, y + 3), (x + 3, y - 3))
        else:
            canvas.stroke("kill", (x - 3, y - 3), (x, y + 3), (x + 3, y - 3), (x - 3, y - 3))
    canvas.flush("start", "exit", "kill")


def draw_depths(canvas: Canvas, frame: Frame) -> None:
    """Messages in the queue as an area, taken but unacknowledged ones as a line over it."""
    depths = [depth for depth in frame.time.depths if depth.t >= frame.time.begin]
    top = max((max(d.queued, d.unacked) for d in depths), default=0)
    frame.heading(canvas, "queue", middle=AREA - 24)
    if frame.wide and depths:
        canvas.text(0, frame.y + AREA - 4, f"most: {top}", klass="quiet")
    elif depths:
        canvas.text(frame.right, frame.y - 5, f"most: {top}", anchor="end", klass="quiet")
    base = frame.y + AREA
    if not depths:
        canvas.text(frame.left, base - 4, "not sampled", klass="quiet")
    scale = (AREA - 4) / max(top, 1)
    queued, unacked = [], []
    for depth, until in _spans(depths, frame):
        x, end = frame.x(depth.t), frame.x(until)
        if not depth.up:
            width = max(end - x, 1.0)
            canvas.add("rect", x=x, y=base - STRIP, width=width, height=STRIP, klass="mute")
            if width_of("broker down") + 4 <= width:
                canvas.text(x + width / 2, base - 4, "broker down", anchor="middle", klass="said")
        queued += [(x, base - depth.queued * scale), (end, base - depth.queued * scale)]
        unacked += [(x, base - depth.unacked * scale), (end, base - depth.unacked * scale)]
    if queued:
        canvas.stroke("queued", (queued[0][0], base), *queued, (queued[-1][0], base))
        canvas.stroke("unacked", *unacked)
    canvas.stroke("axis", (frame.left, base), (frame.right, base))
    canvas.flush("queued", "unacked", "axis")
    frame.y = base


def _spans(depths: Sequence[Depth], frame: Frame) -> list[tuple[Depth, float]]:
    """Samples that say the same, joined; each with the time until which it speaks."""
    spans: list[tuple[Depth, float]] = []
    following = [*(d.t for d in depths[1:]), frame.time.end]
    for depth, next_t in zip(depths, following, strict=False):
        until = min(next_t, depth.t + UNSEEN_S)
        same = spans and msgspec.structs.replace(depth, t=spans[-1][0].t) == spans[-1][0]
        if same and depth.t - spans[-1][1] < 0.001:
            spans[-1] = (spans[-1][0], until)
        else:
            spans.append((depth, until))
    return spans


def draw_flow(canvas: Canvas, frame: Frame, flow: Sequence[Flow]) -> None:
    """Two strips: stories a second, and the 95th percentile from accepted to done."""
    most = max((max(f.accepted_per_s, f.done_per_s) for f in flow), default=0.0)
    base = _strip(canvas, frame, "stories / s", most=f"{most:.0f}")
    scale = (AREA - 4) / max(most, 1.0)
    for klass, rates in (
        ("accepted", [f.accepted_per_s for f in flow]),
        ("flowed", [f.done_per_s for f in flow]),
    ):
        steps = [
            (frame.x(t), base - rate * scale)
            for f, rate in zip(flow, rates, strict=True)
            for t in (f.begin, f.end)
        ]
        ground = [(steps[0][0], base), *steps, (steps[-1][0], base)]
        canvas.stroke(klass, *(ground if klass == "accepted" else steps))
    canvas.flush("accepted", "flowed")
    slowest = max((f.p95_s for f in flow if f.p95_s is not None), default=0.0)
    base = _strip(canvas, frame, "end to end p95", most=seconds(slowest))
    scale = (AREA - 4) / max(slowest, 0.001)
    for f in flow:
        if f.p95_s is not None:
            y = base - f.p95_s * scale
            canvas.stroke("p95", (frame.x(f.begin), y), (frame.x(f.end), y))
    canvas.flush("p95")


def _strip(canvas: Canvas, frame: Frame, name: str, *, most: str) -> float:
    """Name, greatest value and ground line; answers the height of the ground."""
    frame.heading(canvas, name, middle=AREA - 24)
    if frame.wide:
        canvas.text(0, frame.y + AREA - 4, f"most: {most}", klass="quiet")
    else:
        canvas.text(frame.right, frame.y - 5, f"most: {most}", anchor="end", klass="quiet")
    base = frame.y + AREA
    canvas.stroke("axis", (frame.left, base), (frame.right, base))
    canvas.flush("axis")
    frame.y = base + 8
    return base
