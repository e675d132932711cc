"""Pipelines: from a commit to a deployment, by the files in `pipelines/` as they are.

Each runs with its own build role on the state in the bucket of the Tools account, to which every
stack was moved before.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox import access
from sandbox.access import Access, client
from sandbox.pipelines import Player, Run
from sandbox.sandbox import ROOT, Sandbox
from stacks import catalogue
from tests.engine.conftest import Clone

MANAGEMENT = "111122223333"
CHECKED = [
    f"tests/{name}.py"
    for name in ("test_house", "stacks/test_accounts", "stacks/test_release", "ops/test_connection")
]
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@dataclass
class Desk:
    """Somebody's desk: a clone to commit in, and pipelines to watch."""

    sandbox: Sandbox
    clone: Clone
    approves: bool = True
    asked: list[str] = field(default_factory=list)

    def player(self, *, checks: bool = False) -> Player:
        return Player(
            self.sandbox,
            approve=self.decide,
            # Of the tests that these are among, those that read what a build is given.
            variables={"PYTEST_ADDOPTS": " ".join(CHECKED)},
            without=() if checks else ("Check",),
        )

    def decide(self, notice: str) -> bool:
        self.asked.append(notice)
        return self.approves

    def push(
        self, branch: str, pipeline: str, *edits: tuple[str, str, str], checks: bool = False
    ) -> Run:
        """Commit edits to a branch, and return the run of a pipeline that the push starts."""
        self.clone.git("checkout", "--quiet", branch)
        for edit in edits:
            self.clone.edit(*edit)
        self.clone.git("commit", "--quiet", "--all", "--allow-empty", "--message", "A change")
        player = self.player(checks=checks)
        assert pipeline in player.started_by_push(branch, [file for file, *_ in edits])
        return player.play(pipeline, self.clone.git("rev-parse", branch), branch)

    def tag(self, name: str, ref: str) -> Run:
        """Tag what a reference means, and return the one run that it starts."""
        self.clone.git("tag", name, ref)
        player = self.player()
        (pipeline,) = player.started_by_tag(name)
        return player.play(pipeline, self.clone.git("rev-parse", name))

    def memory(self, account: str) -> int:
        """Return the memory of the one function in an account."""
        functions = client("lambda", self.sandbox.access(account)).list_functions()["Functions"]
        (function,) = functions
        return function["MemorySize"]


@pytest.fixture(scope="module")
def desk(frozen: Path) -> Iterator[Desk]:
    """Return a desk before an organization whose state is in the Tools account."""
    sandbox = Sandbox(ROOT / ".sandbox-test-pipelines", frozen)
    sandbox.down()  # what an earlier run left, if it was killed
    deployed = {str(it.stack): it.update.outputs for it in sandbox.up()}
    sandbox.finish_connection()
    move_state(sandbox, deployed["tools/main"])
    clone = Clone(sandbox)
    clone.commit_all("The state is in the Tools account")
    clone.git("branch", "--force", "develop", "main")
    yield Desk(sandbox, clone)
    sandbox.down()


def move_state(sandbox: Sandbox, tools: dict[str, Any]) -> None:
    """Move every stack to the bucket, as the person who deploys does."""
    by = deployer(sandbox)
    variables = sandbox.environment() | {
        "AWS_ACCESS_KEY_ID": by["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": by["aws_secret_access_key"],
        "AWS_SESSION_TOKEN": by["aws_session_token"] or "",
    }
    target = ("--to", tools["state_url"], "--secrets-provider", tools["secrets_provider"])
    done = subprocess.run(
        [sys.executable, "-m", "ops", "move-state", *target],
        cwd=sandbox.checkout.directory,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def deployer(sandbox: Sandbox) -> Access:
    """Return the access of the role in which people deploy; a company has one already."""
    operator = sandbox.access("org")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"},
            }
        ],
    }
    iam = client("iam", operator)
    iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(
        RoleName="deployer", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING)
    )
    return access.as_role(operator["endpoint_url"], f"arn:aws:iam::{MANAGEMENT}:role/deployer")


def said(run: Run) -> str:
    return "\n".join(
        f"{it.name}: {'ok' if it.succeeded else 'failed'}\n{it.log}" for it in run.actions
    )


def names(run: Run) -> list[str]:
    return [action.name for action in run.actions]


