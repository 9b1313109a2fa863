"""What a site lacks makes a scenario unknown, by name."""

from stallproof import BrokerRestart, IdleReset, Scenario, Schedule, at
from stallproof.runner import lacking
from stallproof.sites.between import Sockets
from stallproof.sites.capabilities import BrokerProcess

TEXTS = {"title": "t", "on_cloud_run": "c", "guide_promises": "g", "must_hold": "m"}


class Poor:
    """A site without a socket table."""

    name = "poor"

    def offers(self, capability: type) -> bool:
        return capability is not Sockets

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
