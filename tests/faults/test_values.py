"""Faults are values: they come back from JSON as they were, and refuse what makes no sense."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stallproof import faults
from stallproof.faults import AnyFault
from stallproof.model import Schedule, Step
from stallproof.sites.base import EVERY, Link, Way

LINKS = st.lists(st.sampled_from(EVERY), min_size=1, unique=True).map(tuple)
STREAMS = st.lists(st.sampled_from(("upstream", "downstream")), min_size=1, unique=True).map(tuple)
WAYS = st.sampled_from(Way)
TOXIC: dict[str, Any] = {"links": LINKS, "streams": STREAMS}
LATENCY = st.integers(10, 3_600_000).flatmap(
    lambda ms: st.builds(
        faults.Latency, latency_ms=st.just(ms), jitter_ms=st.integers(0, ms), **TOXIC
    )
)
SLICER = st.integers(1, 400).flatmap(
    lambda size_b: st.builds(
        faults.Slicer,
        average_size_b=st.just(size_b),
        size_variation_b=st.integers(0, min(size_b - 1, 400 - size_b)),
        delay_us=st.integers(1000, 300_000),
        **TOXIC,
    )
)
FAULTS: dict[type, st.SearchStrategy[Any]] = {
    faults.Latency: LATENCY,
    faults.Slicer: SLICER,
    faults.Bandwidth: st.builds(faults.Bandwidth, rate_kb_s=st.integers(1, 200), **TOXIC),
    faults.SlowClose: st.builds(faults.SlowClose, delay_ms=st.integers(50, 9999), **TOXIC),
    faults.Timeout: st.builds(faults.Timeout, timeout_ms=st.integers(0, 9999), **TOXIC),
    faults.LimitData: st.builds(faults.LimitData, bytes=st.integers(1, 100_000), **TOXIC),
    faults.ResetPeer: st.builds(faults.ResetPeer, timeout_ms=st.integers(0, 1200), **TOXIC),
    faults.Down: st.builds(faults.Down, links=LINKS),
    faults.BrokerRestart: st.builds(
        faults.BrokerRestart, how=st.sampled_from(("graceful", "killed")), empty=st.booleans()
    ),
    faults.ClientKill: st.builds(
        faults.ClientKill, kind=st.sampled_from(("normal", "pubsub")), links=LINKS
    ),
    faults.Failover: st.builds(
        faults.Failover, lag_s=st.floats(0, 60), how=st.sampled_from(("killed", "demoted"))
    ),
    faults.Loading: st.builds(faults.Loading),
    faults.Demote: st.builds(faults.Demote),
    faults.Oom: st.builds(faults.Oom, policy=st.sampled_from(("noeviction", "volatile-lru"))),
    faults.MaxClients: st.builds(faults.MaxClients),
    faults.AuthRotated: st.builds(faults.AuthRotated, closes=st.booleans()),
    faults.InstanceKill: st.builds(faults.InstanceKill, service=st.sampled_from(("api", "worker"))),
    faults.Terminate: st.builds(faults.Terminate, service=st.sampled_from(("api", "worker"))),
    faults.KillChild: st.just(faults.KillChild()),
    faults.Rollout: st.builds(faults.Rollout, overlap_s=st.floats(0, 600)),
    faults.ScaleOut: st.builds(faults.ScaleOut),
    faults.ScaleIn: st.builds(faults.ScaleIn),
    faults.Freeze: st.builds(faults.Freeze, service=st.sampled_from(("api", "worker"))),
    faults.Migrate: st.builds(faults.Migrate, service=st.sampled_from(("api", "worker"))),
    faults.CpuThrottling: st.just(faults.CpuThrottling()),
    faults.Rst: st.builds(faults.Rst, links=LINKS),
    faults.SilentDrop: st.builds(faults.SilentDrop, links=LINKS, way=WAYS),
    faults.ConntrackFlush: st.builds(faults.ConntrackFlush, links=LINKS),
    faults.NatIdleExpiry: st.builds(
        faults.NatIdleExpiry, links=LINKS, idle_s=st.integers(1, 86_400)
    ),
    faults.VpcInboundExpiry: st.builds(
        faults.VpcInboundExpiry, links=LINKS, idle_s=st.integers(1, 86_400)
    ),
    faults.Refuse: st.builds(faults.Refuse, links=LINKS),
    faults.BlackholeConnect: st.builds(faults.BlackholeConnect, links=LINKS),
    faults.Partition: st.builds(faults.Partition, links=LINKS, way=WAYS),
    faults.Loss: st.builds(faults.Loss, links=LINKS, way=WAYS, percent=st.floats(0.1, 90)),
    faults.IdleReset: st.builds(faults.IdleReset, min_idle_s=st.floats(0, 3600), links=LINKS),
}
ANY = st.one_of(*FAULTS.values())


def schedule_of(fault: AnyFault, at_s: float = 61.0) -> Schedule:
    return Schedule((Step(at_s=at_s, fault=fault, for_s=1.0 if fault.lasting else None),))


def test_every_fault_is_drawn_here() -> None:
    assert set(FAULTS) == set(AnyFault.__args__)


@given(fault=ANY)
def test_a_fault_comes_back_from_json(fault: AnyFault) -> None:
    assert msgspec.json.decode(msgspec.json.encode(fault), type=AnyFault) == fault


@given(fault=ANY)
def test_a_schedule_comes_back_from_json_with_its_token(fault: AnyFault) -> None:
    schedule = schedule_of(fault)
    again = Schedule.from_json(schedule.to_json())
    assert again == schedule
    assert again.token == schedule.token


@given(one=ANY, other=ANY)
def test_tokens_tell_schedules_apart(one: AnyFault, other: AnyFault) -> None:
    same = schedule_of(one).token == schedule_of(other).token
    assert same == (one == other)


@given(fault=ANY)
def test_a_fault_says_in_a_line_what_it_is(fault: AnyFault) -> None:
    assert re.fullmatch(r"[a-z][^\n\[\]'_]{3,120}", fault.describe())


@pytest.mark.parametrize(
    ("fault", "fields", "names"),
    [
        ("latency", {"latency_ms": 9}, "latency_ms"),
        ("latency", {"latency_ms": 100, "jitter_ms": 101}, "jitter_ms"),
        ("latency", {"latency_ms": 100, "jitter_ms": -1}, "jitter_ms"),
        ("latency", {"latency_ms": 100, "streams": []}, "streams"),
        ("latency", {"latency_ms": 100, "links": []}, "links"),
        ("latency", {"latency_ms": 100, "links": ["api-broker"] * 2}, "links"),
        ("bandwidth", {"rate_kb_s": 0}, "rate_kb_s"),
        ("bandwidth", {"rate_kb_s": 201}, "rate_kb_s"),
        ("slow-close", {"delay_ms": 49}, "delay_ms"),
        ("timeout", {"timeout_ms": -1}, "timeout_ms"),
        ("timeout", {"timeout_ms": 0, "streams": ["upstream"] * 2}, "streams"),
        ("slicer", {"average_size_b": 0}, "average_size_b"),
        ("slicer", {"average_size_b": 401}, "average_size_b"),
        ("slicer", {"average_size_b": 10, "size_variation_b": 10}, "size_variation_b"),
        ("slicer", {"average_size_b": 10, "delay_us": -1}, "delay_us"),
        ("slicer", {"average_size_b": 10, "delay_us": 300_001}, "delay_us"),
        ("slicer", {"average_size_b": 10, "streams": ["upstream"]}, "delay_us"),
        ("limit-data", {"bytes": 0}, "bytes"),
        ("limit-data", {"bytes": 100_001}, "bytes"),
        ("reset-peer", {"timeout_ms": 1201}, "timeout_ms"),
        ("down", {"streams": ["upstream"]}, "streams"),
        ("client-kill", {"links": []}, "links"),
        ("client-kill", {"kind": "all"}, "kind"),
        ("broker-restart", {"how": "gently"}, "how"),
        ("failover", {"lag_s": -1}, "lag_s"),
        ("failover", {"lag_s": 1}, "at_s"),
        ("oom", {"policy": "allkeys-lru"}, "policy"),
        ("auth-rotated", {"closes": 1}, "closes"),
        ("idle-reset", {"min_idle_s": -0.1}, "min_idle_s"),
        ("idle-reset", {"links": []}, "links"),
        ("silent-drop", {"links": []}, "links"),
        ("silent-drop", {"way": "up"}, "way"),
        ("nat-idle-expiry", {"idle_s": 0}, "idle_s"),
        ("nat-idle-expiry", {"idle_s": 1.5}, "idle_s"),
        ("vpc-inbound-expiry", {"idle_s": 86_401}, "idle_s"),
        ("refuse", {"links": ["api-broker"] * 2}, "links"),
        ("partition", {"way": "none"}, "way"),
        ("loss", {"percent": 0}, "percent"),
        ("loss", {"percent": 91}, "percent"),
        ("loss", {"links": []}, "links"),
    ],
)
def test_a_bad_field_is_refused_by_name(fault: str, fields: dict[str, Any], names: str) -> None:
    step = {"at_s": 1, "fault": {"fault": fault, **fields}}
    with pytest.raises(ValueError, match=rf"\b{names}\b") as refusal:
        Schedule.from_json(msgspec.json.encode({"steps": [step]}))
    assert "\n" not in str(refusal.value)


def test_links_are_known_by_name() -> None:
    with pytest.raises(ValueError, match="links is moon: it must be one or more of api-broker"):
        faults.ClientKill(links=("moon",))  # type: ignore[arg-type]
    assert faults.ClientKill(links=(Link.API_BROKER,)).links == (Link.API_BROKER,)
