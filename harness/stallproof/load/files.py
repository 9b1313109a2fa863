"""The files of `loadtests/`, and how a file of values is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stallproof.shipped import shipped

T = TypeVar("T")


class LoadError(ValueError):
    """A load cannot be made as asked: one line saying what, where, what would be right."""


def default_folder() -> Path:
    """The `loadtests/` of the source checkout, else the copy inside the installed package."""
    return shipped("loadtests", within="_loadtests")


def read_toml(path: Path, kind: type[T]) -> T:
    """A TOML file as a value.

    Raises:
        LoadError: it cannot be read, or is not of that kind; the text names the field.
    """
    try:
        document: Any = msgspec.toml.decode(path.read_bytes())
        return msgspec.convert(document, kind)
    except OSError as error:
        raise LoadError(f"{path}: cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise LoadError(f"{path}: {error}".replace("\n", " ")) from None
