"""`gcloud run ...` command lines: what is deployed, and is it a worker."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stallproof.lint.model import Word
from stallproof.lint.reading.command import Command

TAKES_NO_VALUE = re.compile(
    r"--no-.+|--(allow-unauthenticated|cpu-throttling|cpu-boost|quiet|async|use-http2"
    r"|session-affinity|default-url|invoker-iam-check|deploy-health-check|help)|-q"
)
RELEASES = {"alpha", "beta", "preview"}
ROLE = re.compile(r"(?:^|[,@;|^])\w*(?:TYPE|ROLE)=(worker|celery)\b", re.IGNORECASE)
ENV_FLAGS = ("--set-env-vars", "--update-env-vars")


def positionals(command: Command) -> list[Word]:
    """Arguments that are neither flags nor, as far as can be told, a flag's value."""
    found, value_next = [], False
    for word in command.arguments:
        if word.text.startswith("-"):
            value_next = "=" not in word.text and not TAKES_NO_VALUE.fullmatch(word.text)
        elif value_next:
            value_next = False
        else:
            found.append(word)
    return [word for word in found if word.text not in RELEASES]


@dataclass(frozen=True)
class Deploy:
    """One `gcloud run deploy NAME` or `gcloud run services update NAME`."""

    command: Command
    name: str
    creates: bool
    """It may create the service, so what it does not say has its default."""

    @property
    def line(self) -> int:
        return self.command.line

    @property
    def says_all(self) -> bool:
        """No argument is a variable that could hold further flags."""
        arguments = self.command.arguments
        return self.command.complete and not any(
            word.text.startswith(("$", "--flags-file")) and word.text != self.name
            for word in arguments
        )

    @property
    def is_worker(self) -> bool:
        """By its name, by a role in its environment, or by the command it runs."""
        command = self.command
        roles = (command.flag(flag) for flag in ENV_FLAGS)
        runs = [command.flag("--command"), command.flag("--args")]
        line = " ".join(re.sub(r"[,\s]+", " ", word.text) for word in runs if word)
        return (
            "worker" in re.split(r"[^a-z]+", self.name.lower())
            or any(role and ROLE.search(role.text) for role in roles)
            or {"celery", "worker"} <= set(line.split())
        )


def deploy_of(command: Command) -> Deploy | None:
    """The service that the command deploys; None for worker pools, jobs and all else."""
    if command.program != "gcloud":
        return None
    words = [word.text for word in positionals(command)]
    if words[:2] == ["run", "deploy"]:
        return Deploy(command, words[2] if len(words) > 2 else "", creates=True)
    if words[:3] == ["run", "services", "update"]:
        return Deploy(command, words[3] if len(words) > 3 else "", creates=False)
    return None
