"""What `up` and `down` tell a person and ask: which stacks, before each change, what came of it."""

import argparse
import sys
from collections.abc import Sequence

from ops.problem import OpsError
from ops.schedule import Schedule
from ops.ticker import Board
from ops.updates import Update
from stacks import catalogue
from stacks.catalogue import Stack
from stacks.checkout import ENGINE_KEYS
from stacks.settings import ROOT

SHOWN = 10
"""Resources that a report names of each kind."""

PARTS = {
    "create": "created",
    "create-replacement": "created in place of an old one",
    "delete-replaced": "deleted in favour of a new one",
    "delete": "deleted",
    "update": "updated",
    "import": "imported",
}
"""The steps that make a half-done update, in the past tense; a `replace` only joins two of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which stacks, and that a person has agreed already."""
    parser.add_argument(
        "stacks", nargs="*", metavar="STACK", help="a stack like app/dev or dev; all without one"
    )
    parser.add_argument("--yes", action="store_true", help="ask no questions")


def chosen(names: Sequence[str]) -> list[Stack]:
    """Return the stacks with these names, or all, each after those whose outputs it reads.

    Raises UnusableSettingsError.
    """
    known = catalogue.stacks(ROOT)
    wanted = {str(catalogue.find(name, ROOT)) for name in names} or set(map(str, known))
    return [it for it in known if str(it) in wanted]


class Question:
    """Asks a person before each change, or nobody where `agreed` says that all are wanted.

    Raises OpsError where a person is needed and there is no terminal.
    """

    def __init__(self, board: Board, *, agreed: bool) -> None:
        self._board = board
        self._agreed = agreed
        if not agreed and not sys.stdin.isatty():
            raise OpsError(
                "There is no terminal to ask on before each change: add --yes if all are wanted."
            )

    def ask(self, text: str) -> bool:
        """Return whether the person says yes."""
        if self._agreed:
            return True
        with self._board.held():
            try:
                return input(f"{text} [y/N] ").strip().lower() in {"y", "yes"}
            except EOFError:
                return False


def previewed(stack: Stack, preview: Update) -> str:
    """Return what a preview found, in lines."""
    changes = ", ".join(f"{number} to {kind}" for kind, number in preview.changes.items())
    lines = [f"{stack}: {changes or 'no changes to resources'}"]
    for kind in preview.changes:
        lines += _each(kind, preview.done.get(kind, []))  # the stack itself has no name
    return "\n".join([*lines, *(f"  warning: {it}" for it in preview.warnings)])


def failure(stack: Stack, update: Update, planned: Update | None, again: str) -> str:
    """Return why the engine failed, what is half done, and how to go on.

    `planned` is the preview before an update, None where the preview itself failed.
    """
    if update.holders:
        return _locked(stack, update)
    if update.protected:
        return _kept(stack, update)
    lines = [f"{stack} failed:"]
    lines += [f"  {line}" for error in update.errors for line in error.splitlines()]
    if planned is None or not (update.done or update.failed):
        return "\n".join([*lines, "Nothing of it was changed."])
    reached = {name for names in (*update.done.values(), *update.failed.values()) for name in names}
    left = {name: None for names in planned.done.values() for name in names if name not in reached}
    lines += [f"{stack} is half done:"] if update.done else ["Nothing of it was changed:"]
    for kind, names in update.done.items():
        lines += _each(PARTS[kind], names) if kind in PARTS else []
    for kind, names in update.failed.items():
        lines += _each(f"failed to {kind}", names)
    lines += _each("not reached", list(left))
    lines += [f"Mend the cause and run `{again} {stack}`: what is done stays, the rest follows."]
    return "\n".join(lines)


def elsewhere(stack: Stack) -> str:
    """Return the sentence for a stack that is not in this backend and seems to be in another."""
    return (
        f"It is not in this backend, although {stack.settings} says how its secrets are encrypted: "
        "log in to the backend that it is in (pulumi login URL); to make it anew here, take "
        f"{', '.join(sorted(ENGINE_KEYS))} out of that file."
    )


def tally(schedule: Schedule, past: str, absent: Sequence[str]) -> str:
    """Return what was done, what failed, what was left as it is, and what was not tried and why.

    `absent` are those of the stacks that were done with because they are not there.
    """
    done = [name for name in schedule.done if name not in absent]
    lines = [
        f"{past}: {', '.join(done) or 'nothing'}",
        f"not deployed: {', '.join(absent)}" if absent else "",
        f"failed: {', '.join(schedule.failed)}" if schedule.failed else "",
        f"left as it is: {', '.join(schedule.left)}" if schedule.left else "",
        *(f"not tried: {it}{_because(why)}" for it, why in schedule.untried.items()),
    ]
    return "\n".join(filter(None, lines))


def _because(in_the_way: Sequence[str]) -> str:
    return f", which comes after {' and '.join(in_the_way)}" if in_the_way else ""


def _locked(stack: Stack, update: Update) -> str:
    return (
        f"{stack} is locked by another update, of {' and of '.join(map(str, update.holders))}: "
        "wait until that is done and run this again; only if that process is dead, take its lock "
        f"away ({stack.command.replace(' up ', ' cancel ')})."
    )


def _kept(stack: Stack, update: Update) -> str:
    return (
        f"{stack} has protected resources, so nothing of it is deleted ("
        f"{'; '.join(update.protected)}): unlock each first, by the setting that locks it or with "
        f"`{stack.command.replace(' up ', ' state unprotect URN ')}`."
    )


def _each(what: str, names: Sequence[str]) -> list[str]:
    more = [f"  {what}: {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return [*(f"  {what}: {it}" for it in names[:SHOWN]), *more]
