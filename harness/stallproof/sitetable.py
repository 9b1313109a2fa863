"""What each site can do, as a document: `stallproof sites` writes docs/SITES.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from stallproof.catalog import load
from stallproof.faults import AnyFault
from stallproof.sites import images
from stallproof.sites.choice import COMPOSE, DOCKER, LOCAL, LOOPBACK, SITES, site_of

HEAD = f"""# Sites

Where the system runs: `stallproof run --site NAME`, `pytest scenarios --site NAME`. This page is
what `stallproof sites` prints; a test holds the two together.

- `{LOCAL}`: one process tree in namespaces of its own. No root, no Docker, any stack. The default.
- `{LOOPBACK}`: the same as plain processes on this machine's loopback, where namespaces are refused
  (chosen by itself then, or with `--loopback`).
- `{DOCKER}`: containers on a network of the run's own, the system in the image that it ships in
  (`--image`). It takes a Docker Engine from 20.10 on, and the images: `{images.APP}`,
  `{images.BROKER}`, `{images.TOXIPROXY}` and `{images.reaper()}`. What is missing is pulled;
  `make images` builds or pulls all of it.
- `{COMPOSE}`: the same containers as `docker-compose.test.yml` makes them, for whoever wants to see
  that file survive. It takes Compose besides: v2 (`docker compose`) or v1 (`docker-compose`, 1.29).
"""
TAIL = f"""
A fault that a site cannot do makes the scenario `unknown` there, by name: it is never left out in
silence.

When a run stalls, the broker's contents, its CLIENT LIST and the logs are seized on every site.
Stacks and sockets of the services take `{LOCAL}` or `{LOOPBACK}`, and there the right to look into
a process, which namespaces of one's own bring along. The connections that the network remembers are
there where conntrack-flush is. What is missing is said, a line each, in the report.

## The {DOCKER} site

The stack is what the image holds, so `--stack` and `--broker` are refused there (and on
`{COMPOSE}`). The harness talks to the containers by their addresses on the run's network. On Linux
that just works. With Docker Desktop, or an engine on another machine, run stallproof itself in a
container, with the engine's socket mounted: it then joins the run's network by itself.

    docker run --rm -v /var/run/docker.sock:/var/run/docker.sock \\
      -v "$PWD/reports:/reports" stallproof/stallproof:dev run --site {DOCKER} --out /reports/one

Ryuk (the reaper of testcontainers) removes containers, volumes and network within seconds when a
run is killed; every one of them carries the label `stallproof.run`.

## The {COMPOSE} site

Compose creates each run's project, under a name and on a network of its own, with the run in the
variables of the file; a service whose environment then differs from what the run asks for ends the
run. Starting the containers, and starting those of API and worker again, is left to the harness (so
`depends_on`, restart policy and health checks are not in force there; for people they are). All
else is as on the {DOCKER} site, but for two things: an instance that exited is the same container
started again, with what it had written to its own file system, and not a new one; and Compose takes
seconds to create and remove a project, so a run takes that much longer.
"""


def page() -> str:
    """The whole document, in Markdown."""
    return "\n".join([HEAD, *_table(), TAIL])


def _table() -> Iterable[str]:
    """A row a fault, a column a site."""
    yield "| fault | plane | " + " | ".join(f"`{name}`" for name in SITES) + " |"
    yield "|" + "---|" * (len(SITES) + 2)
    for kind in get_args(AnyFault):
        tag = kind.__struct_config__.tag
        cells = [_cell(name, kind.needs) for name in SITES]
        yield f"| {tag} | {kind.plane} | " + " | ".join(cells) + " |"
    total = len(load(None))
    counts = [f"{_runnable(name)} of {total}" for name in SITES]
    yield "| *scenarios that can be run* | | " + " | ".join(counts) + " |"


def _cell(site: str, needs: Iterable[type]) -> str:
    conditions = {need: site_of(site).condition(need) for need in needs}
    missing = sorted(need.__name__ for need, condition in conditions.items() if condition is None)
    if missing:
        return f"no: needs {', '.join(missing)}"
    return ", ".join(sorted({text for text in conditions.values() if text})) or "yes"


def _runnable(site: str) -> int:
    """How many of the scenarios, at best."""
    return sum(
        all(
            site_of(site).condition(need) is not None
            for step in scenario.schedule.steps
            for need in step.fault.needed
        )
        for scenario in load(None).values()
    )
