"""The system's own profiles, as a settings module would write them down."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from .asked import told

HEAD = 'import socket\n\nbroker_url = result_backend = "redis://broker"\n'


def module_of(profile: str) -> str:
    """What `storymimi settings` says is in force, as Python."""
    command = [sys.executable, "-m", "storymimi", "settings", profile]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)
    tables: dict[str, Any] = {"app": {}}
    for setting in said["settings"]:
        *path, key = setting["key"].replace("socket.TCP", "socket/TCP").split(".")
        table = tables
        for name in path:
            table = table.setdefault(name, {})
        table[key] = setting["value"]
    del tables["app"]  # the system's own, not Celery's
    del tables["task_queues"]  # objects: shown, not written as Python
    return HEAD + "".join(f"{name} = {written(value)}\n" for name, value in tables.items())


def written(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    entries = (
        f"{key.replace('/', '.') if '/' in key else repr(key)}: {written(inner)}"
        for key, inner in value.items()
    )
    return "{" + ", ".join(entries) + "}"


def rules_in(profile: str) -> set[str]:
    return {rule for _, _, rule in told({"celeryconfig.py": module_of(profile)})}


def test_hardened_has_no_finding() -> None:
    assert rules_in("hardened") == set()


@pytest.mark.parametrize(
    ("profile", "keys"), [("guide", {"keepalive-string-keys"}), ("guide-int-keys", set())]
)
def test_the_guide_has_its_traps(profile: str, keys: set[str]) -> None:
    expected = {
        "broker-retry-on-timeout",
        "broker-retries-ignored",
        "broker-socket-timeout",
        "visibility-timeout-default",
        "track-started-on-backend",
    }
    assert rules_in(profile) >= expected | keys
    assert ("keepalive-string-keys" in rules_in(profile)) is bool(keys)
