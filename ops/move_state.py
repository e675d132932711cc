"""`python -m ops move-state --to URL [STACK...]`: takes stacks from one backend to another.

The source is only read until a stack's copy has proved, by a preview without a change, to be as
good. Then the old stack gets another name, so that nobody updates it by mistake, and stays. Each
stack is at every moment in one place by its own name, or in two with the same content, so that the
command, run again after whatever ended it, goes on where it was.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.state import CONTEXT
from ops import stack_settings, telling
from ops.backend import URL, Backend, Exported, encrypted_by
from ops.engine import Engine
from ops.problem import OpsError
from ops.ticker import Ticker
from ops.updates import STACK_TYPE
from ops.worktrees import Worktrees, variables_in
from stacks import catalogue
from stacks.catalogue import Stack
from stacks.settings import ROOT

DEFAULT_PROVIDER = "default"
"""What the engine calls the provider that a backend has of itself."""
OWN_PROVIDERS = {"passphrase", "service"}
"""The providers that backends have of themselves, as an exported state names them."""
MOVED = "-moved-%Y%m%d-%H%M%S"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("stacks", metavar="STACK", nargs="*", help="like app/dev; all without one")
    parser.add_argument(
        "--to",
        metavar="URL",
        required=True,
        help="the backend to move to, as PULUMI_BACKEND_URL has it: file://…, s3://…, "
        "https://api.pulumi.com; stacks come from the one that you are logged in to (from and to "
        "Pulumi Cloud is tested against the engine's export and import files only)",
    )
    parser.add_argument(
        "--secrets-provider",
        metavar="PROVIDER",
        default=DEFAULT_PROVIDER,
        help="what encrypts the secrets there: awskms:///ARN?region=REGION (each stack gets an "
        "encryption context of its own), or passphrase; without it the backend's own",
    )


def run(arguments: argparse.Namespace) -> None:
    """Move the stacks.

    Raises OpsError.
    """
    chosen = telling.chosen(arguments.stacks)
    provider: str = arguments.secrets_provider
    if f"context_{CONTEXT}=" in provider:
        raise OpsError(
            f"Leave context_{CONTEXT} out of --secrets-provider: each stack gets its own, so that "
            "no other stack's role decrypts its secrets."
        )
    source, target = Backend(), Backend(arguments.to)
    if source.url == target.url:
        raise OpsError(
            f"The stacks are in {source.url} already: log in to where they are now (pulumi login), "
            "and name another place with --to."
        )
    with Worktrees(ROOT, Path(tempfile.gettempdir())) as trees:
        move = Move(source=source, target=target, provider=provider, trees=trees)
        move.refuse_missing_upstream(chosen)
        for stack in chosen:
            with Ticker(str(stack)) as ticker:
                ticker.show("moving")
                ticker.show(move.move(stack))
    for line in move.what_now(chosen):
        sys.stdout.write(f"{line}\n")


@dataclass(frozen=True, kw_only=True)
class Move:
    """A move of stacks from one backend to another, to be encrypted there by a provider."""

    source: Backend
    target: Backend
    provider: str
    trees: Worktrees

    def refuse_missing_upstream(self, chosen: Sequence[Stack]) -> None:
        """Refuse to move a stack before those that it reads, since it would not run there."""
        moving = {str(stack) for stack in chosen}
        for stack in chosen:
            for name in stack.reads:
                if name not in moving and self.target.export(catalogue.find(name, ROOT)) is None:
                    raise OpsError(
                        f"{stack} reads {name}, which is not in {self.target.url}: move {name} "
                        f"first, or both (python -m ops move-state --to ... {name} {stack})."
                    )

    def move(self, stack: Stack) -> str:
        """Move a stack, or do what is left of it, and return what was done."""
        here, there = self.source.export(stack), self.target.export(stack)
        if here is None or not _resources(here):
            return "is there already" if there and _resources(there) else "is not deployed"
        _refuse_unfinished(stack, here, self.source.command(stack, "refresh"))
        if there and _resources(there) not in ([], _resources(here)):
            raise OpsError(
                f"{self.target.url} has another {stack} already, and nothing is written over it: "
                "move it away first, or, where it is but an older copy, remove it there "
                f"({self.target.command(stack, 'stack rm --force --preserve-config')})."
            )
        copy = self._copied(stack, here, there)
        try:
            self._verify(stack, here, copy)
        except OpsError:
            self.target.remove(stack)
            raise
        self._switch(stack, ROOT, copy)
        old = f"{stack.name}{datetime.now(UTC).strftime(MOVED)}"
        self.source.rename(stack, old)
        return f"moved, and unchanged there; the old one is now {old}"

    def what_now(self, chosen: Sequence[Stack]) -> list[str]:
        """Return what a person has to know and do after the move."""
        left = [
            str(stack)
            for stack in catalogue.stacks(ROOT)
            if stack not in chosen and _resources(self.source.export(stack) or {})
        ]
        lines = [
            "Commit the settings files, which say how the secrets are encrypted now, and set",
            f"{URL}={self.target.url}",
            f"The history of updates stays in {self.source.url}",
        ]
        lines.extend(
            f"A promotion looks at the last update of {name}: update {name} once before the next."
            for name in sorted({it.rule.promoted_from for it in chosen if it.rule.promoted_from})
        )
        if left:
            lines.append(
                f"Still there: {', '.join(left)}; to be moved too, since a stack reads others in "
                "its own backend only."
            )
        return lines

    def _copied(self, stack: Stack, here: Exported, there: Exported | None) -> Exported:
        """Return the copy in the target, made where there is none that is encrypted as wished."""
        provider = encrypted_by(self.provider, stack)
        if there and not _is_by(there, provider):
            self.target.remove(stack)
            there = None
        copy = there or self.target.make(stack, provider)
        encryption = {"secrets_providers": _encryption(copy)}
        self.target.load(stack, here | {"deployment": here["deployment"] | encryption})
        return copy

    def _verify(self, stack: Stack, here: Exported, copy: Exported) -> None:
        """Preview the copy with the program that made it, the commit that the stack runs."""
        tree = self.trees.at(_commit(stack, here), stack)
        self._switch(stack, tree, copy)
        engine = Engine(stack, tree, variables_in(tree, self.target.variables))
        preview = engine.preview(lambda _: None)
        if not preview.succeeded:
            raise OpsError(
                f"{stack} stays where it was, since its preview in {self.target.url} fails: "
                f"{preview.errors[0]}"
            )
        if not preview.is_unchanged:
            changes = ", ".join(f"{number} {kind}" for kind, number in preview.changes.items())
            raise OpsError(
                f"{stack} stays where it was, since a preview in {self.target.url} of the very "
                f"commit that it runs would change something ({changes}): update it first "
                f"({stack.command}), then move it."
            )
        if self.source.export(stack) != here:
            raise OpsError(
                f"{stack} stays where it was, since it was updated meanwhile: wait until nobody "
                "updates it, then run this again."
            )

    def _switch(self, stack: Stack, root: Path, copy: Exported) -> None:
        """Let the stack's settings file in a checkout say how the copy's secrets are encrypted."""
        file = root / stack.settings
        text = file.read_text(encoding="utf-8")
        keys = stack_settings.provider_keys(_encryption(copy))
        if stack_settings.is_with(text, keys):
            return
        anew: dict[str, str] = {}
        if old := stack_settings.encrypted(text):
            shown = self.source.config(stack, text)
            values = [stack_settings.in_clear(shown, path) for path in old]
            only_keys = stack_settings.with_provider("", keys, {})
            made = self.target.encrypt(stack, only_keys, values)
            anew = dict(zip(old.values(), made, strict=True))
        written = file.with_suffix(".new")
        written.write_text(stack_settings.with_provider(text, keys, anew), encoding="utf-8")
        written.replace(file)


def _resources(content: Exported) -> list[dict[str, Any]]:
    return content.get("deployment", {}).get("resources") or []


def _encryption(content: Exported) -> Mapping[str, Any]:
    return content["deployment"]["secrets_providers"]


def _is_by(content: Exported, provider: str) -> bool:
    """Tell whether a stack is encrypted by a provider."""
    found = _encryption(content)
    if provider == DEFAULT_PROVIDER:
        return found["type"] in OWN_PROVIDERS
    return provider in {found["type"], found["state"].get("url")}


def _commit(stack: Stack, content: Exported) -> str:
    """Return the commit that a stack runs, by its own outputs."""
    for resource in _resources(content):
        if resource["type"] == STACK_TYPE and "release_commit" in resource.get("outputs", {}):
            return resource["outputs"]["release_commit"]
    raise OpsError(
        f"{stack} does not say which commit it runs, because its last update failed: update it "
        f"first ({stack.command}), then move it."
    )


def _refuse_unfinished(stack: Stack, content: Exported, command: str) -> None:
    pending: list[dict[str, Any]] = content["deployment"].get("pending_operations") or []
    if pending:
        names = ", ".join(operation["resource"]["urn"].split("::")[-1] for operation in pending)
        raise OpsError(
            f"{stack} has operations that are not done ({names}): wait until its update has ended; "
            f"if it was killed, look at what there is and run {command}, then this again."
        )
