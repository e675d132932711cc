"""The release gate: which commit may be deployed to a stack, and which one a stack runs.

Knows git and the rule in the stack's settings, nothing of what is deployed. A preview from the
wrong place warns and goes on; an update from there ends before a resource is registered.
"""

import json
import os
import subprocess
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self, cast

import pulumi
import yaml
from pulumi.runtime.config import CONFIG, is_config_secret

from stacks.outputs import AppOutputs, UnreadableError
from stacks.refusal import printable, refuse
from stacks.settings import ROOT, ReleaseRule

BRANCH_VARIABLE = "RELEASE_BRANCH"
"""Where a pipeline says which branch started it, since its checkout is detached."""

ENGINE_KEYS = frozenset({"encryptionsalt", "encryptedkey", "secretsprovider"})
"""What the engine itself writes into a settings file when it makes a stack."""

TEXT_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Makes text only of a YAML file; the one in C, where PyYAML was built with it."""

NO_COMMIT = "0" * 40

PARTIAL_FLAGS = ("target", "target-replace", "target-dependents", "exclude", "exclude-dependents")
"""Options of `pulumi up` that leave resources out, as its history names them."""

SHOWN = 3
"""Changed files that a refusal names."""

CODE = (
    *(f"{package}/*.py" for package in ("components", "service", "stacks", "wireguard")),
    *(f"wireguard/machine/*.{kind}" for kind in ("service", "sh", "timer")),
)
"""What a program runs or puts on a host, found by its name."""


class UnreleasableError(Exception):
    """Why the checkout may not be deployed: what was found, what is needed, how to get there."""


class Checkout:
    """A git checkout, asked by the `git` command; raises UnreleasableError where there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        status = self._git(
            *("status", "--porcelain=v2", "--branch", "-z", "--no-renames"),
            *("--untracked-files=all", "--ignore-submodules=none"),
        )
        entries = [entry for entry in status.split("\0") if entry]
        headers = dict(entry[2:].split(" ", 1) for entry in entries if entry.startswith("# "))
        self._changed = [_path(entry) for entry in entries if not entry.startswith("# ")]
        self.commit = headers["branch.oid"]
        self.branch = None if headers["branch.head"] == "(detached)" else headers["branch.head"]
        if self.commit == "(initial)":
            raise UnreleasableError(
                f"{folder} has no commits yet, and a release is one: commit what to deploy"
            )

    def changes(self) -> list[str]:
        """Return the paths that differ from the commit, without what the engine wrote itself."""
        changed = [path for path in self._changed if not self._is_engine_change(path)]
        return changed + self._ignored_code()

    def tags(self) -> list[str]:
        """Return the tags, annotated and lightweight, on the commit."""
        return self._git("tag", "--points-at", "HEAD", "--sort=version:refname").split()

    def is_in(self, branch: str) -> bool:
        """Tell whether a branch, the local one or that of `origin`, contains the commit."""
        return bool(self._refs(branch, "--contains=HEAD"))

    def knows(self, branch: str) -> bool:
        """Tell whether there is such a branch here, local or known from `origin`."""
        return bool(self._refs(branch))

    def is_shallow(self) -> bool:
        """Tell whether part of the history is missing here."""
        return self._git("rev-parse", "--is-shallow-repository") == "true"

    def _refs(self, branch: str, *conditions: str) -> list[str]:
        names = (f"refs/heads/{branch}", f"refs/remotes/origin/{branch}")
        found = self._git("for-each-ref", "--format=%(refname)", *conditions, *names).split()
        return [name for name in found if name in names]  # git also lists what is below a name

    def _ignored_code(self) -> list[str]:
        """Return what runs, here or on a host, although git ignores it."""
        listing = self._git(
            *("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--full-name"),
            *(f":(top){code}" for code in CODE),
        )
        return [path for path in listing.split("\0") if path]

    def _is_engine_change(self, path: str) -> bool:
        if not fnmatchcase(Path(path).name, "Pulumi.*.yaml"):
            return False
        file = Path(self._git("rev-parse", "--show-toplevel")) / path
        if not file.is_file():
            return False
        before = self._run("show", f"HEAD:{path}")
        return _written(before.stdout if before.returncode == 0 else "") == _written(_read(file))

    def _git(self, *arguments: str) -> str:
        result = self._run(*arguments)
        if result.returncode:
            raise UnreleasableError(
                f"git cannot tell which commit this is ({_last_line(result.stderr)}): deploy from "
                "a git checkout of this repository"
            )
        return result.stdout.rstrip("\n")

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # A hook's GIT_DIR, say, would speak of another checkout than the one that is deployed.
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        try:
            return subprocess.run(  # noqa: S603 - fixed words and references of this repository
                ["git", *arguments],  # noqa: S607 - the operator's own git
                cwd=self._folder,
                env=own | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                check=False,
            )
        except FileNotFoundError:
            raise UnreleasableError(
                "git is not installed, and only git knows which commit this is: install git"
            ) from None


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
    written = _written(_read(file)) if file.is_file() else {}
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
                f"{_example(rule.tag)} COMMIT; git checkout {_example(rule.tag)})"
            )
        ref = tags[-1]
    if rule.promoted_from is not None:
        _check_promotion(checkout.commit, rule.promoted_from)
    return ref


