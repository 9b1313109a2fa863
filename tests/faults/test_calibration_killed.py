"""A calibration that is killed leaves no process and no file behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

STALLPROOF = Path(sys.executable).with_name("stallproof")
WAIT_S = 60.0


@pytest.mark.real
@pytest.mark.parametrize("site", ["local", "local-loopback"])
def test_nothing_stays(site: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [str(STALLPROOF), "calibrate", "latency", "--trials", "100", "--site", site],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        started: set[psutil.Process] = set()
        deadline = time.monotonic() + WAIT_S
        while not any(_is_broker(each) for each in started):
            assert process.poll() is None, f"it ended with {process.returncode}"
            assert time.monotonic() < deadline, "its broker did not start"
            started |= set(psutil.Process(process.pid).children(recursive=True))
            time.sleep(0.05)
        process.kill()
    _, alive = psutil.wait_procs(started, timeout=WAIT_S)
    assert alive == []
    while left := list(tmp_path.iterdir()):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def _is_broker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.name() in {"valkey-server", "redis-server"}
    return False
