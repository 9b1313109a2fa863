"""Finds out by experiment whether a Celery + Redis system survives Cloud Run.

This is the surface a scenario file needs; everything else is in the modules.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stallproof.declare import breaks, scenario
    from stallproof.faults import (
        AuthRotated,
        Bandwidth,
        BlackholeConnect,
        BrokerRestart,
        ClientKill,
        ConntrackFlush,
        CpuThrottling,
        Demote,
        Down,
        Failover,
        Freeze,
        IdleReset,
        InstanceKill,
        KillChild,
        Latency,
        LimitData,
        Loading,
        Loss,
        MaxClients,
        Migrate,
        NatIdleExpiry,
        Oom,
        Partition,
        Refuse,
        ResetPeer,
        Rollout,
        Rst,
        ScaleIn,
        ScaleOut,
        SilentDrop,
        Slicer,
        SlowClose,
        Terminate,
        Timeout,
        VpcInboundExpiry,
    )
    from stallproof.model import Expect, Limits, Scenario, Schedule, Step, Verdict, Workload, at
    from stallproof.sites.base import API, BACKEND, EVERY, WORKER, Link, Persistence, Route, Way

__all__ = [
    "API",
    "BACKEND",
    "EVERY",
    "WORKER",
    "AuthRotated",
    "Bandwidth",
    "BlackholeConnect",
    "BrokerRestart",
    "ClientKill",
    "ConntrackFlush",
    "CpuThrottling",
    "Demote",
    "Down",
    "Expect",
    "Failover",
    "Freeze",
    "IdleReset",
    "InstanceKill",
    "KillChild",
    "Latency",
    "LimitData",
    "Limits",
    "Link",
    "Loading",
    "Loss",
    "MaxClients",
    "Migrate",
    "NatIdleExpiry",
    "Oom",
    "Partition",
    "Persistence",
    "Refuse",
    "ResetPeer",
    "Rollout",
    "Route",
    "Rst",
    "ScaleIn",
    "ScaleOut",
    "Scenario",
    "Schedule",
    "SilentDrop",
    "Slicer",
    "SlowClose",
    "Step",
    "Terminate",
    "Timeout",
    "Verdict",
    "VpcInboundExpiry",
    "Way",
    "Workload",
    "at",
    "breaks",
    "scenario",
]

_IN = ("declare", "faults", "model", "sites.base")


def __getattr__(name: str) -> Any:
    """Load the surface when it is asked for: what only guards a run starts without it."""
    if name in __all__:
        for module in _IN:
            found = vars(import_module(f"{__name__}.{module}"))
            if name in found:
                return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
