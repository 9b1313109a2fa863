"""What `test_around.py` does inside an enclosure: two engines' folders, one without its keeper."""

# ruff: noqa: T201 (its output is its result)

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import psutil
from pyroute2 import IPRoute

from images import around
from stallproof.sites import kernel_calls as kernel

OURS, THEIRS = "br-0123456789ab", "br-ba9876543210"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def die_as_a_keeper() -> NoReturn:
    """Be killed with an engine's things about, and leave the pid of one of its processes."""
    with around.kept_folder() as folder:
        (folder / "data").mkdir()
        kernel.mount_tmpfs(str(folder / "data"), size_bytes=1024**2)
        (folder / "data/network/files").mkdir(parents=True)
        (folder / "data/network/files/local-kv.db").write_bytes(b"id:0123456789abcdef")
        with IPRoute() as network:
            for name in (around.BRIDGE, OURS, THEIRS):
                network.link("add", ifname=name, kind="bridge")
        FORWARDING.write_text("1" if FORWARDING.read_text().strip() == "0" else "0")
        shim = subprocess.Popen(
            ["sh", "-c", "sleep 60 & wait", f"{folder}/shim"], stdout=subprocess.DEVNULL
        )
        print(shim.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("alive")


def half_removed() -> Path:
    """An engine's folder whose keeper was killed while it removed it."""
    folder = Path(tempfile.mkdtemp(prefix=around.PREFIX))
    (folder / "keeper.lock").touch()
    return folder


def seen(pid: int) -> dict[str, Any]:
    with IPRoute() as network:
        links = sorted(link.get("ifname") for link in network.get_links())
    alive = False
    with contextlib.suppress(psutil.NoSuchProcess):
        alive = psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return {
        "folders": len(list(Path(tempfile.gettempdir()).glob(f"{around.PREFIX}*"))),
        "links": [name for name in links if name.startswith(("docker", "br-"))],
        "forwarding": FORWARDING.read_text().strip(),
        "process": alive,
    }


def main(folder: str) -> None:
    forwarding = FORWARDING.read_text().strip()
    with around.kept_folder() as living:
        dying = [sys.executable, __file__, folder, "die"]
        pid = int(subprocess.run(dying, stdout=subprocess.PIPE, check=False).stdout)
        half_removed()
        before = seen(pid)
        around.sweep()
        after = seen(pid)
        kept = living.is_dir()
    print(json.dumps({"forwarding": forwarding, "before": before, "after": after, "kept": kept}))


if __name__ == "__main__":
    tempfile.tempdir = sys.argv[1]
    if sys.argv[2:]:
        die_as_a_keeper()
    main(sys.argv[1])
