"""Draws a run's timeline as SVG, wide for a desk or narrow for a phone.

From the top: the faults' names, how long recovery took, one row a story, a strip a health
port with the restarts above it, the broker's queue, for many stories how they flowed, the time
axis. Colours are CSS classes of the page; each state also has a shape or a word of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from stallproof.report.frame import LINE, Frame
from stallproof.report.stories import Story
from stallproof.report.strips import draw_depths, draw_flow, draw_health
from stallproof.report.svg import Canvas, svg, width_of
from stallproof.report.timeline import Recovery, Timeline
from stallproof.report.words import count, seconds

MOST_ROWS = 120
MOST_RECOVERIES = 3
LABEL_ROWS = 3


def draw(time: Timeline, *, width: float, title: str) -> Markup:
    """The drawing of one run."""
    behind, canvas, frame = Canvas(), Canvas(), Frame(time, width=width)
    chosen = thinned(time.stories)
    top = _fault_labels(canvas, frame)
    _recoveries(canvas, frame)
    _stories(canvas, frame, chosen)
    for service, stretches in time.health.items():
        draw_health(canvas, frame, service, stretches)
    draw_depths(canvas, frame)
    if shows_flow(time):
        frame.y += 8
        draw_flow(canvas, frame, time.flow)
    _bands(behind, frame, top=top, bottom=frame.y)
    _axis(canvas, frame)
    return svg(
        behind,
        canvas,
        size=(width, frame.y),
        title=title,
        text=describe(time, shown=len(chosen)),
        klass="wide" if frame.wide else "narrow",
    )


def shows_flow(time: Timeline) -> bool:
    """Where there are more stories than rows, how they flowed is drawn as well."""
    return len(time.stories) > MOST_ROWS


def thinned(stories: Sequence[Story]) -> list[Story]:
    """At most MOST_ROWS of them: first those that did not simply get done, evenly spread."""
    if len(stories) <= MOST_ROWS:
        return list(stories)
    odd = _evenly([s for s in stories if s.outcome != "done"], MOST_ROWS)
    plain = _evenly([s for s in stories if s.outcome == "done"], MOST_ROWS - len(odd))
    return sorted(odd + plain, key=lambda story: story.invoked)


def _evenly(stories: list[Story], most: int) -> list[Story]:
    if len(stories) <= most:
        return stories
    return [stories[i * len(stories) // most] for i in range(most)]


def thinning_note(time: Timeline) -> str | None:
    """What the drawing leaves out, in words; None: nothing."""
    if len(time.stories) <= MOST_ROWS:
        return None
    return (
        f"{MOST_ROWS} of {len(time.stories)} stories are drawn, evenly chosen, "
        "those that did not simply get done before the others."
    )


def describe(time: Timeline, *, shown: int) -> str:
    """The drawing in words, for those who do not see it."""
    parts = [f"{count(len(time.stories), 'story')} over {seconds(time.end)}, {shown} drawn."]
    parts += [f"{n} {outcome}." for outcome, n in sorted(time.outcomes.items())]
    for band in time.bands:
        until = "" if band.end is None else f" to {seconds(band.end)}"
        parts.append(f"Fault {band.step + 1}, {band.name}, at {seconds(band.begin)}{until}.")
    for recovery in time.recoveries:
        took = seconds(recovery.end - recovery.begin)
        parts.append(
            f"After fault {recovery.step + 1} the first task started {took} later."
            if recovery.recovered
            else f"After fault {recovery.step + 1} no task started in the {took} that were left."
        )
    return " ".join(parts)


def _fault_labels(canvas: Canvas, frame: Frame) -> float:
    """Each fault's number and name above its band, in as many rows as it takes; their bottom.

    What finds no room goes unnamed in the drawing: the list beside it has them all.
    """
    free_from = [0.0] * LABEL_ROWS
    used = 0
    for band in frame.time.bands:
        text = f"{band.step + 1} {band.name}"
        x = min(frame.x(band.begin), frame.width - width_of(text))
        row = next((i for i, free in enumerate(free_from) if free <= x), None)
        if row is None:
            continue
        free_from[row] = x + width_of(text) + 6
        used = max(used, row + 1)
        canvas.text(x, row * LINE + 12, text, klass="fault")
    frame.y = used * LINE + 4
    return used * LINE


def _bands(canvas: Canvas, frame: Frame, *, top: float, bottom: float) -> None:
    for band in frame.time.bands:
        x = frame.x(band.begin)
        if band.end is not None:
            width = max(frame.x(band.end) - x, 2.0)
            canvas.add("rect", x=x, y=top, width=width, height=bottom - top, klass="band")
            canvas.stroke("edge", (x + width, top), (x + width, bottom))
        canvas.stroke("edge", (x, top), (x, bottom))
    canvas.flush("edge")


def _recoveries(canvas: Canvas, frame: Frame) -> None:
    """The longest ones, a bracket each, in order of time."""
    time = frame.time
    longest = sorted(time.recoveries, key=lambda r: r.begin - r.end)[:MOST_RECOVERIES]
    for recovery in sorted(longest, key=lambda r: r.begin):
        begin, end, y = frame.x(recovery.begin), frame.x(recovery.end), frame.y + 8
        klass = "bracket" if recovery.recovered else "bracket open"
        canvas.stroke(klass, (begin, y - 5), (begin, y + 5))
        canvas.stroke(klass, (begin, y), (max(end, begin + 1), y))
        if recovery.recovered:
            canvas.stroke(klass, (end, y - 5), (end, y + 5))
        canvas.flush(klass)
        _bracket_text(canvas, frame, recovery, begin=begin, end=end)
        frame.y += LINE
    frame.y += 4


def _bracket_text(
    canvas: Canvas, frame: Frame, recovery: Recovery, *, begin: float, end: float
) -> None:
    took = seconds(recovery.end - recovery.begin)
    text = f"first start after {took}" if recovery.recovered else f"no start for {took}"
    klass = "took" if recovery.recovered else "took bad"
    y, room = frame.y + 12, width_of(text) + 8
    if end - begin > room + 40:
        canvas.text((begin + end) / 2, y, text, anchor="middle", klass=f"{klass} over")
    elif end + room <= frame.width:
        canvas.text(end + 6, y, text, klass=klass)
    elif begin - room >= 0:
        canvas.text(begin - 6, y, text, anchor="end", klass=klass)
    else:
        canvas.text(end - 4, y, text, anchor="end", klass=f"{klass} over")


def _stories(canvas: Canvas, frame: Frame, stories: Sequence[Story]) -> None:
    frame.heading(canvas, "stories", middle=8)
    if not stories:
        canvas.text(frame.left, frame.y + 12, "none was submitted", klass="quiet")
        frame.y += LINE + 8
        return
    height = min(max(220 / len(stories), 3.0), 9.0)
    for story in stories:
        _story(canvas, frame, story, height=height)
        frame.y += height
    canvas.flush("wait", "waiting", "unfinished", "lost", width=max(height / 5, 1.0))
    canvas.flush("work", "again", width=height - 1.2)
    canvas.flush("cut", "end-waiting", "end-unfinished", "end-lost", "end-twice", "end-done")
    canvas.flush("end-refused", "end-unanswered")
    frame.y += 10


def _story(canvas: Canvas, frame: Frame, story: Story, *, height: float) -> None:
    y, half = frame.y + height / 2, max(height / 2 - 0.5, 2.0)
    if story.accepted is None and story.done is None:
        x = frame.x(story.invoked)
        _mark(canvas, story.outcome, x=x, y=y, half=half)
        return
    begin = frame.x(story.invoked if story.accepted is None else story.accepted)
    started = frame.x(story.work[0].start) if story.work else None
    until = frame.x(frame.time.end if story.done is None else story.done)
    line = story.outcome if story.done is None else "wait"
    canvas.stroke(line, (begin, y), (until if started is None or line != "wait" else started, y))
    for work in story.work:
        x = frame.x(work.start)
        if work.end is None:
            canvas.stroke("cut", (x, y - half), (x, y + half))
        else:
            klass = "again" if story.outcome == "twice" else "work"
            canvas.stroke(klass, (x, y), (max(frame.x(work.end), x + 1.5), y))
    if story.outcome != "done" or not story.work:
        _mark(canvas, story.outcome, x=until - (half if story.done is None else 0), y=y, half=half)


def _mark(canvas: Canvas, outcome: str, *, x: float, y: float, half: float) -> None:
    """The sign at the end of a story's row: a shape of its own for each outcome."""
    klass = f"end-{outcome}"
    if outcome in ("lost", "refused"):
        canvas.stroke(klass, (x - half, y - half), (x + half, y + half))
        canvas.stroke(klass, (x - half, y + half), (x + half, y - half))
    elif outcome == "waiting":
        canvas.stroke(klass, (x - half, y - half), (x + half, y), (x - half, y + half))
    elif outcome == "done":
        canvas.stroke(klass, (x, y - half), (x, y + half))
    else:  # twice, unfinished, unanswered: a diamond, hollow
        corners = ((x - half, y), (x, y - half), (x + half, y), (x, y + half), (x - half, y))
        canvas.stroke(klass, *corners)


def _axis(canvas: Canvas, frame: Frame) -> None:
    y, step = frame.y + 2, _tick_s(frame)
    canvas.stroke("axis", (frame.left, y), (frame.right, y))
    for i in range(int(frame.time.end / step) + 1):
        x = frame.x(i * step)
        canvas.stroke("axis", (x, y), (x, y + 4))
        unit = " s" if i == 0 else ""
        anchor = "start" if i == 0 else "middle" if x < frame.right - 12 else "end"
        canvas.text(x, y + LINE, f"{i * step:g}{unit}", anchor=anchor, klass="tick")
    canvas.flush("axis")
    frame.y += LINE + 8


def _tick_s(frame: Frame) -> float:
    """1, 2 or 5 times a power of ten, for about ten ticks on the wide drawing, five else."""
    rough = max(frame.time.end / (10 if frame.wide else 5), 0.1)
    power = 10 ** math.floor(math.log10(rough))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= rough))
