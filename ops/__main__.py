"""`python -m ops`: the commands, each in a module of its own, loaded when it is asked for."""

import argparse
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from ops.problem import OpsError, sentence
from ops.text import wrapped
from stacks.settings import UnusableSettingsError

INTERRUPTED = 130
COMMANDS: Mapping[str, str] = {
    "up": "preview and update stacks, each after those whose outputs it reads",
    "down": "destroy stacks, each before those whose outputs it reads",
    "risk": "say in plain words what is risky about a preview",
    "smoke": "ask what was deployed whether it works",
    "drift": "say what was changed outside Pulumi",
    "releases": "show which release runs where, and what is still to be promoted",
    "promote": "make the tag that brings PROD to the commit that STAGE runs",
    "connection": "tell whether the connection to the git host works",
    "who-can": "list who may assume which role, in every account",
    "guard-rails": "list who may do what is dangerous, and which guard rail denies it",
    "move-state": "move stacks to another backend: a folder, a bucket or Pulumi Cloud",
    "vpn-client": "make or repeat a device's WireGuard configuration",
}


class Command(Protocol):
    """What the module of a command has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        ...

    def run(self, arguments: argparse.Namespace) -> int | None:
        """Do it, and return the exit status; None is 0."""
        ...


def main() -> int:
    """Run the command and return its exit status; show the commands where none is given."""
    parser = argparse.ArgumentParser(
        prog="python -m ops", description="What an operator does that is no deployment."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    asked = sys.argv[1] if len(sys.argv) > 1 else None
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == asked:
            _module(name).add_arguments(command)
    arguments = parser.parse_args()
    if arguments.command is None:
        parser.print_help()
        return 0
    for request in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(request, signal.default_int_handler)
    try:
        return _module(arguments.command).run(arguments) or 0
    except OpsError as error:
        return _failed(str(error))
    except UnusableSettingsError as error:
        return _failed(sentence(error))
    except OSError as error:
        return _failed(f"The command cannot go on: {error}.")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED


def _failed(why: str) -> int:
    sys.stderr.write(f"{wrapped(why)}\n")
    return 1


def _module(name: str) -> Command:
    return cast("Command", import_module(f"ops.{name.replace('-', '_')}"))


if __name__ == "__main__":
    sys.exit(main())
