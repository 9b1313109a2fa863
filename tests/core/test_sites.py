"""What the sites say of themselves, and what is refused of one before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from stallproof.faults import AnyFault
from stallproof.ground import ground
from stallproof.sites.base import SiteError
from stallproof.sites.capabilities import Routing
from stallproof.sites.choice import IN_CONTAINERS, LOCAL, SITES, site_of
from stallproof.sitetable import page
from stallproof.wish import PlanError, Wish

DOCUMENT = Path(__file__).parents[2] / "docs" / "SITES.md"
NEEDS = sorted({Routing, *(need for kind in get_args(AnyFault) for need in kind.needs)}, key=str)


def test_the_document_is_what_the_command_prints() -> None:
    assert DOCUMENT.read_text() == page(), "stallproof sites > docs/SITES.md"


@pytest.mark.parametrize("name", SITES)
@pytest.mark.parametrize("capability", NEEDS)
def test_what_a_site_says_it_can_do_it_offers(name: str, capability: type) -> None:
    site = site_of(name)
    assert site.name in name
    condition = site.condition(capability)
    if condition is None:
        assert not site.offers(capability)
    elif condition == "":
        assert site.offers(capability)


def test_a_site_that_there_is_not_is_refused() -> None:
    with pytest.raises(
        SiteError, match="nonsense: there are local, local-loopback, docker, compose"
    ):
        site_of("nonsense")


@pytest.mark.parametrize("site", IN_CONTAINERS)
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"stacks": ("celery==5.3.6",)}, "^--stack celery==5.3.6: the {} site runs what its"),
        ({"stacks": ("locked", "celery==5.3.6")}, "^--stack locked,celery==5.3.6: the {} site"),
        ({"broker": "/usr/bin/redis-server"}, "^--broker /usr/bin/redis-server: the {} site"),
    ],
)
def test_in_containers_the_images_decide_what_runs(
    site: str, asked: dict[str, object], says: str
) -> None:
    wish = Wish(scenarios=(), profiles=(), site=site, **asked)  # type: ignore[arg-type]
    with pytest.raises(PlanError, match=says.format(site)), ground(wish):
        pytest.fail("it was taken")


def test_an_image_is_refused_where_none_is_run() -> None:
    wish = Wish(scenarios=(), profiles=(), site=LOCAL, image="mine:1")
    with (
        pytest.raises(PlanError, match=r"^--image mine:1: only the sites docker, compose run"),
        ground(wish),
    ):
        pytest.fail("it was taken")


@pytest.mark.parametrize("site", IN_CONTAINERS)
def test_without_an_engine_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    wish = Wish(scenarios=(), profiles=(), site=site)
    says = r"^docker: no engine answers \(.+\): start one"
    with pytest.raises(SiteError, match=says) as refused, ground(wish):
        pytest.fail("it was taken")
    assert "\n" not in str(refused.value)
