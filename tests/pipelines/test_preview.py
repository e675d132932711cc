"""What a preview tells whoever approves, and how it ends for what the release gate refuses."""

import os
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from sandbox.sandbox import ROOT
from tests.git import git
from tests.ops.plans import document

DOCUMENT = ROOT / "tests/ops/data/preview.json"
"""What the engine printed for a preview of app/stage from a checkout with a change in it."""
RUNNING = "8add354d04ac8add354d04ac8add354d04ac8add"
NO_RISK = "No risk.\n"
COMPARED = "Guard rails, compared with the commit that the stack runs:\n"


def executable(file: Path, *lines: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    file.chmod(0o755)


def preview(folder: Path, stack: str) -> CompletedProcess[str]:
    """Run the step in a folder with an engine of its own."""
    (folder / "out").mkdir()
    variables = {"PATH": f"{folder}:{os.environ['PATH']}", "STACK": stack, "COMMIT_LINK": ""}
    return subprocess.run(
        ["bash", ROOT / "pipelines/preview.sh"],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A commit of a stack in which nothing changes and which runs another commit."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message=a")
    (tmp_path / "plan.json").write_text(document())
    engine(tmp_path, f"echo {RUNNING}")
    python(tmp_path, 'echo "No difference to $5."')
    return tmp_path


def engine(folder: Path, output: str) -> None:
    """Put the engine on PATH; `output` is what it does when asked for what the stack runs."""
    executable(
        folder / "pulumi",
        'case "$*" in',
        '"-C . preview --stack "*) cat plan.json ;;',
        f'"-C . stack output release_commit --stack main") {output} ;;',
        "*) exit 9 ;;",
        "esac",
    )


def python(folder: Path, compare: str) -> None:
    """Put Python there; `compare` is what it does in place of comparing guard rails."""
    executable(
        folder / ".venv/bin/python",
        'case "$*" in',
        f'"-m ops guard-rails --against "*) {compare} ;;',
        f'*) exec {sys.executable} "$@" ;;',
        "esac",
    )


def test_what_the_gate_refuses_is_not_previewed_to_anybody(tmp_path: Path) -> None:
    executable(tmp_path / "pulumi", f"cat {DOCUMENT}")

    done = preview(tmp_path, "app/stage")

    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "Stack stage does not take this checkout: the checkout is not commit 8add354d04ac alone "
        "(changed: Pulumi.stage.yaml, components/service.py), and only what is committed may be "
        "deployed: commit the changes or take them back (git stash -u). This is a preview; an "
        "update would be refused.\n",
        "",
    )
    assert (tmp_path / "out/summary.txt").read_text() == done.stdout
    assert not (tmp_path / "out/notice.txt").exists()


def test_the_organization_is_previewed_with_what_its_guard_rails_open(clone: Path) -> None:
    done = preview(clone, "org/main")

    said = f"{NO_RISK}\n{COMPARED}No difference to {RUNNING}.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert (clone / "out/summary.txt").read_text() == said
    assert (clone / "out/notice.txt").exists()


def test_other_stacks_are_previewed_without_guard_rails(clone: Path) -> None:
    done = preview(clone, "dns/main")

    assert (done.returncode, done.stdout, done.stderr) == (0, NO_RISK, "")


@pytest.mark.parametrize(
    ("output", "compare", "reason"),
    [
        ("echo 'error: no such output' >&2; exit 255", "exit 9", "error: no such output"),
        (f"echo {RUNNING}", "echo 'No such commit.' >&2; exit 1", "No such commit."),
    ],
)
def test_guard_rails_that_cannot_be_compared_do_not_end_the_preview(
    clone: Path, output: str, compare: str, reason: str
) -> None:
    engine(clone, output)
    python(clone, compare)

    done = preview(clone, "org/main")

    said = f"{NO_RISK}\n{COMPARED}{reason}\nWhat they allow or deny unlike before is not told.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert (clone / "out/summary.txt").read_text() == said
    assert (clone / "out/notice.txt").exists()
