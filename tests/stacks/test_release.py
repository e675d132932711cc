"""The release gate on real git repositories: what each stack takes, and what it says when it does not."""

import contextlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi
import pytest

from stacks.outputs import AppOutputs
from stacks.release import Release, UnreleasableError, history
from stacks.settings import ReleaseRule
from tests.cloud import SUCCEEDED, Cloud, working_directory
from tests.git import git

DEV = ReleaseRule.model_validate({"branch": "develop"})
STAGE = ReleaseRule.model_validate({"branch": "main"})
PROD = ReleaseRule.model_validate({"branch": "main", "tag": "v*", "promotedFrom": "stage"})


class Repository:
    """A git repository made for one test, with one commit on `main` unless told otherwise."""

    def __init__(self, folder: Path, *, commits: int = 1) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")
        for number in range(commits):
            self.commit(f"file-{number}")

    def git(self, *arguments: str) -> str:
        return git(self.folder, *arguments)

    def write(self, name: str, text: str = "text\n") -> None:
        (self.folder / name).write_text(text)

    def commit(self, name: str, text: str = "text\n") -> str:
        self.write(name, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", name)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def release(
    folder: Path,
    rule: ReleaseRule,
    *,
    stage: str | None = None,
    preview: bool = False,
    past: list[dict[str, Any]] | None = None,
    root: Path | None = None,
    config: dict[str, str] | None = None,
) -> tuple[tuple[str, str] | None, Cloud]:
    """Return what the gate makes of the checkout: (ref, commit), or None where it refuses."""
    running = {"release_ref": "main", "release_commit": stage} if stage else {}
    other = dict.fromkeys(("domain", "api_url", "function_name", "table_name"), "x.test")
    stacks = {"organization/app/stage": running | other | {"account_id": "1" * 12}}
    cloud = Cloud(stacks=stacks if stage else {})
    found: list[Release] = []
    with (
        working_directory(folder),
        mock.patch("stacks.release.ROOT", root or folder),
        mock.patch("stacks.release.history", return_value=[SUCCEEDED] if past is None else past),
        contextlib.suppress(SystemExit),
    ):
        cloud.run(
            lambda: found.append(Release.admitted_by(rule)),
            project="app",
            stack="test",
            preview=preview,
            config=config,
        )
    return ((found[0].ref, found[0].commit) if found else None), cloud


def refusal(folder: Path, rule: ReleaseRule, **more: Any) -> str:
    """Return the sentence an update is refused with, without its constant beginning."""
    admitted, cloud = release(folder, rule, **more)
    assert admitted is None
    assert cloud.resources == []
    (message,) = cloud.errors
    beginning = "Stack test does not take this checkout: "
    assert message.startswith(beginning)
    return message.removeprefix(beginning)


def test_a_commit_on_the_branch_is_taken(repository: Repository) -> None:
    assert release(repository.folder, STAGE)[0] == ("main", repository.head())


def test_a_commit_that_the_branch_contains_is_taken_from_anywhere(repository: Repository) -> None:
    first = repository.head()
    repository.commit("second")
    repository.git("checkout", "--quiet", first)

    assert release(repository.folder, STAGE)[0] == ("main", first)


def test_a_commit_beside_the_branch_is_refused(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "feature")
    commit = repository.commit("feature")

    assert refusal(repository.folder, STAGE) == (
        f"commit {commit[:12]} (feature) is not contained in branch main: merge it into main, or check "
        "out what is there (git checkout main)"
    )


def test_a_missing_branch_is_refused_with_the_command_that_brings_it(
    repository: Repository,
) -> None:
    assert refusal(repository.folder, DEV) == (
        f"this clone has no branch develop, which must contain commit {repository.head()[:12]}: run git "
        "fetch origin +refs/heads/develop:refs/remotes/origin/develop"
    )


def test_a_branch_known_from_the_remote_counts(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "-b", "develop")
    commit = repository.commit("develop")
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", str(repository.folder), str(clone))
    subprocess.run(["git", "checkout", "--quiet", "--detach"], cwd=clone, check=True)
    subprocess.run(["git", "branch", "--quiet", "-D", "develop"], cwd=clone, check=True)

    assert release(clone, DEV)[0] == ("develop", commit)


