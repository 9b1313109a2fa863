"""Everything the environment decides, checked once at the start. Secrets never print."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

BROKER_SCHEMES = ("redis://", "rediss://")


class BadSettingsError(ValueError):
    """The environment cannot be used as it is. `str()` is one line and holds no secret."""


def _broker_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(BROKER_SCHEMES):
        raise ValueError(f"must start with {' or '.join(BROKER_SCHEMES)}")
    return url


def _database_url(url: SecretStr) -> SecretStr:
    """Hosting platforms hand out `postgres://`; SQLAlchemy wants the driver's name in it."""
    text = url.get_secret_value()
    for scheme in ("postgres://", "postgresql://"):
        if text.startswith(scheme):
            text = "postgresql+psycopg://" + text.removeprefix(scheme)
    if not text.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must start with sqlite:/// or postgresql://")
    return SecretStr(text)


BrokerUrl = Annotated[SecretStr, AfterValidator(_broker_url)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]


class Settings(BaseSettings):
    """One field an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    service_type: str = ""
    """The role of this process: `api` or `worker`."""
    port: int = Field(default=8080, ge=1, le=65535)
    redis_url: BrokerUrl = SecretStr("redis://localhost:6379/0")
    result_backend_url: BrokerUrl | None = None
    """Where results go; the broker unless set. Lets the two be reached by different paths."""
    database_url: DatabaseUrl = SecretStr("sqlite:///storymimi.db")

    supabase_url: str | None = None
    supabase_key: SecretStr | None = None
    openrouter_api_key: SecretStr | None = None
    gemini_api_key: SecretStr | None = None
    together_api_key: SecretStr | None = None
    elevenlabs_api_key: SecretStr | None = None
    elevenlabs_voice_id: str | None = None
    offline_duration_s: float = Field(default=1.0, ge=0)
    """How long the offline providers take for a whole story."""

    storymimi_profile: str = "hardened"
    storymimi_set: dict[str, Any] = {}
    """Experiments: dotted setting -> value, on top of the profile."""
    storymimi_unset: str = ""
    """Experiments: dotted settings and worker flags to leave out of the profile, separated by
    commas: `task_acks_late, --without-mingle`."""
    storymimi_worker_args: str = ""
    """Experiments: worker flags after the profile's, as a shell would split them."""
    storymimi_ledger: Path | None = None
    instance_id: str | None = None

    @property
    def unset(self) -> tuple[str, ...]:
        return tuple(key.strip() for key in self.storymimi_unset.split(",") if key.strip())

    @property
    def backend_url(self) -> SecretStr:
        return self.result_backend_url or self.redis_url


@functools.cache
def get_settings() -> Settings:
    """The process's settings, read from the environment once.

    Raises:
        BadSettingsError: naming each variable and what would be right.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in detail['loc']).upper()}: {detail['msg']}"
            for detail in error.errors(include_input=False, include_url=False)
        )
        raise BadSettingsError(wrong) from None
    except SettingsError as error:
        # pydantic-settings names the field whose JSON it could not read, not its content.
        raise BadSettingsError(f"{error} (STORYMIMI_SET must be a JSON object)") from None
