"""What is beside the code in a source checkout and inside it in an installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str, *, within: str) -> Path:
    """`name` at the top of the source checkout, else at `within` in the installed package.

    The second is where `pyproject.toml` has the wheel put it (`force-include`).
    """
    checkout = _PACKAGE.parents[1] / name
    return checkout if checkout.exists() else _PACKAGE / within
