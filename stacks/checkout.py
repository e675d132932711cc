"""What git says of this repository: a commit's tags and branches, and a checkout's changes.

Knows no rule of a stack; `release` holds a checkout to it.
"""

import os
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import cast

import yaml

ENGINE_KEYS = frozenset({"encryptionsalt", "encryptedkey", "secretsprovider"})
"""What the engine itself writes into a settings file when it makes a stack."""

TEXT_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Makes text only of a YAML file; the one in C, where PyYAML was built with it."""

CODE = (
    *(f"{package}/*.py" for package in ("components", "service", "stacks", "wireguard")),
    *(f"wireguard/machine/*.{kind}" for kind in ("service", "sh", "timer")),
)
"""What a program runs or puts on a host, found by its name."""


class UnreleasableError(Exception):
    """Why a commit may not be deployed: what was found, what is needed, how to get there."""


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder, whatever repository the variables of a hook name; it asks nothing.

    Raises UnreleasableError where it is not installed.
    """
    # A hook's GIT_DIR, say, would speak of another checkout than the one in the folder.
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(  # noqa: S603 - fixed words and references of this repository
            ["git", *arguments],  # noqa: S607 - the operator's own git
            cwd=folder,
            env=own | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        raise UnreleasableError(
            "git is not installed, and only git knows which commit this is: install git"
        ) from None


class Commit:
    """A commit in the git repository at a folder, which may not know it.

    Whatever is asked raises UnreleasableError where git cannot tell.
    """

    def __init__(self, folder: Path, commit: str) -> None:
        self._folder = folder
        self.commit = commit

    def __str__(self) -> str:
        return f"commit {self.commit[:12]}"

    def is_known(self) -> bool:
        """Tell whether the commit is in this clone."""
        return self._run("cat-file", "-e", f"{self.commit}^{{commit}}").returncode == 0

    def tags(self) -> list[str]:
        """Return the tags, annotated and lightweight, on the commit, the newest version last."""
        return self._tags(f"--points-at={self.commit}")

    def known_tags(self) -> list[str]:
        """Return all tags of this clone, the newest version last."""
        return self._tags()

    def tags_at_origin(self) -> list[str]:
        """Return all tags that the remote `origin` has, none where there is no such remote."""
        if "origin" not in self._git("remote").splitlines():
            return []
        listed = self._run("ls-remote", "--tags", "--refs", "origin")
        if listed.returncode:
            raise UnreleasableError(
                f"origin cannot be asked for its tags ({_last_line(listed.stderr)})"
            )
        return [line.partition("refs/tags/")[2] for line in listed.stdout.splitlines()]

    def is_in(self, branch: str) -> bool:
        """Tell whether a branch, the local one or that of `origin`, contains the commit."""
        return bool(self._refs(branch, f"--contains={self.commit}"))

    def knows(self, branch: str) -> bool:
        """Tell whether there is such a branch here, local or known from `origin`."""
        return bool(self._refs(branch))

    def is_shallow(self) -> bool:
        """Tell whether part of the history is missing here."""
        return self._git("rev-parse", "--is-shallow-repository") == "true"

    def titles_since(self, other: str) -> list[str]:
        """Return the titles of the commits that this one has and another has not, newest first."""
        return self._git("log", "-z", "--format=%s", f"{other}..{self.commit}", "--").split("\0")[
            :-1
        ]

    def tag(self, name: str, message: str) -> None:
        """Make an annotated tag on the commit."""
        made = self._run("tag", "--annotate", f"--message={message}", "--", name, self.commit)
        if made.returncode:
            raise UnreleasableError(f"git makes no tag {name} ({_last_line(made.stderr)})")

    def _tags(self, *conditions: str) -> list[str]:
        # A version comes after its own release candidates, v1.0.0-rc1, only where git is told so.
        order = ("-c", "versionsort.suffix=-", "tag", "--sort=version:refname")
        return self._git(*order, *conditions).split()

    def _refs(self, branch: str, *conditions: str) -> list[str]:
        names = (f"refs/heads/{branch}", f"refs/remotes/origin/{branch}")
        found = self._git("for-each-ref", "--format=%(refname)", *conditions, *names).split()
        return [name for name in found if name in names]  # git also lists what is below a name

    def _git(self, *arguments: str) -> str:
        result = self._run(*arguments)
        if result.returncode:
            raise UnreleasableError(
                f"git cannot tell which commit this is ({_last_line(result.stderr)}): deploy from "
                "a git checkout of this repository"
            )
        return result.stdout.rstrip("\n")

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return git(self._folder, *arguments)


class Checkout(Commit):
    """The commit that is checked out; raises UnreleasableError where there is none."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "HEAD")
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

    def __str__(self) -> str:
        return f"{super().__str__()} ({self.branch or 'detached HEAD'})"

    def changes(self) -> list[str]:
        """Return the paths that differ from the commit, without what the engine wrote itself."""
        changed = [path for path in self._changed if not self._is_engine_change(path)]
        return changed + self._ignored_code()

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
        return _written(before.stdout if before.returncode == 0 else "") == written_in(file)


def written_in(settings: Path) -> dict[str, object]:
    """Return what people wrote in a settings file.

    A byte that is no UTF-8 makes it unreadable, not an error.
    """
    return _written(settings.read_text(encoding="utf-8", errors="surrogateescape"))


def _written(text: str) -> dict[str, object]:
    try:
        # All scalars as text: the engine writes numbers and flags back in quotes.
        data: object = yaml.load(text, TEXT_LOADER) or {}  # noqa: S506 - it makes text only
    except (yaml.YAMLError, ValueError):
        return {"unreadable": text}
    if not isinstance(data, dict):
        return {"unreadable": text}
    settings = cast("dict[str, object]", data)
    return {key: value for key, value in settings.items() if key not in ENGINE_KEYS}


def _path(entry: str) -> str:
    """Return the path at the end of an entry of `git status --porcelain=v2` (git-status manual)."""
    fields_before = {"1": 8, "u": 10, "?": 1}
    return entry.split(" ", fields_before[entry[0]])[-1]


def _last_line(text: str) -> str:
    return (
        text.strip().splitlines()[-1].removeprefix("fatal: ") if text.strip() else "no reason given"
    )
