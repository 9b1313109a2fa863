"""Every fault, one class each, one file a plane. To add one: CONTRIBUTING.md."""

from stallproof.faults.base import Fault, Observation
from stallproof.faults.broker import BrokerRestart, ClientKill
from stallproof.faults.failover import Failover
from stallproof.faults.flows import ConntrackFlush, Rst, SilentDrop
from stallproof.faults.forgetting import NatIdleExpiry, VpcInboundExpiry
from stallproof.faults.freezing import Freeze, Migrate
from stallproof.faults.kernel import IdleReset
from stallproof.faults.lifecycle import InstanceKill, KillChild, Terminate
from stallproof.faults.loading import Loading
from stallproof.faults.packets import BlackholeConnect, Loss, Partition, Refuse
from stallproof.faults.refusals import Demote, MaxClients, Oom
from stallproof.faults.revisions import Rollout, ScaleIn, ScaleOut
from stallproof.faults.rotation import AuthRotated
from stallproof.faults.slowing import Bandwidth, Latency, Slicer, SlowClose
from stallproof.faults.throttling import CpuThrottling
from stallproof.faults.toxiproxy import Down, LimitData, ResetPeer, Timeout

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
    | Failover
    | Loading
    | Demote
    | Oom
    | MaxClients
    | AuthRotated
    | IdleReset
    | Rst
    | SilentDrop
    | ConntrackFlush
    | NatIdleExpiry
    | VpcInboundExpiry
    | Refuse
    | BlackholeConnect
    | Partition
    | Loss
    | InstanceKill
    | Terminate
    | KillChild
    | Rollout
    | ScaleOut
    | ScaleIn
    | Freeze
    | Migrate
    | CpuThrottling
)

__all__ = [
    "AnyFault",
    "AuthRotated",
    "Bandwidth",
    "BlackholeConnect",
    "BrokerRestart",
    "ClientKill",
    "ConntrackFlush",
    "CpuThrottling",
    "Demote",
    "Down",
    "Failover",
    "Fault",
    "Freeze",
    "IdleReset",
    "InstanceKill",
    "KillChild",
    "Latency",
    "LimitData",
    "Loading",
    "Loss",
    "MaxClients",
    "Migrate",
    "NatIdleExpiry",
    "Observation",
    "Oom",
    "Partition",
    "Refuse",
    "ResetPeer",
    "Rollout",
    "Rst",
    "ScaleIn",
    "ScaleOut",
    "SilentDrop",
    "Slicer",
    "SlowClose",
    "Terminate",
    "Timeout",
    "VpcInboundExpiry",
]
