"""A canvas that collects SVG elements. Every text that comes in is escaped on its way out."""

from __future__ import annotations

from markupsafe import Markup, escape

CHAR = 6.7
"""The width of one character of the drawings' 12-unit text, rather too wide than too narrow."""


def tag(name: str, text: str | None = None, **attributes: str | float | None) -> Markup:
    """One element; attributes that are None are left out, `klass` is `class`, `_` is `-`."""
    said = "".join(
        f' {key.replace("klass", "class").replace("_", "-")}="{escape(short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "/>" if text is None else f">{escape(text)}</{name}>"
    return Markup("<" + name + said + inner)  # noqa: S704 (each part is escaped above)


def short(value: str | float) -> str:
    """A number as few characters as a tenth of a unit needs."""
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def width_of(text: str) -> float:
    return len(text) * CHAR


class Canvas:
    """Collects elements, and path pieces by class: one path a class keeps big drawings small."""

    def __init__(self) -> None:
        self._parts: list[Markup] = []
        self._paths: dict[str, list[str]] = {}

    def add(self, name: str, text: str | None = None, **attributes: str | float | None) -> None:
        self._parts.append(tag(name, text, **attributes))

    def text(
        self, x: float, y: float, text: str, *, anchor: str = "start", klass: str = ""
    ) -> None:
        self.add(
            "text",
            text,
            x=x,
            y=y,
            text_anchor=None if anchor == "start" else anchor,
            klass=klass or None,
        )

    def stroke(self, klass: str, *points: tuple[float, float]) -> None:
        """A polyline in the path of that class."""
        (x, y), *rest = points
        piece = f"M{short(x)} {short(y)}" + "".join(f"L{short(a)} {short(b)}" for a, b in rest)
        self._paths.setdefault(klass, []).append(piece)

    def flush(self, *klasses: str, width: float | None = None) -> None:
        """Write the collected paths of these classes, with that stroke width."""
        for klass in klasses:
            if pieces := self._paths.pop(klass, None):
                self.add("path", d="".join(pieces), klass=klass, stroke_width=width)

    def body(self) -> Markup:
        """Everything written so far."""
        return Markup().join(self._parts)


def svg(*layers: Canvas, size: tuple[float, float], title: str, text: str, klass: str) -> Markup:
    """A whole drawing, the first layer at the back; `text` is what it shows, in words."""
    head = tag("title", title) + tag("desc", text)
    return Markup('<svg class="{}" viewBox="0 0 {} {}" role="img">{}{}</svg>').format(
        klass, short(size[0]), short(size[1]), head, Markup().join(c.body() for c in layers)
    )
