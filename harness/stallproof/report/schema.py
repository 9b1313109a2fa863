"""The JSON Schema of a result's `run.json`: for those who read it without this package."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def results_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of `records.Results`, as shipped beside this module."""
    text = files("stallproof.report").joinpath("results.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
