"""The knobs of the way to the broker: what kombu and redis-py read."""

from __future__ import annotations

from stallproof.ablation.knob import GUIDE, HARDENED, Claim, Knob

OPTIONS = "broker_transport_options."
BACKEND = "result_backend_transport_options."
TCP = f"{OPTIONS}socket_keepalive_options.socket."
KEEPALIVE_ON = {f"{OPTIONS}socket_keepalive": True}
LATE = {"task_acks_late": True}

IDLE_WORKER = Claim(scenario="silent-drop-idle-worker", why="notices connections that died idle")
IDLE_API = Claim(scenario="silent-drop-idle-api", why="ends a POST's wait on a dead connection")
BUSY = Claim(scenario="silent-drop-busy", why="ends the wait for an answer that never comes")
ONE_WAY = Claim(scenario="one-way-loss", why="ends the wait for an answer that was dropped")
FORGOTTEN = Claim(scenario="nat-expiry-long", why="keeps an idle connection from being forgotten")
COLD = Claim(scenario="cold-reconnect", why="a connect that hangs is given up and tried again")
REDELIVERED = Claim(scenario="visibility-timeout", why="when a killed worker's task comes back")

TIMEOUTS = (
    Knob(
        name="retry_on_timeout",
        settings={f"{OPTIONS}retry_on_timeout": True},
        set_by=(GUIDE,),
        claims=(
            Claim(scenario="publish-into-silence", why="a command that timed out is sent again"),
            Claim(scenario="dropped-in-task", why="the worker reconnects by itself"),
            Claim(scenario="cold-reconnect", why="a connect that timed out is tried again"),
        ),
    ),
    Knob(
        name="max_retries, interval_*",
        settings={
            f"{OPTIONS}max_retries": 10,
            f"{OPTIONS}interval_start": 0,
            f"{OPTIONS}interval_step": 0.2,
            f"{OPTIONS}interval_max": 1,
        },
        set_by=(GUIDE,),
        claims=(
            Claim(scenario="publish-refused", why="ten retries ride out a refused publish"),
            Claim(scenario="broker-killed-4s", why="the worker reconnects sooner"),
        ),
    ),
    Knob(
        name="socket_connect_timeout 30",
        settings={f"{OPTIONS}socket_connect_timeout": 30},
        set_by=(GUIDE,),
        claims=(COLD,),
    ),
    Knob(
        name="socket_connect_timeout 3",
        settings={f"{OPTIONS}socket_connect_timeout": 3},
        claims=(COLD,),
    ),
    Knob(
        name="socket_timeout 30",
        settings={f"{OPTIONS}socket_timeout": 30},
        set_by=(GUIDE,),
        otherwise_in_hardened=True,
        claims=(IDLE_WORKER, IDLE_API, BUSY),
    ),
    Knob(
        name="socket_timeout 3",
        settings={f"{OPTIONS}socket_timeout": 3},
        set_by=(HARDENED,),
        claims=(IDLE_WORKER, IDLE_API, BUSY),
    ),
    Knob(
        name="health_check_interval 30",
        settings={f"{OPTIONS}health_check_interval": 30},
        set_by=(GUIDE,),
        otherwise_in_hardened=True,
        claims=(IDLE_WORKER, ONE_WAY),
    ),
    Knob(
        name="health_check_interval 3",
        settings={f"{OPTIONS}health_check_interval": 3},
        set_by=(HARDENED,),
        claims=(IDLE_WORKER, ONE_WAY),
    ),
)

