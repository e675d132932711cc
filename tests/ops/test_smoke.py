"""`python -m ops smoke`: a stack runs what is checked out, and an application answers as it should."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops import deployed, smoke
from sandbox import public
from sandbox.aws.credentials import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.cloud import ROOT
from tests.ops.conftest import Said
from tests.sandbox.aws.embedded import Embedded
from tests.sandbox.aws.published import ANYBODY, DOMAIN, Published, publish
from tests.sandbox.aws.test_execution import package

Ops = Callable[..., Said]

URL = f"https://{DOMAIN}/health"
PAUSES = smoke.PAUSES
OTHER = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Repository:
    """A checkout of the program, and what its stacks export."""

    root: Path
    programs: Path
    commit: str = ""
    stacks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        done = subprocess.run(
            ["git", *identity, *words], cwd=self.root, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def set(self, stack: str, **settings: Any) -> None:
        """Change settings of an application's stack and commit them."""
        file = self.root / f"Pulumi.{stack}.yaml"
        config = yaml.safe_load(file.read_text())["config"]
        config |= {f"app:{key}": value for key, value in settings.items()}
        file.write_text(yaml.safe_dump({"config": config}))
        self.save()

    def save(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        self.commit = self.git("rev-parse", "HEAD")

    def export(self, stack: str, **outputs: Any) -> None:
        """Be a stack that runs what is checked out, but for what is said otherwise."""
        known = {"release_ref": "develop", "release_commit": self.commit}
        self.stacks[stack] = {**known, **outputs}
        self.answer()

    def answer(self) -> None:
        """Put a script in place of pulumi that knows the stacks."""
        cases = "".join(
            f'"{self._folder(project)} {name}") cat <<"END"\n{json.dumps(exported)}\nEND\n;;\n'
            for (project, name), exported in (
                (stack.split("/"), exported) for stack, exported in self.stacks.items()
            )
        )
        absent = "*) echo \"error: no stack named '$4' found\" >&2; exit 255;;"
        script = self.programs / "pulumi"
        script.write_text(f'#!/bin/sh\ncase "$2 $4" in\n{cases}{absent}\nesac\n')
        script.chmod(0o755)

    def _folder(self, project: str) -> Path:
        return self.root if project == "app" else self.root / "stacks" / project


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    found = Repository(tmp_path / "repository", tmp_path / "programs")
    found.programs.mkdir()
    for pattern in ("Pulumi*.yaml", "__main__.py", "stacks/*/Pulumi*.yaml", "stacks/*/__main__.py"):
        for file in ROOT.glob(pattern):
            place = found.root / file.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
    found.git("init", "--quiet", "--initial-branch=develop")
    found.save()
    found.answer()
    for module in (deployed, smoke):
        monkeypatch.setattr(module, "ROOT", found.root)
    monkeypatch.setattr(smoke, "PAUSES", ())
    monkeypatch.setenv("PATH", f"{found.programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return found


@pytest.fixture
def published(
    aws: Embedded, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Published:
    """The application of app/dev, healthy and public, seen from a machine outside."""
    for name in [name for name in os.environ if re.match("AWS_|DEPLOY_", name)]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.port}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "COLUMNS": "100",
        **public.variables(tmp_path, f"http://127.0.0.1:{aws.port}"),
    }.items():
        monkeypatch.setenv(name, value)
    found = publish(aws, answering(200))
    repository.set("dev", access="public")
    repository.export(
        "app/dev", account_id=found.account, api_url=f"https://{DOMAIN}", function_name="items"
    )
    return found


def answering(*statuses: int) -> str:
    """A function that answers with each status in turn, and with the last one from then on."""
    return f"""
statuses = {list(statuses)}
def handle(event, context):
    assert (event["httpMethod"], event["path"]) == ("GET", "/health")
    status = statuses.pop(0) if statuses[1:] else statuses[0]
    return {{"statusCode": status, "body": '{{"status": ' + str(status) + "}}"}}
"""


def answer_with(published: Published, *statuses: int) -> None:
    published.client("lambda").update_function_code(
        FunctionName="items", ZipFile=package(answering(*statuses))
    )


def restrict(published: Published, repository: Repository) -> None:
    """Let nobody but the VPN in, in the settings and in the cloud."""
    admitted = {"IpAddress": {"aws:SourceIp": ["198.51.100.7/32"]}}
    published.admit({**ANYBODY, "Condition": admitted})
    published.deploy()
    declare(repository, "vpnOnly")


def declare(repository: Repository, access: str) -> None:
    repository.set("dev", access=access)
    repository.export("app/dev", **{**repository.stacks["app/dev"],
                                    "release_commit": repository.commit})  # fmt: skip


def refusal(said: Said) -> str:
    assert said.status == 1
    return said.err


@pytest.mark.usefixtures("published")
def test_a_public_application_answers_by_its_address(repository: Repository, ops: Ops) -> None:
    said = ops("smoke", "app/dev")
    assert (said.status, said.out.splitlines()) == (
        0,
        [
            f"app/dev runs commit {repository.commit[:12]} (develop), which is checked out.",
            f"{URL} answers 200.",
        ],
    )


def test_a_restricted_application_refuses_from_outside_and_is_healthy_inside(
    published: Published, repository: Repository, ops: Ops
) -> None:
    restrict(published, repository)
    said = ops("smoke", "dev")
    assert (said.status, said.out.splitlines()) == (
        0,
        [
            f"app/dev runs commit {repository.commit[:12]} (develop), which is checked out.",
            f"{URL} refuses who is not in the VPN.",
            "API Gateway's test of GET /health answers 200.",
        ],
    )


def test_the_health_of_a_public_application_must_be_good(published: Published, ops: Ops) -> None:
    answer_with(published, 503)
    assert refusal(ops("smoke", "app/dev")) == (
        f'{URL} answers 503, not 200: {{"status": 503}}; look at the log of the function items in '
        f"account {published.account}."
    )


def test_the_health_of_a_restricted_application_must_be_good(
    published: Published, repository: Repository, ops: Ops
) -> None:
    restrict(published, repository)
    answer_with(published, 503)
    assert refusal(ops("smoke", "app/dev")) == (
        'API Gateway\'s test of GET /health answers 503, not 200: {"status": 503}; look at the log '
        f"of the function items in account {published.account}."
    )


@pytest.mark.usefixtures("published")
def test_a_restricted_application_must_not_answer_from_outside(
    repository: Repository, ops: Ops
) -> None:
    declare(repository, "vpnOnly")
    assert refusal(ops("smoke", "app/dev")) == (
        f"{URL} answers 200 to this machine, and access vpnOnly in Pulumi.dev.yaml means 403 to "
        "all outside the VPN: run this outside the VPN, or update the stack (pulumi up -s dev)."
    )


def test_a_public_application_must_not_refuse(
    published: Published, repository: Repository, ops: Ops
) -> None:
    restrict(published, repository)
    declare(repository, "public")
    assert refusal(ops("smoke", "app/dev")).startswith(
        f'{URL} answers 403, not 200: {{"Message": "User: anonymous is not authorized to perform: '
    )


@pytest.mark.usefixtures("published")
def test_an_address_that_cannot_be_reached_is_said_with_the_reason(
    repository: Repository, ops: Ops
) -> None:
    outputs = {**repository.stacks["app/dev"], "api_url": "https://api.none.example.com"}
    for access in ("public", "vpnOnly"):
        repository.export("app/dev", **outputs)
        declare(repository, access)
        assert refusal(ops("smoke", "app/dev")) == (
            "https://api.none.example.com/health cannot be reached (Tunnel connection failed: 502 "
            "api.none.example.com has no A record in the hosted zones of this sandbox): check that "
            "the name's records and their delegation are there, and your connection."
        )


def test_what_is_not_there_yet_is_asked_again(
    published: Published, ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(published, 500, 503, 200)
    paused: list[float] = []
    monkeypatch.setattr("time.sleep", paused.append)
    monkeypatch.setattr(smoke, "PAUSES", (1, 2, 4))
    assert ops("smoke", "app/dev").status == 0
    assert paused == [1, 2]
    answer_with(published, 503)
    paused.clear()
    assert ops("smoke", "app/dev").status == 1
    assert paused == [1, 2, 4]


def test_it_is_patient_for_a_minute_and_no_longer() -> None:
    assert sum(PAUSES) == 60


def test_a_role_that_may_not_test_is_told_so(
    published: Published, repository: Repository, ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    restrict(published, repository)
    published.client("iam").create_role(
        RoleName="weak",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
                ],
            }
        ),
    )
    monkeypatch.setattr("ops.account.DEPLOY_ROLE", "weak")
    said = refusal(ops("smoke", "app/dev"))
    assert said.startswith(f"The API behind {DOMAIN} cannot be tested (An error occurred (AccessD")
    assert said.endswith("): check which role DEPLOY_ROLE names.")


