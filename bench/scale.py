"""Whether many member accounts cost more each than few: the org program under the mocks."""

import json
from dataclasses import replace
from statistics import median
from typing import Any

from rich.console import Console

from bench.mocked import Order
from bench.programs import Programs
from bench.tables import table, verdict
from sandbox.projects import ORG

SIZES = (10, 100, 1000)
RUNS = 3
LIMIT = 1.2
IMPORTED = ["components.organization", "stacks.release", "pulumi_aws.organizations"]
"""What the program imports: a fixed cost, which would make few accounts look dear."""


def measure(programs: Programs, console: Console) -> None:
    """Run the org program with more and more accounts."""
    order = programs.order(ORG, {})
    times: dict[int, float] = {}
    with console.status("many accounts"):
        for size in SIZES:
            sized = _with_accounts(order, size)
            times[size] = median(programs.run(sized).seconds for _ in range(RUNS)) / size

    shown = table(
        f"(c) member accounts through org/main, median of {RUNS} runs",
        *("accounts", "ms each", "against 100", "limit", ""),
    )
    for size in SIZES:
        cells = verdict(times[size] / times[100], LIMIT) if size == max(SIZES) else ()
        shown.add_row(str(size), f"{times[size] * 1000:.2f}", *cells)
    console.print(shown)


def _with_accounts(order: Order, size: int) -> Order:
    accounts: dict[str, Any] = json.loads(order.config["org:accounts"])
    unit = next(iter(accounts.values()))
    members = accounts | {f"member-{number}": unit for number in range(size - len(accounts))}
    config = order.config | {"org:accounts": json.dumps(members)}
    return replace(order, config=config, preloaded=IMPORTED)
