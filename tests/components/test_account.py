"""The account's baseline: one role deploys, for one pipeline, and it cannot set itself free."""

import json
from typing import Any

import pytest

from components.account import (
    AccountBaseline,
    AccountBaselineArgs,
    DeployRole,
    DeployRoleArgs,
    boundary_policy,
    deploy_policy,
)
from components.role import trust_in_role
from iam.policy import Document, Effect, Request, evaluate
from tests.cloud import Cloud

ACCOUNT, TOOLS = "444455556666", "777788889999"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/deploy-boundary"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
MANAGED_POLICY_CHARACTERS = 6144  # IAM quotas, read 2026-11-25
INLINE_POLICIES_CHARACTERS = 10240


def baseline(**changes: Any) -> Cloud:
    args = {"account_id": ACCOUNT, "tools_account_id": TOOLS, "build_role": "build-app-dev"}
    return Cloud().run(lambda: AccountBaseline("baseline", AccountBaselineArgs(**args | changes)))


def effect(document: Document, action: str, resource: str, **context: str) -> Effect:
    keys = {key.replace("_", ":", 1).lower(): (value,) for key, value in context.items()}
    return evaluate([document], Request(action=action, resource=resource, context=keys))


def is_allowed(action: str, resource: str, **context: str) -> bool:
    return effect(boundary_policy(ACCOUNT), action, resource, **context) is Effect.ALLOW


def test_a_trust_admits_one_role_of_the_tools_account_which_need_not_exist_yet() -> None:
    (statement,) = trust_in_role(TOOLS, "build-app-dev")["Statement"]

    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{TOOLS}:root"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{TOOLS}:role/build-app-dev"}
    }


def test_the_deploy_role_carries_trust_policy_and_boundary() -> None:
    cloud = baseline()

    role, policy = cloud.only("Role").inputs, cloud.only("RolePolicy").inputs
    assert role["name"] == "deploy"
    assert json.loads(role["assumeRolePolicy"]) == trust_in_role(TOOLS, "build-app-dev")
    assert role["permissionsBoundary"] == "arn:aws:iam::444455556666:policy/deploy-boundary"
    assert role["maxSessionDuration"] == 3600
    assert json.loads(policy["policy"]) == deploy_policy()


def test_the_boundary_speaks_of_itself() -> None:
    boundary = baseline().only("aws:iam/policy:Policy")

    assert boundary.inputs["name"] == "deploy-boundary"
    assert json.loads(boundary.inputs["policy"]) == boundary_policy(ACCOUNT)


def test_what_no_resource_says_is_safe_by_a_setting_of_the_account() -> None:
    cloud = baseline()

    assert cloud.only("AccountPublicAccessBlock").inputs == {
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    assert cloud.only("EncryptionByDefault").inputs == {"enabled": True}
    assert cloud.only("InstanceMetadataDefaults").inputs == {
        "httpTokens": "required",
        "httpPutResponseHopLimit": 2,
    }


@pytest.mark.parametrize(
    "setting", ["AccountPublicAccessBlock", "EncryptionByDefault", "InstanceMetadataDefaults"]
)
def test_a_setting_of_the_account_outlives_the_stack(setting: str) -> None:
    assert baseline().only(setting).retain_on_delete


@pytest.mark.parametrize(
    "action",
    [
        "ec2:EnableEbsEncryptionByDefault",
        "ec2:ModifyInstanceMetadataDefaults",
        "s3:PutAccountPublicAccessBlock",
    ],
)
def test_the_deploy_role_may_keep_the_settings_of_the_account(action: str) -> None:
    assert is_allowed(action, "*")
    assert effect(deploy_policy(), action, "*") is Effect.ALLOW


def test_a_deploy_role_without_a_boundary_has_none() -> None:
    args = DeployRoleArgs(tools_account_id=TOOLS, build_role="build-org-main", policy={})
    cloud = Cloud().run(lambda: DeployRole("deploy", args))

    assert "permissionsBoundary" not in cloud.only("Role").inputs


def test_a_role_is_made_with_the_same_boundary_only() -> None:
    new = f"{ROLE}/new"

    assert is_allowed("iam:CreateRole", new, iam_PermissionsBoundary=BOUNDARY)
    assert not is_allowed("iam:CreateRole", new)
    assert not is_allowed("iam:CreateRole", new, iam_PermissionsBoundary=f"{BOUNDARY}-2")


@pytest.mark.parametrize(
    "action",
    [
        "iam:AttachRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
    ],
)
def test_what_a_role_may_do_changes_only_under_the_boundary(action: str) -> None:
    assert is_allowed(action, f"{ROLE}/service", iam_PermissionsBoundary=BOUNDARY)
    assert not is_allowed(action, f"{ROLE}/made-by-hand")


def test_no_role_gets_rid_of_the_boundary() -> None:
    role = f"{ROLE}/service"

    assert not is_allowed(
        "iam:DeleteRolePermissionsBoundary", role, iam_PermissionsBoundary=BOUNDARY
    )


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:SetDefaultPolicyVersion",
    ],
)
def test_the_boundary_itself_stays_as_it_is(action: str) -> None:
    assert not is_allowed(action, BOUNDARY)
    assert is_allowed(action, f"arn:aws:iam::{ACCOUNT}:policy/other")


