"""How long `make sandbox` takes with the engine built: from nothing, and again unchanged."""

import os
import subprocess
from pathlib import Path
from time import perf_counter

from rich.console import Console

from bench.tables import table, verdict
from sandbox.problem import SandboxError

LIMIT = 60.0


def measure(source: Path, directory: Path, console: Console) -> None:
    """Bring a sandbox up in a new directory, twice; it is there afterwards."""
    with console.status("make sandbox from nothing"):
        first = _seconds(source, directory)
    with console.status("make sandbox again"):
        second = _seconds(source, directory)

    shown = table("(d) make sandbox, the engine built already", "run", "seconds", "limit", "")
    shown.add_row("from nothing", f"{first:.2f}")
    shown.add_row("again, unchanged", *verdict(second, LIMIT))
    console.print(shown)


def _seconds(source: Path, directory: Path) -> float:
    # An outer make's own flags and job slots are none of the inner one's business.
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    started = perf_counter()
    result = subprocess.run(
        ["make", "--no-print-directory", "sandbox"],  # noqa: S607 - the user's own make
        cwd=source,
        env=own | {"SANDBOX_DIR": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise SandboxError(f"make sandbox failed:\n{result.stdout}{result.stderr}")
    return perf_counter() - started
