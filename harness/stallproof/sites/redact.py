"""Keeps secrets out of logs and histories."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_URL_CREDENTIALS = re.compile(r"://[^/\s@]*@")
_GONE = "***"


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that takes the secrets, and the credentials of any URL, out of a text."""
    literal = [secret for secret in secrets if secret]

    def redact(text: str) -> str:
        for secret in literal:
            text = text.replace(secret, _GONE)
        return _URL_CREDENTIALS.sub(f"://{_GONE}@", text)

    return redact
