"""How clients behave, whoever plays them: how long they wait, and how they read an answer."""

from __future__ import annotations

from typing import Literal

SUBMIT_DEADLINE_S = 30.0
"""After this a client gives up and does not know what became of its story."""
READ_DEADLINE_S = 5.0
LOOK_AGAIN_S = 1.0
"""How often a client asks for a story of which it has heard nothing yet."""
ACCEPTED = 202


def outcome_of(status: int) -> Literal["ok", "fail", "info"]:
    """What an answer to POST /stories/ says of the story.

    503 is the system's word that it did not take it; other 5xx leave it open.
    """
    if status == ACCEPTED:
        return "ok"
    return "fail" if status < 500 or status == 503 else "info"
