"""One log format for both roles, on standard error. Nothing that is logged holds a secret."""

from __future__ import annotations

import logging

FORMAT = "%(asctime)s %(levelname)s %(name)s[%(process)d]: %(message)s"


def set_up() -> None:
    logging.basicConfig(level=logging.INFO, format=FORMAT, force=True)
    # One line for each request to a vendor says nothing that the ledger does not.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
