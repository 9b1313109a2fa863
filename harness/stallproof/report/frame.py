"""Where things go in a drawing: time to x, and the next free y."""

from __future__ import annotations

from stallproof.report.svg import Canvas
from stallproof.report.timeline import Timeline

WIDE, NARROW = 960.0, 358.0
GUTTER = 96.0
RIGHT = 12.0
LINE = 16.0
"""Height of a line of text."""


class Frame:
    """The layout of one drawing, filled from the top down; `y` is the next free height."""

    def __init__(self, time: Timeline, *, width: float) -> None:
        self.width = width
        self.wide = width > NARROW
        self.left = GUTTER if self.wide else 2.0
        self.right = width - RIGHT
        self.time = time
        self.y = 0.0

    def x(self, t: float) -> float:
        share = (t - self.time.begin) / (self.time.end - self.time.begin)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def heading(self, canvas: Canvas, text: str, *, middle: float) -> None:
        """A row's name: beside it where there is room, else above it."""
        if self.wide:
            canvas.text(0, self.y + middle + 4, text, klass="row")
        else:
            canvas.text(0, self.y + 11, text, klass="row")
            self.y += LINE
