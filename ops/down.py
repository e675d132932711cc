"""`python -m ops down [STACK...]`: destroys stacks, each before those whose outputs it reads.

A destruction is previewed first, and a stack with a protected resource is refused as a whole before
anything of it is gone. The program of a stack is not run, so that no ref matters.
"""

import argparse
import os
from collections.abc import Generator

from ops import deployed, telling
from ops.changes import Changes
from ops.engine import Engine, shown
from ops.schedule import Step
from ops.ticker import Board
from ops.updates import Update, resource
from ops.worktrees import variables_in
from stacks import catalogue
from stacks.settings import ROOT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    telling.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Preview and destroy the stacks; return the exit status.

    Raises OpsError.
    """
    board = Board()
    question = telling.Question(board, agreed=arguments.yes)
    variables = variables_in(ROOT, os.environ)
    chosen = reversed(telling.chosen(arguments.stacks))
    engines = {str(it): Engine(it, ROOT, variables) for it in chosen}
    return Destructions(engines, board, question, "python -m ops down").run()


class Destructions(Changes):
    """Destructions of several stacks, none of which has a protected resource."""

    verb = "Destroy"
    past = "destroyed"

    def _before(self, name: str) -> list[str]:
        return [
            other
            for other, engine in self._engines.items()
            if name in catalogue.upstream(engine.stack, ROOT)
        ]

    def _previewed(self, engine: Engine) -> Generator[Step, Update, Update | None]:
        found = yield lambda: self._found(engine)
        return None if found.is_of_no_stack else found

    def _found(self, engine: Engine) -> Update:
        state = deployed.resources(engine.stack)
        protected = [resource(it["urn"]) for it in state if it.get("protect")]
        if protected:
            return Update(protected=protected)
        return shown(self._board, str(engine.stack), engine.preview_destroy, "preview")

    def _made(self, engine: Engine) -> Update:
        return shown(self._board, str(engine.stack), engine.destroy, "destroy")
