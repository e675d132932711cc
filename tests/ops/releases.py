"""A repository with stacks that a made-up backend says are deployed, for the commands about releases."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops import deployed, promote, releases, who_can
from tests.cloud import ROOT
from tests.git import git

PROGRAM = """#!/bin/sh
case "$1" in
-C) folder=$2 name=$4 question=$7 ;;
*) folder=$PWD name=${5#--stack=} question=$2 ;;
esac
answer="$(dirname "$0")/$(basename "$folder")-$name-$question"
if [ -f "$answer" ]; then cat "$answer"; else echo "error: no stack named '$name' found" >&2; exit 255; fi
"""
"""In place of pulumi: it answers with what is in a file."""


def update(
    commit: str, result: str = "succeeded", time: str = "10:00", **flags: str
) -> dict[str, Any]:
    """Return what the backend records of an update."""
    environment = {"git.head": commit} | {f"pulumi.flag.{flag}": "set" for flag in flags}
    moment = f"2026-11-25T{time}:00.000Z"
    return {"kind": "update", "result": result, "endTime": moment, "environment": environment}


@dataclass
class Repository:
    """A clone with the programs of `org` and `app`, and what its backend answers."""

    root: Path
    programs: Path

    def git(self, *arguments: str) -> str:
        return git(self.root, *arguments)

    def commit(self, title: str) -> str:
        self.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--message", title)
        return self.git("rev-parse", "HEAD")

    def deploy(
        self, stack: str, commit: str, ref: str = "main", past: list[dict[str, Any]] | None = None
    ) -> None:
        """Let a stack of the application run a commit."""
        outputs = {"release_ref": ref, "release_commit": commit, "domain": "x.example.com"}
        self.answer("repository", stack, outputs, [update(commit)] if past is None else past)

    def answer(self, folder: str, stack: str, outputs: Any, past: list[dict[str, Any]]) -> None:
        (self.programs / f"{folder}-{stack}-output").write_text(json.dumps(outputs))
        (self.programs / f"{folder}-{stack}-history").write_text(json.dumps(past))


def new(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository in a folder, in place of this one for the commands."""
    made = Repository(folder / "repository", folder / "programs")
    made.programs.mkdir()
    (made.programs / "pulumi").write_text(PROGRAM)
    (made.programs / "pulumi").chmod(0o755)
    (made.root / "stacks/org").mkdir(parents=True)
    for name in ("__main__.py", "Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, made.root)
    for name in ("__main__.py", "Pulumi.yaml", "Pulumi.main.yaml"):
        shutil.copy(ROOT / "stacks/org" / name, made.root / "stacks/org")
    for name in ("stage", "prod"):
        shutil.copy(ROOT / f"Pulumi.{name}.yaml", made.root)
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("add", "--all")
    made.commit("first")
    for name, value in {"user.name": "a", "user.email": "a@example.com"}.items():
        made.git("config", name, value)
    for module in (deployed, promote, releases, who_can):
        monkeypatch.setattr(module, "ROOT", made.root)
    monkeypatch.setenv("PATH", f"{made.programs}{os.pathsep}{os.environ['PATH']}")
    return made
