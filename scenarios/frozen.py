"""An instance gets no CPU for a while, and the network's idle limit runs out inside that time.

Its processes are stopped and its packets go nowhere, as in an instance that Cloud Run throttles
between requests or moves. What the network has forgotten by the thaw vanishes from then on.
"""

from stallproof import (
    CpuThrottling,
    Freeze,
    Limits,
    Migrate,
    NatIdleExpiry,
    Workload,
    at,
    scenario,
)

AFTER = Limits(stall_s=15, settle_s=45)


@scenario(
    schedule=[at(0, NatIdleExpiry(idle_s=3), for_s=12), at(5, Freeze(), for_s=5)],
    workload=Workload(rate_per_s=0.5, for_s=14, task_s=2.0),
    limits=AFTER,
)
def frozen_5s() -> None:
    """The worker is frozen for five seconds, and the network forgets after three

    On Cloud Run: an instance is throttled for a moment, or moved.
    The guide promises: nothing in particular.
    Must hold: the worker starts tasks again within fifteen seconds of the thaw; each story ends
    exactly once, the one that was frozen in mid-task too.
    """


@scenario(
    schedule=[at(0, NatIdleExpiry(idle_s=10), for_s=37), at(5, Freeze(), for_s=30)],
    workload=Workload(rate_per_s=0.25, for_s=40, task_s=2.0),
    limits=AFTER,
)
def frozen_30s() -> None:
    """The worker is frozen for thirty seconds, and the network forgets after ten

    On Cloud Run: a worker deployed as a service with request-based billing (--cpu-throttling), on
    which no request is in flight.
    The guide promises: --cpu-throttling means CPU always allocated. It means the opposite.
    Must hold: the worker starts tasks again within fifteen seconds of the thaw, what waited is done
    within 25; each story ends exactly once.
    """


@scenario(
    schedule=[at(0, NatIdleExpiry(idle_s=10), for_s=97), at(5, Freeze(), for_s=90)],
    workload=Workload(rate_per_s=0.25, for_s=100, task_s=1.5),
    limits=AFTER,
)
def frozen_90s() -> None:
    """The worker is frozen for ninety seconds, and the network forgets after ten

    On Cloud Run: as frozen-30s, for longer than every timeout of the system.
    The guide promises: --cpu-throttling means CPU always allocated. It means the opposite.
    Must hold: the worker starts tasks again within fifteen seconds of the thaw, what waited is done
    within 25; each story ends exactly once.
    """


@scenario(
    schedule=[at(11, Migrate(), for_s=3)],
    workload=Workload(rate_per_s=0.5, for_s=18, task_s=2.0),
    limits=AFTER,
)
def migrated() -> None:
    """The worker is moved to another machine: told ten seconds before, and its connections are gone

    On Cloud Run: live migration; SIGTSTP comes ten seconds before, SIGCONT after it.
    The guide promises: nothing in particular.
    Must hold: the worker starts tasks again within fifteen seconds, each story ends exactly once.
    """


@scenario(
    schedule=[at(0, NatIdleExpiry(idle_s=4), for_s=21), at(2, CpuThrottling(), for_s=21)],
    workload=Workload(rate_per_s=0.12, for_s=25),
    limits=AFTER,
)
def api_throttled() -> None:
    """The API gets CPU only while a request is in flight; the network forgets after four seconds

    On Cloud Run: request-based billing, the default; and ten minutes of idle limit to the VPC.
    The guide promises: keepalive and health_check_interval hold the connection to the broker. In an
    instance without CPU nothing sends them.
    Must hold: the POST after eight seconds without CPU, whose connection to the broker is
    forgotten, is accepted in time, and every story is done.
    """
