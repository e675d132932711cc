"""`python -m ops up [STACK...]`: deploys stacks, each after those whose outputs it reads.

Each is previewed and updated from a work tree of the branch or tag that its rule names, so that the
release gate takes it; with `--here`, as in a pipeline, from this checkout as it is. Independent
ones are worked on at the same time.
"""

import argparse
import os
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path

from ops import deployed, telling
from ops.backend import Backend, encrypted_by
from ops.changes import Changes
from ops.engine import Engine, shown
from ops.schedule import Step
from ops.ticker import Board
from ops.updates import Update
from ops.worktrees import Worktrees, refuse_changes, variables_in
from stacks import catalogue
from stacks.catalogue import Stack
from stacks.outputs import ToolsOutputs
from stacks.release import BRANCH_VARIABLE
from stacks.settings import ROOT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    telling.add_arguments(parser)
    parser.add_argument(
        "--here",
        action="store_true",
        help="deploy this checkout as it is, not the branch or tag that a stack's rule names",
    )


def run(arguments: argparse.Namespace) -> int:
    """Preview and update the stacks; return the exit status.

    Raises OpsError.
    """
    chosen = telling.chosen(arguments.stacks)
    board = Board()
    question = telling.Question(board, agreed=arguments.yes)
    if arguments.here:
        here = {str(it): _engine(it, ROOT, os.environ) for it in chosen}
        return Updates(here, board, question, "python -m ops up --here").run()
    refuse_changes(ROOT)
    # A pipeline's branch is that of its own checkout, not of these.
    own = {name: it for name, it in os.environ.items() if name != BRANCH_VARIABLE}
    with Worktrees(ROOT, Path(tempfile.gettempdir())) as trees:
        engines = {str(it): _engine(it, trees.of(it), own) for it in chosen}
        return Updates(engines, board, question, "python -m ops up").run()


def _engine(stack: Stack, root: Path, variables: Mapping[str, str]) -> Engine:
    return Engine(stack, root, variables_in(root, variables))


def _secrets_provider(stack: Stack) -> str | None:
    """Return what encrypts a new stack's secrets in the bucket of the Tools account.

    None in another backend, which has a provider of its own.
    """
    for it in catalogue.stacks(ROOT):
        if it.project == ToolsOutputs.project:
            tools = deployed.all_outputs(it) or {}
            if "state_url" in tools and _place(Backend().url) == _place(tools["state_url"]):
                return encrypted_by(tools["secrets_provider"], stack)
    return None


def _place(url: str) -> str:
    return url.partition("?")[0].rstrip("/")


class Updates(Changes):
    """Updates of several stacks; one that is new to its backend is made there."""

    verb = "Update"
    past = "updated"

    def _before(self, name: str) -> set[str]:
        return catalogue.upstream(self._engines[name].stack, ROOT) & self._engines.keys()

    def _previewed(self, engine: Engine) -> Generator[Step, Update, Update]:
        def preview() -> Update:
            return shown(self._board, str(engine.stack), engine.preview, "preview")

        found = yield preview
        if not found.is_of_no_stack:
            return found
        if engine.is_known_elsewhere():
            return Update(errors=[telling.elsewhere(engine.stack)])
        self._board.write(f"{engine.stack} is new to this backend: it is made there.")
        made = yield lambda: engine.init(_secrets_provider(engine.stack))
        return (yield preview) if made.succeeded else made

    def _made(self, engine: Engine) -> Update:
        return shown(self._board, str(engine.stack), engine.update, "update")
