"""The commands behind `make sandbox`, `make sandbox-down` and `make sandbox-shell`.

`up` brings everything up, `down` removes it, `env` prints what a shell needs, `shell` opens one;
`engine` only makes the engine ready, which takes minutes the first time.
SANDBOX_DIR chooses another place than `.sandbox`, SANDBOX_PORT a port for the embedded AWS, and
SANDBOX_AWS_PLUGIN=genuine leaves the AWS plugin to the engine.
"""

import argparse
import os
import shlex
import signal
import sys
from pathlib import Path

from sandbox import play, report, shell
from sandbox.problem import SandboxError, of_system
from sandbox.sandbox import ROOT, Sandbox

INTERRUPTED = 130
LAST_PORT = 65535


def main() -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="sandbox", description="A cloud on one machine.")
    parser.add_argument("command", choices=tuple(COMMANDS))
    command = parser.parse_args().command
    os.environ.pop("AWS_PROFILE", None)  # boto3 would look for it in the user's own files
    sandbox = Sandbox(Path(os.environ.get("SANDBOX_DIR") or ROOT / ".sandbox"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        COMMANDS[command](sandbox)
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{of_system(error)}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Run `make sandbox` to go on where it stopped.\n")
        return INTERRUPTED
    return 0


def _up(sandbox: Sandbox) -> None:
    deployed = sandbox.up(port=_port())
    report.show(deployed)
    is_new = not all(it.update.is_unchanged for it in deployed)
    if is_new:
        play.show(sandbox)
    report.conclude(is_new=is_new)


def _down(sandbox: Sandbox) -> None:
    was_there = sandbox.down()
    sys.stdout.write(
        f"{sandbox.directory} is removed.\n" if was_there else "There is no sandbox.\n"
    )


def _env(sandbox: Sandbox) -> None:
    variables = sandbox.environment() | sandbox.public()
    for name in os.environ.keys() - variables.keys():
        sys.stdout.write(f"unset {name}\n")
    for name, value in variables.items():
        if os.environ.get(name) != value:
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def _shell(sandbox: Sandbox) -> None:
    variables = sandbox.environment() | sandbox.public()
    words = shell.command(os.environ.get("SHELL", "/bin/sh"), sandbox.directory, variables)
    os.chdir(sandbox.checkout.directory)
    sys.stdout.write(shell.WELCOME)
    sys.stdout.flush()
    os.execvpe(words[0], words, variables)  # noqa: S606 - the user's own shell


def _engine(sandbox: Sandbox) -> None:
    sys.stdout.write(f"The engine is in {sandbox.engine()}.\n")


def _port() -> int:
    text = os.environ.get("SANDBOX_PORT") or "0"
    if not (text.isdigit() and int(text) <= LAST_PORT):
        raise SandboxError(f"SANDBOX_PORT is {text}: set it to a port number, or leave it out.")
    return int(text)


COMMANDS = {"up": _up, "down": _down, "env": _env, "shell": _shell, "engine": _engine}

if __name__ == "__main__":
    sys.exit(main())
