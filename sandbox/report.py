"""What is said at the end: what runs where, from which commit, and where to go from here."""

import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.sandbox import ORG, Deployed, account_ids
from stacks import outputs

WIDTH = 100
SHORT_COMMIT = 7
SHOWN = {
    outputs.OrgOutputs.project: ("organization_id",),
    outputs.DnsOutputs.project: ("domain", "name_servers"),
    outputs.CorpOutputs.project: ("vpn_host", "vpn_cidrs"),
    outputs.ToolsOutputs.project: ("state_url",),
    outputs.AppOutputs.project: ("api_url",),
}
"""The outputs of each project that tell a person most."""

MORE = "make sandbox-shell opens a shell in it, make sandbox-down removes it."


def show(deployed: Sequence[Deployed]) -> None:
    """Print the table of what runs."""
    console = Console(width=WIDTH, highlight=False)
    console.print()
    console.print(_table(deployed))


def conclude(*, is_new: bool) -> None:
    """Print, in one line, whether anything changed, and what there is to do now."""
    state = "The sandbox is up." if is_new else "Every resource unchanged."
    sys.stdout.write(f"\n{state} {MORE}\n")


def _table(deployed: Sequence[Deployed]) -> Table:
    ids = account_ids(next(it.update.outputs for it in deployed if str(it.stack) == ORG))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for title in ("account", "account id", "stack", "release"):
        table.add_column(title, no_wrap=True)
    table.add_column("resources", justify="right")
    table.add_column("outputs", overflow="fold")
    table.add_column("s", justify="right")
    for it in deployed:
        exported = it.update.outputs
        table.add_row(
            it.stack.account,
            ids[it.stack.account],
            str(it.stack),
            f"{exported['release_ref']} {exported['release_commit'][:SHORT_COMMIT]}",
            str(len(it.update.resources)),
            ", ".join(_short(exported[name]) for name in SHOWN[it.stack.project]),
            f"{it.update.seconds:.0f}",
        )
    return table


def _short(output: Any) -> str:  # noqa: ANN401 - an output is of any type
    """Return the first of several, and an address without its options."""
    return str(output if isinstance(output, str) else output[0]).partition("?")[0]
