"""One `pulumi up` of one stack, read event by event."""

import json
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = ("up", "--yes", "--skip-preview", "--non-interactive", "--json")
GONE = {"delete", "delete-replaced", "discard", "read-discard", "create-replacement", "remove"}
UNCHANGING = {"same", "read"}
"""Steps that change nothing; a stack reference is read each time."""

STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass
class Update:
    """What an update did: its resources, changes by kind, the stack's outputs, and errors."""

    resources: set[str] = field(default_factory=set[str])
    changes: dict[str, int] = field(default_factory=dict[str, int])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    errors: list[str] = field(default_factory=list[str])
    succeeded: bool = False

    @property
    def is_unchanged(self) -> bool:
        """Whether every resource stayed as it was."""
        return self.succeeded and not self.changes

    def read(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the engine."""
        if done := event.get("resOutputsEvent"):
            self._read_resource(done["metadata"])
        elif said := event.get("diagnosticEvent"):
            if said["severity"] == "error":
                self.errors.append(_error(said))
        elif summary := event.get("summaryEvent"):
            counts: dict[str, int] = summary["resourceChanges"]
            self.changes = {kind: it for kind, it in counts.items() if kind not in UNCHANGING}

    def _read_resource(self, step: Mapping[str, Any]) -> None:
        if step["op"] not in GONE:
            self.resources.add(step["urn"])
        if step["type"] == STACK_TYPE and step["new"]:
            self.outputs = step["new"]["outputs"]


def run(
    engine: str,
    stack: str,
    folder: Path,
    variables: Mapping[str, str],
    notify: Callable[[Update], None],
) -> Update:
    """Update a stack, telling `notify` of every step; interrupted, let the engine end cleanly."""
    update = Update()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as complaints:
        with subprocess.Popen(  # noqa: S603 - the engine, fixed words and the stack's name
            [engine, *COMMAND, "--stack", stack],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            encoding="utf-8",
            process_group=0,
        ) as process:
            try:
                for event in _events(process.stdout or ()):
                    update.read(event)
                    notify(update)
            except KeyboardInterrupt:
                # Its own process group keeps the terminal's signal from it: a second one would
                # not wait for the step that runs.
                process.send_signal(signal.SIGINT)
                process.communicate()
                raise
        update.succeeded = process.returncode == 0
        if not update.succeeded and not update.errors:
            complaints.seek(0)
            silent = f"The engine ended with status {process.returncode} and gave no reason."
            update.errors = [complaints.read().strip() or silent]
    return update


def _events(lines: Iterable[str]) -> Iterable[Mapping[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _error(event: Mapping[str, Any]) -> str:
    """Return an error as the engine put it, with the resource it is about."""
    resource = event.get("urn", "").split("::")[2:]
    about = f"{' '.join(resource)}: " if resource and STACK_TYPE not in resource[0] else ""
    return f"{about}{event['message'].strip()}"
