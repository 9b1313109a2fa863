"""What is calibrated of the lifecycle plane: each fault of an instance, of the API and the worker.

The rows of a ground follow one another in one system, in this order: each leaves behind what the
next begins with, and none ends an instance that has just been started again, for the site would
wait before the next start.
"""

from __future__ import annotations

from stallproof.calibration.row import Ground, InstanceRow
from stallproof.faults import (
    CpuThrottling,
    Freeze,
    InstanceKill,
    KillChild,
    Migrate,
    Rollout,
    ScaleIn,
    ScaleOut,
    Terminate,
)

_API = Ground(services=("api",), task_s=0.2, front=True)
_SHORT = Ground(services=("api", "worker"), task_s=3.0)
"""A task that ends within the grace."""
_LONG = Ground(services=("api", "worker"), task_s=60.0)
"""One that does not."""

INSTANCE_ROWS: tuple[InstanceRow, ...] = (
    InstanceRow(
        name="freeze-api",
        fault=Freeze(service="api"),
        service="api",
        ground=_API,
        stands_still=True,
    ),
    InstanceRow(
        name="cpu-throttling",
        fault=CpuThrottling(),
        service="api",
        ground=_API,
        stands_still=True,
        fronted=True,
    ),
    InstanceRow(
        name="terminate-api",
        fault=Terminate(service="api"),
        service="api",
        ground=_API,
        hears=True,
        successor=True,
    ),
    InstanceRow(
        name="scale-out-api",
        fault=ScaleOut(service="api"),
        service="api",
        ground=_API,
        asked=True,
    ),
    InstanceRow(
        name="rollout-api",
        fault=Rollout(service="api", overlap_s=0.5),
        service="api",
        ground=_API,
        hears=True,
        asked=True,
    ),
    InstanceRow(  # the last of the API's: its request never ends, and it cannot go in time
        name="migrate-api",
        fault=Migrate(service="api"),
        service="api",
        ground=_API,
        stands_still=True,
    ),
    InstanceRow(
        name="freeze-worker",
        fault=Freeze(),
        service="worker",
        ground=_SHORT,
        stands_still=True,
    ),
    InstanceRow(name="scale-out", fault=ScaleOut(), service="worker", ground=_SHORT),
    InstanceRow(
        name="scale-in",
        fault=ScaleIn(),
        service="worker",
        ground=_SHORT,
        instances=2,
        busy=True,
    ),
    InstanceRow(
        name="instance-kill-worker",
        fault=InstanceKill(),
        service="worker",
        ground=_SHORT,
        hears=True,
        successor=True,
    ),
    InstanceRow(
        name="migrate-worker",
        fault=Migrate(),
        service="worker",
        ground=_SHORT,
        stands_still=True,
    ),
    InstanceRow(
        name="instance-kill-api",
        fault=InstanceKill(service="api"),
        service="api",
        ground=_SHORT,
        hears=True,
        successor=True,
    ),
    InstanceRow(
        name="kill-child",
        fault=KillChild(),
        service="worker",
        ground=_LONG,
        busy=True,
    ),
    InstanceRow(
        name="terminate-worker",
        fault=Terminate(),
        service="worker",
        ground=_LONG,
        hears=True,
        successor=True,
    ),
    InstanceRow(
        name="rollout",
        fault=Rollout(overlap_s=0.5),
        service="worker",
        ground=_LONG,
        busy=True,
    ),
)
