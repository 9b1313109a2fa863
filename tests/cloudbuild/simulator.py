"""Cloud Build in small: runs a cloudbuild.yaml's steps in order, on this machine, as it would.

Kept: substitutions (`$NAME`, `${NAME}`, `$$`, in one another with dynamicSubstitutions; an unknown
or an unused one is refused), `options.env`, `args` for the image's entrypoint, `script` (which sees
the environment and no substitutions), one /workspace for all steps, allowFailure, and an end at the
first other failure. An image holds one program, a stand-in that records its calls; one that no
step built and nobody publishes cannot be pulled.

Not kept: what our file does not use. The model is strict, so a field that is not simulated
(waitFor, secretEnv, artifacts, ...) is refused and not passed over.

https://cloud.google.com/build/docs/build-config-file-schema
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import yaml

STANDIN = Path(__file__).parent / "standin.py"
TOOLS = ("bash", "cat", "cp", "grep", "mkdir", "sed")
"""What a step finds beside the one program of its image."""
PUBLISHED = {
    "gcr.io/cloud-builders/docker": "docker",
    "gcr.io/google.com/cloudsdktool/google-cloud-cli:slim": "gcloud",
}
BUILT_INS = {"PROJECT_ID": "a-project", "BUILD_ID": "0123abcd-4567-89ab-cdef-0123456789ab"}
STEP_DEADLINE_S = 20.0
"""Stand-ins answer at once."""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str
    args: tuple[str, ...] = ()
    script: str | None = None
    allowFailure: bool = False  # noqa: N815 (Cloud Build's name)

    def __post_init__(self) -> None:
        if bool(self.args) == (self.script is not None):
            raise ValueError(f"step {self.id}: either args or a script")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    logging: str
    machineType: str  # noqa: N815
    dynamicSubstitutions: bool = False  # noqa: N815
    env: tuple[str, ...] = ()


class Build(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    steps: tuple[Step, ...]
    timeout: str
    serviceAccount: str  # noqa: N815
    substitutions: dict[str, str]
    options: Options


class Call(msgspec.Struct, frozen=True):
    """One call of a stand-in."""

    step: str
    argv: list[str]
    token: bool
    """Whether it had an identity token in its environment."""

    @property
    def text(self) -> str:
        return " ".join(self.argv)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a build ended."""

    failed_at: str | None
    """The step that ended it; None: success."""
    calls: tuple[Call, ...]
    log: str
    workspace: Path

    def index(self, *words: str) -> list[int]:
        """Where in the order of calls those are that hold all the words."""
        return [i for i, call in enumerate(self.calls) if all(word in call.text for word in words)]


def read(path: Path) -> Build:
    """The build in the file.

    Raises:
        msgspec.ValidationError: a field that is not simulated, or is not Cloud Build's.
    """
    return msgspec.convert(yaml.safe_load(path.read_text()), Build)


class Substitutions:
    """`$_NAME` and the built-in ones, as the default MUST_MATCH has it."""

    def __init__(self, build: Build) -> None:
        self._own = build.substitutions
        self._dynamic = build.options.dynamicSubstitutions
        self._used: set[str] = set()

    def into(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            if match[0] == "$$":
                return "$"
            name = match[1] or match[2]
            if name in BUILT_INS:
                return BUILT_INS[name]
            if name not in self._own:
                raise KeyError(f"no substitution {name} for {text!r}")
            self._used.add(name)
            return self.into(self._own[name]) if self._dynamic else self._own[name]

        return re.sub(r"\$\$|\$\{([A-Z_0-9]+)\}|\$([A-Z_0-9]+)", value, text)

    @property
    def unused(self) -> set[str]:
        return self._own.keys() - self._used


def run(build: Build, home: Path, *, rules: dict[str, int] | None = None) -> Outcome:
    """Run it with its files below `home`.

    Args:
        rules: words of a call, and the exit code with which such calls fail (-9: the step dies).

    Raises:
        KeyError: a substitution that is not there, or that nothing uses.
    """
    workspace, record, log = home / "workspace", home / "calls", home / "log"
    workspace.mkdir(parents=True)
    record.touch()
    log.touch()
    substitutions = Substitutions(build)
    environment = dict(substitutions.into(line).split("=", 1) for line in build.options.env)
    substitutions.into(build.serviceAccount)
    steps = [
        msgspec.structs.replace(
            step,
            name=substitutions.into(step.name),
            args=tuple(substitutions.into(arg) for arg in step.args),
        )
        for step in build.steps
    ]
    if substitutions.unused:
        raise KeyError(f"nothing uses {sorted(substitutions.unused)}")
    failed_at = None
    for step in steps:
        code = _step(step, home, environment, rules or {})
        if code != 0 and not step.allowFailure:
            failed_at = step.id
            break
    return Outcome(
        failed_at=failed_at, calls=_calls(record), log=log.read_text(), workspace=workspace
    )


def _step(step: Step, home: Path, environment: dict[str, str], rules: dict[str, int]) -> int:
    program = _program(step.name, _calls(home / "calls"))
    with (home / "log").open("a") as log:
        log.write(f"--- {step.id}\n")
        log.flush()
        if program is None:
            log.write(f"{step.name}: cannot be pulled\n")
            return 1
        if step.script is None:
            command = [program, *step.args]
        else:
            script = home / f"{step.id}.sh"
            script.write_text(step.script.replace("/workspace", str(home / "workspace")))
            script.chmod(0o755)
            command = [str(script)]
        path = _path(home / "images" / program, program)
        told = {
            "STANDIN_STEP": step.id,
            "STANDIN_RECORD": str(home / "calls"),
            "STANDIN_RULES": json.dumps(rules),
            "PATH": str(path),
        }
        if step.script is None:
            command[0] = str(path / program)
        return subprocess.run(
            command,
            cwd=home / "workspace",
            env={**environment, **told},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=STEP_DEADLINE_S,
            check=False,
        ).returncode


def _program(image: str, calls: tuple[Call, ...]) -> str | None:
    """The one program of the image; None: there is no such image."""
    if image in PUBLISHED:
        return PUBLISHED[image]
    built = any(call.argv[:2] == ["docker", "build"] and image in call.argv for call in calls)
    return "stallproof" if built and image.startswith("stallproof:") else None


def _path(folder: Path, program: str) -> Path:
    if not folder.exists():
        folder.mkdir(parents=True)
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None, f"this machine has no {tool}"
            (folder / tool).symlink_to(found)
        start = folder / program
        start.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{STANDIN}" {program} "$@"\n')
        start.chmod(0o755)
    return folder


def _calls(record: Path) -> tuple[Call, ...]:
    lines = record.read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=Call) for line in lines)
