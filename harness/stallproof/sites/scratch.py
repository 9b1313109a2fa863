"""Where a local run keeps what must not outlive it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stallproof.sites import kernel_calls as kernel
from stallproof.sites.base import SiteError

_SCRATCH_BYTES = 1024**3


@contextmanager
def scratch_space(run_dir: Path, guarded: Path | None) -> Iterator[Path]:
    """A directory for broker data, database and ledger that does not outlive the run."""
    if guarded is not None:
        # The guardians remove it, also when this process has no time to.
        with tempfile.TemporaryDirectory(dir=guarded, ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    scratch = run_dir / "scratch"
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        kernel.mount_tmpfs(str(scratch), size_bytes=_SCRATCH_BYTES)
    except OSError as error:
        raise SiteError(f"no scratch space: {error.strerror}") from error
    try:
        yield scratch
    finally:
        kernel.unmount(str(scratch))
        with contextlib.suppress(OSError):
            scratch.rmdir()
