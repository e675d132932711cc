"""The engine's command at work on one stack: previews, updates, destructions, each to its end."""

import json
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ops import stack_settings
from ops.problem import OpsError
from ops.ticker import Board, Ticker
from ops.updates import Update
from stacks.catalogue import Stack

Notify = Callable[[Update], None]

SECRETS_BY_STATE = {"PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true"}
"""A commit may lack what `stack init` wrote into a settings file; the state has it too."""
STEP_BY_STEP = {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
"""A preview tells its steps one by one, as an update does, and not in one document."""

INTERRUPTED = "interrupted before it began"


class Engine:
    """The engine in the hands of one person for one stack, run from the project in a checkout."""

    def __init__(self, stack: Stack, root: Path, variables: Mapping[str, str]) -> None:
        self._program = program(variables)
        self.stack = stack
        self._folder = root / stack.folder
        self._variables = {**variables, **SECRETS_BY_STATE, **STEP_BY_STEP}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._is_interrupted = False

    def is_known_elsewhere(self) -> bool:
        """Tell whether the settings file has what the engine writes when it makes the stack."""
        file = self._folder / f"Pulumi.{self.stack.name}.yaml"
        return not stack_settings.is_with(file.read_text(encoding="utf-8"), {})

    def init(self, secrets_provider: str | None = None) -> Update:
        """Make the stack, without any resource; its secrets are encrypted as the backend would."""
        provider = ("--secrets-provider", secrets_provider) if secrets_provider else ()
        return self._run(("stack", "init", self.stack.name, "--no-select", *provider), _ignore)

    def preview(self, notify: Notify) -> Update:
        """Find out what an update would do, telling `notify` of every step."""
        return self._run(("preview", "--json", "--stack", self.stack.name), notify)

    def update(self, notify: Notify) -> Update:
        """Update the stack, telling `notify` of every step."""
        return self._change("up", notify)

    def preview_destroy(self, notify: Notify) -> Update:
        """Find out what a destruction would delete."""
        arguments = ("destroy", "--preview-only", "--json", "--stack", self.stack.name)
        return self._run(arguments, notify)

    def destroy(self, notify: Notify) -> Update:
        """Delete all resources of the stack."""
        return self._change("destroy", notify)

    def interrupt(self) -> None:
        """Let what runs end cleanly after the step it is at, and nothing begin any more."""
        with self._lock:
            if self._process and not self._is_interrupted:
                self._process.send_signal(signal.SIGINT)
            self._is_interrupted = True

    def _change(self, command: str, notify: Notify) -> Update:
        flags = ("--yes", "--skip-preview", "--json", "--stack", self.stack.name)
        return self._run((command, *flags), notify)

    def _run(self, arguments: tuple[str, ...], notify: Notify) -> Update:
        update = Update()
        started = time.monotonic()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as complaints:
            with self._lock:
                if self._is_interrupted:
                    return Update(errors=[INTERRUPTED])
                # Its own process group keeps a terminal's signal from it: a second one would not
                # wait for the step that runs.
                self._process = subprocess.Popen(  # noqa: S603 - the engine, fixed words and the stack's name
                    [self._program, "--non-interactive", *arguments],
                    cwd=self._folder,
                    env=self._variables,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    encoding="utf-8",
                    process_group=0,
                )
            is_interrupted = False
            with self._process as process:
                while process.returncode is None:
                    try:
                        for event in _events(process.stdout or ()):
                            update.read(event)
                            notify(update)
                        process.wait()
                    except KeyboardInterrupt:  # however often: the step that runs comes to its end
                        is_interrupted = True
                        self.interrupt()
            with self._lock:
                self._process = None
            if is_interrupted:
                raise KeyboardInterrupt
            update.succeeded = process.returncode == 0
            if not update.succeeded and not update.errors:
                complaints.seek(0)
                update.errors = [_complaint(complaints.read(), process.returncode)]
        update.seconds = time.monotonic() - started
        return update


def shown(board: Board, title: str, run: Callable[[Notify], Update], doing: str = "") -> Update:
    """Run the engine with its progress on a board."""

    def detail(update: Update) -> str:
        return ": ".join(filter(None, (doing, update.summary)))

    with Ticker(title, board) as ticker:
        ticker.show(doing)
        update = run(lambda update: ticker.show(detail(update)))
        ticker.show("not in this backend" if update.is_of_no_stack else detail(update))
        ticker.failed = not (update.succeeded or update.is_of_no_stack)
    return update


def program(variables: Mapping[str, str]) -> str:
    """Return the path of the engine's command.

    Raises OpsError.
    """
    found = shutil.which("pulumi", path=variables["PATH"])
    if found is None:
        raise OpsError(
            "pulumi is not on PATH: install it, or run this in the shell that `make sandbox-shell` "
            "opens."
        )
    return found


def _complaint(said: str, status: int) -> str:
    silent = f"The engine ended with status {status} and gave no reason."
    return said.strip().removeprefix("error: ") or silent


def _events(lines: Iterable[str]) -> Iterable[Mapping[str, Any]]:
    for line in lines:
        try:
            event: object = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event  # pyright: ignore[reportUnknownVariableType] - JSON's keys are text


def _ignore(_: Update) -> None:
    pass
