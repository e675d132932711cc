"""`python -m ops connection`: the connection's status as it is now, and the one step to it."""

from collections.abc import Callable

import pytest

from components.pipeline import next_step
from ops import connection
from sandbox.access import finish_connection
from tests.ops.conftest import Corp, Said
from tests.sandbox.aws.embedded import Embedded, deny, policy

Ops = Callable[..., Said]


@pytest.fixture
def arn(corp: Corp) -> str:
    """Return the connection of a Tools account, whose stack says that it is PENDING."""
    made = corp.client("codeconnections").create_connection(
        ConnectionName="git-host", ProviderType="GitHub"
    )["ConnectionArn"]
    deployed(corp, made)
    return made


def deployed(corp: Corp, arn: str) -> None:
    corp.export(account_id=corp.account, connection_arn=arn, connection_status="PENDING")


def refusal(said: Said) -> str:
    assert (said.status, said.out) == (1, "")
    return said.err


@pytest.mark.usefixtures("arn")
def test_a_connection_that_waits_is_told_with_the_step_that_a_person_has_to_do(ops: Ops) -> None:
    said = ops("connection")

    assert (said.status, said.err) == (1, "")
    status, *step = said.out.splitlines()
    assert status == "The connection git-host to GitHub is PENDING: no commit starts a pipeline."
    assert " ".join(step) == next_step("PENDING", "eu-central-1")
    assert max(map(len, step)) <= 100


def test_it_is_available_as_soon_as_a_person_has_finished_it(
    ops: Ops, aws: Embedded, arn: str
) -> None:
    finish_connection(f"http://127.0.0.1:{aws.port}", arn)

    assert ops("connection") == Said(
        0, "The connection git-host to GitHub is AVAILABLE: commits start the pipelines.\n", ""
    )


@pytest.mark.usefixtures("arn")
def test_a_connection_in_error_is_told_with_what_to_look_at(
    ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        "ConnectionName": "git-host\x1b[31m",
        "ProviderType": "GitHub",
        "ConnectionStatus": "ERROR",
    }
    monkeypatch.setattr(connection, "_connection", lambda *_: found)

    assert ops("connection") == Said(
        1,
        "The connection git-host?[31m to GitHub is ERROR: no commit starts a pipeline.\n"
        "AWS tries again by itself. Where it stays like this, look whether AWS's app is still installed at\n"
        "the git host and may read the repository.\n",
        "",
    )


def test_a_connection_that_is_gone_is_told_with_the_remedy(ops: Ops, corp: Corp, arn: str) -> None:
    corp.client("codeconnections").delete_connection(ConnectionArn=arn)

    assert refusal(ops("connection")) == (
        f"The connection {arn} is not there any more: make it again with: pulumi -C stacks/tools up -s "
        "main --refresh"
    )


def test_before_tools_it_says_what_to_run_first(ops: Ops, corp: Corp) -> None:
    corp.program("echo \"error: no stack named 'main' found\" >&2; exit 255")

    assert refusal(ops("connection")) == (
        "Stack tools/main is not deployed: first run: pulumi -C stacks/tools up -s main"
    )


@pytest.mark.usefixtures("arn")
def test_a_role_that_cannot_be_assumed_is_named(
    ops: Ops, corp: Corp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.account.DEPLOY_ROLE", "deploy")

    assert refusal(ops("connection")).startswith(
        f"The role arn:aws:iam::{corp.account}:role/deploy cannot be assumed ("
    )


@pytest.mark.usefixtures("arn")
def test_a_role_that_may_not_look_is_told(ops: Ops, aws: Embedded, corp: Corp) -> None:
    aws.guard_rail(policy(deny("codeconnections:GetConnection")), corp.account)

    message = refusal(ops("connection"))

    assert message.startswith(f"The connection of account {corp.account} cannot be read (")
    assert message.endswith("): check which role DEPLOY_ROLE names.")


@pytest.mark.usefixtures("arn")
def test_an_aws_that_cannot_be_reached_is_told(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    assert refusal(ops("connection")).startswith("AWS cannot be asked (")
