"""What an operator gets wrong ends in one sentence on the real engine, and changes nothing."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.sandbox import Sandbox
from tests.engine.conftest import Clone, stack
from tests.git import git


def said(result: subprocess.CompletedProcess[str]) -> str:
    """Return all the words of a run, on one line, however the terminal broke them."""
    assert "Traceback" not in result.stdout + result.stderr
    return " ".join((result.stdout + result.stderr).split())


def refused(sandbox: Sandbox, name: str, folder: str = ".") -> str:
    """Return what a refused update says; it must leave the stack's resources as they were."""
    before = resources(sandbox, name, folder)

    result = sandbox.pulumi(
        "up", "--yes", "--skip-preview", "--stack", name, folder=folder, check=False
    )

    assert result.returncode != 0
    assert resources(sandbox, name, folder) == before
    return said(result)


def resources(sandbox: Sandbox, name: str, folder: str) -> dict[str, tuple[object, object]]:
    """Return the id and inputs of every resource in a stack's state; their order means nothing."""
    state = json.loads(sandbox.pulumi("stack", "export", "--stack", name, folder=folder).stdout)
    return {r["urn"]: (r.get("id"), r.get("inputs")) for r in state["deployment"]["resources"]}


def test_dev_refuses_a_commit_that_develop_does_not_contain(sandbox: Sandbox, clone: Clone) -> None:
    clone.git("checkout", "--quiet", "-b", "feature")
    (clone.folder / "new.txt").touch()
    commit = clone.commit_all("feature")

    message = refused(sandbox, "dev")

    assert (
        f"error: Stack dev does not take this checkout: commit {commit[:12]} (feature) is not contained "
        "in branch develop: merge it into develop, or check out what is there (git checkout develop)"
    ) in message


@pytest.mark.parametrize(
    ("name", "folder"), [("stage", "."), ("main", "stacks/org"), ("main", "stacks/dns")]
)
def test_the_others_refuse_a_commit_that_main_does_not_contain(
    sandbox: Sandbox, clone: Clone, name: str, folder: str
) -> None:
    clone.git("checkout", "--quiet", "develop")
    (clone.folder / "new.txt").touch()
    commit = clone.commit_all("not on main yet")

    message = refused(sandbox, name, folder)

    assert f"commit {commit[:12]} (develop) is not contained in branch main" in message


def test_prod_refuses_a_commit_without_a_tag(sandbox: Sandbox, clone: Clone) -> None:
    (clone.folder / "new.txt").touch()
    commit = clone.commit_all("on main, without a tag")

    message = refused(sandbox, "prod")

    assert f"commit {commit[:12]} has no tag v*, which a release needs" in message


def test_prod_refuses_a_tagged_commit_that_stage_does_not_run(
    sandbox: Sandbox, clone: Clone
) -> None:
    (clone.folder / "new.txt").touch()
    commit = clone.commit_all("on main, not deployed to stage")
    clone.git("tag", "v9.9.9")

    message = refused(sandbox, "prod")

    assert (
        f"commit {commit[:12]} is not what stage runs ({clone.commit[:12]}, main), and only that may be "
        "promoted: deploy it there first (pulumi up -s stage)"
    ) in message


def test_a_changed_file_is_refused(sandbox: Sandbox, clone: Clone) -> None:
    clone.edit("Pulumi.dev.yaml", "app:rateLimit: 20", "app:rateLimit: 21")

    assert (
        f"the checkout is not commit {clone.commit[:12]} alone (changed: Pulumi.dev.yaml), and only what "
        "is committed may be deployed"
    ) in refused(sandbox, "dev")


def no_repository(folder: Path) -> None:
    shutil.rmtree(folder / ".git")


def no_commits(folder: Path) -> None:
    no_repository(folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)


def too_shallow(folder: Path) -> None:
    source = folder.with_name("source")
    folder.rename(source)
    for arguments in (
        ("checkout", "--quiet", "-B", "develop"),
        ("branch", "released"),
        ("commit", "--quiet", "--allow-empty", "--message", "later"),
        ("clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{source}", str(folder)),
        ("-C", str(folder), "checkout", "--quiet", "origin/released"),
    ):
        git(source, *arguments)


