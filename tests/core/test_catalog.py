"""Scenario files: what is found, and how a broken one is refused."""

from pathlib import Path

import pytest

from stallproof import catalog
from stallproof.declare import read_docstring

GOOD = '''
from stallproof import scenario

@scenario(tags=["x"])
def quiet_day() -> None:
    """Nothing happens.

    On Cloud Run: a
    quiet day.
    The guide promises: that it works.
    Must hold: everything.
    """
'''


def test_a_docstring_becomes_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "quiet.py").write_text(GOOD)
    found = catalog.load(tmp_path)["quiet-day"]
    assert found.title == "Nothing happens"
    assert found.on_cloud_run == "a quiet day."
    assert found.must_hold == "everything."


def test_a_missing_section_is_named() -> None:
    with pytest.raises(ValueError, match="lacks The guide promises, Must hold"):
        read_docstring("x", "Title\n\nOn Cloud Run: it rains.")


@pytest.mark.parametrize(
    ("text", "says"),
    [("import nothing_of_that_name", "nothing_of_that_name"), ("def f(:", "SyntaxError")],
)
def test_a_broken_file_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(catalog.CatalogError, match=says) as refused:
        catalog.load(tmp_path)
    assert "broken.py" in str(refused.value)


def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD)
    (tmp_path / "b.py").write_text(GOOD)
    with pytest.raises(catalog.CatalogError, match="quiet-day exists already"):
        catalog.load(tmp_path)


def test_select_by_name_and_tag_and_refuse_the_unknown(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD)
    found = catalog.load(tmp_path)
    assert [s.name for s in catalog.select(found, ["quiet-day"])] == ["quiet-day"]
    assert [s.name for s in catalog.select(found, ["tag:x", "quiet-day"])] == ["quiet-day"]
    with pytest.raises(catalog.CatalogError, match="there are: quiet-day"):
        catalog.select(found, ["loud-day"])
    with pytest.raises(catalog.CatalogError, match="tag:y"):
        catalog.select(found, ["tag:y"])


def test_tag_all_selects_each_whatever_its_tags(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD)
    (tmp_path / "b.py").write_text(GOOD.replace("quiet_day", "loud_day").replace('["x"]', "[]"))
    found = catalog.load(tmp_path)
    assert [s.name for s in catalog.select(found, ["tag:all", "quiet-day"])] == [
        "quiet-day",
        "loud-day",
    ]


def test_the_projects_own_scenarios_load_and_the_default_set_is_not_empty() -> None:
    found = catalog.load()
    assert len(found) > 20
    assert len(catalog.select(found, ["tag:default"])) >= 8
