"""The images that the docker site runs. `make images` builds or pulls every one of them."""

from __future__ import annotations

APP = "stallproof/storymimi:dev"
"""The system as it ships; `--image` names another."""
BROKER = "valkey/valkey:9.1.2"
BROKER_COMMAND = "valkey-server"
TOXIPROXY = "ghcr.io/shopify/toxiproxy:2.12.0"


def reaper() -> str:
    """What removes a run's containers when the run is killed: Ryuk, as testcontainers names it."""
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415 (0.3 s to import)

    return testcontainers_config.ryuk_image


def every() -> tuple[str, ...]:
    """All that a run may need."""
    return (APP, BROKER, TOXIPROXY, reaper())
