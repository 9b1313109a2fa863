"""What failed in several tasks at once."""

from __future__ import annotations

from stallproof.failures import one_line_each
from stallproof.sites.base import SiteError


def test_each_of_all_groups_with_its_kind_unless_we_worded_it() -> None:
    inner = ExceptionGroup("tasks", [SiteError("no broker"), LookupError("worker-3")])
    assert one_line_each(ExceptionGroup("all", [ValueError("7"), inner])) == [
        "ValueError: 7",
        "no broker",
        "LookupError: worker-3",
    ]
