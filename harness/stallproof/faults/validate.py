"""Refusals of a fault's bad settings: what, where, what would be right, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from stallproof.sites.base import Link


def check_between(field: str, value: float, least: float, most: float) -> None:
    """Raises ValueError: the value is not within the limits, which both belong to the range."""
    if not least <= value <= most:
        raise ValueError(f"{field} is {value}: it must be {least} to {most}")


def check_several(field: str, values: Sequence[str], choices: Sequence[str]) -> None:
    """Raises ValueError: nothing chosen, something unknown, or something chosen twice."""
    known = ", ".join(choices)
    if not values or set(values) - set(choices) or len(set(values)) < len(values):
        chosen = ", ".join(values) or "empty"
        raise ValueError(f"{field} is {chosen}: it must be one or more of {known}, each once")


def check_links(links: Sequence[Link]) -> None:
    """`check_several` for the field that every fault has."""
    check_several("links", links, tuple(Link))
