"""What the structure of this repository costs: the program for prod against a bare one.

Without the engine's answer about STAGE, for which prod's release gate waits on a real run.
"""

from pathlib import Path
from statistics import median

from rich.console import Console

from bench.programs import Programs
from bench.tables import table, verdict
from stacks import catalogue

RUNS = 15
LIMIT = 1.25


def measure(programs: Programs, scratch: Path, console: Console) -> None:
    """Run both programs in turns, so that what else the machine does meets both alike."""
    prod = catalogue.find("app/prod")
    whole = programs.order(prod, programs.outputs_before(prod))
    bare = programs.bare(whole, scratch / "bare.py")
    registered = [programs.run(order).resources for order in (whole, bare)]
    with console.status("prod's program against a bare one"):
        times = [(programs.run(whole).seconds, programs.run(bare).seconds) for _ in range(RUNS)]

    shown = table(
        f"(a) import and program time, median of {RUNS} runs in turns",
        *("program", "resources", "seconds", "fastest", "ratio", "limit", ""),
    )
    medians = [median(column) for column in zip(*times, strict=True)]
    fastest = [min(column) for column in zip(*times, strict=True)]
    ratio = medians[0] / medians[1]
    shown.add_row("a bare one", str(registered[1]), f"{medians[1]:.3f}", f"{fastest[1]:.3f}")
    shown.add_row(
        str(prod),
        str(registered[0]),
        f"{medians[0]:.3f}",
        f"{fastest[0]:.3f}",
        *verdict(ratio, LIMIT),
    )
    console.print(shown)
