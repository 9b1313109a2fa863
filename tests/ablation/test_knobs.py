"""The knobs are the profiles' own, each of them, and what they claim can be run."""

from __future__ import annotations

from typing import Any

import pytest

from stallproof import catalog
from stallproof.ablation.cells import KNOBS, cells_of, knobs_called
from stallproof.ablation.knob import DEFAULTS, GUIDE, HARDENED, Claim, Knob
from stallproof.wish import PlanError
from storymimi.configuration import configuration_of
from storymimi.settings import Settings

ROUTING = {"task_default_queue", "task_queues", "task_routes"}
"""Which queue a task takes is the application's own affair."""
NO_KNOBS = {"--loglevel=info", "--queues=story_generation,default"}


def in_force(profile: str) -> tuple[dict[str, Any], set[str]]:
    given = configuration_of(Settings(storymimi_profile=profile))
    settings = {each.key: each.value for each in given.settings if each.key not in ROUTING}
    return settings, set(given.worker_args) - NO_KNOBS


@pytest.mark.parametrize("profile", [GUIDE, HARDENED])
def test_every_setting_and_flag_of_a_profile_is_a_knob_with_the_profiles_value(
    profile: str,
) -> None:
    settings, flags = in_force(profile)
    mine = [knob for knob in KNOBS if profile in knob.set_by]

    assert {key: value for knob in mine for key, value in knob.settings.items()} == settings
    assert {flag for knob in mine for flag in knob.flags} == flags


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_a_profile_that_does_not_have_a_knob_leaves_its_settings_alone_or_says_so(
    knob: Knob,
) -> None:
    for profile in {GUIDE, HARDENED} - set(knob.set_by):
        settings, _ = in_force(profile)
        otherwise = profile == GUIDE or knob.otherwise_in_hardened
        assert otherwise or not knob.settings.keys() & settings.keys()


def test_what_is_claimed_is_a_scenario() -> None:
    known = catalog.load()

    assert {cell.claim.scenario for cell in cells_of(KNOBS)} <= known.keys()


def test_names_are_unique_and_found_by_a_part_of_them() -> None:
    assert len({knob.name for knob in KNOBS}) == len(KNOBS)
    assert {knob.name for knob in knobs_called(["socket_timeout"])} > {"socket_timeout 30"}
    assert knobs_called([]) == KNOBS


def test_a_name_that_is_in_no_knob_is_refused() -> None:
    with pytest.raises(PlanError, match="--only mingel: no knob; there are: retry_on_timeout"):
        knobs_called(["mingel"])


CLAIM = Claim(scenario="any", why="it helps")


def test_a_knob_is_off_alone_where_it_is_on_and_on_alone_where_nothing_is() -> None:
    knob = Knob(
        name="late", settings={"a": 1}, flags=("-b=2",), set_by=(HARDENED,), claims=(CLAIM,)
    )

    hardened, defaults = cells_of([knob])

    assert (hardened.profile, defaults.profile) == (HARDENED, DEFAULTS)
    assert (hardened.on.label, hardened.off.unset) == ("", ("a", "-b"))
    assert (defaults.off.label, defaults.on.settings) == ("", (("a", "1"),))
    assert defaults.on.flags == ("-b=2",)


def test_what_it_is_not_read_without_is_on_both_sides_of_the_lone_knob() -> None:
    knob = Knob(name="k", settings={"a": 1}, given={"g": True}, set_by=(HARDENED,), claims=(CLAIM,))

    hardened, defaults = cells_of([knob])

    assert (defaults.on.settings, defaults.off.settings) == (
        (("g", "true"), ("a", "1")),
        (("g", "true"),),
    )
    assert (hardened.on.settings, hardened.off.settings) == ((), ())


def test_what_celery_has_on_of_itself_is_switched_to_the_other_value_everywhere() -> None:
    knob = Knob(name="k", settings={"a": 1}, off={"a": 0}, set_by=(HARDENED,), claims=(CLAIM,))

    for cell in cells_of([knob]):
        assert (cell.on.label, cell.off.settings) == ("", (("a", "0"),))


@pytest.mark.parametrize(
    ("alike", "profiles"),
    [(False, (HARDENED, GUIDE, DEFAULTS)), (True, (GUIDE, DEFAULTS))],
)
def test_what_hardened_does_not_have_is_tried_in_it_unless_it_has_its_own(
    *, alike: bool, profiles: tuple[str, ...]
) -> None:
    knob = Knob(
        name="k",
        settings={"a": 1},
        set_by=(GUIDE,),
        otherwise_in_hardened=alike,
        claims=(CLAIM,),
    )

    assert tuple(cell.profile for cell in cells_of([knob])) == profiles


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"claims": (CLAIM,)}, "it switches nothing"),
        ({"settings": {"a": 1}}, "say its claims"),
        ({"settings": {"a": 1}, "claims": (CLAIM,), "off": {"b": 1}}, "off sets what on does not"),
    ],
)
def test_a_knob_that_means_nothing_is_refused(bad: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Knob(name="k", set_by=(GUIDE,), **bad)
