"""`python -m bench`: every measurement, one after the other."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from bench import bringup, decision, overhead, preview, scale, tunnel
from bench.programs import ProgramError, Programs
from sandbox.problem import SandboxError
from sandbox.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Measure and print; return the exit status."""
    console = Console()
    with TemporaryDirectory(prefix="bench-") as folder:
        scratch = Path(folder)
        sandbox = Sandbox(scratch / "sandbox", ROOT)
        try:
            programs = Programs.of_work_tree(ROOT, scratch / "checkout")
            overhead.measure(programs, scratch, console)
            scale.measure(programs, console)
            bringup.measure(ROOT, sandbox.directory, console)
            preview.measure(sandbox, console)
            tunnel.measure(ROOT, scratch, console)
            decision.measure(console)
        except (ProgramError, SandboxError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
        finally:
            sandbox.down()
    return 0


if __name__ == "__main__":
    sys.exit(main())
