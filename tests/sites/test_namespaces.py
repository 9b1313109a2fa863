"""Namespaces where CI runs: what needs them is skipped elsewhere, which must not go unnoticed."""

from __future__ import annotations

import os

from stallproof.sites.namespaces import why_no_namespaces


def test_ci_has_namespaces() -> None:
    refused = why_no_namespaces() if os.environ.get("CI") == "true" else None
    assert refused is None, f"skipped for want of namespaces, the main part of the tests: {refused}"
