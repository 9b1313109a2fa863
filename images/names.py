"""The names of the images that only `make images` knows; the others' are in `sites/images.py`."""

from __future__ import annotations

BASE = "python:3.12-slim"
"""What ours are built on."""
HARNESS = "stallproof/stallproof:dev"
"""stallproof with its scenarios."""
STAND_IN_LABEL = "stallproof.stand-in"
"""On an image built under another's name: what it holds instead."""
