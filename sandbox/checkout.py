"""The throw-away clone that the sandbox deploys from, and the refs in it.

The clone holds exactly what the work tree holds, but for what the engine wrote into settings files
for another backend than the sandbox's. Where that is a commit, the commit itself is
deployed; where it differs, one more commit is made on top of it, in the clone only. The work tree
and its repository are read, never written. Only git knows what a release is, so a folder that is
no repository becomes one here.
"""

import os
import re
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Self

from sandbox.problem import SandboxError, disk_full, is_disk_full
from stacks.checkout import ENGINE_KEYS
from stacks.settings import ReleaseRule

SETTINGS = re.compile(r"Pulumi\..+\.yaml")
MAIN = "main"
HEAD = "refs/source/head"
IDENTITY = {
    "GIT_AUTHOR_NAME": "sandbox",
    "GIT_AUTHOR_EMAIL": "sandbox@localhost",
    "GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "sandbox",
    "GIT_COMMITTER_EMAIL": "sandbox@localhost",
    "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z",
}
"""The same content on the same commit gives the same commit again, at whatever time."""


class Checkout:
    """The clone at a directory, of the work tree at another."""

    def __init__(self, source: Path, directory: Path) -> None:
        self.source = source
        self.directory = directory
        self._git_directory = directory / ".git"

    def snapshot(self) -> str:
        """Return the commit that holds what the work tree holds now."""
        self._git(self.source, "init", "--quiet", str(self.directory))
        head = self._fetched_head()
        tree = self._tree()
        if head and tree == self._here("rev-parse", f"{head}^{{tree}}"):
            return head
        parents = ("-p", head) if head else ()
        message = f"work tree of {head[:12] if head else 'no commit'}"
        return self._here("commit-tree", tree, *parents, "-m", message)

    def lend(self, environment: Path) -> None:
        """Make the virtual environment that the projects' settings name be there as well."""
        link = self.directory / ".venv"
        (self._git_directory / "info" / "exclude").write_text(".venv\n", encoding="utf-8")
        link.unlink(missing_ok=True)
        link.symlink_to(environment)

    def release(self, commit: str, rules: Iterable[ReleaseRule]) -> None:
        """Make the commit the head of every branch that the rules name, with the tag they want.

        `main` is checked out then.
        """
        for rule in rules:
            self._here("update-ref", f"refs/heads/{rule.branch}", commit)
            if rule.tag is not None:
                self._tag(commit, rule.tag)
        self.switch(MAIN, commit)

    def switch(self, branch: str, commit: str) -> None:
        """Check the commit out as the head of a branch, without anything beside it."""
        self._here("checkout", "--quiet", "--force", "-B", branch, commit)
        self._here("clean", "-d", "--force", "--quiet")

    def clone(self, directory: Path, commit: str) -> Self:
        """Return a full clone at a commit, which knows the branches here as those of its origin."""
        self._here("clone", "--quiet", "--no-checkout", str(self.directory), str(directory))
        made = type(self)(self.directory, directory)
        self._git(directory, "checkout", "--quiet", "--detach", commit)
        return made

    def forget_origin(self) -> None:
        """Leave nothing to fetch from, as for somebody whom the git host does not know."""
        self._here("remote", "set-url", "origin", "https://git-host.invalid")

    def commit(self, ref: str) -> str:
        """Return the commit that a branch, a tag or a commit's id means."""
        return self._here("rev-parse", "--verify", f"{ref}^{{commit}}")

    def commit_to(self, branch: str, message: str) -> str:
        """Put a commit without a change on top of a branch; return it."""
        head = self.commit(f"refs/heads/{branch}")
        made = self._here("commit-tree", f"{head}^{{tree}}", "-p", head, "-m", message)
        self._here("update-ref", f"refs/heads/{branch}", made)
        return made

    @contextmanager
    def tagged(self, commit: str, pattern: str = "v*") -> Generator[str]:
        """Tag a commit with the next tag of a pattern for a while."""
        name = self._next_tag(pattern)
        self._here("update-ref", f"refs/tags/{name}", commit)
        try:
            yield name
        finally:
            self._here("update-ref", "-d", f"refs/tags/{name}")

    def shown(self, commit: str, form: str) -> str:
        """Return what git says of a commit in one of its own formats, like `%an`."""
        return self._here("show", "--no-patch", f"--format={form}", commit)

    def _tag(self, commit: str, pattern: str) -> None:
        """Tag a commit that has no such tag yet with the next one."""
        if self._here("tag", "--list", pattern, "--points-at", commit):
            return
        self._here("update-ref", f"refs/tags/{self._next_tag(pattern)}", commit)

    def _next_tag(self, pattern: str) -> str:
        taken = set(self._here("tag").split())
        names = (pattern.replace("*", f"1.0.{patch}") for patch in count())
        return next(name for name in names if name not in taken)

    def _fetched_head(self) -> str | None:
        """Bring the work tree's commit and its history here, where it has one."""
        if not self._is_repository() or not self._has_commit():
            return None
        self._here(
            "fetch",
            "--quiet",
            "--no-tags",
            "--update-shallow",
            str(self.source),
            f"+HEAD:{HEAD}",
        )
        return self._here("rev-parse", HEAD)

    def _tree(self) -> str:
        """Write the files of the work tree that git does not ignore, as a tree."""
        index = self._git_directory / "snapshot.index"
        index.unlink(missing_ok=True)
        variables = {
            "GIT_INDEX_FILE": str(index),
            "GIT_OBJECT_DIRECTORY": str(self._git_directory / "objects"),
        }
        if not self._is_repository():
            variables |= {
                "GIT_DIR": str(self._git_directory),
                "GIT_WORK_TREE": str(self.source),
            }
        listed = self._git(
            self.source,
            *("ls-files", "-z", "--cached", "--others", "--exclude-standard"),
            variables={} if self._is_repository() else variables,
        )
        files = [name for name in listed.split("\0") if self._is_file(name)]
        self._git(
            self.source,
            *("update-index", "--add", "-z", "--stdin"),
            variables=variables,
            given="".join(f"{name}\0" for name in sorted(set(files))),
        )
        self._drop_engine_keys(
            [name for name in files if SETTINGS.fullmatch(Path(name).name)], variables
        )
        return self._git(self.source, "write-tree", variables=variables)

    def _drop_engine_keys(self, files: Iterable[str], variables: dict[str, str]) -> None:
        """Take what belongs to another backend out of settings files, in the index only.

        The engine writes it again where it is missing.
        """
        for name in files:
            text = (self.source / name).read_text(encoding="utf-8")
            kept = _without_engine_keys(text)
            if kept != text:
                blob = self._git(
                    self.source, "hash-object", "-w", "--stdin", variables=variables, given=kept
                )
                entry = f"100644,{blob},{name}"
                self._git(self.source, "update-index", "--cacheinfo", entry, variables=variables)

    def _is_file(self, name: str) -> bool:
        path = self.source / name
        return bool(name) and (path.is_symlink() or path.is_file())

    def _is_repository(self) -> bool:
        """Tell whether the work tree is a repository of its own, not a folder within another."""
        top = self._run(self.source, ("rev-parse", "--show-toplevel"), {}, "")
        return top.returncode == 0 and Path(top.stdout.strip()).samefile(self.source)

    def _has_commit(self) -> bool:
        head = self._run(self.source, ("rev-parse", "--verify", "--quiet", "HEAD"), {}, "")
        return head.returncode == 0

    def _here(self, *arguments: str) -> str:
        return self._git(self.directory, *arguments)

    def _git(
        self,
        folder: Path,
        *arguments: str,
        variables: dict[str, str] | None = None,
        given: str = "",
    ) -> str:
        result = self._run(folder, arguments, variables or {}, given)
        if result.returncode:
            if is_disk_full(result.stderr):
                raise disk_full()
            reason = (result.stderr.strip().splitlines() or ["it gave no reason"])[-1]
            raise SandboxError(f"git {arguments[0]} failed in {folder}: {reason}")
        return result.stdout.strip()

    def _run(
        self, folder: Path, arguments: tuple[str, ...], variables: dict[str, str], given: str
    ) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        try:
            return subprocess.run(  # noqa: S603 - fixed words, and paths of this repository
                ["git", "-c", f"core.hooksPath={os.devnull}", *arguments],  # noqa: S607 - the user's git
                cwd=folder,
                env=own | IDENTITY | variables | {"LC_ALL": "C"},
                input=given,
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                check=False,
            )
        except FileNotFoundError:
            raise SandboxError(
                "git is not installed, and releases are commits: install git, then run "
                "`make sandbox` again."
            ) from None


def _without_engine_keys(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not _is_engines(line))


def _is_engines(line: str) -> bool:
    return line.partition(":")[0] in ENGINE_KEYS
