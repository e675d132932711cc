"""Access: what the role that a push to `develop` runs with reaches, and what it does not.

The embedded AWS enforces identity policies, trusts, boundaries, guard rails and the policies of
buckets and keys on every call made here.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.access import Access, client
from sandbox.sandbox import Sandbox
from tests.engine.conftest import as_build_role, assumed, stack

EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)
RESTRICTED = ["org", "dns", "corp", "tools", "stage", "prod"]


@pytest.fixture(scope="module")
def ids(sandbox: Sandbox) -> dict[str, str]:
    return sandbox.account_ids()


@pytest.fixture(scope="module")
def build(sandbox: Sandbox) -> Callable[[str], Access]:
    """Return how to get a session of a build role, by the name of its pipeline."""
    return partial(as_build_role, sandbox)


@pytest.fixture(scope="module")
def develop(build: Callable[[str], Access]) -> Access:
    """Return what a push to `develop` runs with."""
    return build("app-dev")


@pytest.fixture(scope="module")
def deploy(develop: Access, ids: dict[str, str]) -> Access:
    """Return the deploy role of DEV, as its pipeline assumes it."""
    return assumed(develop, ids["dev"], "deploy")


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """Return AWS's words for a call that is denied."""
    with pytest.raises(ClientError) as denied:
        call(**arguments)
    assert "(AccessDenied" in str(denied.value)
    return str(denied.value)


def boundary(account: str) -> str:
    return f"arn:aws:iam::{account}:policy/deploy-boundary"


def test_a_push_to_develop_reaches_dev(deploy: Access, ids: dict[str, str]) -> None:
    identity = client("sts", deploy).get_caller_identity()

    assert identity["Account"] == ids["dev"]
    assert identity["Arn"].endswith(":assumed-role/deploy/build")


@pytest.mark.parametrize("account", RESTRICTED)
def test_a_push_to_develop_reaches_no_other_account(
    develop: Access, ids: dict[str, str], account: str
) -> None:
    for role in ("deploy", "OrganizationAccountAccessRole"):
        arn = f"arn:aws:iam::{ids[account]}:role/{role}"

        said = refusal(client("sts", develop).assume_role, RoleArn=arn, RoleSessionName="build")

        assert f"is not authorized to perform: sts:AssumeRole on resource: {arn}" in said


@pytest.mark.parametrize("name", ["corp", "stage", "prod"])
def test_a_push_to_develop_delegates_no_other_name(
    develop: Access, ids: dict[str, str], name: str
) -> None:
    arn = f"arn:aws:iam::{ids['dns']}:role/delegate-{name}"

    refusal(client("sts", develop).assume_role, RoleArn=arn, RoleSessionName="build")


@pytest.mark.parametrize(
    ("pipeline", "account"),
    [
        ("org-main", "org"),
        ("dns-main", "dns"),
        ("corp-main", "corp"),
        ("tools-main", "tools"),
        ("app-dev", "dev"),
        ("app-stage", "stage"),
        ("app-prod", "prod"),
    ],
)
def test_each_deploy_role_trusts_the_build_role_of_its_pipeline_and_no_other(
    build: Callable[[str], Access], ids: dict[str, str], pipeline: str, account: str
) -> None:
    mine = build(pipeline)

    assert (
        client("sts", assumed(mine, ids[account], "deploy")).get_caller_identity()["Account"]
        == (ids[account])
    )
    for other in set(ids) - {account}:
        arn = f"arn:aws:iam::{ids[other]}:role/deploy"
        refusal(client("sts", mine).assume_role, RoleArn=arn, RoleSessionName="build")


