"""Root users: who signs in as one, and whose session the management account takes for a task."""

import json
import urllib.request
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from sandbox.aws import paths
from tests.sandbox.aws.embedded import (
    MANAGEMENT,
    STRANGER,
    Client,
    Embedded,
    code_and_status,
    deny,
    policy,
    trust,
)

TASK = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"
ROOT_ONLY = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}
NOT_ASSUMED = {"Null": {"aws:AssumedRoot": "true"}}


def signed_in(aws: Embedded, account: str) -> Client:
    url = f"http://127.0.0.1:{aws.port}{paths.ROOT_SESSIONS}{account}"
    with urllib.request.urlopen(url) as answer:
        given = json.load(answer)
    return lambda service: aws.client(service, *given.values())


def assumed(aws: Embedded, account: str, by: Client | None = None, **more: Any) -> Client:
    asked = {"TargetPrincipal": account, "TaskPolicyArn": {"arn": TASK}, **more}
    given = (by or aws.operator)("sts").assume_root(**asked)["Credentials"]
    keys = [given[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    return lambda service: aws.client(service, *keys)


def refusal(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    code, _ = code_and_status(error.value)
    return f"{code}: {error.value.response.get('Error', {}).get('Message')}"


def test_a_root_user_may_do_everything_but_assume_a_role(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, administrator = corp
    administrator("iam").create_role(RoleName="any", AssumeRolePolicyDocument=trust({"AWS": "*"}))
    root = signed_in(aws, account)

    assert root("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:root"
    root("iam").get_role(RoleName="any")
    role = f"arn:aws:iam::{account}:role/any"
    assert refusal(root("sts").assume_role, RoleArn=role, RoleSessionName="root") == (
        "AccessDenied: Roles may not be assumed by root accounts."
    )


def test_nobody_signs_in_to_an_account_that_there_is_not(aws: Embedded) -> None:
    aws.organize()
    with pytest.raises(HTTPError) as refused:
        signed_in(aws, STRANGER)
    with refused.value as answer:
        assert answer.read().decode() == f"There is no account {STRANGER}."


def test_a_guard_rail_tells_a_root_user_from_a_session_of_one(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, administrator = corp
    (root,) = aws.operator("organizations").list_roots()["Roots"]
    aws.guard_rail(policy(deny("*", Condition={**ROOT_ONLY, **NOT_ASSUMED})), root["Id"])

    def answer(client: Client) -> str:
        return refusal(client("s3").delete_bucket_policy, Bucket="nothing").partition(":")[0]

    assert answer(signed_in(aws, account)) == "AccessDenied"
    assert answer(assumed(aws, account)) == "NoSuchBucket"
    assert answer(administrator) == "NoSuchBucket"


def test_a_session_of_a_root_user_does_its_task_and_nothing_else(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, _ = corp
    session = assumed(aws, f"arn:aws:iam::{account}:root", DurationSeconds=900)

    assert refusal(session("s3").delete_bucket, Bucket="nothing").endswith(
        "with an explicit deny in a session policy"
    )


def test_only_the_management_account_takes_a_session_of_a_member(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, administrator = corp
    arn = administrator("sts").get_caller_identity()["Arn"]
    root = f"arn:aws:iam::{MANAGEMENT}:root"

    def words(target: str, by: Client) -> str:
        return refusal(lambda: assumed(aws, target, by))

    who = "may not assume the root user of"
    assert words(account, administrator) == f"AccessDenied: {arn} {who} {account}."
    assert words(account, signed_in(aws, MANAGEMENT)) == f"AccessDenied: {root} {who} {account}."
    for target in (MANAGEMENT, STRANGER):
        assert f"{who} {target}." in words(target, aws.operator)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"DurationSeconds": 901}, "DurationSeconds is more than 900."),
        (
            {"TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}},
            "TaskPolicyArn is no task of a root user.",
        ),
        (
            {"TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/S3UnlockBucketPolicy"}},
            "TaskPolicyArn is no task of a root user.",
        ),
    ],
)
def test_a_session_is_for_a_task_and_short(
    aws: Embedded, corp: tuple[str, Client], wrong: dict[str, Any], message: str
) -> None:
    account, _ = corp

    assert refusal(lambda: assumed(aws, account, **wrong)) == f"ValidationError: {message}"


def test_a_root_user_may_be_given_a_password_again_where_nobody_else_may(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, administrator = corp
    (root,) = aws.operator("organizations").list_roots()["Roots"]
    guarded = deny("iam:CreateLoginProfile", Condition=NOT_ASSUMED)
    aws.guard_rail(policy(guarded), root["Id"])
    task = {"arn": TASK.replace("S3UnlockBucketPolicy", "IAMCreateRootUserPassword")}
    session = assumed(aws, account, TaskPolicyArn=task)

    def answer(client: Client, **user: str) -> str:
        return refusal(client("iam").create_login_profile, Password="x", **user).partition(":")[0]

    assert answer(session) == "NoSuchEntity"  # moto keeps no root user
    assert answer(session, UserName="alice") == "AccessDenied"
    assert answer(administrator, UserName="alice") == "AccessDenied"
