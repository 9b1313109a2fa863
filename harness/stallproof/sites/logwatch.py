"""Which lines of a service's log matter to the history.

Told by their text alone, so that it works for every version (Celery 5.2 to 5.7, uvicorn) and
for any log format that names the level near the start of the line. Nothing is ever judged by
these lines; they tell a reader of the history what the system itself noticed.
"""

from __future__ import annotations

import re
from typing import Literal

What = Literal["ready", "connected", "connection-lost", "error", "warning"]

_LEVEL_WITHIN = 80
"""Characters at the start of a line in which the level stands: time stamp, logger, process."""

_READY = re.compile(r"\S+@\S+ ready\.$|Uvicorn running on |Application startup complete")
_CONNECTED = re.compile(r"\bConnected to rediss?://")
_LOST = re.compile(
    r"consumer: Connection to broker lost"
    r"|consumer: Cannot connect to "
    r"|Cannot connect to rediss?://"
    r"|Error -?\d+ (?:while )?connecting to "
    r"|Connection (?:closed by server|refused|reset by peer)"
    r"|Timeout (?:reading from|connecting to)"
)
_LAST_OF_TRACEBACK = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Timeout|Interrupt|Lost|Exit)(?::|$)"
)
_CONNECTION_TROUBLE = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*(?:Connection\w*Error|TimeoutError|OperationalError|ConnectionError)\b"
)
_LEVEL = re.compile(r"\b(?:DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b")
_ERRORS = ("ERROR", "CRITICAL", "FATAL")
_WARNINGS = ("WARN", "WARNING")


def classify(line: str) -> What | None:
    """What a line means for the run; None if it does not matter."""
    found = _LEVEL.search(line[:_LEVEL_WITHIN])
    level = found[0] if found else ""
    if _READY.search(line):
        return "ready"
    if _CONNECTED.search(line):
        return "connected"
    if _LOST.search(line) or _CONNECTION_TROUBLE.search(line):
        return "connection-lost"
    if level in _ERRORS or _LAST_OF_TRACEBACK.search(line):
        return "error"
    if level in _WARNINGS:
        return "warning"
    return None
