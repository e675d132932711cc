"""What the engine does to one stack, or would do, read from its events."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GONE = {"delete", "delete-replaced", "discard", "read-discard", "create-replacement", "remove"}
UNCHANGING = {"same", "read", "read-discard", "discard"}
"""Steps that change nothing; a stack reference is read each time."""

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:"
"""What begins the type of a provider: its record says which role a run assumes, and no more."""

GENERAL = ("update failed", "preview failed", "destroy failed", "Resource monitor has terminated")
"""How the engine's last words begin, which add nothing to an error before them."""

IN_PLUGIN = "using pulumi-resource-"
"""How the engine begins its warning about a plugin that it found on PATH."""

LOCK_HOLDER = re.compile(r"created by (?P<who>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")
NO_STACK = "no stack named"


@dataclass(frozen=True)
class Holder:
    """Who holds a stack's lock, as the engine says: user and host, process, since when."""

    who: str
    pid: str
    since: str

    def __str__(self) -> str:
        return f"{self.who} (process {self.pid}) since {self.since}"


@dataclass
class Update:
    """What the engine did, or would do: the resources, what changed, outputs, warnings, errors.

    `changes` counts by kind; `done` and `failed` name resources by what was done or tried, each
    part of a replacement apart. A provider counts in none of them. `protected` are the resources
    for whose sake nothing is deleted.
    """

    resources: set[str] = field(default_factory=set[str])
    changes: dict[str, int] = field(default_factory=dict[str, int])
    done: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    failed: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    protected: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])
    succeeded: bool = False
    seconds: float = 0.0

    @property
    def is_unchanged(self) -> bool:
        """Whether every resource stayed as it was."""
        return self.succeeded and not self.changes

    @property
    def is_of_no_stack(self) -> bool:
        """Whether the backend has no such stack."""
        return any(NO_STACK in error for error in self.errors)

    @property
    def holders(self) -> list[Holder]:
        """Who holds the lock that kept the engine from its work, if that was the reason."""
        return [Holder(**it.groupdict()) for it in LOCK_HOLDER.finditer("\n".join(self.errors))]

    @property
    def summary(self) -> str:
        """The number of resources, and of changes by kind."""
        count = f"{len(self.resources)} resources" if self.resources else ""
        if not self.succeeded:
            return count
        changes = ", ".join(f"{number} {kind}" for kind, number in self.changes.items())
        return ": ".join(filter(None, (count, changes))) if changes else f"{count} unchanged"

    def read(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the engine."""
        if done := event.get("resOutputsEvent"):
            self._read_done(done["metadata"])
        elif failed := event.get("resOpFailedEvent"):
            step = failed["metadata"]
            self.failed.setdefault(step["op"], []).append(resource(step["urn"]))
        elif said := event.get("diagnosticEvent"):
            self._read_said(said)

    def _read_done(self, step: Mapping[str, Any]) -> None:
        if step["op"] not in GONE:
            self.resources.add(step["urn"])
        if step["type"] == STACK_TYPE and step["new"]:
            self.outputs = step["new"]["outputs"]
        if step["op"] in UNCHANGING or step["type"].startswith(PROVIDER_TYPE):
            return
        if step.get("logical"):  # left out where it is false
            self.changes[step["op"]] = self.changes.get(step["op"], 0) + 1
        if name := resource(step["urn"]):
            self.done.setdefault(step["op"], []).append(name)

    def _read_said(self, said: Mapping[str, Any]) -> None:
        message = said["message"].strip()
        if said["severity"] == "warning" and not message.startswith(IN_PLUGIN):
            self.warnings.append(message)
        elif said["severity"] == "error" and not (self.errors and message.startswith(GENERAL)):
            about = resource(said.get("urn", ""))
            self.errors.append(f"{about}: {message}" if about else message)


def resource(urn: str) -> str:
    """Return a resource by its type and name, as a person reads it; the stack itself has none."""
    kind, _, name = urn.partition("::")[2].partition("::")[2].partition("::")
    kind = kind.rpartition("$")[2]
    return f"{kind} {name}" if name and kind != STACK_TYPE else ""
