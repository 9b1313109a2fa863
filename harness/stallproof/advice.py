"""What to change, or to try next: a sentence per finding that does not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stallproof.model import Scenario, Verdict
from stallproof.records import Finding, Setting

FIXED_KOMBU = (5, 4, 0)
"""The first kombu without the trigger of celery issue #7276 (kombu pull request 2007)."""

TOO_MUCH = (
    "Nothing was broken: these are more stories than the system carries here. "
    "`stallproof load --find-ceiling` finds the rate that holds, and what is used up by then."
)
CONSUMER_PROGRESS = "consumer-progress"
"""The system's health port tells of the consumer already."""


def advise(
    scenario: Scenario,
    findings: Sequence[Finding],
    settings: Sequence[Setting],
    worker_args: Sequence[str],
    versions: Mapping[str, str],
) -> tuple[str, ...]:
    """Sentences in the order of the findings, each naming a setting, a flag or a version.

    What a profile has already is not advised again.
    """
    values = {setting.key: setting.value for setting in settings}
    broken = {finding.checker for finding in findings if finding.verdict is Verdict.INVALID}
    if broken and not scenario.schedule.steps and "boot" not in broken:
        return (TOO_MUCH,)
    advice = []
    outbox = values.get("app.outbox") == "True"
    if "stalled" in broken:
        advice += _on_stall(values, worker_args, versions)
    if "accept" in broken and not outbox:
        advice.append(
            "Store the story before publishing it and bound the publish "
            "(socket_timeout, socket_connect_timeout, task_publish_retry_policy), "
            "so that POST answers while the broker is away."
        )
    if broken & {"lost", "unfinished"} and not outbox:
        advice.append(
            "Keep accepted work in the database until it is done, with a reconciler that publishes "
            "again what never started: neither acks_late nor visibility_timeout brings back a "
            "message that the broker lost or that BRPOP popped into a dead connection."
        )
    if "duplicated" in broken and not outbox:
        advice.append(
            "Let the task claim its story in the database before it works on it: a message that "
            "is redelivered while the first run goes on is then skipped."
        )
    if "health" in broken and values.get("app.health") != CONSUMER_PROGRESS:
        advice.append(
            "Let the health port answer 503 when the consumer has had no answer from the broker "
            "for too long, so that the liveness probe restarts a worker that only looks alive."
        )
    if any(f.checker == "fault-bit" and f.verdict is Verdict.UNKNOWN for f in findings):
        advice.append(
            f"The fault was not felt, so nothing is proven: see the faults of {scenario.name} "
            "on its timeline, and `stallproof doctor` for what this machine lacks."
        )
    return tuple(advice)


def _on_stall(
    values: Mapping[str, str], worker_args: Sequence[str], versions: Mapping[str, str]
) -> list[str]:
    advice = []
    kombu = versions.get("kombu", "")
    if kombu and _numbers(kombu) < FIXED_KOMBU and "--without-mingle" not in worker_args:
        advice.append(
            f"kombu {kombu} has celery issue #7276: upgrade to kombu 5.4.0 or newer, "
            "or start the worker with --without-mingle."
        )
    if values.get("broker_transport_options.retry_on_timeout") == "True":
        advice.append(
            "Remove broker_transport_options.retry_on_timeout: with it a worker that is reset in "
            "the middle of a task never takes another (see dropped-in-task)."
        )
    if "broker_transport_options.socket_timeout" not in values:
        advice.append(
            "Set broker_transport_options.socket_timeout (seconds): without it a worker waits "
            "for ever on a connection that went silent."
        )
    return advice


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
