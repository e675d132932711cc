"""The release gate: which commit may be deployed to a stack, and which one a stack runs.

Knows the rule in the stack's settings, nothing of what is deployed. A preview from the wrong place
warns and goes on; an update from there ends before a resource is registered. The checks that need
no running program are functions, which an operator's commands ask too.
"""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self, cast

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from stacks.checkout import Checkout, Commit, UnreleasableError, written_in
from stacks.outputs import AppOutputs, UnreadableError
from stacks.refusal import printable, refuse
from stacks.settings import ROOT, ReleaseRule

BRANCH_VARIABLE = "RELEASE_BRANCH"
"""Where a pipeline says which branch started it, since its checkout is detached."""

NO_COMMIT = "0" * 40

PARTIAL_FLAGS = ("target", "target-replace", "target-dependents", "exclude", "exclude-dependents")
"""Options of `pulumi up` that leave resources out, as its history names them."""

SHOWN = 3
"""Changed files that a refusal names."""


@dataclass(frozen=True)
class Release:
    """The commit that this update deploys, and the branch or tag it is known by."""

    ref: str
    commit: str
    resources: list[pulumi.Resource] = field(default_factory=list[pulumi.Resource], repr=False)

    @classmethod
    def admitted_by(cls, rule: ReleaseRule) -> Self:
        """Return the checkout's release; refuse the update if the rule does not admit it."""
        ref, commit = "none", NO_COMMIT
        try:
            folder = _project_folder()
            checkout = Checkout(folder)
            ref, commit = checkout.branch or "detached", checkout.commit
            ref = _admitted_ref(checkout, rule)
            _check_settings(folder / f"Pulumi.{pulumi.get_stack()}.yaml")
        except UnreleasableError as reason:
            message = f"Stack {pulumi.get_stack()} does not take this checkout: {reason}"
            if not pulumi.runtime.is_dry_run():
                refuse(message)
            pulumi.log.warn(printable(f"{message}. This is a preview; an update would be refused."))
        release = cls(ref, commit)
        pulumi.runtime.register_stack_transformation(
            lambda args: release.resources.append(args.resource)
        )
        return release

    def once_complete(self) -> dict[str, pulumi.Output[str]]:
        """Return the outputs that say what the stack runs, known once everything has succeeded.

        The engine stores the outputs of a failed update too; these wait for every resource, also
        for those that no other resource reads and those registered further down.
        """

        async def registered() -> list[pulumi.Output[str]]:
            # Awaited only after the program's last line has run.
            return [
                resource.id if isinstance(resource, pulumi.CustomResource) else resource.urn
                for resource in self.resources
            ]

        done = pulumi.Output[list[str]].from_input(registered())
        return {
            "release_ref": done.apply(lambda _: self.ref),
            "release_commit": done.apply(lambda _: self.commit),
        }


def _project_folder() -> Path:
    """Return the folder of the project; its code has to come from the same checkout."""
    folder = Path.cwd().resolve()
    if not folder.is_relative_to(ROOT):
        raise UnreleasableError(
            f"the project is in {folder}, and its components come from {ROOT}: make this "
            "checkout's own virtual environment (make venv)"
        )
    return folder


def _check_settings(file: Path) -> None:
    """Hold the settings in force to those of the file in the checkout."""
    written = written_in(file) if file.is_file() else {}
    kept = cast("dict[str, object]", written.get("config") or {})
    in_force = {
        key: _as_text(text)
        for key, text in CONFIG.get().items()
        if key.startswith(f"{pulumi.get_project()}:") and not is_config_secret(key)
    }
    # Pulumi ESC adds settings that stand in no file.
    keys = in_force.keys() & kept.keys() if "environment" in written else in_force.keys()
    other = sorted(key for key in keys if in_force[key] != kept.get(key))
    if other:
        raise UnreleasableError(
            f"the settings in force are not those of {file.name} ({', '.join(other)} differ), and "
            "only what is committed may be deployed: leave out --config-file"
        )


def _as_text(setting: str) -> object:
    """Return a setting as the engine hands it over, with all scalars as they stand in YAML."""
    if not setting.startswith(("{", "[")):
        return setting
    try:
        return _scalars_as_text(json.loads(setting, parse_int=str, parse_float=str))
    except ValueError:
        return setting


def _scalars_as_text(value: object) -> object:
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        return {key: _scalars_as_text(inner) for key, inner in pairs}
    if isinstance(value, list):
        return [_scalars_as_text(inner) for inner in cast("list[object]", value)]
    return value if isinstance(value, str) else json.dumps(value)


