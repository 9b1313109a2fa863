"""A program: what is done inside the broker's host, asked for in JSON lines. Standard library only.

It is process 1 of the holder, the container that owns the broker's network namespace, and is
copied there with the modules that it imports. One request a line on standard input, one answer
a line on standard output:

    {"id": 1, "do": "destroy", "with": {"local_ip": "198.18.7.11", "port": 6379}}
    {"id": 1, "answer": 3}      or      {"id": 1, "error": "...", "errno": 1}

After `follow` the lines of that file come as they are written: {"line": "..."}.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stallproof.sites import conntrack, nft, sockdiag

SIOCSIFADDR = 0x8916
SIOCSIFNETMASK = 0x891C
"""<linux/sockios.h>"""
IFREQ = struct.Struct("16sH2x4s16x")
"""`struct ifreq`: interface, then a `sockaddr_in`: family, port, address"""
INTERFACE = "eth0"
FOLLOW_S = 0.02
"""How often a followed file is looked at."""

_one_at_a_time = threading.Lock()


def say(**answer: Any) -> None:
    """One line to the harness, whole."""
    line = json.dumps(answer) + "\n"
    with _one_at_a_time:
        sys.stdout.write(line)
        sys.stdout.flush()


def add_addresses(addresses: list[str], netmask: str) -> None:
    """More addresses for this host's interface, each under an alias of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for number, address in enumerate(addresses, start=1):
            alias = f"{INTERFACE}:{number}".encode()
            for request, value in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, netmask)):
                wanted = IFREQ.pack(alias, socket.AF_INET, socket.inet_aton(value))
                fcntl.ioctl(control, request, wanted)


def open_folder(path: str) -> None:
    """Let every user write there: a volume belongs to root, the system's user does not."""
    Path(path).chmod(0o1777)


def wipe(path: str) -> None:
    """Remove all that is in the folder, not the folder."""
    for entry in Path(path).iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def follow(path: str) -> None:
    """Send each line that is appended to the file from now on; it need not exist yet."""
    threading.Thread(target=_follow, args=(Path(path),), daemon=True).start()


def _follow(path: Path) -> None:
    while not path.exists():
        time.sleep(FOLLOW_S)
    rest = ""
    with path.open() as file:
        while True:
            *lines, rest = (rest + file.read()).split("\n")
            for line in lines:
                say(line=line)
            time.sleep(FOLLOW_S)


ACTS: dict[str, Callable[..., object]] = {
    "add_addresses": add_addresses,
    "open_folder": open_folder,
    "wipe": wipe,
    "follow": follow,
    "idle_for_s": sockdiag.idle_for_s,
    "peers_of": sockdiag.peers_of,
    "destroy": sockdiag.destroy,
    "install": nft.install,
    "remove": nft.remove,
    "packets": nft.packets,
    "remember_for": conntrack.remember_for,
    "expire": conntrack.expire,
    "forget": conntrack.forget,
    "entries": conntrack.entries,
}


def main() -> None:
    """Answer until standard input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = ACTS[request["do"]](**request["with"])
        except OSError as error:
            say(id=request["id"], error=str(error.strerror or error), errno=error.errno)
        except Exception as error:  # noqa: BLE001 (whoever asked is told; the agent goes on)
            say(id=request["id"], error=f"{type(error).__name__}: {error}", errno=None)
        else:
            say(id=request["id"], answer=answer)


if __name__ == "__main__":
    main()
