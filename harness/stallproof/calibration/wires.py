"""What a bare socket shows, in a word: an errno's name, `EOF`, `silence`, or what was answered."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable

from stallproof.calibration.seen import Seen
from stallproof.sites.base import Address

OPEN_DEADLINE_S = 3.0
PAUSE_S = 0.05
"""A connection is quiet for this long before it asks."""


def not_connected(wire: socket.socket, to: Address) -> str:
    """Connect it; why that did not work, or nothing."""
    try:
        wire.connect((to.host, to.port))
    except TimeoutError:
        return "no connect"
    except OSError as error:
        return named(error)
    return ""


def outcome_of(receive: Callable[[], bytes], meaning: Callable[[bytes], str]) -> str:
    """What came of receiving: `meaning` of it, if there was something."""
    try:
        data = receive()
    except TimeoutError:
        return "silence"
    except OSError as error:
        return named(error)
    return meaning(data) if data else "EOF"


def timed(act: Callable[[], str]) -> Seen:
    began = time.monotonic()
    return Seen(act(), time.monotonic() - began)


def named(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
