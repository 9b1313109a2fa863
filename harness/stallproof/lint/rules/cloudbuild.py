"""Traps in a Cloud Build file."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from stallproof.lint.model import Hit, Severity, Word, rule
from stallproof.lint.project import Project
from stallproof.lint.reading.cloudbuild import Build, at, items, line_of, pairs

SCHEMA = "https://cloud.google.com/build/docs/build-config-file-schema"


@rule(
    "secrets-unused",
    Severity.ERROR,
    why="Cloud Build refuses a build with a secret in availableSecrets that no step uses",
    instead="secretEnv in the step that needs it; for Cloud Run --update-secrets alone is enough",
    proof="https://cloud.google.com/build/docs/securing-builds/use-secrets",
)
def secrets_unused(build: Build, _project: Project) -> Iterator[Hit]:
    """Secrets in availableSecrets that no step has in its secretEnv"""
    lists = [build.get("options", "secretEnv"), *(at(step, "secretEnv") for step in build.steps)]
    used = {str(node.value) for listed in lists for node in items(listed)}
    unused = [word for word in _available(build) if word.text not in used]
    if unused:
        names = ", ".join(word.text for word in unused)
        line = unused[0].line if used else build.line_of("availableSecrets")
        yield Hit(line, f"availableSecrets that no step has in its secretEnv: {names}")


def _available(build: Build) -> Iterator[Word]:
    for secret in items(build.get("availableSecrets", "secretManager")):
        env = at(secret, "env")
        if isinstance(env, yaml.ScalarNode):
            yield Word(env.value, line_of(env))
    for secret in items(build.get("availableSecrets", "inline")):
        for key, _ in pairs(at(secret, "envMap")):
            yield Word(key.value, line_of(key))


@rule(
    "build-timeout-unstated",
    Severity.WARNING,
    why="how long a build may take is then the service's default, which has changed before",
    instead="timeout: 1800s at the top",
    proof=SCHEMA,
)
def build_timeout_unstated(build: Build, _project: Project) -> Iterator[Hit]:
    """No timeout at the top of the build"""
    if build.get("timeout") is None:
        yield Hit(build.line_of("steps"), "the build has no timeout of its own")


@rule(
    "artifacts-lost-on-failure",
    Severity.WARNING,
    why="artifacts are uploaded only when every step succeeds: the report of a failed test is lost",
    instead="allowFailure on the testing step, then a last step that fails on its saved exit code",
    proof=SCHEMA,
)
def artifacts_lost_on_failure(build: Build, _project: Project) -> Iterator[Hit]:
    """Artifacts that a failing step prevents"""
    allowed = ("allowFailure", "allowExitCodes")
    if build.get("artifacts", "objects") is None:
        return
    if not any(at(step, key) is not None for step in build.steps for key in allowed):
        yield Hit(build.line_of("artifacts"), "artifacts are lost when a step fails")