def test_a_stack_must_run_what_is_checked_out(repository: Repository, ops: Ops) -> None:
    repository.export("org/main", release_ref="main", release_commit=OTHER)
    assert refusal(ops("smoke", "org/main")) == (
        f"Stack org/main runs commit {OTHER[:12]} (main), and commit {repository.commit[:12]} "
        "(develop) is checked out: update it (pulumi -C stacks/org up -s main), or check out what "
        "it runs."
    )


def test_of_another_stack_only_the_release_is_looked_at(repository: Repository, ops: Ops) -> None:
    repository.export("dns/main", release_ref="main")
    said = ops("smoke", "dns")
    assert (said.status, said.out) == (
        0,
        f"dns/main runs commit {repository.commit[:12]} (main), which is checked out.\n",
    )


def test_a_stack_that_is_not_deployed_or_half_done_is_told_so(
    repository: Repository, ops: Ops
) -> None:
    assert refusal(ops("smoke", "app/stage")) == (
        "Stack app/stage is not deployed: first run: pulumi up -s stage"
    )
    repository.export("app/stage", account_id="111122223333", api_url="http://x")
    assert refusal(ops("smoke", "app/stage")) == (
        "Stack app/stage has no right output api_url, function_name: its last update failed or is "
        "of another release than this program; run: pulumi up -s stage"
    )


@pytest.mark.usefixtures("repository")
def test_an_unknown_stack_is_told_so(ops: Ops) -> None:
    assert refusal(ops("smoke", "app/stag")) == (
        "There is no stack app/stag; did you mean app/stage?"
    )


def test_without_git_the_commit_is_unknown(repository: Repository, ops: Ops) -> None:
    repository.export("dns/main")
    shutil.rmtree(repository.root / ".git")
    assert refusal(ops("smoke", "dns")).startswith("git cannot tell which commit this is (")
