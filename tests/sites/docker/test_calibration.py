"""What the kernel's faults do to a bare client, in containers: the same as on the local site."""

from __future__ import annotations

import pytest
from tests.faults.test_calibration import EXPECTED

from stallproof.calibration import measure
from stallproof.calibration.row import PROBES, Row
from stallproof.calibration.rows import ROWS
from stallproof.sites.choice import COMPOSE, DOCKER

pytestmark = [pytest.mark.real, pytest.mark.docker]

IN_CI = ("silent-drop-to-client", "nat-idle-expiry")
"""For time's sake, a rule and a memory; all of them with --every-scenario (`make agreement`)."""


@pytest.mark.parametrize("site", [DOCKER, pytest.param(COMPOSE, marks=pytest.mark.compose)])
def test_a_fault_looks_as_it_does_on_the_local_site(site: str, pytestconfig: pytest.Config) -> None:
    every = pytestconfig.getoption("--every-scenario")
    rows = [row for row in ROWS if row.fault.plane == "kernel" and (every or row.name in IN_CI)]
    assert {row.name: seen(row, site) for row in rows} == {
        row.name: dict(zip(PROBES, EXPECTED[row.name], strict=True)) | {"bit": True} for row in rows
    }


def seen(row: Row, site: str) -> dict[str, object]:
    """One at a time: beside a busy process of the host's, containers starve."""
    (measured,) = measure([row], trials=1, at_once=1, site=site)
    return {probe: " or ".join(measured.outcomes[probe]) for probe in PROBES} | {
        "bit": measured.bit
    }
