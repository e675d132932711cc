"""One running sandbox for all tests on the real engine, beside the person's own.

A test that changes it leaves it as it found it: every stack deployed from the commit of the work tree.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.access import Access, as_service_role, client
from sandbox.checkout import Checkout
from sandbox.environment import REGION
from sandbox.sandbox import ROOT, Deployed, Sandbox
from stacks import catalogue
from stacks.catalogue import Stack
from tests.git import git

BY_GUARD_RAILS = "with an explicit deny in a service control policy"
"""What the message of a denial by guard rails has."""


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the work tree that stays the same while somebody goes on editing."""
    copy = Checkout(ROOT, tmp_path_factory.mktemp("source"))
    copy.switch("main", copy.snapshot())
    return copy.directory


@pytest.fixture(scope="session")
def running(frozen: Path) -> Iterator[tuple[Sandbox, list[Deployed]]]:
    sandbox = Sandbox(ROOT / ".sandbox-test", frozen)
    sandbox.down()  # what an earlier run left, if it was killed
    yield sandbox, sandbox.up()
    sandbox.down()


@pytest.fixture(scope="session")
def sandbox(running: tuple[Sandbox, list[Deployed]]) -> Sandbox:
    return running[0]


@pytest.fixture(scope="session")
def deployed(running: tuple[Sandbox, list[Deployed]]) -> list[Deployed]:
    return running[1]


class Clone:
    """The sandbox's checkout in the hands of somebody who works in it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.folder = sandbox.checkout.directory
        self.commit = self.git("rev-parse", "main")
        self.tags = self.git("tag").split()

    def git(self, *arguments: str) -> str:
        return git(self.folder, *arguments)

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def commit_all(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def restore(self) -> None:
        """Put the branches back to the release and drop what was made beside them."""
        self.git("checkout", "--quiet", "--force", "-B", "main", self.commit)
        self.git("clean", "-d", "--force", "--quiet")
        self.git("branch", "--quiet", "--force", "develop", self.commit)
        branches = self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
        for branch in set(branches) - {"main", "develop"}:
            self.git("branch", "--quiet", "-D", branch)
        for tag in set(self.git("tag").split()) - set(self.tags):
            self.git("tag", "--delete", tag)


@pytest.fixture
def clone(sandbox: Sandbox) -> Iterator[Clone]:
    found = Clone(sandbox)
    yield found
    found.restore()


def stack(name: str) -> Stack:
    """Return the stack with a name like `app/dev`."""
    return catalogue.find(name)


def as_build_role(sandbox: Sandbox, pipeline: str) -> Access:
    """Return the access of a pipeline's build role, as CodeBuild has it."""
    tools = sandbox.account_ids()["tools"]
    return as_service_role(
        sandbox.environment()["AWS_ENDPOINT_URL"],
        f"arn:aws:iam::{tools}:role/build-{pipeline}",
        "codebuild.amazonaws.com",
        source=f"arn:aws:codebuild:{REGION}:{tools}:project/{pipeline}",
        name="build",
    )


def assumed(by: Access, account: str, role: str) -> Access:
    """Return the access of a role that another assumes."""
    arn = f"arn:aws:iam::{account}:role/{role}"
    session = client("sts", by).assume_role(RoleArn=arn, RoleSessionName="build")["Credentials"]
    return Access(
        endpoint_url=by["endpoint_url"],
        region_name=by["region_name"],
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