def test_a_branch_whose_name_only_ends_alike_does_not_count(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "feature/main")
    commit = repository.commit("feature")

    assert refusal(repository.folder, STAGE).startswith(
        f"commit {commit[:12]} (feature/main) is not"
    )


def test_a_changed_file_is_refused(repository: Repository) -> None:
    repository.write("file-0", "changed")

    assert refusal(repository.folder, STAGE) == (
        f"the checkout is not commit {repository.head()[:12]} alone (changed: file-0), and only what is "
        "committed may be deployed: commit the changes or take them back (git stash -u)"
    )


def test_new_files_are_refused_and_only_some_are_named(repository: Repository) -> None:
    for number in range(5):
        repository.write(f"new-{number}")

    assert "(changed: new-0, new-1, new-2 and 2 more)" in refusal(repository.folder, STAGE)


def test_a_staged_rename_is_refused_by_both_names(repository: Repository) -> None:
    repository.git("mv", "file-0", "renamed")

    assert "(changed: file-0, renamed)" in refusal(repository.folder, STAGE)


def test_a_path_may_have_blanks_and_a_merge_may_be_open(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "other")
    repository.commit("a file", "other\n")
    repository.git("checkout", "--quiet", "main")
    repository.commit("a file", "main\n")
    with contextlib.suppress(subprocess.CalledProcessError):
        repository.git("merge", "other")

    assert "(changed: a file)" in refusal(repository.folder, STAGE)


def test_ignored_files_do_not_count(repository: Repository) -> None:
    repository.commit(".gitignore", "ignored\n")
    repository.write("ignored")

    assert release(repository.folder, STAGE)[0] == ("main", repository.head())


def test_what_the_engine_writes_into_a_settings_file_does_not_count(
    repository: Repository,
) -> None:
    repository.commit("Pulumi.dev.yaml", "config:\n  app:memoryMb: 256\n  app:x: {a: [1]}\n")
    repository.write(
        "Pulumi.dev.yaml",
        'config:\n  app:memoryMb: "256"\n  app:x:\n    a:\n      - 1\nencryptionsalt: v1:abc\n',
    )

    assert release(repository.folder, STAGE)[0] == ("main", repository.head())


def test_a_settings_file_that_the_engine_made_does_not_count(repository: Repository) -> None:
    repository.write("Pulumi.own.yaml", "encryptionsalt: v1:abc\n")

    assert release(repository.folder, STAGE)[0] == ("main", repository.head())


@pytest.mark.parametrize(
    "text",
    [
        b'config:\n  app:memoryMb: "512"\n',
        b"config:\n  app:memoryMb: 0x100\n",
        b"config: [",
        b"- a\n",
        b"config: \xe9\n",
        b"config: 2026-13-45\n",
    ],
)
def test_what_a_person_writes_into_a_settings_file_counts(
    repository: Repository, text: bytes
) -> None:
    repository.commit("Pulumi.dev.yaml", "config:\n  app:memoryMb: 256\n")
    (repository.folder / "Pulumi.dev.yaml").write_bytes(text)

    assert "(changed: Pulumi.dev.yaml)" in refusal(repository.folder, STAGE)


def test_a_deleted_settings_file_counts(repository: Repository) -> None:
    repository.commit("Pulumi.dev.yaml", "config: {}\n")
    (repository.folder / "Pulumi.dev.yaml").unlink()

    assert "(changed: Pulumi.dev.yaml)" in refusal(repository.folder, STAGE)