def test_a_session_lasts_an_hour_at_most(develop: Access, ids: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        client("sts", develop).assume_role(
            RoleArn=f"arn:aws:iam::{ids['dev']}:role/deploy",
            RoleSessionName="build",
            DurationSeconds=3601,
        )


def test_there_is_one_hop(deploy: Access, ids: dict[str, str]) -> None:
    arn = f"arn:aws:iam::{ids['dns']}:role/delegate-dev"

    refusal(client("sts", deploy).assume_role, RoleArn=arn, RoleSessionName="build")


def test_a_deploy_role_does_not_escape_by_a_role_without_the_boundary(
    deploy: Access, ids: dict[str, str]
) -> None:
    iam = client("iam", deploy)
    escape = {"RoleName": "escape", "AssumeRolePolicyDocument": trust_in(ids["dev"])}

    said = refusal(iam.create_role, **escape)

    assert said.endswith("with an explicit deny in a permissions boundary")
    refusal(
        iam.create_role, **escape, PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"
    )


def test_a_deploy_role_does_not_escape_by_a_role_with_it(
    sandbox: Sandbox, deploy: Access, ids: dict[str, str]
) -> None:
    iam = client("iam", deploy)
    iam.create_role(
        RoleName="escape",
        AssumeRolePolicyDocument=trust_in(ids["dev"]),
        PermissionsBoundary=boundary(ids["dev"]),
    )
    iam.put_role_policy(RoleName="escape", PolicyName="all", PolicyDocument=EVERYTHING)
    try:
        escaped = assumed(sandbox.access("dev"), ids["dev"], "escape")
        with_its_rights = client("iam", escaped)

        refusal(with_its_rights.create_user, UserName="mallory")
        refusal(with_its_rights.delete_role_permissions_boundary, RoleName="escape")
        refusal(
            with_its_rights.update_assume_role_policy,
            RoleName="deploy",
            PolicyDocument=trust_in(ids["dev"]),
        )
        refusal(
            client("sts", escaped).assume_role,
            RoleArn=f"arn:aws:iam::{ids['prod']}:role/deploy",
            RoleSessionName="build",
        )
    finally:
        iam.delete_role_policy(RoleName="escape", PolicyName="all")
        iam.delete_role(RoleName="escape")


def test_a_deploy_role_changes_neither_its_boundary_nor_itself(
    deploy: Access, ids: dict[str, str]
) -> None:
    iam, bounds = client("iam", deploy), boundary(ids["dev"])

    refusal(
        iam.create_policy_version,
        PolicyArn=bounds,
        PolicyDocument=EVERYTHING,
        SetAsDefault=True,
    )
    refusal(iam.delete_policy, PolicyArn=bounds)
    refusal(iam.delete_role_permissions_boundary, RoleName="deploy")
    refusal(
        iam.put_role_permissions_boundary,
        RoleName="deploy",
        PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess",
    )
    refusal(
        iam.update_assume_role_policy,
        RoleName="deploy",
        PolicyDocument=trust_in(ids["dev"]),
    )
    refusal(
        iam.update_assume_role_policy,
        RoleName="OrganizationAccountAccessRole",
        PolicyDocument=trust_in(ids["dev"]),
    )


def test_orgs_pipeline_changes_the_organization_and_nothing_else(
    build: Callable[[str], Access], ids: dict[str, str]
) -> None:
    org = assumed(build("org-main"), ids["org"], "deploy")

    assert client("organizations", org).list_accounts()["Accounts"]
    refusal(client("organizations", org).close_account, AccountId=ids["dev"])
    refusal(client("iam", org).create_user, UserName="mallory")
    refusal(
        client("iam", org).put_role_policy,
        RoleName="deploy",
        PolicyName="all",
        PolicyDocument=EVERYTHING,
    )
    refusal(
        client("sts", org).assume_role,
        RoleArn=f"arn:aws:iam::{ids['prod']}:role/OrganizationAccountAccessRole",
        RoleSessionName="build",
    )


def test_artefacts_are_for_pipelines_and_a_deploy_role_is_refused(
    sandbox: Sandbox, build: Callable[[str], Access], develop: Access, ids: dict[str, str]
) -> None:
    bucket = sandbox.outputs(stack("tools/main"))["artifact_bucket"]
    place = {"Bucket": bucket, "Key": "app-dev/preview/a1b2c3d"}

    client("s3", develop).put_object(**place, Body=b"a preview")

    assert client("s3", develop).get_object(**place)["Body"].read() == b"a preview"
    for outsider in (
        assumed(build("tools-main"), ids["tools"], "deploy"),
        assumed(develop, ids["dev"], "deploy"),
        sandbox.access("tools"),
    ):
        refusal(client("s3", outsider).get_object, **place)
        refusal(client("s3", outsider).put_object, **place, Body=b"another")


def test_the_artefacts_key_is_used_by_pipelines_only(
    sandbox: Sandbox, build: Callable[[str], Access], develop: Access, ids: dict[str, str]
) -> None:
    bucket = sandbox.outputs(stack("tools/main"))["artifact_bucket"]
    settings = client("s3", sandbox.access("tools")).get_bucket_encryption(Bucket=bucket)
    (rule,) = settings["ServerSideEncryptionConfiguration"]["Rules"]
    key = rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]

    client("kms", develop).encrypt(KeyId=key, Plaintext=b"a")

    tools = assumed(build("tools-main"), ids["tools"], "deploy")
    refusal(client("kms", tools).encrypt, KeyId=key, Plaintext=b"a")
    refusal(client("kms", sandbox.access("tools")).encrypt, KeyId=key, Plaintext=b"a")


def trust_in(account: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                }
            ],
        }
    )
