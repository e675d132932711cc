"""`python -m ops promote [VERSION]`: makes the tag by which a stack takes what another one runs.

It asks what the release gate will ask when the tag is deployed, and changes nothing but the tag in
this clone: a person pushes it.
"""

import argparse
import re
import sys

from pydantic import BaseModel

from ops import deployed
from ops.problem import OpsError
from ops.text import wrapped
from ops.worktrees import unknown
from stacks import catalogue, outputs, release
from stacks.catalogue import Stack
from stacks.checkout import Commit, UnreleasableError
from stacks.outputs import AppOutputs
from stacks.settings import ROOT

NUMBERS = r"(\d+(?:\.\d+)*)"


class Running(BaseModel):
    """The outputs of the stack that is promoted from which are read here."""

    release_commit: outputs.Commit
    release_ref: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "version",
        nargs="?",
        metavar="VERSION",
        help="the tag, like v1.2.0; without it the next one after the newest",
    )
    parser.add_argument(
        "--to", metavar="STACK", help="the stack to promote to, where there are several, like prod"
    )


def run(arguments: argparse.Namespace) -> None:
    """Make the tag and print what to do with it.

    Raises OpsError.
    """
    target = _target(arguments.to)
    source = catalogue.find(f"{target.project}/{target.rule.promoted_from}", ROOT)
    running = deployed.outputs(AppOutputs, Running, source.name)
    commit = Commit(ROOT, running.release_commit)
    try:
        if not commit.is_known():
            raise OpsError(unknown(commit, source))
        release.check_contained(commit, target.rule.branch)
        release.check_last_update(commit.commit, source.name, deployed.history(source))
    except UnreleasableError as reason:
        raise OpsError(f"{target} would not take what {source} runs: {reason}.") from None
    _check_new_to(target, commit)
    try:
        tag = _tag(arguments.version, target, commit)
        commit.tag(tag, f"{target} takes what {source} runs")
    except UnreleasableError as reason:
        raise OpsError(f"{reason}: mend that, and run this again.") from None
    sys.stdout.write(
        f"Tag {tag} is on {commit}, which {source} runs.\n"
        f"  git push origin {tag}    starts the pipeline {target.pipeline}, which deploys it\n"
        f"  git checkout {tag}, then {target.command}    deploys it by hand\n"
    )


def _target(name: str | None) -> Stack:
    if name is not None:
        stack = catalogue.find(name, ROOT)
        if stack.rule.promoted_from is None or stack.rule.tag is None:
            raise OpsError(
                f"{stack} takes no promoted tag: release in {stack.settings} has no promotedFrom "
                "and tag; deploy it from its branch."
            )
        return stack
    found = [it for it in catalogue.stacks(ROOT) if it.rule.promoted_from and it.rule.tag]
    if len(found) == 1:
        return found[0]
    if found:
        raise OpsError(
            f"Several stacks take what another one runs ({', '.join(map(str, found))}): choose one "
            f"(--to {found[0].name})."
        )
    raise OpsError(
        "No stack takes what another one runs: promotedFrom and tag are in no release of a "
        "Pulumi.*.yaml."
    )


def _check_new_to(target: Stack, commit: Commit) -> None:
    there = deployed.all_outputs(target) or {}
    if there.get("release_commit") == commit.commit:
        raise OpsError(
            f"{target} runs {commit} already, as {there.get('release_ref')}: there is nothing to "
            "promote."
        )


def _tag(version: str | None, target: Stack, commit: Commit) -> str:
    """Return the tag to make: newer than every other, since the newest names a release."""
    pattern = target.rule.tag or ""
    at_origin = _at_origin(commit)
    there = {*commit.known_tags(), *at_origin}
    known = {it: numbers for it in there if (numbers := _numbers(pattern, it))}
    newest = max(known, key=lambda it: known[it], default=None)
    following = _following(pattern, known[newest]) if newest else release.first_tag(target.rule)
    if version is None:
        if newest in commit.tags():
            what_now = (
                f"it is at origin, so look at the pipeline {target.pipeline} in the Tools account, "
                "which may be waiting for an approval"
                if newest in at_origin
                else f"push it (git push origin {newest})"
            )
            raise OpsError(f"The newest tag, {newest}, is on {commit} already: {what_now}.")
        return following
    numbers = _numbers(pattern, version)
    if numbers is None:
        raise OpsError(
            f"{version} is no tag that {target} takes, which is {pattern} with numbers for the "
            f"star: write it like {following}."
        )
    if version in known:
        raise OpsError(f"There is a tag {version} already: choose a newer one, like {following}.")
    if newest and numbers < known[newest]:
        raise OpsError(
            f"{version} is older than {newest}, and a stack takes the newest tag: choose a newer "
            f"one, like {following}."
        )
    return version


def _at_origin(commit: Commit) -> list[str]:
    try:
        return commit.tags_at_origin()
    except UnreleasableError as reason:
        told = wrapped(f"{reason}, so only those of this clone count.")
        sys.stderr.write(f"{told}\n")
        return []


def _numbers(pattern: str, tag: str) -> tuple[int, ...] | None:
    """Return the numbers that stand in a tag for the star of the pattern."""
    shape = re.escape(pattern).replace(re.escape("*"), NUMBERS, 1)
    found = re.fullmatch(shape, tag)
    return tuple(map(int, found[1].split("."))) if found and found.groups() else None


def _following(pattern: str, numbers: tuple[int, ...]) -> str:
    return pattern.replace("*", ".".join(map(str, (*numbers[:-1], numbers[-1] + 1))), 1)
