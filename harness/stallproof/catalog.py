"""Finds the scenarios: every `Scenario` value in the files of a `scenarios/` folder."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from stallproof.model import Scenario
from stallproof.shipped import shipped

ALL = "tag:all"
"""Stands for every scenario; none has to bear it."""


class CatalogError(ValueError):
    """A scenario cannot be found or read: one line saying what, where, what would be right."""


def default_folder() -> Path:
    """The `scenarios/` of the source checkout, else the copy inside the installed package."""
    return shipped("scenarios", within="_scenarios")


def load_file(path: Path) -> list[Scenario]:
    """The scenarios of one file, in the order they are written.

    Raises:
        CatalogError: the file cannot be imported.
    """
    spec = importlib.util.spec_from_file_location(f"stallproof_scenarios.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise CatalogError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise CatalogError(f"{path}: {type(error).__name__}: {error}") from error
    return [value for value in vars(module).values() if isinstance(value, Scenario)]


def load(folder: Path | None = None) -> dict[str, Scenario]:
    """Every scenario by name.

    Raises:
        CatalogError: no folder, a broken file, or one name twice.
    """
    folder = folder or default_folder()
    if not folder.is_dir():
        raise CatalogError(f"{folder}: no such folder of scenarios")
    catalog: dict[str, Scenario] = {}
    for path in sorted(folder.glob("[!_]*.py")):
        for scenario in load_file(path):
            if scenario.name in catalog:
                raise CatalogError(f"{path}: a scenario called {scenario.name} exists already")
            catalog[scenario.name] = scenario
    return catalog


def select(catalog: dict[str, Scenario], names: Sequence[str]) -> list[Scenario]:
    """The named scenarios; `tag:X` stands for all that bear the tag X, `tag:all` for each.

    Raises:
        CatalogError: a name or tag that nothing bears.
    """
    chosen: dict[str, Scenario] = {}
    for name in names:
        if name == ALL:
            found = catalog
        elif name.startswith("tag:"):
            found = {s.name: s for s in catalog.values() if name.removeprefix("tag:") in s.tags}
        else:
            found = {name: catalog[name]} if name in catalog else {}
        if not found:
            near = ", ".join(sorted(catalog)) or "none"
            raise CatalogError(f"no scenario {name!r}; there are: {near}")
        chosen |= found
    return list(chosen.values())
