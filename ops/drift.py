"""`python -m ops drift [STACK...]`: what has been changed in the cloud behind Pulumi's back.

Each stack is compared by the program of the release that it runs, with the role that this run
assumes. Nothing is written, neither to the cloud nor to the stack's state.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ops import deployed, policies, risks, telling
from ops.attachments import Attachments
from ops.engine import SECRETS_BY_STATE, program
from ops.plan import Plan, Step, leaves, shown
from ops.problem import OpsError
from ops.risks import Kind, Risk
from ops.text import plain
from ops.ticker import Board, Ticker
from ops.worktrees import Worktrees, variables_in
from stacks.catalogue import Stack
from stacks.settings import ROOT

DRIFTED = 10
STATUSES = f"""\
exit status:
  0   nothing has been changed outside Pulumi
  1   a stack could not be compared
  {DRIFTED}  something has been changed outside Pulumi
"""
COMMAND = ("refresh", "--preview-only", "--run-program", "--json")
"""The program has to run: else the engine takes the provider that the last update left in the
state, with the role of whoever made that update."""
SHOWN = 3
"""Arguments of a resource that a line names."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = STATUSES
    parser.add_argument(
        "stacks", nargs="*", metavar="STACK", help="a stack like app/dev or dev; all without one"
    )


def run(arguments: argparse.Namespace) -> int:
    """Compare the stacks one by one; return the exit status.

    Raises OpsError, or UnusableSettingsError for a stack that there is not.
    """
    stacks = telling.chosen(arguments.stacks)
    board = Board(sys.stderr)
    status = 0
    with Worktrees(ROOT, Path(tempfile.gettempdir())) as trees:
        for stack in stacks:
            try:
                with Ticker(str(stack), board):
                    lines = list(drift(_compared(stack, trees)))
                    told = "\n  ".join([f"{stack}:", *lines]) if lines else f"{stack}: no drift"
                status = status or (DRIFTED if lines else 0)
            except OpsError as error:
                told, status = f"{stack}: not compared. {error}", 1
            sys.stdout.write(f"{told}\n")
            sys.stdout.flush()
    return status


def drift(plan: Plan) -> Iterator[str]:
    """Return what has been changed or deleted outside Pulumi, what is riskiest first."""
    attachments = Attachments(plan)
    found = [(step, list(risks.of_step(plan, step, attachments))) for step in plan.changes]
    for step, risky in sorted(found, key=_rank):
        if step.change == "delete":
            yield f"deleted outside Pulumi: {plain(step.subject)}"
            continue
        what = list(dict.fromkeys([*(risk.how for risk in risky), *_differences(step, risky)]))
        more = f" and {len(what) - SHOWN} more" if len(what) > SHOWN else ""
        if what:
            text = f"{step.subject}: {'; '.join(what[:SHOWN])}{more}"
            yield f"changed outside Pulumi: {plain(text)}"


def _rank(drifted: tuple[Step, list[Risk]]) -> tuple[int, bool]:
    step, risky = drifted
    return min((risk.kind for risk in risky), default=len(Kind) + 1), step.change != "delete"


def _differences(step: Step, risky: Sequence[Risk]) -> Iterator[str]:
    """Return how the arguments differ; a step whose only difference is in results has none."""
    old, new = (dict(leaves(values)) for values in (step.recorded, step.found))
    for path in dict.fromkeys([*old, *new]):
        before, after = old.get(path), new.get(path)
        if before == after or re.split(r"[.\[]", path)[0] not in step.differing:
            continue
        if not (policies.parsed(before) or policies.parsed(after)):
            yield f"{path} {shown(before)} -> {shown(after)}"
        elif not risky:
            yield f"{path} allows less"


def _compared(stack: Stack, trees: Worktrees) -> Plan:
    """Return what a refresh would take over from the cloud into the stack's state."""
    outputs = deployed.all_outputs(stack)
    commit = (outputs or {}).get("release_commit")
    if commit is None:
        raise OpsError(
            f"Stack {stack} does not say which commit it runs, since it is not deployed or its "
            f"last update failed: first run: {stack.command}"
        )
    tree = trees.at(commit, stack)
    variables = variables_in(tree, os.environ) | SECRETS_BY_STATE
    done = subprocess.run(  # noqa: S603 - the engine, fixed words and the stack's name
        [program(variables), "--non-interactive", *COMMAND, "--stack", stack.name],
        cwd=tree / stack.folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and not done.stdout.strip():
        reason = (done.stderr.strip().splitlines() or ["it gives no reason"])[-1]
        raise OpsError(
            f"The engine cannot compare the stack ({plain(reason.removeprefix('error: '))}): "
            "check the backend (pulumi whoami -v) and your credentials."
        )
    return Plan.read(done.stdout)