def another_branch_started_it(folder: Path) -> None:
    subprocess.run(["git", "checkout", "--quiet", "--detach"], cwd=folder, check=True)


@pytest.mark.parametrize(
    ("spoil", "started_by", "why"),
    [
        (no_repository, "", "git cannot tell which commit this is (not a git repository"),
        (no_commits, "", "has no commits yet, and a release is one: commit what to deploy"),
        (too_shallow, "", "this clone is too shallow to tell whether develop contains commit"),
        (
            another_branch_started_it,
            "main",
            "RELEASE_BRANCH says that branch main started this run",
        ),
    ],
)
def test_a_checkout_that_is_no_release_is_refused(
    sandbox: Sandbox,
    clone: Clone,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    started_by: str,
    why: str,
) -> None:
    folder = tmp_path / "checkout"
    shutil.copytree(clone.folder, folder, symlinks=True)
    spoil(folder)

    result = subprocess.run(
        ["pulumi", "--non-interactive", "up", "--yes", "--skip-preview", "--stack", "dev"],
        cwd=folder,
        env=sandbox.environment() | {"PYTHONPATH": str(folder), "RELEASE_BRANCH": started_by},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode != 0
    assert why in said(result)


def test_a_preview_from_elsewhere_warns_and_goes_on(sandbox: Sandbox, clone: Clone) -> None:
    clone.edit("Pulumi.dev.yaml", "app:memoryMb: 256", "app:memoryMb: 512")

    preview = sandbox.pulumi("preview", "--stack", "dev", "--diff")

    message = said(preview)
    assert "warning: Stack dev does not take this checkout" in message
    assert "This is a preview; an update would be refused." in message
    assert "memorySize: 256 => 512" in message


def test_all_mistakes_of_a_settings_file_are_told_at_once(sandbox: Sandbox, clone: Clone) -> None:
    clone.edit("Pulumi.dev.yaml", "app:memoryMb: 256", "app:memoryMbs: 256")
    clone.edit("Pulumi.dev.yaml", "app:rateLimit: 20", "app:rateLimit: plenty")
    clone.git("checkout", "--quiet", "-B", "develop")
    clone.commit_all("mistakes")

    message = refused(sandbox, "dev")

    assert (
        "error: Pulumi.dev.yaml has 3 mistakes; nothing was changed: "
        "app:memoryMb: missing; set it to a whole number from 128 to 10240 "
        'app:rateLimit: "plenty" is not right; set it to requests per second, from 1 to 10000 '
        "app:memoryMbs: no such key; did you mean memoryMb?"
    ) in message


@pytest.mark.parametrize(("name", "folder"), [("main", "stacks/dns"), ("dev", ".")])
def test_a_member_stack_before_org_says_what_to_run_first(
    sandbox: Sandbox,
    clone: Clone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    folder: str,
) -> None:
    variables = sandbox.environment() | {"PULUMI_BACKEND_URL": f"file://{tmp_path}"}
    monkeypatch.setattr(sandbox, "environment", lambda: variables)
    assert clone.git("status", "--porcelain") == ""
    sandbox.pulumi("stack", "init", name, "--no-select", folder=folder)

    result = sandbox.pulumi(
        "up", "--yes", "--skip-preview", "--stack", name, folder=folder, check=False
    )

    assert result.returncode != 0
    assert (
        "error: Stack organization/org/main is not deployed, and this stack reads its outputs: first run: "
        "pulumi -C stacks/org up -s main"
    ) in said(result)


def up_stage(sandbox: Sandbox, *more: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return sandbox.pulumi("up", "--yes", "--skip-preview", "--stack", "stage", *more, check=check)


@pytest.fixture
def on_stage(sandbox: Sandbox, clone: Clone) -> Iterator[Clone]:
    """A clone whose commits may be deployed to stage; afterwards stage runs the release again."""
    clone.edit("__main__.py", "import pulumi\n", "import pulumi\nimport pulumi_aws as aws\n")
    yield clone
    clone.restore()
    up_stage(sandbox)


BROKEN = """
aws.iam.RolePolicyAttachment(
    "broken",
    role="no-such-role",
    policy_arn="arn:aws:iam::aws:policy/ReadOnlyAccess",
    opts=pulumi.ResourceOptions(provider=own_account),
)
"""


@pytest.mark.parametrize(
    ("place", "flags"),
    [
        ("before the export", ()),
        ("after the export", ()),
        ("before the export", ("--continue-on-error",)),
    ],
)
def test_a_stage_update_that_fails_makes_its_commit_not_promotable(
    sandbox: Sandbox, on_stage: Clone, place: str, flags: tuple[str, ...]
) -> None:
    if place == "before the export":
        on_stage.edit("__main__.py", "\nAppOutputs(", f"{BROKEN}\nAppOutputs(")
    else:
        on_stage.edit("__main__.py", ").export()\n", f").export()\n{BROKEN}")
    on_stage.edit("Pulumi.stage.yaml", "app:memoryMb: 512", "app:memoryMb: 640")
    commit = on_stage.commit_all("a resource fails that no other one depends on")
    on_stage.git("tag", "v9.9.9")

    update = up_stage(sandbox, *flags, check=False)

    assert update.returncode != 0
    assert "NoSuchEntity" in update.stdout
    assert sandbox.outputs(stack("app/stage")).get("release_commit") != commit
    assert "Stack prod does not take this checkout" in refused(sandbox, "prod")


LOCKED = """
aws.cloudwatch.LogGroup(
    "locked", opts=pulumi.ResourceOptions(provider=own_account, protect=True)
)
"""


def test_a_stage_update_whose_deletion_fails_makes_its_commit_not_promotable(
    sandbox: Sandbox, on_stage: Clone
) -> None:
    on_stage.edit("__main__.py", "\nAppOutputs(", f"{LOCKED}\nAppOutputs(")
    on_stage.commit_all("something locked")
    up_stage(sandbox)
    on_stage.edit("__main__.py", f"{LOCKED}\nAppOutputs(", "\nAppOutputs(")
    commit = on_stage.commit_all("taken out again")
    on_stage.git("tag", "v9.9.9")

    update = up_stage(sandbox, check=False)

    (locked,) = [urn for urn in resources(sandbox, "stage", ".") if urn.endswith("::locked")]
    try:
        assert update.returncode != 0
        assert f"the last update of stage to commit {commit[:12]} did not succeed" in refused(
            sandbox, "prod"
        )
    finally:
        sandbox.pulumi("state", "unprotect", "--yes", "--stack", "stage", locked)


def test_a_stage_update_of_chosen_resources_makes_its_commit_not_promotable(
    sandbox: Sandbox, on_stage: Clone
) -> None:
    on_stage.edit("Pulumi.stage.yaml", "app:memoryMb: 512", "app:memoryMb: 640")
    commit = on_stage.commit_all("more memory")
    on_stage.git("tag", "v9.9.9")
    (table,) = [urn for urn in resources(sandbox, "stage", ".") if urn.endswith("-table")]

    up_stage(sandbox, "--target", table)

    assert (
        f"the last update of stage to commit {commit[:12]} was one of chosen resources only"
        in refused(sandbox, "prod")
    )


def test_settings_from_another_file_are_refused(
    sandbox: Sandbox, clone: Clone, tmp_path: Path
) -> None:
    other = tmp_path / "Pulumi.dev.yaml"
    text = (clone.folder / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    other.write_text(text.replace("app:memoryMb: 256", "app:memoryMb: 512"), encoding="utf-8")
    clone.git("checkout", "--quiet", "develop")

    result = sandbox.pulumi(
        *("up", "--yes", "--skip-preview", "--stack", "dev", "--config-file", str(other)),
        check=False,
    )

    assert result.returncode != 0
    assert (
        "the settings in force are not those of Pulumi.dev.yaml (app:memoryMb differ), and only what is "
        "committed may be deployed: leave out --config-file"
    ) in said(result)
