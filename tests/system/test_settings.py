"""Bad environments are refused in one line that holds no secret."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pydantic import SecretStr

from storymimi.settings import Settings

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({}, "SERVICE_TYPE must be one of api, worker; it is not set"),
        ({"SERVICE_TYPE": "cron"}, "it is cron"),
        ({"SERVICE_TYPE": "api", "PORT": "many"}, "PORT: "),
        ({"SERVICE_TYPE": "worker", "PORT": "0"}, "PORT: "),
        ({"SERVICE_TYPE": "api", "REDIS_URL": "http://u:s3cret@h"}, "REDIS_URL: "),
        ({"SERVICE_TYPE": "api", "DATABASE_URL": "mysql://u:s3cret@h"}, "DATABASE_URL: "),
        ({"SERVICE_TYPE": "worker", "STORYMIMI_SET": "{s3cret"}, "STORYMIMI_SET"),
        ({"SERVICE_TYPE": "worker", "STORYMIMI_PROFILE": "best"}, "no profile 'best'"),
        ({"SERVICE_TYPE": "worker", "OFFLINE_DURATION_S": "-1"}, "OFFLINE_DURATION_S: "),
    ],
)
def test_a_bad_environment_is_one_line_and_exit_code_2(env: dict[str, str], says: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "storymimi"],
        env={"PATH": os.environ["PATH"]} | env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert says in ended.stderr
    assert "s3cret" not in ended.stderr
    assert not ended.stdout


def test_arguments_that_mean_nothing_are_answered_with_the_usage() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "storymimi", "serve"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (ended.returncode, ended.stderr[:16]) == (2, "storymimi: usage")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_gets_the_driver(scheme: str) -> None:
    settings = Settings(database_url=SecretStr(f"{scheme}://u:s3cret@h/db"))

    assert settings.database_url.get_secret_value() == "postgresql+psycopg://u:s3cret@h/db"
    assert "s3cret" not in repr(settings)


def test_the_result_backend_is_the_broker_unless_set() -> None:
    assert Settings(redis_url=SecretStr("redis://a")).backend_url.get_secret_value() == "redis://a"
    both = Settings(redis_url=SecretStr("redis://a"), result_backend_url=SecretStr("redis://b"))
    assert both.backend_url.get_secret_value() == "redis://b"
