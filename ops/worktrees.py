"""The commits that releases are made from, each checked out in a work tree of its own for a while.

Knows git and the rule of a stack, nothing of the engine. The person's own checkout is only read.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ops.problem import OpsError
from stacks.catalogue import Stack
from stacks.checkout import Checkout, Commit, UnreleasableError, git

LOCK = "requirements.lock"
ENVIRONMENT = ".venv"
PREFIX = "release-"
"""How a folder of work trees begins; a killed run leaves its own behind."""

OPTIONS = (
    *("-c", f"core.hooksPath={os.devnull}"),
    # A version comes after its own release candidates, v1.0.0-rc1, only where git is told so.
    *("-c", "versionsort.suffix=-"),
)
SHOWN = 3
"""Changed files that a refusal names."""


@dataclass(frozen=True)
class Ref:
    """What a stack's rule names: a branch or tag, and the commit that it is now."""

    name: str
    commit: str


class Worktrees:
    """Work trees of the repository at a folder, within another; gone when the context ends.

    Each of a stack is lent the virtual environment that runs this program, where both have the same
    lock.
    """

    def __init__(self, repository: Path, within: Path) -> None:
        self._repository = repository
        self._within = within
        self._folder = Path()
        self._made: dict[str, Path] = {}

    def __enter__(self) -> Self:
        _git(self._repository, "worktree", "prune")  # what killed runs left registered
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._within))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)
        _git(self._repository, "worktree", "prune")

    def of(self, stack: Stack) -> Path:
        """Return the work tree of what a stack is deployed from; it is made where there is none.

        Raises OpsError.
        """
        ref = self.ref(stack)
        tree = self.at(ref.commit, stack)
        if not (tree / stack.settings).is_file():
            raise OpsError(
                f"{stack} is deployed from {ref.name}, which has no {stack.settings} yet: merge it "
                f"into {stack.rule.branch} first."
            )
        return tree

    def ref(self, stack: Stack) -> Ref:
        """Return what a stack is deployed from: its branch, or the newest of its tags in it.

        Raises OpsError.
        """
        branch = self._branch(stack)
        if stack.rule.tag is None:
            return Ref(stack.rule.branch, self._commit(branch))
        tags = _git(
            self._repository,
            *("tag", "--list", stack.rule.tag, "--merged", branch, "--sort=version:refname"),
        ).split()
        if not tags:
            raise OpsError(
                f"{stack} is deployed from a tag {stack.rule.tag}, and branch {stack.rule.branch} "
                "has none here: fetch it (git fetch --tags), or make the first one "
                "(python -m ops promote)."
            )
        return Ref(tags[-1], self._commit(f"refs/tags/{tags[-1]}"))

    def at(self, commit: str, stack: Stack) -> Path:
        """Return the work tree of a commit that a stack runs; it is made where there is none.

        Raises OpsError.
        """
        if commit not in self._made:
            asked = Commit(self._repository, commit)
            if not asked.is_known():
                raise OpsError(unknown(asked, stack))
            tree = self.files(commit)
            self._lend_environment(tree)
            self._made[commit] = tree
        return self._made[commit]

    def files(self, commit: str) -> Path:
        """Make and return a work tree of a commit of this clone, without an environment.

        Raises OpsError.
        """
        tree = self._folder / commit[:12]
        _git(self._repository, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        return tree

    def _branch(self, stack: Stack) -> str:
        """Return the local branch or that of origin, whichever contains the other."""
        branch = stack.rule.branch
        known = [
            ref
            for ref in (f"refs/heads/{branch}", f"refs/remotes/origin/{branch}")
            if _git(self._repository, "for-each-ref", "--format=%(refname)", ref) == ref
        ]
        if not known:
            raise OpsError(
                f"{stack} is deployed from branch {branch}, and there is none here or at origin: "
                f"fetch it (git fetch origin +refs/heads/{branch}:refs/remotes/origin/{branch}), "
                f"or make it (git branch {branch})."
            )
        for ref in known:
            if not _git(self._repository, "rev-list", "--max-count=1", *known, f"^{ref}"):
                return ref
        raise OpsError(
            f"{stack} is deployed from branch {branch}, and the one here and the one at origin "
            "have each a commit that the other has not: bring them together (git checkout "
            f"{branch}, then git pull --rebase origin {branch})."
        )

    def _commit(self, ref: str) -> str:
        return _git(self._repository, "rev-parse", f"{ref}^{{commit}}")

    def _lend_environment(self, tree: Path) -> None:
        if (tree / LOCK).read_bytes() == (self._repository / LOCK).read_bytes():
            (tree / ENVIRONMENT).symlink_to(sys.prefix)
            return
        foreign = ("MAKE", "MFLAGS", "PYTHON", "VIRTUAL_ENV")
        own = {name: it for name, it in os.environ.items() if not name.startswith(foreign)}
        made = subprocess.run(
            ["make", "--no-print-directory", "venv"],  # noqa: S607 - the person's own make
            cwd=tree,
            env=own,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if made.returncode:
            raise OpsError(
                f"The virtual environment of commit {tree.name}, whose {LOCK} is another than "
                "this checkout's, cannot be made: what make says above is why."
            )


def refuse_changes(repository: Path) -> None:
    """Refuse a checkout with changes, since work trees would silently be without them.

    Raises OpsError.
    """
    try:
        changes = Checkout(repository).changes()
    except UnreleasableError as reason:
        raise OpsError(f"Nothing can be deployed: {reason}.") from None
    if changes:
        more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
        raise OpsError(
            "This checkout has changes that would silently not be deployed, since each stack is "
            f"deployed from a commit (changed: {', '.join(changes[:SHOWN])}{more}): commit or "
            "stash them (git stash -u)."
        )


def unknown(commit: Commit, stack: Stack) -> str:
    """Return the sentence for a commit that a stack runs and this clone does not know."""
    return f"This clone does not know {commit}, which {stack} runs: run git fetch --tags origin."


def variables_in(root: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables with which programs come from a checkout and its environment, no other."""
    environment = root / ENVIRONMENT
    return {
        **variables,
        "PATH": f"{environment / 'bin'}{os.pathsep}{variables['PATH']}",
        "VIRTUAL_ENV": str(environment),
        "PYTHONPATH": str(root),
    }


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = git(folder, *OPTIONS, *arguments)
    except UnreleasableError as reason:
        raise OpsError(f"{reason}.") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it gives no reason"])[-1]
        raise OpsError(f"git {arguments[0]} fails in {folder}: {reason.removeprefix('fatal: ')}.")
    return done.stdout.strip()
