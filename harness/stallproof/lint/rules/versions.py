"""Traps in the versions that a requirements file or a `pip install` states."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from stallproof.lint.model import Hit, Severity, rule
from stallproof.lint.project import Project
from stallproof.lint.reading.requirements import Requirements, Stated

HUB_RESET = {Version("5.6.1"), Version("5.6.2")}
MUTE_FROM, MUTE_TO = Version("5.2.3"), Version("5.3.7")


@rule(
    "celery-without-hub-reset",
    Severity.ERROR,
    why="5.6.1 and 5.6.2 dropped hub.reset() on reconnect, a regression mended in 5.6.3",
    instead="celery 5.6.3 or newer, with kombu and redis pinned beside it",
    proof="hub.reset() in celery/worker/loops.py: there in 5.6.3, not in 5.6.1 and 5.6.2",
)
def celery_without_hub_reset(requirements: Requirements, _project: Project) -> Iterator[Hit]:
    """The version of celery is 5.6.1 or 5.6.2"""
    celery = requirements.get("celery")
    if celery and celery.pin in HUB_RESET:
        yield Hit(celery.line, f"celery {celery.pin} does not reset its event loop on reconnect")


@rule(
    "issue-7276",
    Severity.ERROR,
    why="after one refused reconnect the worker answers pings and never takes another task",
    instead="kombu 5.4.0 or newer (5.7.0 ended it for good); until then --without-mingle",
    proof=(
        "stallproof run issue-7276 --profile celery-defaults "
        "--stack celery==5.3.6,kombu==5.3.7,redis==5.0.8 --repeat 10"
    ),
)
def issue_7276(requirements: Requirements, project: Project) -> Iterator[Hit]:
    """The version of kombu is 5.2.3 to 5.3.7, and no worker has --without-mingle"""
    kombu = requirements.get("kombu")
    if kombu is None or kombu.pin is None or not MUTE_FROM <= kombu.pin <= MUTE_TO:
        return
    workers = [command for command in project.commands if command.is_celery_worker]
    if not workers:
        yield Hit(kombu.line, f"kombu {kombu.pin} has issue 7276 (no worker command was given)")
    for worker in workers:
        if worker.complete and not worker.has("--without-mingle"):
            yield Hit(kombu.line, f"kombu {kombu.pin} has issue 7276, and a worker mingles")
            return


@rule(
    "celery-pinned-alone",
    Severity.WARNING,
    why="what reconnects is kombu and redis-py: celery==5.6.3 alone takes the newest kombu",
    instead="exact versions of all three",
    proof="echo 'celery[redis]==5.6.3' | uv pip compile -",
)
def celery_pinned_alone(requirements: Requirements, project: Project) -> Iterator[Hit]:
    """An exact celery, with a kombu or redis that is not"""
    celery = requirements.get("celery")
    if celery is None or celery.pin is None or not requirements.complete:
        return
    needed = ["kombu"]
    if "redis" in celery.requirement.extras or project.stated("redis"):
        needed.append("redis")
    free = [name for name in needed if not _pinned(name, project)]
    if free:
        yield Hit(celery.line, f"celery is pinned, {' and '.join(free)} not")


def _pinned(name: str, project: Project) -> bool:
    return any(stated.pin is not None for stated in project.stated(name))


@rule(
    "celery-without-redis-extra",
    Severity.WARNING,
    why=(
        "kombu 5.7.0's Redis transport imports packaging, which only the extra brings: unless "
        "another package happens to, the worker dies at its start with ModuleNotFoundError"
    ),
    instead="celery[redis] in place of celery and redis",
    proof=(
        "uv venv v && uv pip install --python v celery redis && "
        "v/bin/python -m kombu.transport.redis"
    ),
)
def celery_without_redis_extra(requirements: Requirements, project: Project) -> Iterator[Hit]:
    """Requiring celery and redis in place of celery[redis], with kombu 5.7"""
    celery = requirements.get("celery")
    if celery is None or requirements.get("redis") is None or not requirements.complete:
        return
    if not _brings_packaging(celery, project) and _takes_new_kombu(celery, project):
        yield Hit(celery.line, "celery without its redis extra: nothing here brings packaging")


def _brings_packaging(celery: Stated, project: Project) -> bool:
    extras = {extra for stated in project.stated("kombu") for extra in stated.requirement.extras}
    older_gunicorn = any(stated.requirement.specifier for stated in project.stated("gunicorn"))
    return bool(
        "redis" in celery.requirement.extras
        or "redis" in extras
        or project.stated("packaging")
        or older_gunicorn
    )


def _takes_new_kombu(celery: Stated, project: Project) -> bool:
    """Whether kombu is 5.7 or newer: by its own requirement, or because celery leaves it open.

    celery 5.5 asks for kombu below 5.6; 5.3, 5.4 and 5.6 do not stop short of 5.7.
    """
    kombu = project.stated("kombu")
    if any(stated.requirement.specifier for stated in kombu):
        return any(stated.surely(at_least="5.7.0") for stated in kombu)
    if not celery.requirement.specifier:
        return True
    return celery.pin is not None and celery.pin.release[:2] in {(5, 3), (5, 4), (5, 6), (5, 7)}
