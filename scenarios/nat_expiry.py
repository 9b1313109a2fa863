"""The network forgets idle connections: what keepalive is for.

Cloud Run's way to a VPC forgets a connection over which nothing went for ten minutes, a NAT after
its own time. What is sent over it then vanishes. Here real connection tracking does it, after
seconds: `hardened` sends its first keepalive probe after ten idle seconds, the guide after one.
"""

from stallproof import (
    EVERY,
    Limits,
    NatIdleExpiry,
    VpcInboundExpiry,
    Workload,
    at,
    breaks,
    scenario,
)

WATCH = Limits(stall_s=15, settle_s=30)


@scenario(
    schedule=[at(0, NatIdleExpiry(links=EVERY, idle_s=20), for_s=30)],
    workload=Workload(rate_per_s=0.04, for_s=51),
    limits=WATCH,
    expected={
        "celery-defaults": breaks(
            "accept",
            because="No keepalive and no socket_timeout: POST waits on a forgotten connection.",
        ),
        "guide-int-keys": breaks(
            "stalled",
            because=(
                "The guide's keepalive does not reach the result backend's connections: "
                "task_track_started writes over a forgotten one before the task's first line, and "
                "waits for redis_socket_timeout, 120 s."
            ),
        ),
    },
)
def nat_expiry_long() -> None:
    """Idle connections are forgotten after 20 seconds, later than keepalive probes come

    On Cloud Run: ten minutes, with keepalive that is set to less.
    The guide promises: socket keepalive keeps Cloud Run's connections alive.
    Must hold: the POST after 25 idle seconds is accepted in time, every story is done.
    """


@scenario(
    schedule=[at(0, NatIdleExpiry(links=EVERY, idle_s=4), for_s=12)],
    workload=Workload(rate_per_s=0.12, for_s=18),
    limits=WATCH,
    expected={
        "celery-defaults": breaks(
            "accept",
            because="No keepalive and no socket_timeout: POST waits on a forgotten connection.",
        ),
        "guide-int-keys": breaks(
            "stalled",
            because=(
                "The guide's keepalive does not reach the result backend's connections: "
                "task_track_started writes over a forgotten one before the task's first line, and "
                "waits for redis_socket_timeout, 120 s."
            ),
        ),
    },
)
def nat_expiry_short() -> None:
    """Idle connections are forgotten after four seconds, sooner than keepalive probes come

    On Cloud Run: a NAT or a firewall that is quicker than one thought.
    The guide promises: socket keepalive keeps Cloud Run's connections alive.
    Must hold: the POST after eight idle seconds is accepted in time, every story is done.
    """


@scenario(
    schedule=[at(0, VpcInboundExpiry(links=EVERY, idle_s=4), for_s=12)],
    workload=Workload(rate_per_s=0.12, for_s=18),
    limits=WATCH,
)
def vpc_inbound_expiry() -> None:
    """What the broker sends to a client that has been idle for four seconds vanishes

    On Cloud Run: after ten idle minutes a VPC drops what comes in until one packet goes out.
    The guide promises: nothing in particular.
    Must hold: a POST after eight idle seconds is accepted in time, every story is done.
    """
