"""What every account gets first: the role that its pipeline deploys with, its bounds, and settings.

Owns who may deploy into an account, how far that reaches, and the settings of the account that make
safe what a resource says nothing about. Owns nothing that is deployed. Only
`OrganizationAccountAccessRole`, in the hands of a person, may change the role and its bounds: the
deploy role itself is denied it. The settings are the deploy role's to keep.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

import pulumi
import pulumi_aws as aws

from components.organization import ACCESS_ROLE
from components.role import SESSION_SECONDS, role_arn, role_with_policy, trust_in_role

DEPLOY_ROLE = "deploy"
"""The role's name is fixed: build roles name it before it exists."""
BOUNDARY = "deploy-boundary"
"""The policy's name is fixed: it speaks of itself."""
BUILD_ROLES = "build-"
"""What the names of build roles, in the Tools account, start with."""
SERVICE_ROLE = "pipelines"
"""The name of the pipelines' own role there, which is fixed: policies name it before it exists."""
METADATA_HOPS = 2
"""How far an answer of an instance's metadata service travels where its launch does not say.

To the instance is one hop, to a container on it one more; with one, AWS's clients in a container
find no credentials. Two is what AWS sets with version 2 as an account's default (EC2 user guide,
"Configure instance metadata options for new instances", read 2026-11-25), and what an image has
that asks for version 2. A host without containers asks for one itself, as the VPN's does.
"""

BOUNDARY_CHANGES = [
    "iam:CreatePolicy",
    "iam:CreatePolicyVersion",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:TagPolicy",
    "iam:UntagPolicy",
]
POLICY_CHANGES = [
    "iam:AttachRolePolicy",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
]
"""Changes of what a role may do; with these, a condition may ask for the role's boundary."""
MADE_BY_AWS = [
    "AWSCloudFormationStackSetExecutionRole",
    "AWSControlTowerExecution",
    "aws-reserved/*",
    "stacksets-exec-*",
]
"""Roles that services of the organization make, without a boundary, to administrate an account."""
ROLE_CHANGES = [
    *POLICY_CHANGES,
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePermissionsBoundary",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
]


def boundary_policy(account_id: str, assumable: Sequence[str] = ()) -> dict[str, Any]:
    """Return the bounds of an account's deploy role, and of every role that it makes.

    `assumable` are the ARNs, with wildcards, of roles elsewhere that a role in the account may be
    allowed to assume; none, most often. Without the boundary a deploy role could make itself a role
    that may do anything; with it, that role has the same bounds. A role that a person made by hand
    without it has none: IAM cannot ask for the boundary of a role that is passed to a service.
    """
    boundary = f"arn:aws:iam::{account_id}:policy/{BOUNDARY}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "EverythingBut", "Effect": "Allow", "Action": "*", "Resource": "*"},
            {
                "Sid": "RolesWithoutThisBoundary",
                "Effect": "Deny",
                "Action": ["iam:CreateRole", "iam:PutRolePermissionsBoundary", *POLICY_CHANGES],
                "Resource": "*",
                "Condition": {"StringNotEquals": {"iam:PermissionsBoundary": boundary}},
            },
            {
                "Sid": "NoRoleWithoutBoundary",
                "Effect": "Deny",
                "Action": "iam:DeleteRolePermissionsBoundary",
                "Resource": "*",
            },
            {
                "Sid": "ThisBoundary",
                "Effect": "Deny",
                "Action": BOUNDARY_CHANGES,
                "Resource": boundary,
            },
            {
                "Sid": "RolesThatLeadIn",
                "Effect": "Deny",
                "Action": [*ROLE_CHANGES, "iam:PassRole"],
                "Resource": [
                    role_arn(account_id, name) for name in (DEPLOY_ROLE, ACCESS_ROLE, *MADE_BY_AWS)
                ],
            },
            {
                "Sid": "OtherWaysIn",
                "Effect": "Deny",
                "Action": [
                    "iam:AddUserToGroup",
                    "iam:AttachGroupPolicy",
                    "iam:AttachUserPolicy",
                    "iam:Create*Provider",
                    "iam:CreateAccessKey",
                    "iam:CreateGroup",
                    "iam:CreateLoginProfile",
                    "iam:CreateServiceSpecificCredential",
                    "iam:CreateUser",
                    "iam:CreateVirtualMFADevice",
                    "iam:DeleteUserPermissionsBoundary",
                    "iam:PutGroupPolicy",
                    "iam:PutUser*",
                    "iam:Update*Provider*",
                    "iam:UpdateAccessKey",
                    "iam:UpdateLoginProfile",
                    "iam:UploadSSHPublicKey",
                    "iam:UploadSigningCertificate",
                ],
                "Resource": "*",
            },
            {
                "Sid": "OtherAccounts",
                "Effect": "Deny",
                "Action": "sts:AssumeRole",
                **({"NotResource": list(assumable)} if assumable else {"Resource": "*"}),
            },
            {
                "Sid": "TheOrganization",
                "Effect": "Deny",
                "Action": ["account:*", "organizations:*"],
                "Resource": "*",
            },
        ],
    }


