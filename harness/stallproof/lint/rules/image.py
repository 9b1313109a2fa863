"""Traps in images: their names, and what they run as."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stallproof.lint.model import Hit, Severity, Word, rule
from stallproof.lint.project import Project
from stallproof.lint.reading.dockerfile import STARTERS, Dockerfile, Instruction

GCR = re.compile(r"(?<![\w.-])((?:us|eu|asia)\.)?gcr\.io/([^\s/'\"]+)/")
GOOGLES = {"cloud-builders", "google.com", "google-appengine", "distroless", "kaniko-project"}
"""Projects that Google serves from there; the shutdown does not touch them."""
OFFICIAL_AS_ROOT = {"python", "debian", "ubuntu", "alpine"}
DROPS_ROOT = re.compile(r"\b(gosu|su-exec|setpriv|runuser)\b|--uid\b")


@rule(
    "container-registry",
    Severity.WARNING,
    why=(
        "Container Registry was shut down on 2025-03-18: the name works only in a project that has "
        "a gcr.io repository in Artifact Registry"
    ),
    instead="Artifact Registry: REGION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE",
    proof="https://cloud.google.com/artifact-registry/docs/transition/prepare-gcr-shutdown",
)
def container_registry(words: Sequence[Word], _project: Project) -> Iterator[Hit]:
    """An image of one's own on gcr.io"""
    for word in words:
        for match in GCR.finditer(word.text):
            if match[2] not in GOOGLES:
                yield Hit(word.line, f"an image on {match[1] or ''}gcr.io, which is shut down")
                break


@rule(
    "runs-as-root",
    Severity.WARNING,
    why="whoever breaks into a task is root in the container; Celery itself warns at its start",
    instead="RUN useradd app, and USER app before CMD",
    proof="docker run --rm --entrypoint id IMAGE -u",
)
def runs_as_root(image: Dockerfile, _project: Project) -> Iterator[Hit]:
    """The image's process runs as root"""
    stage = image.stages[-1]
    text = " ".join(each.text for each in image.instructions)
    if not any(each.name in STARTERS for each in stage) or DROPS_ROOT.search(text):
        return
    base, users = _lineage(image, stage)
    if users:
        user = users[-1].text.partition(":")[0]
        if user in ("root", "0"):
            yield Hit(users[-1].line, f"USER {user}: the image runs as root")
    elif base and base.text.split(":")[0].split()[0] in OFFICIAL_AS_ROOT:
        yield Hit(base.line, "no USER: the image runs as root")


def _lineage(
    image: Dockerfile, stage: list[Instruction]
) -> tuple[Instruction | None, list[Instruction]]:
    """The first FROM that the stage goes back to, and every USER on the way, first to last."""
    users = [each for each in stage if each.name == "USER"]
    base = stage[0] if stage[0].name == "FROM" and stage[0].text else None
    for earlier in reversed(image.stages[: image.stages.index(stage)]):
        named = re.search(r"\sAS\s+(\S+)", earlier[0].text, re.IGNORECASE)
        if base and named and base.text.split()[0] == named[1]:
            above, inherited = _lineage(image, earlier)
            return above, inherited + users
    return base, users
