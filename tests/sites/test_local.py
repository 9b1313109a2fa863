"""The local site for real: who reaches whom, what survives a restart, who is started again."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from stallproof.history import Recorder
from stallproof.sites.base import BACKEND, Link, SiteError, SystemSpec
from stallproof.sites.instances import MAX_UNHEALTHY_EXITS
from stallproof.sites.local import LocalSite
from stallproof.sites.sockets import may_administer_network

from .conftest import ACT_TIMEOUT_S, act_argv

pytestmark = pytest.mark.real

Perform = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("route", ["direct", "proxied"])
def test_each_link_reaches_the_broker_on_its_own_address(perform: Perform, route: str) -> None:
    seen = perform("links", route=route)["seen"]
    assert seen["laddr"] == seen["address_of"]
    assert len(set(seen["laddr"].values())) == len(Link)
    assert seen["offers_proxies"] == (route == "proxied")


def test_the_broker_sees_the_proxy_or_the_service_itself(
    perform: Perform,
    namespaces: bool,  # noqa: FBT001
) -> None:
    if not namespaces:
        pytest.skip("on loopback everybody has the same address")
    direct = perform("links", route="direct")["seen"]["peer"]
    proxied = perform("links", route="proxied")["seen"]["peer"]
    assert {direct["api-broker"], direct["api-backend"]} == {"198.18.1.2"}
    assert {direct["worker-broker"], direct["worker-backend"]} == {"198.18.2.2"}
    assert set(proxied.values()) == {"198.18.3.1"}


@pytest.mark.parametrize("persistence", ["aof", "none"])
def test_persistence_decides_what_a_restart_keeps(perform: Perform, persistence: str) -> None:
    seen = perform("restart", persistence=persistence)["seen"]
    kept = "value" if persistence == "aof" else None
    assert seen["kill"] == kept
    assert seen["stop"] == kept
    assert seen["empty"] is None
    assert {"down after kill", "down after stop"} <= seen.keys()


def test_sockets_of_one_link_are_reset_and_the_others_spared(
    perform: Perform,
    namespaces: bool,  # noqa: FBT001
) -> None:
    if not namespaces and not may_administer_network():
        pytest.skip("on loopback it takes CAP_NET_ADMIN")
    seen = perform("sockets")["seen"]
    assert seen["before"] == dict.fromkeys(Link, 1)
    assert seen["destroyed"] == 1
    assert seen["after"] == {**dict.fromkeys(Link, 1), "api-broker": 0}


def test_a_worker_that_never_gets_healthy_is_given_up(perform: Perform) -> None:
    result = perform("given_up", env={"STUB_WORKER": "crash"})
    assert result["seen"] == {"starts": MAX_UNHEALTHY_EXITS, "exits": [3] * MAX_UNHEALTHY_EXITS}
    worker = [life[1:] for life in result["lives"] if life[0] == "worker"]
    assert worker == [["start", None], ["exit", 3]] * MAX_UNHEALTHY_EXITS
    assert any(
        service == "worker" and what == "error" and "given up" in line
        for service, what, line in result["logged"]
    )


def test_a_worker_that_exits_is_started_again(perform: Perform) -> None:
    result = perform("second_life", env={"STUB_WORKER": "exit"})
    worker = [life[1:] for life in result["lives"] if life[0] == "worker"]
    assert worker[:3] == [["start", None], ["exit", 7], ["start", None]]


def test_liveness_kills_a_worker_that_turned_unhealthy(perform: Perform) -> None:
    liveness = {"period_s": 0.2, "timeout_s": 1.0, "failure_threshold": 2}
    result = perform("second_life", env={"STUB_WORKER": "mute"}, liveness=liveness)
    worker = [life[1:] for life in result["lives"] if life[0] == "worker"]
    assert worker[:4] == [
        ["start", None],
        ["liveness-kill", None],
        ["exit", -9],
        ["start", None],
    ]


def test_liveness_lets_a_worker_boot_as_slowly_as_the_machine_does(perform: Perform) -> None:
    # Three of Cloud Run's probes, ten times faster, take three seconds, this boot takes five.
    result = perform("booted", env={"STUB_WORKER": "slow"}, speed=10)
    assert [life[1] for life in result["lives"]] == ["start", "start"]


def test_without_liveness_an_unhealthy_worker_lives_on(perform: Perform) -> None:
    # Ten times faster, Cloud Run's own liveness, which is the default, would take three seconds.
    result = perform("unhealthy", env={"STUB_WORKER": "mute"}, liveness=None, speed=10)
    assert [life[1] for life in result["lives"]] == ["start", "start"]


def test_a_second_instance_has_its_own_address_and_one_that_is_retired_stays_away(
    perform: Perform,
    namespaces: bool,  # noqa: FBT001
) -> None:
    result = perform("two_instances", route="direct")
    seen = result["seen"]
    assert (seen["new"], seen["ids"]) == ("worker-2", ["worker-1", "worker-2"])
    assert len(set(seen["urls"])) == 2
    assert (seen["code"], seen["kept"], seen["starts"]) == (-15, ["worker-2"], 2)
    if namespaces:
        assert seen["peers"] == ["198.18.2.2", "198.18.4.2"]
    worker = [life[1:] for life in result["lives"] if life[0] == "worker"]
    assert worker == [["start", None], ["start", None], ["sigterm", None], ["exit", -15]]


def test_who_is_frozen_is_not_probed_and_goes_down_with_the_site(perform: Perform) -> None:
    liveness = {"period_s": 0.1, "timeout_s": 0.1, "failure_threshold": 2}
    result = perform("frozen_at_the_end", liveness=liveness)
    assert result["seen"] == {"api": [], "worker": []}
    assert result["close_s"] < ACT_TIMEOUT_S / 3


def test_a_frozen_worker_neither_runs_nor_is_heard_and_goes_on_when_thawed(
    perform: Perform,
    namespaces: bool,  # noqa: FBT001
) -> None:
    if not namespaces:
        pytest.skip("on loopback there is nothing that could drop its packets")
    seen = perform("frozen")["seen"]
    assert not seen["lie"]
    assert seen["bit"], seen["seen"]
    assert seen["processes"] == 2
    assert not seen["answered"]
    # Its keepalive probes renew nothing; those of the API, which runs, do.
    worker = {"worker-broker": "silence", "worker-backend": "silence"}
    api = {"api-broker": "answer", "api-backend": "answer"}
    assert seen["frozen"] == seen["thawed"] == worker | api
    assert [ended["lifted"] for ended in seen["ended"]] == [True, False]
    assert seen["ended"][0]["packets"] > 0
    assert seen["ended"][0]["continued"] == 2
    assert seen["exits"] == []


def test_a_throttled_api_runs_only_for_a_request(
    perform: Perform,
    namespaces: bool,  # noqa: FBT001
) -> None:
    if not namespaces:
        pytest.skip("on loopback there is nothing that could drop its packets")
    seen = perform("throttled", front=True)["seen"]
    assert not seen["lie"]
    assert seen["bit"], seen["seen"]
    assert seen["through"].startswith("http://127.0.0.1:")
    assert seen["running"] == 2
    assert seen["answers"]


def test_the_api_grows_shrinks_and_is_replaced_and_every_request_is_answered(
    perform: Perform,
) -> None:
    result = perform("api_changes", front=True, env={"STUB_API": "polite"})
    seen = result["seen"]
    assert seen["bit"] == [True, True, True], seen["said"]
    assert seen["statuses"] == [202]
    assert seen["codes"] == [None, 0, 0]
    # Told to go with requests in hand, each of which was answered.
    assert min(seen["in_hand"][1:]) > 0
    api = [life[1:] for life in result["lives"] if life[0] == "api"]
    parting = [["sigterm", None], ["exit", 0]]
    assert api == [["start", None]] * 2 + parting + [["start", None]] + parting
    assert seen["kept"] == ["api-3"]


def test_the_password_is_in_no_file(perform: Perform, tmp_path: Path) -> None:
    perform("idle", route="proxied")
    text = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    # The stub prints its whole REDIS_URL: it must have got here, without its password.
    assert "REDIS_URL is redis://***@" in text[tmp_path / "logs" / "worker.log"]
    for path, content in text.items():
        assert not re.search(r"redis://[^*\s]*@", content), path
        assert not re.search(r"\b[0-9a-f]{32}\b", content), path


def test_nothing_but_logs_and_history_stays(perform: Perform, tmp_path: Path) -> None:
    perform("idle")
    assert {path.name for path in tmp_path.iterdir()} == {"history.jsonl", "logs"}


def test_two_runs_side_by_side(tmp_path: Path, namespaces: bool) -> None:  # noqa: FBT001
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        argv = act_argv("links", tmp_path / name, namespaces=namespaces, route="proxied")
        runs.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
    for run in runs:
        output, _ = run.communicate(timeout=ACT_TIMEOUT_S)
        seen = json.loads(output)["seen"]
        assert seen["laddr"] == seen["address_of"]


@pytest.mark.parametrize("inside_namespaces", [True, False])
def test_a_site_outside_an_enclosure_refuses_to_boot(
    tmp_path: Path,
    inside_namespaces: bool,  # noqa: FBT001
) -> None:
    async def boot() -> None:
        spec = SystemSpec(profile="x", python="x", broker_binary="x", run_dir=str(tmp_path))
        site = LocalSite(namespaces=inside_namespaces)
        async with site.boot(spec, Recorder(tmp_path / "history.jsonl")):
            pytest.fail("it booted")

    with pytest.raises(SiteError, match="command_enclosed"):
        anyio.run(boot)


def test_every_service_has_one_broker_and_one_backend_link() -> None:
    assert {link.value.partition("-")[2] for link in BACKEND} == {"backend"}
