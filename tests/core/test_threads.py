"""What many threads read at once, each for the first time in its process."""

from __future__ import annotations

import subprocess
import sys

# With msgspec 0.22.0 this ended with SIGSEGV before the struct was made known at import.
FIRST_USE = """
import sys, threading
import msgspec
from stallproof.sites.proxies import ProxyState
sys.setswitchinterval(1e-6)
together = threading.Barrier(6)
def read():
    together.wait()
    try:
        msgspec.json.decode(b'{"toxics": []}', type=ProxyState)
    except msgspec.ValidationError:  # of the fields that are left out here
        pass
threads = [threading.Thread(target=read) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_a_struct_that_threads_read_is_known_before() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_USE], timeout=60, check=False)
    assert done.returncode == 0
