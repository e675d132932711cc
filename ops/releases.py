"""`python -m ops releases`: what runs where, and how far a stack is ahead of the one it leads to.

It reads the backend and this clone, and changes nothing.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops import deployed
from ops.problem import OpsError
from ops.text import cut, plain, table
from ops.worktrees import unknown
from stacks import catalogue
from stacks.catalogue import Stack
from stacks.checkout import Commit, UnreleasableError
from stacks.settings import ROOT

TITLES = 20
"""Titles of commits that are shown of each difference."""
AT_ONCE = 4
"""Stacks that are asked at the same time: most of it is waiting for the backend."""
SHORT = 12


@dataclass(frozen=True)
class Running:
    """What the backend says of a stack.

    `ref` and `commit` are empty where no update has wholly succeeded since one failed; `updated` is
    when one last did, `note` tells of a later one that did not.
    """

    stack: Stack
    is_deployed: bool
    ref: str = ""
    commit: str = ""
    updated: str = ""
    note: str = ""


def add_arguments(_: argparse.ArgumentParser) -> None:
    """Declare what the command takes: nothing."""


def run(_: argparse.Namespace) -> None:
    """Print the table, and for each stack that others are promoted to what it has not got yet.

    Raises OpsError.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = {str(it.stack): it for it in pool.map(_running, catalogue.stacks(ROOT))}
    rows = [_row(it) for it in found.values()]
    lines = table(("stack", "ref", "commit", "updated (UTC)", ""), rows)
    for target in found.values():
        rule = target.stack.rule
        if rule.promoted_from is not None:
            source = found[f"{target.stack.project}/{rule.promoted_from}"]
            lines += ["", *_difference(source, target)]
    sys.stdout.write("\n".join(lines) + "\n")


def _running(stack: Stack) -> Running:
    outputs = deployed.all_outputs(stack)
    if outputs is None:
        return Running(stack, is_deployed=False)
    updates = [it for it in deployed.history(stack) if it["kind"] == "update"]
    good = next((it for it in updates if it["result"] == "succeeded"), None)
    return Running(
        stack,
        is_deployed=bool(updates),
        ref=outputs.get("release_ref", ""),
        commit=outputs.get("release_commit", ""),
        updated=_time(good) if good else "",
        note=_note(updates[0]) if updates else "",
    )


def _note(update: dict[str, Any]) -> str:
    if update["result"] == "succeeded":
        return ""
    head = update.get("environment", {}).get("git.head", "")
    what = f" to {head[:SHORT]}" if head else ""
    how = "failed" if update["result"] == "failed" else "is not finished"
    return f"the last update{what} {how}"


def _time(update: dict[str, Any]) -> str:
    # The start where an update has not ended.
    moment = datetime.fromisoformat(update.get("endTime") or update["startTime"])
    return moment.strftime("%Y-%m-%d %H:%M")


def _row(running: Running) -> tuple[str, ...]:
    if not running.is_deployed:
        return str(running.stack), "-", "-", "-", "not deployed"
    known = (running.ref, running.commit[:SHORT], running.updated)
    return str(running.stack), *(it or "-" for it in known), running.note


def _difference(source: Running, target: Running) -> list[str]:
    """Return the lines that tell how far apart two stacks are."""
    for running, other in ((source, target), (target, source)):
        if not running.commit:
            nothing = "runs no whole release" if running.is_deployed else "is not deployed"
            return [f"{running.stack} {nothing}, so it cannot be compared with {other.stack}."]
    if source.commit == target.commit:
        return [f"{target.stack} runs what {source.stack} runs."]
    has, lacks = Commit(ROOT, source.commit), Commit(ROOT, target.commit)
    try:
        for commit, running in ((has, source), (lacks, target)):
            if not commit.is_known():
                return [unknown(commit, running.stack)]
        ahead, behind = has.titles_since(lacks.commit), lacks.titles_since(has.commit)
    except UnreleasableError as reason:
        raise OpsError(f"{reason}.") from None
    return list(_told(source.stack, target.stack, ahead, behind))


def _told(source: Stack, target: Stack, ahead: list[str], behind: list[str]) -> Iterator[str]:
    if not behind:
        yield f"{source} is {_commits(ahead)} ahead of {target}:"
        yield from _listed(ahead)
    elif not ahead:
        yield f"{source} is {_commits(behind)} behind {target}, as after going back; {target} has:"
        yield from _listed(behind)
    else:
        yield f"{source} and {target} stand beside each other; {source} has {_commits(ahead)}:"
        yield from _listed(ahead)
        yield f"and {target} has {_commits(behind)}:"
        yield from _listed(behind)


def _commits(titles: list[str]) -> str:
    return f"{len(titles)} commit{'s' if len(titles) > 1 else ''}"


def _listed(titles: list[str]) -> Iterator[str]:
    yield from (cut(f"  {plain(title)}") for title in titles[:TITLES])
    if len(titles) > TITLES:
        yield f"  and {len(titles) - TITLES} more"
