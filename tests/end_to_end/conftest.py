"""What the end-to-end tests share: an empty working directory of each test's own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Where the command is typed: an empty folder, apart from what else the test makes."""
    folder = tmp_path / "desk"
    folder.mkdir()
    return folder
