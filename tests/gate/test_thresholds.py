import re
from importlib.resources import files
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stallproof import catalog
from stallproof.gate.measures import MEASURES
from stallproof.gate.thresholds import (
    DEFAULTS,
    Bounds,
    Thresholds,
    ThresholdsError,
    load_thresholds,
)

KNOWN = catalog.load()
SOME = "broker-killed-4s"


def loaded(tmp_path: Path, text: str) -> Thresholds:
    file = tmp_path / "own.toml"
    file.write_text(text)
    return load_thresholds(file, known=KNOWN)


def test_every_bound_has_a_default_and_a_measure() -> None:
    default = load_thresholds(None, known=KNOWN).every.named()
    assert set(default) == set(Bounds.__struct_fields__)
    assert set(default) == {"min_runs_valid", *MEASURES}


def test_the_document_shows_the_defaults_and_the_gate_s_scenarios() -> None:
    document = (Path(__file__).parents[2] / "docs" / "GATE.md").read_text()
    defaults = (files("stallproof.gate") / DEFAULTS).read_text(encoding="utf-8")
    assert f"```toml\n{defaults}```\n" in document
    table = document.partition("## What it runs")[2].partition("Left out")[0]
    tagged = {scenario.name for scenario in catalog.select(KNOWN, ["tag:gate"])}
    assert set(re.findall(r"`([a-z0-9-]+-[a-z0-9-]+)`", table)) == tagged


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    default = load_thresholds(None, known=KNOWN)
    own = loaded(tmp_path, f"[every]\nrecovery_s = 3\n[scenario.{SOME}]\ndrain_s = inf\n")
    assert own.of("issue-7276") == default.every.under(Bounds(recovery_s=3))
    assert own.of(SOME) == default.every.under(Bounds(recovery_s=3, drain_s=inf))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[every]\nrecovery_s = \n", "not TOML: Invalid value (at line 2"),
        ("[every]\nrecovry_s = 3\n", "every: no such key: recovry_s; there are: min_runs_valid, "),
        ("[evry]\nrecovery_s = 3\n", "no such key: evry; there are: every, scenario"),
        ('[every]\nrecovery_s = "3"\n', "every.recovery_s: Expected `float | null`, got `str`"),
        ("[every]\nrecovery_s = -1\n", "every: recovery_s is -1.0: it must be 0 or more"),
        ("[every]\nrecovery_s = nan\n", "every: recovery_s is nan: it must be 0 or more"),
        ("[every]\nmin_runs_valid = 0\n", "min_runs_valid is 0: it must be 1 or more"),
        ("[every]\nmin_runs_valid = 1.5\n", "every.min_runs_valid: Expected `int | null`"),
        ("[scenario.nope]\ndrain_s = 3\n", "scenario.nope: there is no scenario of that name"),
        ("every = 3\n", "every: Expected `object`, got `int`"),
        (f"[scenario.{SOME}]\nx = 3\n", "scenario.*: no such key: x; there are: min_runs_valid, "),
    ],
)
def test_a_bad_file_is_one_line_with_its_line_or_key(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ThresholdsError) as error:
        loaded(tmp_path, text)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"--thresholds {tmp_path / 'own.toml'}: ")
    assert says in str(error.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name, says in (("nowhere", "No such file"), ("bytes", "not UTF-8"), ("", "Is a directory")):
        with pytest.raises(ThresholdsError, match=says):
            load_thresholds(tmp_path / name, known=KNOWN)


BOUNDS = st.builds(
    Bounds,
    **{
        name: st.none() | st.floats(min_value=0, allow_nan=False)
        for name in Bounds.__struct_fields__
        if name != "min_runs_valid"
    },
)


@given(BOUNDS, BOUNDS)
def test_laying_bounds_over_others_keeps_every_one_that_is_not_named(a: Bounds, b: Bounds) -> None:
    assert a.under(b).named() == {**a.named(), **b.named()}