@pytest.mark.parametrize("arguments", [("v1.0.0",), ("-a", "-m", "first", "v1.0.0")])
def test_prod_takes_the_tagged_commit_that_stage_runs(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    repository.git("tag", *arguments)

    admitted, _ = release(repository.folder, PROD, stage=repository.head())

    assert admitted == ("v1.0.0", repository.head())


def test_prod_refuses_a_commit_without_a_tag(repository: Repository) -> None:
    repository.git("tag", "other")

    assert refusal(repository.folder, PROD, stage=repository.head()) == (
        f"commit {repository.head()[:12]} has no tag v*, which a release needs: tag the commit that stage "
        "runs and check it out (git tag v1.0.0 COMMIT; git checkout v1.0.0)"
    )


def test_prod_refuses_a_tag_beside_main(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "hotfix")
    commit = repository.commit("hotfix")
    repository.git("tag", "v1.0.1")

    assert refusal(repository.folder, PROD, stage=commit) == (
        f"commit {commit[:12]} (hotfix) is not contained in branch main: merge it into main, or check "
        "out what is there (git checkout main)"
    )


def test_prod_refuses_what_stage_does_not_run(repository: Repository) -> None:
    repository.git("tag", "v1.0.0")
    other = "ab" * 20

    assert refusal(repository.folder, PROD, stage=other) == (
        f"commit {repository.head()[:12]} is not what stage runs (abababababab, main), and only that may "
        "be promoted: deploy it there first (pulumi up -s stage), or tag the commit that stage runs"
    )


def test_prod_before_stage_is_refused_with_the_command(repository: Repository) -> None:
    repository.git("tag", "v1.0.0")

    assert refusal(repository.folder, PROD) == (
        "Stack organization/app/stage is not deployed, and this stack reads its outputs: first run: "
        "pulumi up -s stage"
    )


def update(commit: str, result: str = "succeeded", **flags: str) -> dict[str, Any]:
    environment = {"git.head": commit} | {f"pulumi.flag.{flag}": "set" for flag in flags}
    return {"kind": "update", "result": result, "environment": environment}


@pytest.mark.parametrize("past", ["nothing", "failed", "failed after it had succeeded"])
def test_prod_refuses_what_did_not_wholly_succeed_on_stage(
    repository: Repository, past: str
) -> None:
    repository.git("tag", "v1.0.0")
    head = repository.head()
    records = {
        "nothing": [],
        "failed": [update(head, "failed"), update("ab" * 20)],
        "failed after it had succeeded": [update(head, "failed"), update(head)],
    }[past]

    assert refusal(repository.folder, PROD, stage=head, past=records) == (
        f"the last update of stage to commit {head[:12]} did not succeed, and only what has may be "
        "promoted: look at its error and run it again (pulumi up -s stage)"
    )


def test_prod_refuses_what_was_deployed_to_stage_in_part(repository: Repository) -> None:
    repository.git("tag", "v1.0.0")
    head = repository.head()

    assert refusal(repository.folder, PROD, stage=head, past=[update(head, target="x")]) == (
        f"the last update of stage to commit {head[:12]} was one of chosen resources only, and only a "
        "whole one may be promoted: run it whole (pulumi up -s stage)"
    )


def test_prod_takes_what_succeeded_whatever_was_tried_before_and_beside_it(
    repository: Repository,
) -> None:
    repository.git("tag", "v1.0.0")
    head = repository.head()
    refresh = {"kind": "refresh", "result": "failed", "environment": {"git.head": head}}
    past = [refresh, update("ab" * 20, "failed"), update(head), update(head, "failed")]

    assert release(repository.folder, PROD, stage=head, past=past)[0] == ("v1.0.0", head)


def test_a_backend_that_cannot_tell_how_an_update_ended_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UnreleasableError) as reason:
        history("organization/app/stage")

    assert str(reason.value) == (
        "pulumi stack history cannot tell how the last update of organization/app/stage ended ([Errno 2] "
        "No such file or directory: 'pulumi'): put the pulumi command on PATH and log in to the backend"
    )


