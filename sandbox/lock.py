"""Keeps two commands from working on one sandbox at the same time."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sandbox.problem import SandboxError


@contextmanager
def exclusive(path: Path) -> Generator[None]:
    """Hold the lock; raise SandboxError at once where another process holds it.

    The system takes the lock back when its holder ends, however that happens.
    """
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SandboxError(_held(path)) from None
        if not _is_same(file.fileno(), path):
            raise SandboxError(
                "Another command has just removed this sandbox: run the same command again."
            )
        file.truncate(0)
        file.write(f"{os.getpid()} {time.strftime('%H:%M:%S')}")
        file.flush()
        yield


def _held(path: Path) -> str:
    try:
        pid, since = path.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        pid, since = "unknown", "just now"
    return (
        f"Another command works on this sandbox (process {pid}, since {since}): wait until it is "
        "done, or choose another place with SANDBOX_DIR."
    )


def _is_same(descriptor: int, path: Path) -> bool:
    """Tell whether the open file is still the one at the path (`down` removes it)."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
