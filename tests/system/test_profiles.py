"""Profiles are what they say they are, and every setting is found at the line that sets it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kombu.entity import Queue

from storymimi import profiles
from storymimi.configuration import as_json, configuration_of
from storymimi.settings import BadSettingsError, Settings


def configured(profile: str, **settings: Any) -> Any:
    return configuration_of(Settings(storymimi_profile=profile, **settings))


# Section 2 of the guide as it stands there, but for the name of the task.
GUIDE: dict[str, Any] = {
    "task_serializer": "json",
    "accept_content": ["json"],
    "result_serializer": "json",
    "timezone": "UTC",
    "enable_utc": True,
    "worker_prefetch_multiplier": 1,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_track_started": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_retry": True,
    "broker_transport_options": {
        "retry_on_timeout": True,
        "max_retries": 10,
        "interval_start": 0,
        "interval_step": 0.2,
        "interval_max": 1,
        "socket_keepalive": True,
        "socket_keepalive_options": {
            "TCP_KEEPIDLE": 1,
            "TCP_KEEPINTVL": 3,
            "TCP_KEEPCNT": 5,
        },
        "socket_connect_timeout": 30,
        "socket_timeout": 30,
        "health_check_interval": 30,
    },
    "result_backend_transport_options": {
        "retry_on_timeout": True,
        "max_retries": 10,
    },
    "task_default_queue": "default",
    "task_queues": (
        Queue("default", routing_key="default"),  # type: ignore[no-untyped-call]
        Queue("story_generation", routing_key="story_generation"),  # type: ignore[no-untyped-call]
    ),
    "task_routes": {
        "storymimi.tasks.generate_story_task": {"queue": "story_generation"},
    },
}


def test_guide_is_the_guide_to_the_letter() -> None:
    guide = configured("guide")

    assert guide.celery == GUIDE
    assert guide.worker_args == (
        "--loglevel=info",
        "--without-mingle",
        "--without-gossip",
        "--without-heartbeat",
        "--pool=prefork",
        "--concurrency=2",
        "--max-tasks-per-child=100",
        "--queues=story_generation,default",
    )
    assert (guide.outbox, guide.health, guide.remap_sigterm) == (False, "always-ok", None)


def test_guide_int_keys_differs_from_the_guide_by_the_keepalive_keys_alone() -> None:
    mended = configured("guide-int-keys")
    options = {socket.TCP_KEEPIDLE: 1, socket.TCP_KEEPINTVL: 3, socket.TCP_KEEPCNT: 5}

    expected = GUIDE | {
        "broker_transport_options": GUIDE["broker_transport_options"]
        | {"socket_keepalive_options": options}
    }
    assert mended.celery == expected
    assert mended.worker_args == configured("guide").worker_args


def test_celery_defaults_sets_nothing() -> None:
    defaults = configured("celery-defaults")

    assert (defaults.celery, defaults.worker_args) == ({}, ())
    assert not defaults.outbox


def test_every_decision_of_hardened_names_what_decided_it() -> None:
    undecided = {each.key for each in configured("hardened").settings if each.why is None}

    assert undecided == {"task_default_queue", "task_queues", "task_routes"}


@pytest.mark.parametrize("name", profiles.PROFILES)
def test_where_is_the_line_that_sets_it(name: str) -> None:
    lines = Path(profiles.__file__).read_text().splitlines()

    for setting in configured(name).settings:
        file, number = setting.where.split(":")
        assert file == "profiles.py"
        here = "".join(lines[int(number) - 1 : int(number) + 1])
        assert here.lstrip().startswith("Setting(")
        assert f'"{setting.key}"' in here


def test_single_settings_can_be_overridden_and_left_out() -> None:
    changed = configured(
        "hardened",
        storymimi_set={
            "broker_transport_options.socket_timeout": 30,
            "broker_transport_options.socket_keepalive_options.socket.TCP_KEEPIDLE": 7,
            "app.health": "always-ok",
        },
        storymimi_unset="task_acks_late, app.outbox",
        storymimi_worker_args="--concurrency=1 --hostname='a b'",
    )

    options = changed.celery["broker_transport_options"]
    assert options["socket_timeout"] == 30
    assert options["socket_keepalive_options"][socket.TCP_KEEPIDLE] == 7
    assert "task_acks_late" not in changed.celery
    assert (changed.outbox, changed.health) == (False, "always-ok")
    assert changed.worker_args[-2:] == ("--concurrency=1", "--hostname=a b")
    (shown,) = (s for s in as_json(changed)["settings"] if s["key"].endswith(".socket_timeout"))
    assert (shown["value"], shown["where"]) == ("30", "STORYMIMI_SET")


def test_a_worker_flag_can_be_left_out_with_its_value() -> None:
    changed = configured("hardened", storymimi_unset="--without-mingle, --pool, task_acks_late")

    gone = {"--without-mingle", "--pool=prefork"}
    kept = [flag for flag in configured("hardened").worker_args if flag not in gone]
    assert list(changed.worker_args) == kept
    assert "task_acks_late" not in changed.celery


def test_leaving_out_a_key_leaves_out_all_below_it() -> None:
    changed = configured("guide", storymimi_unset="broker_transport_options")

    assert "broker_transport_options" not in changed.celery


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"storymimi_profile": "best"}, "no profile 'best'; there are: guide"),
        ({"storymimi_unset": "task_ack_late"}, "does not set task_ack_late"),
        ({"storymimi_unset": "--without-mungle"}, "has no worker flag --without-mungle"),
        ({"storymimi_set": {"app.outbox": "yes"}}, "app.outbox must be one of"),
        ({"storymimi_set": {"app.outbx": True}}, "no setting app.outbx"),
        ({"storymimi_set": {"a.socket.TCP_KEEPFOO": 1}}, "no socket.TCP_KEEPFOO"),
        ({"storymimi_worker_args": "'--x"}, "STORYMIMI_WORKER_ARGS: No closing quotation"),
    ],
)
def test_an_override_that_means_nothing_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(BadSettingsError, match=says):
        configuration_of(Settings(**settings))


@pytest.mark.real
def test_the_command_prints_profiles_and_settings() -> None:
    def storymimi(*args: str) -> Any:
        return json.loads(subprocess.check_output([sys.executable, "-m", "storymimi", *args]))

    assert storymimi("profiles") == list(profiles.PROFILES)
    for name in profiles.PROFILES:
        assert storymimi("settings", name) == as_json(configured(name))
