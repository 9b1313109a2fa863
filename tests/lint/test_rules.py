"""Each rule once where it must speak, and once where it nearly would."""

from __future__ import annotations

import shlex

import pytest

from stallproof import catalog
from stallproof.lint.registry import ALL

from .asked import Files, told
from .near_misses import NEAR_MISSES
from .samples import FIRES


def test_every_rule_has_a_sample_and_a_near_miss() -> None:
    ids = [rule.id for rule in ALL]
    assert sorted(ids) == sorted(set(ids))
    assert set(ids) == set(FIRES) == set(NEAR_MISSES)


@pytest.mark.parametrize("rule", FIRES)
def test_it_fires_at_the_right_line(rule: str) -> None:
    files, at = FIRES[rule]
    assert [f"{file}:{line}" for file, line, fired in told(files) if fired == rule] == at


@pytest.mark.parametrize(
    ("rule", "files"),
    [(rule, files) for rule, misses in NEAR_MISSES.items() for files in misses],
)
def test_it_is_silent_on_a_near_miss(rule: str, files: Files) -> None:
    assert rule not in [fired for _, _, fired in told(files)]


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_a_proof_that_is_a_run_names_scenarios_that_there_are(rule: object) -> None:
    words = shlex.split(rule.proof.replace("'", ""))  # type: ignore[attr-defined]
    if words[:2] == ["stallproof", "run"]:
        flags = [number for number, word in enumerate(words) if word.startswith("--")]
        catalog.select(catalog.load(), words[2 : flags[0]])


def test_every_text_of_a_rule_is_one_plain_line() -> None:
    for rule in ALL:
        for text in (rule.title, rule.why, rule.instead, rule.proof):
            assert text
            assert "\n" not in text
