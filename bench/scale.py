"""Whether many member accounts cost more each than few: the org program under the mocks."""

import os
import subprocess
from dataclasses import replace
from statistics import median
from typing import Any

import yaml
from rich.console import Console

from bench.mocked import Order
from bench.programs import Programs
from bench.tables import table, verdict
from sandbox.checkout import IDENTITY
from sandbox.sandbox import ORG
from stacks import catalogue

SIZES = (10, 100, 1000)
RUNS = 3
LIMIT = 1.2
IMPORTED = ["components.organization", "stacks.release", "pulumi_aws.organizations"]
"""What the program imports: a fixed cost, which would make few accounts look dear."""


def measure(programs: Programs, console: Console) -> None:
    """Run the org program with more and more accounts."""
    times: dict[int, float] = {}
    with console.status("many accounts"):
        for size in SIZES:
            sized = _with_accounts(programs, size)
            times[size] = median(programs.run(sized).seconds for _ in range(RUNS)) / size

    shown = table(
        f"(c) member accounts through org/main, median of {RUNS} runs",
        *("accounts", "ms each", "against 100", "limit", ""),
    )
    for size in SIZES:
        cells = verdict(times[size] / times[100], LIMIT) if size == max(SIZES) else ()
        shown.add_row(str(size), f"{times[size] * 1000:.2f}", *cells)
    console.print(shown)


def _with_accounts(programs: Programs, size: int) -> Order:
    """Commit so many accounts to main, where the release gate takes them from."""
    org = catalogue.find(ORG)
    file = programs.folder / org.settings
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    accounts: dict[str, Any] = settings["config"]["org:accounts"]
    unit = next(iter(accounts.values()))
    accounts |= {f"member-{number}": unit for number in range(size - len(accounts))}
    settings["config"]["org:accounts"] = accounts
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    for arguments in (("checkout", "-B", "main"), ("commit", "--all", f"--message={size}")):
        subprocess.run(  # noqa: S603 - fixed words and a number
            ["git", "-c", f"core.hooksPath={os.devnull}", *arguments, "--quiet"],  # noqa: S607
            cwd=programs.folder,
            env=os.environ | IDENTITY,
            check=True,
        )
    return replace(programs.order(org, {}), preloaded=IMPORTED)
