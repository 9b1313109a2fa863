"""Celery issue #7276: the worker reconnects, answers pings, and never takes another task.

A refused reconnect leaves a failed channel behind; when Python's garbage collector frees it, it
takes the live connection's callback out of the event loop. No error, no log line. The broker must
refuse for at least a second and a half, so this needs a broker that is down and not one behind a
proxy, which accepts and closes. kombu 5.2.3 to 5.3.7 have it; 5.4.0 removed the trigger.

The broker is killed between two tasks: a broker that goes while a task runs is another failure
(broker-killed-in-task), and POSTs that fail meanwhile are another's (publish-refused).
"""

from stallproof import BrokerRestart, Limits, Workload, at, scenario


@scenario(
    schedule=[at(3.6, BrokerRestart(how="killed"), for_s=2)],
    workload=Workload(rate_per_s=1, for_s=12, task_s=0.2),
    limits=Limits(stall_s=12, first_start_s=15, settle_s=15, accept_error_rate=1.0),
    tags=["gate"],
)
def issue_7276() -> None:
    """One restart of the broker, and the worker is mute for ever

    On Cloud Run: the worker is green in the console, its log ends with "Connected to redis", and
    the queue grows.
    The guide promises: --without-mingle, --without-gossip and --without-heartbeat prevent it.
    Must hold: after the restart the worker takes tasks again.
    """