KEEPALIVE = (
    Knob(
        name="socket_keepalive",
        settings=KEEPALIVE_ON,
        set_by=(GUIDE, HARDENED),
        claims=(FORGOTTEN, IDLE_WORKER),
    ),
    Knob(
        name="keepalive options 1, 3, 5",
        settings={f"{TCP}TCP_KEEPIDLE": 1, f"{TCP}TCP_KEEPINTVL": 3, f"{TCP}TCP_KEEPCNT": 5},
        given=KEEPALIVE_ON,
        set_by=(GUIDE,),
        otherwise_in_hardened=True,
        claims=(FORGOTTEN, IDLE_WORKER),
    ),
    Knob(
        name="keepalive options 10, 5, 3",
        settings={f"{TCP}TCP_KEEPIDLE": 10, f"{TCP}TCP_KEEPINTVL": 5, f"{TCP}TCP_KEEPCNT": 3},
        given=KEEPALIVE_ON,
        set_by=(HARDENED,),
        claims=(FORGOTTEN, IDLE_WORKER),
    ),
    Knob(
        name="TCP_USER_TIMEOUT",
        settings={f"{TCP}TCP_USER_TIMEOUT": 5000},
        given=KEEPALIVE_ON,
        set_by=(HARDENED,),
        claims=(IDLE_WORKER, IDLE_API, BUSY),
    ),
    Knob(
        name="socket_timeout 3 and TCP_USER_TIMEOUT",
        settings={f"{OPTIONS}socket_timeout": 3, f"{TCP}TCP_USER_TIMEOUT": 5000},
        given=KEEPALIVE_ON,
        set_by=(HARDENED,),
        claims=(IDLE_WORKER, IDLE_API),
    ),
)

REDELIVERY = (
    Knob(
        name="visibility_timeout 60",
        settings={f"{OPTIONS}visibility_timeout": 60},
        given=LATE,
        set_by=(HARDENED,),
        claims=(
            REDELIVERED,
            Claim(scenario="half-hour-tasks", why="not before the task is done, one hopes"),
        ),
    ),
    Knob(
        name="unacked_restore_interval 5, unacked_restore_throttle 1",
        settings={f"{OPTIONS}unacked_restore_interval": 5, f"{OPTIONS}unacked_restore_throttle": 1},
        given=LATE,
        claims=(REDELIVERED,),
    ),
)

RECONNECTING = (
    Knob(
        name="broker_connection_retry",
        settings={"broker_connection_retry": True},
        off={"broker_connection_retry": False},
        set_by=(GUIDE,),
        claims=(Claim(scenario="broker-killed-4s", why="the worker reconnects by itself"),),
    ),
    Knob(
        name="broker_channel_error_retry",
        settings={"broker_channel_error_retry": True},
        set_by=(HARDENED,),
        claims=(
            Claim(scenario="broker-demoted", why="reconnects at -READONLY, instead of exiting"),
            Claim(scenario="broker-full", why="reconnects at -OOM, instead of exiting"),
        ),
    ),
    Knob(
        name="broker_connection_retry_on_startup",
        settings={"broker_connection_retry_on_startup": True},
        off={"broker_connection_retry_on_startup": False},
        set_by=(GUIDE,),
        claims=(
            Claim(
                scenario="broker-away-at-start",
                why="a worker that starts while the broker is away waits for it",
            ),
        ),
    ),
    Knob(
        name="broker_connection_max_retries None",
        settings={"broker_connection_max_retries": None},
        claims=(
            Claim(
                scenario="broker-away-an-hour", why="the worker does not give up after 100 tries"
            ),
        ),
    ),
)

RESULTS = (
    Knob(
        name="result_backend_transport_options",
        settings={f"{BACKEND}retry_on_timeout": True, f"{BACKEND}max_retries": 10},
        set_by=(GUIDE,),
        claims=(
            Claim(scenario="result-backend-cut", why="ten retries ride out a refused backend"),
            Claim(scenario="result-backend-silent", why="a command that timed out is sent again"),
        ),
    ),
    Knob(
        name="task_ignore_result",
        settings={"task_ignore_result": True},
        set_by=(HARDENED,),
        claims=(
            Claim(scenario="result-backend-cut", why="nobody waits for what nobody reads"),
            Claim(scenario="silent-drop-idle-backend", why="the backend is never asked"),
        ),
    ),
    Knob(
        name="task_track_started",
        settings={"task_track_started": True},
        set_by=(GUIDE,),
        claims=(
            Claim(scenario="result-backend-cut", why="a started task is known to be started"),
            Claim(scenario="silent-drop-idle-backend", why="the same, over a dead connection"),
        ),
    ),
)

TRANSPORT = (*TIMEOUTS, *KEEPALIVE, *REDELIVERY, *RECONNECTING, *RESULTS)
