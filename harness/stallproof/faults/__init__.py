"""Every fault, one class each, one file a plane. To add one: CONTRIBUTING.md."""

from stallproof.faults.base import Fault, Observation
from stallproof.faults.broker import BrokerRestart, ClientKill
from stallproof.faults.kernel import IdleReset
from stallproof.faults.lifecycle import InstanceKill
from stallproof.faults.toxiproxy import (
    Bandwidth,
    Down,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
)

AnyFault = (
    Latency
    | Bandwidth
    | SlowClose
    | Timeout
    | Slicer
    | LimitData
    | ResetPeer
    | Down
    | BrokerRestart
    | ClientKill
    | IdleReset
    | InstanceKill
)

__all__ = [
    "AnyFault",
    "Bandwidth",
    "BrokerRestart",
    "ClientKill",
    "Down",
    "Fault",
    "IdleReset",
    "InstanceKill",
    "Latency",
    "LimitData",
    "Observation",
    "ResetPeer",
    "Slicer",
    "SlowClose",
    "Timeout",
]
