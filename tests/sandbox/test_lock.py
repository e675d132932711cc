"""One command at a time works on a sandbox."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.lock import exclusive
from sandbox.problem import SandboxError

HOLDER = """
import sys, pathlib
from sandbox.lock import exclusive
with exclusive(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_held_lock_names_its_holder_and_a_killed_holder_loses_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(SandboxError) as error, exclusive(lock):
            pass
        assert str(error.value).startswith(
            f"Another command works on this sandbox (process {holder.pid}, since "
        )
        assert str(error.value).endswith(
            "): wait until it is done, or choose another place with SANDBOX_DIR."
        )
        holder.kill()
        holder.wait()
        with exclusive(lock):
            assert lock.read_text().startswith(f"{os.getpid()} ")


def test_a_lock_that_was_removed_meanwhile_is_not_taken_for_the_sandbox_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "lock"

    def remove(path: Path) -> None:
        path.unlink()
        path.touch()

    monkeypatch.setattr("fcntl.flock", lambda *_: remove(lock))
    with pytest.raises(SandboxError) as error, exclusive(lock):
        pass
    assert str(error.value) == (
        "Another command has just removed this sandbox: run the same command again."
    )
