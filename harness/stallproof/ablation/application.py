"""The knobs of the worker: how it takes tasks, its flags, and what the application adds."""

from __future__ import annotations

from stallproof.ablation.knob import GUIDE, HARDENED, Claim, Knob
from stallproof.ablation.transport import LATE

OLD = "celery==5.3.6,kombu==5.3.7,redis==5.0.8"
"""The stack on which issue 7276 strikes most surely."""
SAME = "Celery's default is the same value: no run could tell the two apart"

ISSUE_THEN = Claim(
    scenario="issue-7276", why="a worker that reconnects is not mute, with kombu 5.3.7", stack=OLD
)
RESTART = Claim(scenario="broker-killed-4s", why="the worker is back sooner")
IN_TASK = Claim(scenario="dropped-in-task", why="the task in hand is delivered again")

TAKING = (
    Knob(
        name="task_acks_late",
        settings=LATE,
        set_by=(GUIDE, HARDENED),
        claims=(
            Claim(scenario="visibility-timeout", why="a killed worker's task comes back"),
            Claim(scenario="sigterm-long-task", why="a task that was cut short is given back"),
            IN_TASK,
        ),
    ),
    Knob(
        name="task_reject_on_worker_lost",
        settings={"task_reject_on_worker_lost": True},
        given=LATE,
        set_by=(GUIDE, HARDENED),
        claims=(Claim(scenario="child-killed", why="a dead pool process's task is given back"),),
    ),
    Knob(
        name="worker_prefetch_multiplier 1",
        settings={"worker_prefetch_multiplier": 1},
        set_by=(GUIDE, HARDENED),
        claims=(
            Claim(
                scenario="killed-with-backlog",
                why="a worker that dies holds fewer messages for the visibility timeout",
            ),
        ),
    ),
    Knob(
        name="worker_cancel_long_running_tasks_on_connection_loss False",
        settings={"worker_cancel_long_running_tasks_on_connection_loss": False},
        off={"worker_cancel_long_running_tasks_on_connection_loss": True},
        set_by=(HARDENED,),
        claims=(
            Claim(scenario="broker-killed-in-task", why="the work at hand is finished and stored"),
            Claim(scenario="dropped-in-task", why="likewise"),
        ),
    ),
    Knob(
        name="worker_soft_shutdown_timeout 6, REMAP_SIGTERM",
        settings={"worker_soft_shutdown_timeout": 6, "app.remap_sigterm": "SIGQUIT"},
        given=LATE,
        set_by=(HARDENED,),
        claims=(
            Claim(scenario="sigterm-long-task", why="what cannot end in ten seconds is given back"),
        ),
    ),
)

FLAGS = (
    Knob(
        name="--without-mingle",
        flags=("--without-mingle",),
        set_by=(GUIDE, HARDENED),
        claims=(ISSUE_THEN, RESTART),
    ),
    Knob(
        name="--without-gossip",
        flags=("--without-gossip",),
        set_by=(GUIDE, HARDENED),
        claims=(ISSUE_THEN, RESTART),
    ),
    Knob(
        name="--without-heartbeat",
        flags=("--without-heartbeat",),
        set_by=(GUIDE, HARDENED),
        claims=(
            ISSUE_THEN,
            Claim(
                scenario="silent-drop-idle-worker",
                why="its PUBLISH cannot hang on a dead connection",
            ),
        ),
    ),
    Knob(
        name="--max-tasks-per-child=100",
        flags=("--max-tasks-per-child=100",),
        set_by=(GUIDE,),
        unshown="a load of more than 200 stories in one worker's life, with tasks that leak, would",
    ),
    Knob(
        name="--pool=prefork",
        flags=("--pool=prefork",),
        off_flags=("--pool=solo",),
        set_by=(GUIDE, HARDENED),
        claims=(
            Claim(scenario="dropped-in-task", why="the consumer goes on listening while tasks run"),
        ),
    ),
    Knob(
        name="--concurrency=2",
        flags=("--concurrency=2",),
        off_flags=("--concurrency=1",),
        set_by=(GUIDE, HARDENED),
        claims=(Claim(scenario="broker-back-empty", why="a backlog is gone sooner"),),
    ),
)

OURS = (
    Knob(
        name="outbox",
        settings={"app.outbox": True},
        set_by=(HARDENED,),
        claims=(
            Claim(scenario="broker-back-empty", why="the stored story outlives the broker's data"),
            Claim(scenario="publish-into-silence", why="POST does not wait for the broker"),
            Claim(scenario="dropped-in-task", why="a claim turns a second delivery away"),
        ),
    ),
    Knob(
        name="health consumer-progress",
        settings={"app.health": "consumer-progress"},
        set_by=(HARDENED,),
        claims=(Claim(scenario="health-check-failures", why="the health port says what is true"),),
    ),
)

UNTRIED = (
    Knob(
        name="serializers",
        settings={
            "task_serializer": "json",
            "accept_content": ["json"],
            "result_serializer": "json",
        },
        set_by=(GUIDE,),
        unshown=SAME,
    ),
    Knob(
        name="timezone, enable_utc",
        settings={"timezone": "UTC", "enable_utc": True},
        set_by=(GUIDE,),
        unshown=SAME,
    ),
)

APPLICATION = (*TAKING, *FLAGS, *OURS, *UNTRIED)
