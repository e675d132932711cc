"""The throw-away clone holds what the work tree holds, and walks the release."""

import shutil
from pathlib import Path

import pytest

from sandbox.checkout import Checkout
from sandbox.problem import SandboxError
from stacks.settings import ReleaseRule
from tests.sandbox.conftest import FILES, Run

RULES = [
    ReleaseRule(branch="develop"),
    ReleaseRule(branch="main", tag="v*"),
]


@pytest.fixture
def checkout(tmp_path: Path, source: Path) -> Checkout:
    return Checkout(source, tmp_path / "clone")


def test_a_clean_work_tree_is_deployed_as_the_commit_it_is(
    checkout: Checkout, source: Path, git: Run
) -> None:
    assert checkout.snapshot() == git(source, "rev-parse", "HEAD")


def test_a_changed_work_tree_is_deployed_exactly_as_it_is(
    checkout: Checkout, source: Path, git: Run
) -> None:
    (source / "new.py").write_text("new")
    (source / "x.ignored").write_text("ignored")
    (source / "stacks" / "dns" / "Pulumi.yaml").unlink()
    commit = checkout.snapshot()
    checkout.switch("main", commit)
    files = {str(it.relative_to(checkout.directory)) for it in checkout.directory.rglob("*.*")}
    assert {it for it in files if not it.startswith(".git/")} == {
        *(set(FILES) - {"stacks/dns/Pulumi.yaml"}),
        ".git",
        "new.py",
    }
    assert git(checkout.directory, "rev-parse", "HEAD^") == git(source, "rev-parse", "HEAD")
    assert git(checkout.directory, "status", "--porcelain") == ""


def test_the_work_tree_and_its_repository_are_only_read(
    checkout: Checkout, source: Path, git: Run
) -> None:
    (source / "new.py").write_text("new")
    before = git(source, "status", "--porcelain"), sorted((source / ".git" / "objects").rglob("*"))
    checkout.switch("main", checkout.snapshot())
    after = git(source, "status", "--porcelain"), sorted((source / ".git" / "objects").rglob("*"))
    assert before == after


def test_the_same_changes_give_the_same_commit_again(
    checkout: Checkout, tmp_path: Path, source: Path, git: Run
) -> None:
    (source / "new.py").write_text("new")
    first = checkout.snapshot()
    dates = git(checkout.directory, "show", "--no-patch", "--format=%at %ct", first)
    assert dates == "946684800 946684800"
    assert checkout.snapshot() == first
    assert Checkout(source, tmp_path / "other").snapshot() == first


def test_a_folder_without_git_becomes_a_repository_in_the_clone_only(
    checkout: Checkout, source: Path, git: Run
) -> None:
    shutil.rmtree(source / ".git")
    (source / "x.ignored").write_text("ignored")
    checkout.switch("main", checkout.snapshot())
    assert git(checkout.directory, "ls-files").split() == FILES
    assert not (source / ".git").exists()


def test_a_folder_within_another_repository_is_deployed_alone(
    tmp_path: Path, source: Path, git: Run
) -> None:
    clone = tmp_path / "clone"
    checkout = Checkout(source / "stacks", clone)
    checkout.switch("main", checkout.snapshot())
    assert git(clone, "ls-files").split() == [
        name.removeprefix("stacks/") for name in FILES if name.startswith("stacks/")
    ]


def test_a_repository_without_commits_is_deployed_as_a_first_commit(
    checkout: Checkout, source: Path, git: Run
) -> None:
    shutil.rmtree(source / ".git")
    git(source, "init", "--quiet")
    checkout.switch("main", checkout.snapshot())
    assert git(checkout.directory, "rev-list", "--count", "HEAD") == "1"


def test_a_shallow_clone_and_a_linked_work_tree_are_deployed_as_their_commit(
    tmp_path: Path, source: Path, git: Run
) -> None:
    (source / "second").write_text("second")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message", "second")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{source}", "shallow")
    git(source, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    head = git(source, "rev-parse", "HEAD")
    for name in ("shallow", "linked"):
        checkout = Checkout(tmp_path / name, tmp_path / f"clone-of-{name}")
        assert checkout.snapshot() == head
        checkout.switch("develop", head)


def test_each_new_commit_is_the_next_release(checkout: Checkout, source: Path, git: Run) -> None:
    first = checkout.snapshot()
    checkout.release(first, RULES)
    checkout.release(first, RULES)
    assert git(checkout.directory, "tag").split() == ["v1.0.0"]
    (source / "new.py").write_text("new")
    second = checkout.snapshot()
    checkout.release(second, RULES)
    assert git(checkout.directory, "tag", "--points-at", second) == "v1.0.1"
    assert git(checkout.directory, "tag", "--points-at", first) == "v1.0.0"


def test_every_branch_of_a_rule_is_at_the_commit_and_main_is_checked_out(
    checkout: Checkout, source: Path, git: Run
) -> None:
    checkout.release(checkout.snapshot(), RULES)
    (source / "new.py").write_text("new")
    commit = checkout.snapshot()
    checkout.release(commit, RULES)
    for ref in ("develop", "main", "HEAD"):
        assert git(checkout.directory, "rev-parse", ref) == commit
    assert git(checkout.directory, "branch", "--show-current") == "main"
    assert (checkout.directory / "new.py").is_file()


def test_what_the_engine_and_people_left_in_the_clone_does_not_outlast_a_switch(
    checkout: Checkout, git: Run
) -> None:
    commit = checkout.snapshot()
    checkout.switch("main", commit)
    settings = checkout.directory / "stacks" / "org" / "Pulumi.main.yaml"
    before = settings.read_text()
    settings.write_text(before + "encryptionsalt: v1:abc\n")
    (checkout.directory / "stray.py").write_text("stray")
    checkout.switch("develop", commit)
    assert settings.read_text() == before
    assert git(checkout.directory, "status", "--porcelain") == ""


def test_the_settings_of_another_backend_s_encryption_are_left_out_of_the_commit(
    checkout: Checkout, source: Path, git: Run
) -> None:
    settings = source / "stacks" / "org" / "Pulumi.main.yaml"
    before = settings.read_text()
    settings.write_text("secretsprovider: awskms://alias/a\nencryptedkey: abc\n" + before)
    checkout.switch("main", checkout.snapshot())
    assert (checkout.directory / "stacks" / "org" / "Pulumi.main.yaml").read_text() == before
    assert git(checkout.directory, "status", "--porcelain") == ""


def test_the_lent_virtual_environment_is_no_change(
    checkout: Checkout, tmp_path: Path, git: Run
) -> None:
    commit = checkout.snapshot()
    checkout.lend(tmp_path)
    checkout.switch("main", commit)
    assert (checkout.directory / ".venv").samefile(tmp_path)
    assert git(checkout.directory, "status", "--porcelain") == ""


def test_a_missing_git_is_one_sentence(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxError) as error:
        checkout.snapshot()
    assert str(error.value) == (
        "git is not installed, and releases are commits: install git, then run `make sandbox` again."
    )


def test_what_git_refuses_is_told_in_its_own_words(checkout: Checkout, source: Path) -> None:
    (source / ".git" / "refs" / "heads" / "main").write_text("0" * 39 + "1\n")
    with pytest.raises(SandboxError, match=r"git \S+ failed in .*: \S+"):
        checkout.snapshot()
