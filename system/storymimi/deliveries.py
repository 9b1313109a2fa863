"""The ledger's lines on messages: which was published, and which a worker has taken in.

Between the two lies all that a broker can lose. Celery's own signals tell of both: the first when
the broker has answered for the message, the second when kombu has popped it and written it to
`unacked`.
"""

from __future__ import annotations

from typing import Any

from celery import signals

from storymimi.ledger import Ledger
from storymimi.profiles import TASK


def keep(ledger: Ledger, *, service: str) -> None:
    """Write them from now on, for this process, which plays the role of `service`."""

    def published(headers: dict[str, Any], body: Any, **_: Any) -> None:
        ledger.write("published", str(body[0][0]), task_id=headers["id"], service=service)

    def received(request: Any, **_: Any) -> None:
        if request.name == TASK:
            ledger.write(
                "received",
                str(request.message.payload[0][0]),
                task_id=request.id,
                redelivered=bool(request.delivery_info.get("redelivered")),
                service=service,
            )

    signals.after_task_publish.connect(published, sender=TASK, weak=False)
    signals.task_received.connect(received, weak=False)
