"""Makes the virtual environment from the lock, as the first step of every command.

Only the standard library. The environment is complete when its stamp is that of the lock; anything
else in its place is a leftover of an interrupted run and is made anew.
"""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import IO

from ops.ticker import Ticker
from sandbox.problem import SandboxError, disk_full, is_disk_full, of_system

INTERRUPTED = 130
ROOT = Path(__file__).parent.parent
NETWORK = ("NewConnectionError", "Name or service not known", "timed out", "ConnectionError")
PIP = ("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-compile")
"""Compiling the thousands of modules that no program imports would take minutes."""

PINNED = re.compile(r"^\S+==", re.MULTILINE)


def main() -> int:
    """Make the environment if it is not there; return the exit status."""
    try:
        ensure(ROOT / ".venv", ROOT / "requirements.lock")
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def ensure(environment: Path, lock: Path) -> None:
    """Make the environment hold exactly what the lock names, and this repository."""
    stamp = environment / "made-from"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        stamp.touch()
        return
    _refuse_incomplete_python()
    try:
        shutil.rmtree(environment, ignore_errors=True)
        with Ticker("python") as ticker:
            venv.create(environment, with_pip=True)
            _install(environment, lock, ticker)
            ticker.show("virtual environment made from requirements.lock")
        stamp.write_text(wanted, encoding="utf-8")
    except OSError as error:
        raise of_system(error) from error


def _refuse_incomplete_python() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        raise SandboxError(
            f"{sys.executable} has no venv module: install it (Debian and Ubuntu: apt install "
            "python3-venv), or choose another Python with `make PYTHON=...`."
        )


def _install(environment: Path, lock: Path, ticker: Ticker) -> None:
    packages = len(PINNED.findall(lock.read_text(encoding="utf-8")))
    own = ("--no-deps", "--no-build-isolation", "--editable", str(lock.parent))
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        for arguments in (("--require-hashes", "--requirement", str(lock)), own):
            _pip(environment, arguments, packages, ticker, log)


def _pip(
    environment: Path, arguments: tuple[str, ...], packages: int, ticker: Ticker, log: IO[str]
) -> None:
    collected = 0
    with subprocess.Popen(  # noqa: S603 - the new environment's own pip, fixed words
        [environment / "bin" / "python", *PIP, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        for line in pip.stdout or ():
            log.write(line)
            if line.startswith("Collecting"):
                collected += 1
                ticker.show(f"{collected} of {packages} packages fetched")
            elif line.startswith("Installing"):
                ticker.show(lambda: f"{_installed(environment)} of {packages} packages installed")
    if pip.returncode:
        log.seek(0)
        raise _failure(log.read())


def _installed(environment: Path) -> int:
    return len(list(environment.glob("lib/*/site-packages/*.dist-info")))


def _failure(said: str) -> SandboxError:
    if is_disk_full(said):
        return disk_full()
    if any(word in said for word in NETWORK):
        return SandboxError(
            "The package index cannot be reached: check the network (and pip's settings), then "
            "run the same command again."
        )
    errors = [line for line in said.splitlines() if line.startswith("ERROR:")]
    reason = (errors or said.strip().splitlines() or ["it gave no reason"])[0]
    return SandboxError(f"pip cannot install what requirements.lock names: {reason}")


if __name__ == "__main__":
    sys.exit(main())
