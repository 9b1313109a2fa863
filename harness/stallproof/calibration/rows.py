"""What is calibrated: every fault of every plane, one row each, with small settings."""

from __future__ import annotations

from stallproof.calibration.instancerows import INSTANCE_ROWS
from stallproof.calibration.row import Row
from stallproof.faults import (
    AnyFault,
    AuthRotated,
    Bandwidth,
    BlackholeConnect,
    BrokerRestart,
    ClientKill,
    ConntrackFlush,
    Demote,
    Down,
    Failover,
    IdleReset,
    Latency,
    LimitData,
    Loading,
    Loss,
    MaxClients,
    NatIdleExpiry,
    Oom,
    Partition,
    Refuse,
    ResetPeer,
    Rst,
    SilentDrop,
    Slicer,
    SlowClose,
    Timeout,
    VpcInboundExpiry,
)
from stallproof.faults.refusals import WRITE
from stallproof.sites.base import EVERY, Route, Way


def _row(name: str, fault: AnyFault, *, wait_s: float = 0.0, deadline_s: float = 1.2) -> Row:
    route = fault.route or Route.DIRECT
    return Row(name=name, fault=fault, route=route, wait_s=wait_s, deadline_s=deadline_s)


def _refused(name: str, fault: AnyFault, *, asks: tuple[str, ...] = WRITE) -> Row:
    return Row(name=name, fault=fault, route=Route.DIRECT, asks=asks, logs_in=True)


ROWS: tuple[Row, ...] = (
    _row("latency", Latency(latency_ms=300)),
    _row("bandwidth", Bandwidth(rate_kb_s=1)),
    _row("slow-close", SlowClose(delay_ms=500)),
    _row("timeout-0", Timeout(timeout_ms=0)),
    _row("timeout-500", Timeout(timeout_ms=500)),
    _row("slicer", Slicer(average_size_b=1, delay_us=1000)),
    _row("limit-data", LimitData(bytes=3)),
    _row("reset-peer", ResetPeer(timeout_ms=0)),
    _row("down", Down()),
    _row("broker-killed", BrokerRestart(how="killed")),
    _row("broker-graceful", BrokerRestart(how="graceful")),
    Row(name="broker-killed-proxied", fault=BrokerRestart(how="killed"), route=Route.PROXIED),
    _row("client-kill", ClientKill(kind="normal", links=EVERY)),
    _row("failover", Failover()),
    _row("failover-demoted", Failover(how="demoted")),
    _refused("loading", Loading(), asks=("PING",)),
    _refused("demote", Demote()),
    _refused("oom-noeviction", Oom(policy="noeviction")),
    _refused("oom-volatile-lru", Oom(policy="volatile-lru")),
    _refused("maxclients", MaxClients(), asks=("PING",)),
    _refused("auth-rotated", AuthRotated(), asks=("PING",)),
    _refused("auth-rotated-closes", AuthRotated(closes=True), asks=("PING",)),
    _row("idle-reset", IdleReset()),
    _row("rst", Rst()),
    _row("silent-drop", SilentDrop()),
    _row("silent-drop-to-broker", SilentDrop(way=Way.TO_BROKER)),
    _row("silent-drop-to-client", SilentDrop(way=Way.TO_CLIENT)),
    _row("conntrack-flush", ConntrackFlush()),
    _row("nat-idle-expiry", NatIdleExpiry(idle_s=1), wait_s=2.0),
    _row("vpc-inbound-expiry", VpcInboundExpiry(idle_s=1), wait_s=2.0),
    _row("refuse", Refuse()),
    _row("blackhole-connect", BlackholeConnect()),
    _row("partition", Partition()),
    # A lost SYN comes again after one second, a second time after two more.
    _row("loss", Loss(percent=3), deadline_s=4.0),
    *INSTANCE_ROWS,
)

VERSIONS: tuple[tuple[str, str, str], ...] = (
    ("a reset", "reset-peer", "idle-reset"),
    ("a reset when used", "reset-peer", "rst"),
    ("silence", "timeout-0", "silent-drop"),
    ("refused", "down", "refuse"),
    ("the broker killed", "broker-killed-proxied", "broker-killed"),
)
"""What it is, the row behind a proxy, the row without one."""
