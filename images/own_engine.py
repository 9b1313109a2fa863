"""A Docker Engine of one's own, for as long as standard input stays open.

    python -m images.own_engine
    ready unix:///tmp/stallproof-engine-x/docker.sock        or      failed WHY

It ends when standard input does, so also when whoever opened it was killed. Then nothing is left
of it: containers, processes, mounts, bridge, packet filter rules, folder.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from images.around import END_TIMEOUT_S, LeftBehindError, kept_folder, sweep
from stallproof.sites.base import SiteError
from stallproof.sites.waiting import wait_until

START_TIMEOUT_S = 60.0
"""2 s are usual; the first start on a slow disk makes its stores."""
_ASK_TIMEOUT_S = 30.0
_TRIAL = "stallproof/trial:dev"
_PROGRAMS = ("/bin", "/lib", "/lib64", "/usr")


class OwnEngine:
    """A dockerd with its data, sockets and process ids below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self._log = folder / "dockerd.log"
        argv = [
            *("dockerd", "--host", self.host, "--log-level", "warn"),
            *("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"),
            *("--pidfile", f"{folder}/dockerd.pid"),
        ]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until it answers, and see it run a container: not every machine lets it.

        Raises:
            SiteError: it exits, does not answer in time, or runs none.
        """
        wait_until(self._problem, awaited=f"an answer from {self.host}", timeout_s=START_TIMEOUT_S)
        empty = self._folder / "empty.tar"
        with tarfile.open(empty, "w"):
            pass
        self._docker("import", str(empty), _TRIAL)
        # Nothing to run is in there but this machine's own programs.
        own = [f"--volume={path}:{path}:ro" for path in _PROGRAMS if Path(path).is_dir()]
        trial = self._docker("run", "--rm", *own, _TRIAL, "/bin/true")
        self._docker("rmi", _TRIAL)
        if trial.returncode != 0:
            words = trial.stderr.strip().splitlines()
            raise SiteError(f"dockerd runs no containers here: {words[0] if words else trial}")

    def _problem(self) -> str | None:
        if self._process.poll() is not None:
            words = self._log.read_text(errors="replace").strip().splitlines()
            raise SiteError(f"dockerd does not start: {words[-1] if words else 'not a word'}")
        return None if self._docker("version").returncode == 0 else "no answer"

    def close(self) -> None:
        """End it, and its containers before it."""
        self._remove_containers()
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT_S)

    def _remove_containers(self) -> None:
        """While it answers: with its containers go their network namespaces and interfaces."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if names := self._docker("ps", "--all", "--quiet").stdout.split():
                self._docker("rm", "--force", *names)
            self._docker("network", "prune", "--force")

    def _docker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "--host", self.host, *arguments],
            capture_output=True,
            text=True,
            timeout=_ASK_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )


def main() -> int:
    """Start it, say so, wait for the end of standard input, and clear up. 1: it failed."""
    try:
        sweep()
        with kept_folder() as folder, contextlib.closing(OwnEngine(folder)) as engine:
            engine.wait()
            print(f"ready {engine.host}", flush=True)
            while os.read(sys.stdin.fileno(), 4096):
                pass
    except LeftBehindError as error:
        print(f"left behind: {error}", file=sys.stderr)
        return 1
    except (SiteError, OSError) as error:
        print(f"failed {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
