"""How the sandbox says that it cannot go on: one clear sentence for a person."""

import errno

DISK_FULL = ("no space left on device", "out of diskspace")
"""How the system, and git in its own words, say that the disk is full."""


class SandboxError(Exception):
    """What is wrong, where, and how to mend it; shown without a traceback."""


def of_system(error: OSError) -> SandboxError:
    """Return what an error of the operating system means to a person."""
    if error.errno == errno.ENOSPC:
        return disk_full()
    return SandboxError(f"The sandbox cannot go on: {error}.")


def disk_full() -> SandboxError:
    """Return the sentence for a full disk."""
    return SandboxError(
        "The disk is full: free some space (a first `make sandbox` takes about 4 GB with Go's "
        "caches), then run the same command again."
    )


def is_disk_full(text: str) -> bool:
    """Tell whether a program's words mean that the disk is full."""
    return any(words in text.lower() for words in DISK_FULL)
