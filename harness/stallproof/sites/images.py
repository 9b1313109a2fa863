"""The images that a run in containers is made of: every name in one place.

`make images` builds ours, and pulls the others or builds stand-ins under the same names.
"""

from __future__ import annotations

APP = "stallproof/storymimi:dev"
"""The system as deployed (`Dockerfile`)."""
HARNESS = "stallproof/stallproof:dev"
"""stallproof with its scenarios (`harness/Dockerfile`)."""
BASE = "python:3.12-slim"
"""What both are built on."""
BROKER = "valkey/valkey:9.1.2"
TOXIPROXY = "ghcr.io/shopify/toxiproxy:2.12.0"
REAPER = "testcontainers/ryuk:0.8.1"
"""Removes what a killed run leaves. The one that testcontainers 4.15 starts."""
STAND_IN_LABEL = "stallproof.stand-in"
"""On an image that `make images` built under another's name: what it holds instead."""