@pytest.mark.parametrize(
    "name",
    [
        "deploy",
        "OrganizationAccountAccessRole",
        "AWSCloudFormationStackSetExecutionRole",
        "AWSControlTowerExecution",
        "aws-reserved/sso.amazonaws.com/AWSReservedSSO_a",
        "stacksets-exec-0123456789abcdef",
    ],
)
@pytest.mark.parametrize(
    "action",
    [
        "iam:AttachRolePolicy",
        "iam:DeleteRole",
        "iam:PassRole",
        "iam:PutRolePolicy",
        "iam:TagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
    ],
)
def test_the_roles_that_lead_in_stay_as_they_are(action: str, name: str) -> None:
    assert not is_allowed(action, f"{ROLE}/{name}", iam_PermissionsBoundary=BOUNDARY)


@pytest.mark.parametrize(
    "action",
    [
        "iam:AddUserToGroup",
        "iam:AttachGroupPolicy",
        "iam:AttachUserPolicy",
        "iam:CreateAccessKey",
        "iam:CreateLoginProfile",
        "iam:CreateOpenIDConnectProvider",
        "iam:CreateSAMLProvider",
        "iam:CreateServiceSpecificCredential",
        "iam:CreateUser",
        "iam:PutUserPolicy",
        "iam:UpdateSAMLProvider",
        "iam:UploadSSHPublicKey",
        "organizations:LeaveOrganization",
        "account:DisableRegion",
    ],
)
def test_there_is_no_other_way_in_and_none_out(action: str) -> None:
    assert not is_allowed(action, "*")


def test_what_is_deployed_is_not_bounded() -> None:
    assert is_allowed("dynamodb:DeleteTable", "*")
    assert is_allowed("iam:PassRole", f"{ROLE}/service")
    assert is_allowed("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/app")


def test_a_role_assumes_no_other_unless_the_account_is_there_for_that() -> None:
    wanted, other = "arn:aws:iam::111122223333:role/deploy", "arn:aws:iam::111122223333:role/a"
    bounds = boundary_policy(ACCOUNT, ["arn:aws:iam::*:role/deploy"])

    assert not is_allowed("sts:AssumeRole", wanted)
    assert effect(bounds, "sts:AssumeRole", wanted) is Effect.ALLOW
    assert effect(bounds, "sts:AssumeRole", other) is Effect.DENY
    assert effect(deploy_policy(), "sts:AssumeRole", wanted) is Effect.DENY


def test_the_boundary_fits_a_managed_policy() -> None:
    bounds = boundary_policy(
        ACCOUNT, ["arn:aws:iam::*:role/deploy", "arn:aws:iam::*:role/delegate-*"]
    )

    assert len(json.dumps(bounds, separators=(",", ":"))) <= MANAGED_POLICY_CHARACTERS
