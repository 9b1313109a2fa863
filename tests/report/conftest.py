from pathlib import Path

import pytest
from tests.report import samples

from stallproof.records import Results
from stallproof.report import write_reports


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result with every kind of run in it, reported on. Read only."""
    root = tmp_path_factory.mktemp("result")
    samples.everything(root)
    write_reports(root)
    return root


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return samples.everything(tmp_path_factory.mktemp("values"))