def _check_branch(checkout: Checkout, branch: str) -> None:
    short = checkout.commit[:12]
    started_by = os.environ.get(BRANCH_VARIABLE)
    if started_by and checkout.branch is None and started_by != branch:
        raise UnreleasableError(
            f"{BRANCH_VARIABLE} says that branch {started_by} started this run, and this stack "
            f"deploys from {branch}: start it from {branch}"
        )
    if checkout.is_in(branch):
        return
    if checkout.is_shallow():
        raise UnreleasableError(
            f"this clone is too shallow to tell whether {branch} contains commit {short}: run git "
            f"fetch --unshallow origin +refs/heads/{branch}:refs/remotes/origin/{branch}"
        )
    if not checkout.knows(branch):
        raise UnreleasableError(
            f"this clone has no branch {branch}, which must contain commit {short}: run git "
            f"fetch origin +refs/heads/{branch}:refs/remotes/origin/{branch}"
        )
    raise UnreleasableError(
        f"commit {short} ({checkout.branch or 'detached HEAD'}) is not contained in branch "
        f"{branch}: merge it into {branch}, or check out what is there (git checkout {branch})"
    )


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
    # Deletions run after the outputs are known, so only the backend's record tells of them.
    updates = [
        update
        for update in history(AppOutputs.reference(stack))
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


def history(stack: str) -> list[dict[str, Any]]:
    """Return the backend's records of a stack's last updates, newest first."""
    try:
        result = subprocess.run(  # noqa: S603 - fixed words and the name of a stack
            ["pulumi", "stack", "history", "--json", "--page-size=50", f"--stack={stack}"],  # noqa: S607 - the engine that runs this program
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(result.stdout)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise UnreleasableError(
            f"pulumi stack history cannot tell how the last update of {stack} ended "
            f"({_last_line(getattr(error, 'stderr', None) or str(error))}): put the pulumi command "
            "on PATH and log in to the backend"
        ) from None


def _path(entry: str) -> str:
    """Return the path at the end of an entry of `git status --porcelain=v2` (git-status manual)."""
    fields_before = {"1": 8, "u": 10, "?": 1}
    return entry.split(" ", fields_before[entry[0]])[-1]


def _read(settings: Path) -> str:
    """Return a settings file's text; a byte that is no UTF-8 makes it unreadable, not an error."""
    return settings.read_text(encoding="utf-8", errors="surrogateescape")


def _written(text: str) -> dict[str, object]:
    """Return what people wrote in a settings file."""
    try:
        # All scalars as text: the engine writes numbers and flags back in quotes.
        data: object = yaml.load(text, TEXT_LOADER) or {}  # noqa: S506 - it makes text only
    except (yaml.YAMLError, ValueError):
        return {"unreadable": text}
    if not isinstance(data, dict):
        return {"unreadable": text}
    settings = cast("dict[str, object]", data)
    return {key: value for key, value in settings.items() if key not in ENGINE_KEYS}


def _example(pattern: str) -> str:
    return pattern.replace("*", "1.0.0")


def _last_line(text: str) -> str:
    return (
        text.strip().splitlines()[-1].removeprefix("fatal: ") if text.strip() else "no reason given"
    )
