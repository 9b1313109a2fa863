"""Traps in how the processes are started: the worker, and the API's server."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stallproof.lint.model import Hit, Severity, rule
from stallproof.lint.project import Project
from stallproof.lint.reading.command import Command, Place

NOT_ASGI = {"sync", "gthread", "gevent", "eventlet", "tornado"}
APPLICATION = re.compile(r"(?P<module>[A-Za-z_][\w.]*):[A-Za-z_]\w*(\(\))?")
FASTAPI_HOME = "app.main:app"
"""Where FastAPI's documentation puts the application of a bigger project."""
SERVERS = {"gunicorn", "uvicorn", "hypercorn"}
WORKER_SCRIPT = re.compile(r"(.*/)?\w*(worker|celery)\w*\.py")


@rule(
    "worker-main-no-subcommand",
    Severity.ERROR,
    why="worker_main of Celery 5 raises ValueError unless argv holds the sub-command",
    instead='worker_main(["worker", "--loglevel=info", ...])',
    proof="python -c \"from celery import Celery; Celery().worker_main(['--loglevel=info'])\"",
)
def worker_main_no_subcommand(command: Command, _project: Project) -> Iterator[Hit]:
    """worker_main without "worker" in its list"""
    if command.place is Place.CALL and command.complete and not command.has("worker"):
        yield Hit(command.line, 'worker_main is given no "worker": it refuses to start')


@rule(
    "no-soft-shutdown",
    Severity.WARNING,
    why=(
        "Cloud Run sends SIGTERM and kills after 10 s; Celery's warm shutdown waits for the task, "
        "is killed, and the task waits for the visibility timeout"
    ),
    instead="worker_soft_shutdown_timeout=6 (Celery 5.5), REMAP_SIGTERM=SIGQUIT in the environment",
    proof="pytest tests/system/test_deployed.py -k sigterm",
)
def no_soft_shutdown(command: Command, project: Project) -> Iterator[Hit]:
    """A worker without a soft shutdown, judged only with its configuration among the files"""
    too_old = any(stated.surely(at_most="5.4.99") for stated in project.stated("celery"))
    if not command.is_celery_worker or not project.complete or too_old:
        return
    missing = []
    if not project.sets("worker_soft_shutdown_timeout"):
        missing.append("worker_soft_shutdown_timeout")
    if not project.mentions("REMAP_SIGTERM"):
        missing.append("REMAP_SIGTERM=SIGQUIT")
    if missing:
        yield Hit(command.line, f"a worker without a soft shutdown: no {' and no '.join(missing)}")


@rule(
    "asgi-under-wsgi",
    Severity.ERROR,
    why=(
        "gunicorn's default workers call the application as WSGI: FastAPI answers 500 to every "
        "request (__call__() missing 'send')"
    ),
    instead="gunicorn -k uvicorn_worker.UvicornWorker (or -k asgi, gunicorn 27), or plain uvicorn",
    proof="gunicorn app.main:app & sleep 2; curl -si localhost:8000",
)
def asgi_under_wsgi(command: Command, project: Project) -> Iterator[Hit]:
    """An ASGI application (FastAPI) under gunicorn without an ASGI worker class"""
    if command.program != "gunicorn" or command.flag("-c", "--config") is not None:
        return
    if not command.complete or any(word.text.startswith("$") for word in command.arguments):
        return
    line = " ".join(word.text for word in command.arguments)
    if project.mentions("GUNICORN_CMD_ARGS") or project.mentions("worker_class"):
        return
    chosen = command.flag("-k", "--worker-class")
    attached = re.search(r"(?:^|\s)-k(\S+)", line)
    name = chosen.text if chosen else attached[1] if attached else "sync"
    for word in command.arguments:
        application = APPLICATION.fullmatch(word.text)
        if application and name in NOT_ASGI and _is_asgi(application, project):
            yield Hit(word.line, f"gunicorn serves {word.text} as WSGI")
            return


def _is_asgi(application: re.Match[str], project: Project) -> bool:
    """FastAPI is in the files; where no framework is, the application is where FastAPI has it."""
    if "wsgi" in application["module"]:
        return False
    if project.frameworks:
        return bool(project.frameworks & {"fastapi", "starlette"})
    return application[0] == FASTAPI_HOME


@rule(
    "sigterm-stops-at-shell",
    Severity.WARNING,
    why="SIGTERM ends at the shell: Celery never hears it and is killed after 10 s",
    instead='CMD ["program", "argument"], and exec before the last command of a start script',
    proof="docker run --rm -d IMAGE, then: docker exec CONTAINER cat /proc/1/cmdline",
)
def sigterm_stops_at_shell(command: Command, _project: Project) -> Iterator[Hit]:
    """CMD or ENTRYPOINT in shell form, or a start script without exec"""
    if command.replaces or command.background:
        return
    serves = command.is_celery_worker or command.program in SERVERS or _runs_worker(command)
    if serves and command.place is Place.SHELL_FORM:
        yield Hit(command.line, f"a shell starts {command.program} and gets its SIGTERM")
    elif serves and command.place is Place.START_SCRIPT:
        yield Hit(command.line, f"the start script runs {command.program} without exec")


def _runs_worker(command: Command) -> bool:
    python = command.program.startswith("python")
    return python and any(WORKER_SCRIPT.fullmatch(word.text) for word in command.arguments[:2])