def _admitted_ref(checkout: Checkout, rule: ReleaseRule) -> str:
    """Return the branch or tag that the rule admits the commit by."""
    short = checkout.commit[:12]
    changes = checkout.changes()
    if changes:
        more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
        raise UnreleasableError(
            f"the checkout is not commit {short} alone (changed: {', '.join(changes[:SHOWN])}"
            f"{more}), and only what is committed may be deployed: commit the changes or take them "
            "back (git stash -u)"
        )
    _check_branch(checkout, rule.branch)
    if rule.tag is None:
        ref = rule.branch
    else:
        tags = [tag for tag in checkout.tags() if fnmatchcase(tag, rule.tag)]
        if not tags:
            raise UnreleasableError(
                f"commit {short} has no tag {rule.tag}, which a release needs: tag the commit that "
                f"{rule.promoted_from or rule.branch} runs and check it out (git tag "
                f"{first_tag(rule)} COMMIT; git checkout {first_tag(rule)})"
            )
        ref = tags[-1]
    if rule.promoted_from is not None:
        _check_promotion(checkout.commit, rule.promoted_from)
    return ref


def _check_branch(checkout: Checkout, branch: str) -> None:
    started_by = os.environ.get(BRANCH_VARIABLE)
    if started_by and checkout.branch is None and started_by != branch:
        raise UnreleasableError(
            f"{BRANCH_VARIABLE} says that branch {started_by} started this run, and this stack "
            f"deploys from {branch}: start it from {branch}"
        )
    check_contained(checkout, branch)


def check_contained(commit: Commit, branch: str) -> None:
    """Hold a commit to its rule's branch.

    Raises UnreleasableError.
    """
    if commit.is_in(branch):
        return
    short = commit.commit[:12]
    if commit.is_shallow():
        raise UnreleasableError(
            f"this clone is too shallow to tell whether {branch} contains commit {short}: run git "
            f"fetch --unshallow origin +refs/heads/{branch}:refs/remotes/origin/{branch}"
        )
    if not commit.knows(branch):
        raise UnreleasableError(
            f"this clone has no branch {branch}, which must contain commit {short}: run git "
            f"fetch origin +refs/heads/{branch}:refs/remotes/origin/{branch}"
        )
    raise UnreleasableError(
        f"{commit} is not contained in branch {branch}: merge it into {branch}, or check out what "
        f"is there (git checkout {branch})"
    )


def first_tag(rule: ReleaseRule) -> str:
    """Return a tag that the rule admits."""
    return (rule.tag or "").replace("*", "1.0.0")


def _check_promotion(commit: str, stack: str) -> None:
    try:
        running = AppOutputs.values(stack)
    except UnreadableError as reason:
        raise UnreleasableError(str(reason)) from None
    if running["release_commit"] != commit:
        raise UnreleasableError(
            f"commit {commit[:12]} is not what {stack} runs ({running['release_commit'][:12]}, "
            f"{running['release_ref']}), and only that may be promoted: deploy it there first "
            f"({AppOutputs.update_of(stack)}), or tag the commit that {stack} runs"
        )
    check_last_update(commit, stack, history(AppOutputs.reference(stack)))


def check_last_update(commit: str, stack: str, past: Iterable[Mapping[str, Any]]) -> None:
    """Hold the last update of a stack to the commit that it runs: it went well, and was whole.

    `past` is the stack's history. Deletions run after a stack's outputs are known, so only the
    backend's record tells of them. Raises UnreleasableError.
    """
    updates = [
        update
        for update in past
        if update["kind"] == "update"
        and update.get("environment", {}).get("git.head", commit) == commit
    ]
    if not updates or updates[0]["result"] != "succeeded":
        raise UnreleasableError(
            f"the last update of {stack} to commit {commit[:12]} did not succeed, and only what "
            f"has may be promoted: look at its error and run it again "
            f"({AppOutputs.update_of(stack)})"
        )
    if any(f"pulumi.flag.{flag}" in updates[0]["environment"] for flag in PARTIAL_FLAGS):
        raise UnreleasableError(
            f"the last update of {stack} to commit {commit[:12]} was one of chosen resources only, "
            f"and only a whole one may be promoted: run it whole ({AppOutputs.update_of(stack)})"
        )


def history(stack: str, folder: Path = Path()) -> list[dict[str, Any]]:
    """Return the backend's records of a stack's last updates, newest first.

    `folder` is the project's; a program runs in it. Raises UnreleasableError.
    """
    try:
        result = subprocess.run(  # noqa: S603 - fixed words and the name of a stack
            ["pulumi", "stack", "history", "--json", "--page-size=50", f"--stack={stack}"],  # noqa: S607 - the engine that runs this program
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(result.stdout)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", None) or "").strip() or str(error)
        raise UnreleasableError(
            f"pulumi stack history cannot tell how the last update of {stack} ended "
            f"({reason.splitlines()[-1]}): put the pulumi command on PATH and log in to the backend"
        ) from None
