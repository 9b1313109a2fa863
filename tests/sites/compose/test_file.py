"""docker-compose.test.yml and the site agree on what the file has."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from stallproof.sites import images
from stallproof.sites.base import Persistence, Route, SystemSpec
from stallproof.sites.compose.command import default_file
from stallproof.sites.compose.project import variables
from stallproof.sites.docker.network import Plan

VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
PLAN = Plan(name="p_default", net="198.19.7")


def spec(**other: Any) -> SystemSpec:
    given = {"profile": "hardened", "python": "python", "image": "app:1", "run_dir": "/run"}
    return SystemSpec(**{**given, "broker_binary": images.BROKER_COMMAND, **other})


def of(**other: Any) -> dict[str, str]:
    return variables(spec(**other), PLAN, run="/run", password="secret")


def filled(values: dict[str, str]) -> dict[str, Any]:
    """The file as Compose reads it."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1]) or found[2]

    services: dict[str, Any] = yaml.safe_load(VARIABLE.sub(value, default_file().read_text()))
    return services["services"]


def test_every_variable_of_the_file_is_given_and_no_other() -> None:
    assert {name for name, _ in VARIABLE.findall(default_file().read_text())} == set(of())


def test_what_people_get_is_what_the_harness_runs() -> None:
    services = filled({})
    assert services["api"]["image"] == services["worker"]["image"] == images.APP
    assert services["broker"]["image"] == images.BROKER
    assert services["toxiproxy"]["image"] == images.TOXIPROXY


def test_each_service_has_its_address_of_the_plan() -> None:
    services = filled(of())
    found = {
        name: service["networks"]["default"]["ipv4_address"]
        for name, service in services.items()
        if "networks" in service
    }
    assert found == {
        "broker-host": PLAN.control.host,
        "toxiproxy": PLAN.toxiproxy.host,
        **{name: address.host for name, address in PLAN.service.items()},
    }


@pytest.mark.parametrize("route", Route)
def test_the_route_decides_whom_the_services_connect_to(route: Route) -> None:
    at = PLAN.proxy if route is Route.PROXIED else PLAN.broker
    services = filled(of(route=route))
    urls = [
        services[name]["environment"][url]
        for name in ("api", "worker")
        for url in ("REDIS_URL", "RESULT_BACKEND_URL")
    ]
    assert urls == [f"redis://:secret@{where.host}:{where.port}/0" for where in at.values()]


@pytest.mark.parametrize(("kept", "said"), [(Persistence.AOF, "yes"), (Persistence.NONE, "no")])
def test_persistence_is_the_broker_s_option(kept: Persistence, said: str) -> None:
    assert filled(of(persistence=kept))["broker"]["command"].endswith(f"--appendonly {said}")


def test_nobody_but_the_harness_starts_a_service_again() -> None:
    assert {service["restart"] for service in filled(of()).values() if "restart" in service} == {
        False  # `no`, to a reader of YAML 1.1 that fills in first
    }
    assert filled({})["worker"]["restart"] == "unless-stopped"
