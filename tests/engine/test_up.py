"""Several stacks with one command on the real engine: from their refs, half-way, and down again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sandbox.sandbox import Sandbox
from tests.engine.conftest import Clone, stack

BROKEN = """
import pulumi_aws as aws

own = pulumi.ResourceOptions(parent=service)
aws.cloudwatch.LogGroup("early", name="early", opts=own)
policy = aws.iam.RolePolicy("broken", role="nobody", policy='{"Version": "2012-10-17"}', opts=own)
late = pulumi.ResourceOptions(parent=service, depends_on=[policy])
aws.cloudwatch.LogGroup("late", name="late", opts=late)
"""
"""The end of a program of which one resource is made, one fails and one is not come to."""


def ops(sandbox: Sandbox, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops", *words],
        cwd=sandbox.checkout.directory,
        env=sandbox.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def develop(sandbox: Sandbox, clone: Clone) -> Iterator[Clone]:
    """A clone with another commit on develop, and main checked out; dev is as before in the end."""
    clone.git("checkout", "--quiet", "develop")
    yield clone
    clone.restore()
    sandbox.up([stack("app/dev")])


def change(clone: Clone, old: str, new: str, file: str = "Pulumi.dev.yaml") -> str:
    clone.edit(file, old, new)
    commit = clone.commit_all("change")
    clone.git("checkout", "--quiet", "main")
    return commit


def test_a_stack_is_deployed_from_its_branch_while_another_is_checked_out(
    sandbox: Sandbox, develop: Clone
) -> None:
    commit = change(develop, "app:burstLimit: 40", "app:burstLimit: 41")

    done = ops(sandbox, "up", "--yes", "app/dev")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "app/dev: 1 to update\n  update: aws:apigateway/methodSettings:" in done.stdout
    assert done.stdout.endswith("updated: app/dev\n")
    outputs = sandbox.outputs(stack("app/dev"))
    assert (outputs["release_ref"], outputs["release_commit"]) == ("develop", commit)
    assert develop.git("branch", "--show-current") == "main"
    assert develop.git("status", "--porcelain") == ""
    assert len(develop.git("worktree", "list").splitlines()) == 1


def test_a_failed_update_says_what_is_half_done_and_the_next_one_goes_on(
    sandbox: Sandbox, develop: Clone
) -> None:
    program = develop.folder / "__main__.py"
    program.write_text(program.read_text(encoding="utf-8") + BROKEN, encoding="utf-8")
    change(develop, "app:burstLimit: 40", "app:burstLimit: 42")

    failed = ops(sandbox, "up", "--yes", "app/dev")

    assert failed.returncode == 1
    report = failed.stdout[failed.stdout.index("app/dev failed:\n") :].splitlines()
    assert "NoSuchEntity" in report[1]
    group = "aws:cloudwatch/logGroup:LogGroup"
    assert {
        f"  created: {group} early",
        "  failed to create: aws:iam/rolePolicy:RolePolicy broken",
        f"  not reached: {group} late",
    } <= set(report)
    assert (
        "Mend the cause and run `python -m ops up app/dev`: what is done stays, the rest follows."
    ) in report

    develop.git("branch", "--quiet", "--force", "develop", develop.commit)
    healed = ops(sandbox, "up", "--yes", "app/dev")
    assert f"  delete: {group} early" in healed.stdout, healed.stderr
    assert healed.returncode == 0


def test_an_interrupted_update_ends_cleanly_and_leaves_no_lock_and_no_work_tree(
    sandbox: Sandbox, develop: Clone
) -> None:
    change(develop, "app:burstLimit: 40", "app:burstLimit: 43")

    with subprocess.Popen(
        [sys.executable, "-m", "ops", "up", "--yes", "app/dev"],
        cwd=sandbox.checkout.directory,
        env=sandbox.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        next(line for line in running.stdout if line.startswith("app/dev: 1 to update"))
        os.kill(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=120)

    assert (running.returncode, err) == (130, "Interrupted.\n"), out
    assert "Interrupted: what runs ends after the step it is at.\n" in out
    assert not list((sandbox.directory / "state").glob(".pulumi/locks/**/*.json"))
    assert len(develop.git("worktree", "list").splitlines()) == 1


def test_down_keeps_what_is_protected_and_up_makes_a_stack_that_is_gone(
    sandbox: Sandbox, clone: Clone
) -> None:
    sandbox.pulumi("state", "unprotect", "--all", "--yes", "--stack", "dev")

    done = ops(sandbox, "down", "--yes", "app/dev", "app/prod", "dns/main")

    assert done.returncode == 1
    assert "aws:dynamodb/table:Table service-table" in done.stdout
    assert done.stdout.splitlines()[-3:] == [
        "destroyed: app/dev",
        "failed: app/prod",
        "not tried: dns/main, which comes after app/prod",
    ]
    state = json.loads(sandbox.pulumi("stack", "export", "--stack", "prod").stdout)
    assert len(state["deployment"]["resources"]) > len(stack("app/prod").reads)

    sandbox.pulumi("stack", "rm", "--yes", "--stack", "dev", "--preserve-config")
    again = ops(sandbox, "up", "--yes", "app/dev")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "app/dev is new to this backend: it is made there.\n" in again.stdout
    assert len(clone.git("worktree", "list").splitlines()) == 1
