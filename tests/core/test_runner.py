"""What a site lacks makes a scenario unknown, by name."""

import pytest

from stallproof import BrokerRestart, CpuThrottling, IdleReset, Rollout, Scenario, Schedule, at
from stallproof.faults import AnyFault
from stallproof.plan import needs_front
from stallproof.runner import lacking
from stallproof.sites.between import Sockets
from stallproof.sites.capabilities import BrokerProcess, Routing

TEXTS = {"title": "t", "on_cloud_run": "c", "guide_promises": "g", "must_hold": "m"}


class Poor:
    """A site without a socket table, with nothing before the API."""

    name = "poor"

    def offers(self, capability: type) -> bool:
        return capability not in (Sockets, Routing)

    def boot(self, *_: object) -> None:
        raise AssertionError("asked before any boot")


def test_what_is_missing_is_named_with_who_needs_it() -> None:
    steps = (at(1, BrokerRestart(), for_s=1), at(3, IdleReset()), at(5, IdleReset()))
    scenario = Scenario(name="s", schedule=Schedule(steps=steps), **TEXTS)
    assert lacking(scenario, Poor()) == ["idle-reset needs Sockets"]
    assert BrokerProcess in BrokerRestart.needs


def test_nothing_is_missing_where_all_is_offered() -> None:
    scenario = Scenario(
        name="s", schedule=Schedule(steps=(at(1, BrokerRestart(), for_s=1),)), **TEXTS
    )
    assert lacking(scenario, Poor()) == []


def test_what_a_fault_needs_goes_by_how_it_is_set() -> None:
    steps = (at(1, Rollout()), at(3, Rollout(service="api")))
    scenario = Scenario(name="s", schedule=Schedule(steps=steps), **TEXTS)
    assert lacking(scenario, Poor()) == ["rollout needs Routing"]


@pytest.mark.parametrize(
    ("fault", "front"),
    [(Rollout(), False), (Rollout(service="api"), True), (CpuThrottling(), True)],
)
def test_something_stands_before_the_api_only_where_a_fault_acts_through_it(
    fault: AnyFault,
    front: bool,  # noqa: FBT001 (a parameter)
) -> None:
    step = at(1, fault, for_s=1 if fault.lasting else None)
    scenario = Scenario(name="s", schedule=Schedule(steps=(step,)), **TEXTS)
    assert needs_front(scenario) is front