def deploy_policy() -> dict[str, Any]:
    """Return what a member account's deploy role may do within its boundary: all but a hop."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Deploy", "Effect": "Allow", "Action": "*", "Resource": "*"},
            {
                "Sid": "OneHop",
                "Effect": "Deny",
                "Action": "sts:AssumeRole",
                "Resource": "*",
            },
        ],
    }


@dataclass(frozen=True, kw_only=True)
class DeployRoleArgs:
    """Whose build role (a name in the Tools account) may deploy here, and what that lets it do.

    `permissions_boundary` is the ARN of a policy; a role without one has to do with a narrow
    `policy`.
    """

    tools_account_id: pulumi.Input[str]
    build_role: str
    policy: dict[str, Any]
    permissions_boundary: pulumi.Input[str] | None = None


class DeployRole(pulumi.ComponentResource):
    """The role that an account's own pipeline deploys with."""

    role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: DeployRoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:account:DeployRole", name, None, opts)
        self.role_arn, _ = role_with_policy(
            name,
            pulumi.ResourceOptions(parent=self),
            trust=pulumi.Output.from_input(args.tools_account_id).apply(
                lambda account_id: trust_in_role(account_id, args.build_role)
            ),
            policy=args.policy,
            permissions_boundary=args.permissions_boundary,
            role_name=DEPLOY_ROLE,
            description=f"Deploys for {args.build_role}",
            max_session_duration=SESSION_SECONDS,
        )
        self.register_outputs({"role_arn": self.role_arn})


@dataclass(frozen=True, kw_only=True)
class AccountBaselineArgs:
    """The account, and the build role (a name in the Tools account) that deploys into it.

    `assumable` are ARNs, with wildcards, of roles elsewhere that a role in the account may be
    allowed to assume.
    """

    account_id: pulumi.Input[str]
    tools_account_id: pulumi.Input[str]
    build_role: str
    assumable: Sequence[str] = ()


class AccountBaseline(pulumi.ComponentResource):
    """A member account's deploy role, the boundary of every role made there, and its settings.

    The settings are those of the account (public access to S3) and of the region of its provider
    (encryption of disks, version 2 of instances' metadata service). They stay on after a destroy.
    """

    boundary_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: AccountBaselineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:account:AccountBaseline", name, None, opts)
        boundary = aws.iam.Policy(
            f"{name}-boundary",
            name=BOUNDARY,
            description="What no role in this account may do, the deploy role's own included",
            policy=pulumi.Output.from_input(args.account_id).apply(
                lambda account_id: dumps(boundary_policy(account_id, args.assumable))
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        DeployRole(
            f"{name}-deploy",
            DeployRoleArgs(
                tools_account_id=args.tools_account_id,
                build_role=args.build_role,
                policy=deploy_policy(),
                permissions_boundary=boundary.arn,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self._switch_on_settings(name)
        self.boundary_arn = boundary.arn
        self.register_outputs({"boundary_arn": self.boundary_arn})

    def _switch_on_settings(self, name: str) -> None:
        # A setting is no object: its deletion switches it off, for what others have in the account.
        stays_on = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
        aws.s3.AccountPublicAccessBlock(
            f"{name}-public-access",
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=stays_on,
        )
        aws.ebs.EncryptionByDefault(f"{name}-disk-encryption", enabled=True, opts=stays_on)
        aws.ec2.InstanceMetadataDefaults(
            f"{name}-instance-metadata",
            http_tokens="required",
            http_put_response_hop_limit=METADATA_HOPS,
            opts=stays_on,
        )
