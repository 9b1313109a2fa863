"""How findings say numbers to a person."""

from __future__ import annotations


def seconds(value_s: float) -> str:
    """`12.30 s`: two decimals, so that what is over a limit also looks so."""
    return f"{value_s:.2f} s"


def count(number: int, noun: str) -> str:
    """`1 story`, `3 stories`, `0 tasks`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def share(part: int, whole: int, noun: str) -> str:
    """`3 of 12 stories`."""
    return f"{part} of {count(whole, noun)}"
