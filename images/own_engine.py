"""A Docker Engine of one's own, for as long as standard input stays open.

    python -m images.own_engine
    ready unix:///tmp/stallproof-engine-x/docker.sock        or      failed WHY

It ends when standard input does, so also when whoever opened it was killed. Then nothing is left
of it: containers, processes, mounts, bridge, packet filter rules, folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from pyroute2 import IPRoute

from images import firewall
from stallproof.sites import kernel_calls as kernel
from stallproof.sites.base import SiteError
from stallproof.sites.waiting import wait_until

BRIDGE = "docker0"
START_TIMEOUT_S = 60.0
"""2 s are usual; the first start on a slow disk makes its stores."""
STOP_TIMEOUT_S = 30.0
_ASK_TIMEOUT_S = 30.0
_TRIAL = "stallproof/trial:dev"
_PROGRAMS = ("/bin", "/lib", "/lib64", "/usr")
_ELSEWHERE = tuple(
    map(Path, ("/etc/docker/key.json", "/etc/docker", "/run/docker", "/run/containerd"))
)
"""Where an engine puts a key and empty folders, whatever it is told."""
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


class OwnEngine:
    """A dockerd with its data, sockets and process ids below one folder.

    Raises:
        SiteError: another engine's network is here already: both would use the same names.
    """

    def __init__(self, folder: Path) -> None:
        if interface(BRIDGE):
            raise SiteError(f"an engine that does not answer left or keeps the bridge {BRIDGE}")
        self._folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self._log = folder / "dockerd.log"
        self._policies = firewall.forward_policies()
        self._forwarding = _FORWARDING.read_text()
        self._new_elsewhere = [path for path in _ELSEWHERE if not path.exists()]
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

    def close(self) -> list[str]:
        """End it and take away all that it made. Answers what was left nevertheless."""
        self._remove_containers()
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT_S)
        left = end_processes_of(self._folder)
        for mount in mounts_below(self._folder):
            kernel.unmount(mount)
        with IPRoute() as network:
            for index in network.link_lookup(ifname=BRIDGE):
                network.link("del", index=index)
        firewall.remove_engine(self._policies, bridge=BRIDGE)
        if _FORWARDING.read_text() != self._forwarding:
            _FORWARDING.write_text(self._forwarding)
        shutil.rmtree(self._folder)
        for path in self._new_elsewhere:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        return left

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


def interface(name: str) -> bool:
    """Whether this network namespace has it."""
    with IPRoute() as network:
        return bool(network.link_lookup(ifname=name))


def mounts_below(folder: Path) -> list[str]:
    """Mount points in it, the innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return sorted((p for p in points if Path(p).is_relative_to(folder)), key=len, reverse=True)


def end_processes_of(folder: Path) -> list[str]:
    """Kill every process that was started with something in that folder; what would not die."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while (alive := _processes_of(folder)) and time.monotonic() < deadline:
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=1.0)
    return [f"process {process.pid} ({process.name()})" for process in alive]


def _processes_of(folder: Path) -> list[Any]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        started_with = " ".join(process.info["cmdline"] or [])
        if str(folder) in started_with and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def main() -> int:
    """Start it, say so, wait for the end of standard input, and clear up. 1: it failed."""
    folder = Path(tempfile.mkdtemp(prefix="stallproof-engine-"))
    try:
        engine = OwnEngine(folder)
    except (SiteError, OSError) as error:
        shutil.rmtree(folder)
        print(f"failed {error}", flush=True)
        return 1
    failed = False
    try:
        engine.wait()
        print(f"ready {engine.host}", flush=True)
        while os.read(sys.stdin.fileno(), 4096):
            pass
    except SiteError as error:
        failed = True
        print(f"failed {error}", flush=True)
    finally:
        left = engine.close()
        for line in left:
            print(f"left behind: {line}", file=sys.stderr)
    return int(failed or bool(left))


if __name__ == "__main__":
    sys.exit(main())
