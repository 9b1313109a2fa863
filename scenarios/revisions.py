"""More instances, fewer, and a new revision: who has the work when worker or API change.

Cloud Run starts and ends instances as it sees fit, and each deployment replaces them all. An
instance that has to go gets SIGTERM and ten seconds; a worker is not asked whether it is at work,
an instance of the API gets no more requests.
"""

from stallproof import (
    API,
    Latency,
    Limits,
    Rollout,
    ScaleIn,
    ScaleOut,
    Workload,
    at,
    breaks,
    scenario,
)

LONG = Limits(drain_s=50, settle_s=50)
"""A boot, ten seconds of grace, a lease of six, a new attempt of twenty."""
HELD_FOR_AN_HOUR = (
    "acks_late keeps the message, but it comes back only after broker_transport_options."
    "visibility_timeout, an hour by default: a warm shutdown that SIGKILL ends gives nothing back."
)
ACKNOWLEDGED_EARLY = (
    "task_acks_late is off: the message was acknowledged before the work began, and the work ends "
    "with its instance."
)


@scenario(
    schedule=[at(3, ScaleOut())],
    workload=Workload(rate_per_s=2, for_s=14, task_s=1.4),
)
def scale_out() -> None:
    """A second instance starts while there is more work than one can do

    On Cloud Run: the number of instances is raised, by hand or by an autoscaler.
    The guide promises: nothing; it runs one worker.
    Must hold: both take of the backlog, no story is lost or done twice, none waits for an instance
    that has no hand free.
    """


@scenario(
    schedule=[at(1, ScaleOut()), at(7, ScaleIn())],
    workload=Workload(rate_per_s=1.2, for_s=12, task_s=4),
)
def scale_in() -> None:
    """One of two instances goes while it has tasks of four seconds in hand

    On Cloud Run: the number of instances is lowered.
    The guide promises: acks_late and a graceful end.
    Must hold: it finishes within its ten seconds what it has, or the other does it; nothing is lost
    or done twice.
    """


@scenario(
    schedule=[at(0.5, ScaleOut()), at(4, ScaleIn())],
    workload=Workload(rate_per_s=0.5, for_s=8, task_s=20),
    limits=LONG,
    expected={
        "guide-int-keys": breaks("unfinished", because=HELD_FOR_AN_HOUR),
        "celery-defaults": breaks("lost", because=ACKNOWLEDGED_EARLY),
    },
)
def scale_in_long_task() -> None:
    """One of two instances goes while it has tasks in hand that take longer than its grace

    On Cloud Run: the number of instances is lowered; ten seconds after SIGTERM comes SIGKILL.
    The guide promises: acks_late brings the task back.
    Must hold: the other instance does it all again: nothing is lost, nothing done twice, and
    nobody waits for the visibility timeout.
    """


@scenario(
    schedule=[at(2, Rollout())],
    workload=Workload(rate_per_s=1, for_s=16, task_s=3),
)
def rollout() -> None:
    """A new revision takes over from the old one while stories keep coming

    On Cloud Run: every deployment; for a while both revisions take work.
    The guide promises: acks_late and a graceful end.
    Must hold: work flows all the while; what the old revision has in hand it finishes within its
    ten seconds or leaves to the new one; nothing is lost or done twice.
    """


@scenario(
    schedule=[at(0.5, Rollout(overlap_s=0.5))],
    workload=Workload(rate_per_s=0.5, for_s=8, task_s=20),
    limits=LONG,
    expected={
        "guide-int-keys": breaks("unfinished", because=HELD_FOR_AN_HOUR),
        "celery-defaults": breaks("lost", because=ACKNOWLEDGED_EARLY),
    },
)
def rollout_long_task() -> None:
    """A new revision takes over while the old one is at tasks that take longer than its grace

    On Cloud Run: a deployment in the middle of long work.
    The guide promises: acks_late brings the task back.
    Must hold: the new revision does again what the old one had to drop: nothing is lost, nothing
    done twice, and nobody waits for the visibility timeout.
    """


@scenario(
    schedule=[
        at(1, Rollout(service="api", overlap_s=6)),
        # Long enough for a new revision that comes up late, and is slow itself to publish first.
        at(7, Latency(links=API, latency_ms=250), for_s=11),
    ],
    workload=Workload(rate_per_s=2, for_s=21),
)
def rollout_api() -> None:
    """A new revision of the API takes over while POSTs are in the old one's hands

    On Cloud Run: every deployment. New requests go to the new revision; the old one finishes what
    it has, here with a slow broker, and gets SIGTERM meanwhile.
    The guide promises: nothing; it deploys.
    Must hold: no POST fails, every accepted story is published and done, once.
    """


@scenario(
    schedule=[at(2, Rollout()), at(2, Rollout(service="api"))],
    workload=Workload(rate_per_s=1, for_s=16, task_s=3),
)
def rollout_both() -> None:
    """New revisions of API and worker take over from the old ones at the same time

    On Cloud Run: a deployment of the whole system, from one image.
    The guide promises: acks_late and a graceful end.
    Must hold: no POST fails and work flows all the while; nothing is lost or done twice.
    """
