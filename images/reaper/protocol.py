"""Ryuk's protocol, without its sockets: lines in, filters out; durations as Go writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

ACK = b"ACK\n"
"""The answer to each line that was understood. One that was not gets none."""

Filters = Mapping[str, tuple[str, ...]]
"""As the engine's API takes them: what fits all of them is the session's."""

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def filters_in(line: bytes) -> Filters:
    """What a line like `label=a=1&label=b=2` asks for.

    Raises:
        ValueError: it names no label, or anything but labels. Without one, everything in the
            engine would fit.
    """
    text = line.decode(errors="replace").strip()
    asked = parse_qs(text)
    if set(asked) != {"label"} or not all(label.strip("=") for label in asked["label"]):
        raise ValueError(f"{text!r} is not of the form label=KEY=VALUE&label=...")
    return {"label": tuple(asked["label"])}


def duration_s(text: str) -> float:
    """Seconds in a Go duration: `10s`, `1m30s`, `500ms`.

    Raises:
        ValueError: it is none.
    """
    if _DURATION.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a duration like 10s or 1m30s")
    return sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text))