@pytest.mark.timeout(1800)  # it brings an organization up, and runs the checks of the commit
def test_a_push_to_develop_is_checked_previewed_deployed_and_tested(desk: Desk) -> None:
    edit = ("Pulumi.dev.yaml", "memoryMb: 256", "memoryMb: 384")

    run = desk.push("develop", "app-dev", edit, checks=True)

    assert run.succeeded, said(run)
    assert names(run) == ["Source", "Check", "Preview", "Update", "Smoke"]
    assert desk.memory("dev") == 384
    smoke = run.action("Smoke").log
    assert "https://api.dev.example.com/health refuses who is not in the VPN." in smoke
    assert "API Gateway's test of GET /health answers 200." in smoke
    assert " passed" in run.action("Check").log
    assert "No risk." in run.action("Preview").log
    assert [message.text for message in run.told if "SUCCEEDED" in message.text]


@pytest.mark.timeout(600)
def test_a_push_to_main_deploys_stage(desk: Desk) -> None:
    run = desk.push("main", "app-stage", ("Pulumi.stage.yaml", "memoryMb: 512", "memoryMb: 640"))

    assert run.succeeded, said(run)
    assert desk.memory("stage") == 640


@pytest.mark.timeout(600)
def test_a_tag_deploys_prod_once_a_person_has_approved_what_the_preview_found(desk: Desk) -> None:
    desk.asked.clear()

    run = desk.tag("v1.1.0", "main")

    assert run.succeeded, said(run)
    assert names(run) == ["Source", "Preview", "Approve", "Update", "Smoke"]
    (notice,) = desk.asked
    commit = desk.clone.git("rev-parse", "v1.1.0")
    assert len(notice) <= 1000
    assert notice.endswith(f"https://github.com/example/cloud/commit/{commit}")
    assert commit[:7] in notice
    assert notice in [message.text for message in run.told]
    assert "https://api.app.example.com/health answers 200." in run.action("Smoke").log


@pytest.mark.timeout(600)
def test_a_tag_beside_what_stage_runs_is_refused_before_anybody_is_asked(desk: Desk) -> None:
    desk.asked.clear()
    desk.clone.git("checkout", "--quiet", "main")
    desk.clone.git("commit", "--quiet", "--allow-empty", "--message", "STAGE has not seen this")

    run = desk.tag("v1.2.0", "main")

    assert not run.succeeded
    assert names(run) == ["Source", "Preview"]
    assert "and only that may be promoted" in run.action("Preview").log
    assert desk.asked == []


@pytest.mark.timeout(600)
def test_what_is_not_approved_is_not_deployed(desk: Desk) -> None:
    desk.push("main", "app-stage")
    desk.approves = False
    try:
        run = desk.tag("v1.3.0", "main")
    finally:
        desk.approves = True

    assert names(run) == ["Source", "Preview", "Approve"]
    assert not run.succeeded


@pytest.mark.timeout(600)
def test_a_change_that_is_a_persons_stops_the_pipeline_before_it_touches_anything(
    desk: Desk,
) -> None:
    before = desk.memory("dev")

    run = desk.push(
        "develop",
        "app-dev",
        ("components/account.py", '"account:*", ', ""),
        ("Pulumi.dev.yaml", f"memoryMb: {before}", "memoryMb: 512"),
    )

    assert not run.succeeded
    assert names(run) == ["Source", "Preview"]
    assert "OrganizationAccountAccessRole" in run.action("Preview").log
    assert desk.memory("dev") == before


@pytest.mark.timeout(600)
def test_drift_is_looked_for_in_every_stack_with_the_rights_of_its_pipeline(desk: Desk) -> None:
    run = desk.player().play("drift", desk.clone.git("rev-parse", "main"))

    assert run.succeeded, said(run)
    assert set(names(run)) == {"Source", *(stack.pipeline for stack in catalogue.stacks())}
    for stack in catalogue.stacks():
        assert f"{stack}: no drift" in run.action(stack.pipeline).log


def test_a_push_starts_the_pipelines_whose_files_it_touches_and_no_other(desk: Desk) -> None:
    started = desk.player().started_by_push

    assert started("develop", ["README.md"]) == ["app-dev"]
    assert set(started("main", ["README.md"])) == {"app-stage"}
    assert set(started("main", ["stacks/org/Pulumi.main.yaml"])) == {
        "app-stage", "dns-main", "org-main", "tools-main",
    }  # fmt: skip
    assert set(started("main", ["wireguard/machine/rules.nft"])) == {
        "app-stage", "corp-main", "tools-main",
    }  # fmt: skip
    assert started("feature", ["stacks/org/__main__.py"]) == []
    assert desk.player().started_by_tag("v2.0.0") == ["app-prod"]
    assert desk.player().started_by_tag("other") == []
