"""What a site gives to every run on it: the stacks, the broker, the proxy."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from stallproof.model import Scenario
from stallproof.parts import cache_dir, find_broker, find_toxiproxy
from stallproof.sites import images
from stallproof.sites.base import Route
from stallproof.sites.choice import COMPOSE, IN_CONTAINERS, LOCAL, LOOPBACK, SITES
from stallproof.sites.namespaces import why_no_namespaces
from stallproof.stacks import LOCKED, Environment, Stack, StackError, in_image, prepare
from stallproof.wish import PlanError, Wish


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that every run of a wish is made of."""

    site: str
    """The one that will be used; the one asked for, or what is left of it here."""
    environments: dict[str, Environment]
    """By the stack's name."""
    broker: str
    toxiproxy: str | None = None


@contextmanager
def ground(wish: Wish) -> Iterator[Ground]:
    """Find or make the parts. The environments can be asked questions while this lasts.

    Raises:
        PlanError: a site that there is not, or one that lacks what was asked for.
        StackError: a stack that cannot be made.
        SiteError: a part that cannot be had.
    """
    if wish.site not in SITES:
        raise PlanError(f"--site {wish.site}: there are {', '.join(SITES)}")
    if wish.site in IN_CONTAINERS:
        with _in_containers(wish) as given:
            yield given
    else:
        yield _local(wish)


def _local(wish: Wish) -> Ground:
    if wish.image is not None:
        raise PlanError(
            f"--image {wish.image}: only the sites {', '.join(IN_CONTAINERS)} run the system in one"
        )
    try:
        stacks = [Stack.parse(name) for name in wish.stacks]
    except StackError as error:
        raise PlanError(f"--{error}") from None
    return Ground(
        environments={stack.name: prepare(stack, cache=cache_dir()) for stack in stacks},
        broker=find_broker(wish.broker).path,
        toxiproxy=find_toxiproxy().path if _proxied(wish.scenarios) else None,
        site=LOCAL if wish.site == LOCAL and _namespaces_at_hand() else LOOPBACK,
    )


@contextmanager
def _in_containers(wish: Wish) -> Iterator[Ground]:
    for option, given, kept in (
        ("--stack", ",".join(wish.stacks), LOCKED),
        ("--broker", wish.broker, None),
    ):
        if given != kept:
            raise PlanError(
                f"{option} {given}: the {wish.site} site runs what its images hold; build one with "
                f"that and name it with --image, or use --site {LOCAL}"
            )
    from stallproof.sites.compose.command import find_command  # noqa: PLC0415 (half a second)
    from stallproof.sites.docker.engine import connect, make_present  # noqa: PLC0415 (likewise)
    from stallproof.sites.docker.reaper import reaped  # noqa: PLC0415 (likewise)

    image = wish.image or images.APP
    needed = [image, images.BROKER, images.reaper()]
    if wish.site == COMPOSE:
        find_command()
    if wish.site == COMPOSE or _proxied(wish.scenarios):  # Compose creates every service
        needed.append(images.TOXIPROXY)
    client = connect()
    try:
        make_present(client, needed)
    finally:
        client.close()
    with reaped():
        yield Ground(
            site=wish.site, environments={LOCKED: in_image(image)}, broker=images.BROKER_COMMAND
        )


def _proxied(scenarios: tuple[Scenario, ...]) -> bool:
    return any(scenario.route is Route.PROXIED for scenario in scenarios)


@functools.cache
def _namespaces_at_hand() -> bool:
    """Asked once: what is planned together runs on one site, also on a machine that is busy."""
    why_not = why_no_namespaces()
    if why_not is not None:
        sys.stderr.write(
            f"stallproof: no namespaces here ({why_not}): plain processes on loopback, and "
            "scenarios that need more are unknown\n"
        )
    return why_not is None
