"""`python -m ops`: the commands, each in a module of its own."""

import argparse
import sys

from ops import connection, promote, releases, vpn_client, who_can
from ops.problem import OpsError
from stacks.settings import UnusableSettingsError

INTERRUPTED = 130
COMMANDS = {
    "connection": connection,
    "promote": promote,
    "releases": releases,
    "vpn-client": vpn_client,
    "who-can": who_can,
}


def main() -> int:
    """Run the command and return its exit status; show the commands where none is given."""
    parser = argparse.ArgumentParser(
        prog="python -m ops", description="What an operator does that is no deployment."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, module in COMMANDS.items():
        module.add_arguments(
            commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        )
    arguments = parser.parse_args()
    if arguments.command is None:
        parser.print_help()
        return 0
    try:
        return COMMANDS[arguments.command].run(arguments) or 0
    except (OpsError, UnusableSettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"The command cannot go on: {error}.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
