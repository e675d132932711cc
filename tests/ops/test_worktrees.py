"""The ref that a stack's rule names, in a work tree of its own that leaves nothing behind."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ops import worktrees
from ops.problem import OpsError
from ops.worktrees import Worktrees
from stacks import catalogue
from stacks.catalogue import Stack
from stacks.checkout import Commit
from tests.sandbox.conftest import Run, git, program, source

__all__ = ["git", "program", "source"]

Program = Callable[[str, str], Path]


def stack(source: Path, name: str) -> Stack:
    return catalogue.find(name, source)


@pytest.fixture
def clone(tmp_path: Path, source: Path, git: Run) -> Path:
    """A clone of `source`, whose branches there have a commit more than its own `main`."""
    git(source, "branch", "develop")
    git(tmp_path, "clone", "--quiet", str(source), "clone")
    for branch in ("develop", "main"):
        git(source, "checkout", "--quiet", branch)
        git(source, "commit", "--quiet", "--allow-empty", "--message", f"{branch} at origin")
    git(source, "tag", "v1.0.0")
    git(tmp_path / "clone", "fetch", "--quiet", "--tags")
    return tmp_path / "clone"


def test_a_branch_is_the_one_here_or_at_origin_that_contains_the_other(
    tmp_path: Path, source: Path, clone: Path, git: Run
) -> None:
    def commit() -> str:
        found = Worktrees(clone, tmp_path).ref(stack(source, "app/dev")).commit
        assert Commit(clone, found).is_in("develop")  # the release gate takes it
        return found

    at_origin = git(source, "rev-parse", "develop")
    assert commit() == at_origin  # there is none here
    git(clone, "branch", "--no-track", "develop", "main")
    assert commit() == at_origin  # the one here is behind
    git(clone, "checkout", "--quiet", "-B", "develop", "origin/develop")
    assert commit() == at_origin
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "to be pushed later")
    assert commit() == git(clone, "rev-parse", "HEAD")
    git(clone, "remote", "remove", "origin")
    assert commit() == git(clone, "rev-parse", "HEAD")


def test_a_tag_that_only_the_branch_at_origin_contains_counts(
    tmp_path: Path, source: Path, clone: Path, git: Run
) -> None:
    ref = Worktrees(clone, tmp_path).ref(stack(source, "app/prod"))
    assert ref == worktrees.Ref("v1.0.0", git(source, "rev-parse", "main"))


def test_a_branch_that_has_diverged_from_origin_is_refused_in_one_sentence(
    tmp_path: Path, source: Path, clone: Path, git: Run
) -> None:
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "beside origin's")
    for name in ("app/stage", "app/prod"):
        with pytest.raises(OpsError) as error:
            Worktrees(clone, tmp_path).ref(stack(source, name))
        assert str(error.value) == (
            f"{name} is deployed from branch main, and the one here and the one at origin have each "
            "a commit that the other has not: bring them together (git checkout main, then git "
            "pull --rebase origin main)."
        )


def test_a_tag_is_the_newest_version_that_the_branch_contains(
    tmp_path: Path, source: Path, git: Run
) -> None:
    for tag in ("v1.9.0", "v1.10.0-rc1", "v1.10.0", "w2"):
        git(source, "commit", "--quiet", "--allow-empty", "--message", tag)
        git(source, "tag", "--annotate", "--message", tag, tag)
    git(source, "checkout", "--quiet", "-b", "elsewhere")
    git(source, "commit", "--quiet", "--allow-empty", "--message", "elsewhere")
    git(source, "tag", "v2.0.0")
    ref = Worktrees(source, tmp_path).ref(stack(source, "app/prod"))
    assert ref == worktrees.Ref("v1.10.0", git(source, "rev-parse", "v1.10.0^{commit}"))


def test_a_work_tree_has_the_commit_and_the_environment_of_the_checkout(
    tmp_path: Path, source: Path, git: Run
) -> None:
    (source / "uncommitted.py").touch()
    with Worktrees(source, tmp_path) as trees:
        tree = trees.of(stack(source, "app/stage"))
        assert (tree / ".venv").samefile(sys.prefix)
        assert git(tree, "rev-parse", "HEAD") == git(source, "rev-parse", "main")
        assert git(tree, "status", "--porcelain") == ""
        assert not (tree / "uncommitted.py").exists()
        assert trees.of(stack(source, "dns/main")) == tree  # one for each commit is enough
    assert not tree.exists()
    assert Path(sys.prefix).exists()
    assert len(git(source, "worktree", "list").splitlines()) == 1


def test_a_work_tree_is_removed_after_ctrl_c(tmp_path: Path, source: Path, git: Run) -> None:
    with pytest.raises(KeyboardInterrupt), Worktrees(source, tmp_path) as trees:  # noqa: PT012 - a person presses the keys within
        trees.of(stack(source, "app/stage"))
        raise KeyboardInterrupt
    assert not list(tmp_path.glob("release-*"))
    assert len(git(source, "worktree", "list").splitlines()) == 1


def test_what_a_killed_run_left_registered_is_forgotten(
    tmp_path: Path, source: Path, git: Run
) -> None:
    git(source, "worktree", "add", "--quiet", "--detach", str(tmp_path / "killed"))
    shutil.rmtree(tmp_path / "killed")
    with Worktrees(source, tmp_path):
        assert len(git(source, "worktree", "list").splitlines()) == 1


def test_an_environment_of_another_lock_is_made_in_the_work_tree(
    tmp_path: Path, source: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/another")
    program("make", f"echo $PWD $* $VIRTUAL_ENV > {tmp_path}/asked; mkdir .venv")
    (source / "requirements.lock").write_text("newer==1\n")
    with Worktrees(source, tmp_path) as trees:
        tree = trees.of(stack(source, "app/stage"))
        assert (tree / ".venv").is_dir()
        assert not (tree / ".venv").is_symlink()
        assert (tmp_path / "asked").read_text() == f"{tree} --no-print-directory venv\n"


def test_an_environment_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, source: Path, program: Program, git: Run
) -> None:
    program("make", "exit 2")
    (source / "requirements.lock").write_text("newer==1\n")
    with Worktrees(source, tmp_path) as trees, pytest.raises(OpsError) as error:
        trees.of(stack(source, "app/stage"))
    assert str(error.value) == (
        f"The virtual environment of commit {git(source, 'rev-parse', 'HEAD')[:12]}, whose "
        "requirements.lock is another than this checkout's, cannot be made: what make says above is "
        "why."
    )


def test_a_missing_branch_is_one_sentence(tmp_path: Path, source: Path) -> None:
    with pytest.raises(OpsError) as error:
        Worktrees(source, tmp_path).ref(stack(source, "app/dev"))
    assert str(error.value) == (
        "app/dev is deployed from branch develop, and there is none here or at origin: fetch it (git "
        "fetch origin +refs/heads/develop:refs/remotes/origin/develop), or make it (git branch "
        "develop)."
    )


def test_a_missing_tag_is_one_sentence(tmp_path: Path, source: Path) -> None:
    with pytest.raises(OpsError) as error:
        Worktrees(source, tmp_path).ref(stack(source, "app/prod"))
    assert str(error.value) == (
        "app/prod is deployed from a tag v*, and branch main has none here: fetch it (git fetch "
        "--tags), or make the first one (python -m ops promote)."
    )


def test_a_stack_that_its_branch_does_not_have_yet_is_one_sentence(
    tmp_path: Path, source: Path
) -> None:
    (source / "Pulumi.qa.yaml").write_text("config:\n  app:release: {branch: main}\n")
    with Worktrees(source, tmp_path) as trees, pytest.raises(OpsError) as error:
        trees.of(stack(source, "app/qa"))
    assert str(error.value) == (
        "app/qa is deployed from main, which has no Pulumi.qa.yaml yet: merge it into main first."
    )


def test_a_commit_that_this_clone_does_not_know_is_one_sentence(
    tmp_path: Path, source: Path
) -> None:
    with Worktrees(source, tmp_path) as trees, pytest.raises(OpsError) as error:
        trees.at("ab" * 20, stack(source, "app/stage"))
    assert str(error.value) == (
        "This clone does not know commit abababababab, which app/stage runs: run git fetch --tags "
        "origin."
    )


def test_what_git_refuses_is_told_in_its_own_words(
    tmp_path: Path, source: Path, program: Program
) -> None:
    program("git", "echo 'fatal: it is broken' >&2; exit 128")
    with pytest.raises(OpsError) as error, Worktrees(source, tmp_path):
        pass
    assert str(error.value) == f"git worktree fails in {source}: it is broken."


def test_a_missing_git_is_one_sentence(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OpsError) as error, Worktrees(source, tmp_path):
        pass
    assert str(error.value) == (
        "git is not installed, and only git knows which commit this is: install git."
    )
