"""Finds out by experiment whether a Celery + Redis system survives Cloud Run.

This is the surface a scenario file needs; everything else is in the modules.
"""

from stallproof.declare import breaks, scenario
from stallproof.faults import (
    Bandwidth,
    BrokerRestart,
    ClientKill,
    Down,
    IdleReset,
    InstanceKill,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
)
from stallproof.model import Expect, Limits, Scenario, Schedule, Step, Verdict, Workload, at
from stallproof.sites.base import API, BACKEND, EVERY, WORKER, Link, Persistence, Route

__all__ = [
    "API",
    "BACKEND",
    "EVERY",
    "WORKER",
    "Bandwidth",
    "BrokerRestart",
    "ClientKill",
    "Down",
    "Expect",
    "IdleReset",
    "InstanceKill",
    "Latency",
    "LimitData",
    "Limits",
    "Link",
    "Persistence",
    "ResetPeer",
    "Route",
    "Scenario",
    "Schedule",
    "Slicer",
    "SlowClose",
    "Step",
    "Timeout",
    "Verdict",
    "Workload",
    "at",
    "breaks",
    "scenario",
]