def test_a_pipeline_says_which_branch_started_it(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("checkout", "--quiet", "--detach")
    monkeypatch.setenv("RELEASE_BRANCH", "main")

    assert release(repository.folder, STAGE)[0] == ("main", repository.head())


def test_a_pipeline_of_another_branch_is_refused(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("branch", "develop")
    repository.git("checkout", "--quiet", "--detach")
    monkeypatch.setenv("RELEASE_BRANCH", "develop")

    assert refusal(repository.folder, STAGE) == (
        "RELEASE_BRANCH says that branch develop started this run, and this stack deploys from main: "
        "start it from main"
    )


def test_what_a_pipeline_says_of_its_branch_must_hold(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("checkout", "--quiet", "-b", "feature")
    commit = repository.commit("feature")
    repository.git("checkout", "--quiet", "--detach")
    monkeypatch.setenv("RELEASE_BRANCH", "main")

    assert refusal(repository.folder, STAGE).startswith(
        f"commit {commit[:12]} (detached HEAD) is not contained in branch main"
    )


def shallow(repository: Repository, folder: Path, *, checkout: str | None = None) -> Path:
    address = f"file://{repository.folder}"
    repository.git("clone", "--quiet", "--depth=1", "--no-single-branch", address, str(folder))
    if checkout:
        subprocess.run(["git", "checkout", "--quiet", checkout], cwd=folder, check=True)
    return folder


def test_a_shallow_clone_that_can_tell_is_taken(repository: Repository, tmp_path: Path) -> None:
    repository.commit("second")

    assert release(shallow(repository, tmp_path / "c"), STAGE)[0] == ("main", repository.head())


def test_a_clone_too_shallow_to_tell_is_refused_with_the_command(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("checkout", "--quiet", "-b", "release")
    commit = repository.commit("release")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--ff-only", "release")
    repository.commit("later")

    assert refusal(shallow(repository, tmp_path / "c", checkout="origin/release"), STAGE) == (
        f"this clone is too shallow to tell whether main contains commit {commit[:12]}: run git fetch "
        "--unshallow origin +refs/heads/main:refs/remotes/origin/main"
    )


def test_a_worktree_is_a_checkout_too(repository: Repository, tmp_path: Path) -> None:
    first = repository.head()
    repository.commit("second")
    repository.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"), first)

    assert release(tmp_path / "tree", STAGE)[0] == ("main", first)


def test_a_project_folder_below_the_root_is_the_same_checkout(repository: Repository) -> None:
    folder = repository.folder / "stacks" / "org"
    folder.mkdir(parents=True)
    repository.commit("stacks/org/Pulumi.main.yaml", "config: {}\n")
    repository.write("stacks/org/Pulumi.main.yaml", "config: {}\nencryptionsalt: v1:abc\n")

    assert release(folder, STAGE, root=repository.folder)[0] == ("main", repository.head())


def test_a_repository_without_commits_is_refused(tmp_path: Path) -> None:
    folder = Repository(tmp_path / "empty", commits=0).folder

    assert refusal(folder, STAGE) == (
        f"{folder} has no commits yet, and a release is one: commit what to deploy"
    )


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, STAGE) == (
        "git cannot tell which commit this is (not a git repository (or any of the parent directories): "
        ".git): deploy from a git checkout of this repository"
    )


def test_a_machine_without_git_is_refused(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repository.folder))

    assert refusal(repository.folder, STAGE) == (
        "git is not installed, and only git knows which commit this is: install git"
    )


def test_a_branch_below_the_branch_does_not_count(repository: Repository, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", str(repository.folder), str(clone))
    here = Repository.__new__(Repository)
    here.folder = clone
    here.git("checkout", "--quiet", "--detach")
    here.git("branch", "--quiet", "-D", "main")
    here.git("checkout", "--quiet", "-b", "main/evil")
    commit = here.commit("evil")

    assert refusal(clone, STAGE).startswith(f"commit {commit[:12]} (main/evil) is not contained in")


def test_a_branch_of_another_remote_does_not_count(repository: Repository, tmp_path: Path) -> None:
    fork = tmp_path / "fork"
    repository.git("clone", "--quiet", str(repository.folder), str(fork))
    there = Repository.__new__(Repository)
    there.folder = fork
    commit = there.commit("fork")
    repository.git("remote", "add", "fork", str(fork))
    repository.git("fetch", "--quiet", "fork")
    repository.git("checkout", "--quiet", "fork/main")

    assert f"commit {commit[:12]} (detached HEAD) is not contained" in refusal(
        repository.folder, STAGE
    )


def test_variables_of_git_speak_of_no_other_checkout(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = Repository(tmp_path / "clean")
    repository.write("new")
    monkeypatch.setenv("GIT_DIR", str(clean.folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(clean.folder))

    assert "(changed: new)" in refusal(repository.folder, STAGE)


@pytest.mark.parametrize("file", ["service/extra.py", "wireguard/machine/extra.timer"])
def test_ignored_code_that_would_run_counts(repository: Repository, file: str) -> None:
    (repository.folder / file).parent.mkdir(parents=True)
    (repository.folder / ".git" / "info" / "exclude").write_text("extra.*\n")
    repository.write(file)

    assert f"(changed: {file})" in refusal(repository.folder, STAGE)


def test_code_of_another_checkout_is_refused(repository: Repository, tmp_path: Path) -> None:
    other = tmp_path / "other"

    assert refusal(repository.folder, STAGE, root=other) == (
        f"the project is in {repository.folder}, and its components come from {other}: make this "
        "checkout's own virtual environment (make venv)"
    )


def test_settings_of_another_file_are_refused(repository: Repository) -> None:
    repository.commit("Pulumi.test.yaml", "config:\n  app:a: 1\n  app:b: {c: [true]}\n")
    kept = {"app:a": "1", "app:b": '{"c":[true]}', "aws:x": "y"}

    assert release(repository.folder, STAGE, config=kept)[0] is not None
    assert refusal(repository.folder, STAGE, config=kept | {"app:a": "2", "app:d": "3"}) == (
        "the settings in force are not those of Pulumi.test.yaml (app:a, app:d differ), and only what is "
        "committed may be deployed: leave out --config-file"
    )


def test_settings_of_an_esc_environment_may_add_to_the_file(repository: Repository) -> None:
    repository.commit("Pulumi.test.yaml", "environment: [x]\nconfig:\n  app:a: 1\n")

    assert release(repository.folder, STAGE, config={"app:a": "1", "app:d": "3"})[0] is not None


def test_a_name_that_is_no_utf8_is_told_all_the_same(repository: Repository) -> None:
    (repository.folder / os.fsdecode(b"new-\xff")).touch()

    assert "(changed: new-?)" in refusal(repository.folder, STAGE)


def test_the_newest_of_several_tags_names_the_release(repository: Repository) -> None:
    for tag in ("v1.9.0", "v1.10.0"):
        repository.git("tag", tag)

    admitted, _ = release(repository.folder, PROD, stage=repository.head())

    assert admitted == ("v1.10.0", repository.head())


def test_a_version_is_newer_than_its_release_candidate(repository: Repository) -> None:
    for tag in ("v1.0.0-rc1", "v1.0.0"):
        repository.git("tag", tag)

    admitted, _ = release(repository.folder, PROD, stage=repository.head())

    assert admitted == ("v1.0.0", repository.head())


def no_commits(repository: Repository) -> None:
    repository.git("update-ref", "-d", "HEAD")


def changed(repository: Repository) -> None:
    repository.write("new")


def untagged(repository: Repository) -> None:
    repository.git("tag", "--delete", "v1.0.0")


def elsewhere(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "feature")
    repository.commit("feature")


def nothing(_: Repository) -> None:
    """Leave it: STAGE, which PROD asks, is not deployed."""


@pytest.mark.parametrize("spoil", [no_commits, changed, untagged, elsewhere, nothing])
def test_a_preview_from_elsewhere_warns_and_goes_on(
    repository: Repository, spoil: Callable[[Repository], None]
) -> None:
    repository.git("tag", "v1.0.0")
    spoil(repository)

    admitted, cloud = release(repository.folder, PROD, preview=True)

    assert admitted is not None
    assert cloud.errors == []
    (warning,) = cloud.warnings
    assert warning.startswith("Stack test does not take this checkout: ")
    assert warning.endswith(". This is a preview; an update would be refused.")


@pytest.mark.parametrize("failing", ["early", "late"])
def test_a_release_is_exported_only_when_every_resource_has_succeeded(
    repository: Repository, failing: str
) -> None:
    class Part(pulumi.ComponentResource):
        pass

    def program() -> None:
        gate = Release.admitted_by(STAGE)
        part = Part("test:index:Part", "part")
        pulumi.CustomResource("test:index:Thing", "early", {}, pulumi.ResourceOptions(parent=part))
        for name, value in gate.once_complete().items():
            pulumi.export(name, value)
        pulumi.CustomResource("test:index:Thing", "late", {})

    with (
        working_directory(repository.folder),
        mock.patch("stacks.release.ROOT", repository.folder),
    ):
        good = Cloud().run(program)
        bad = Cloud(fail=frozenset({failing}))
        with pytest.raises(RuntimeError, match=f"creating {failing} failed"):
            bad.run(program)

    assert good.outputs == {"release_ref": "main", "release_commit": repository.head()}
    assert "release_commit" not in bad.outputs


def test_git_is_asked_without_a_change_to_its_index(repository: Repository) -> None:
    index = repository.folder / ".git" / "index"
    os.utime(repository.folder / "file-0", (1, 1))
    before = index.stat().st_mtime_ns

    release(repository.folder, STAGE)

    assert index.stat().st_mtime_ns == before


def test_the_promotion_reads_the_stage_stack() -> None:
    assert AppOutputs.update_of("stage") == "pulumi up -s stage"
