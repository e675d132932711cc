"""Guard rails: what nobody in an account may do, its administrators included.

Owns the library: what each guard rail denies, why, and whom it exempts. A guard rail of your own is
one more entry at the end of `LIBRARY`. Owns the limits that settings may lower, too. Where each
holds is for settings, how it reaches AWS for `service_control`. AWS exempts the management account
and service-linked roles from all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.account import (
    BOUNDARY,
    BOUNDARY_CHANGES,
    BUILD_ROLES,
    DEPLOY_ROLE,
    MADE_BY_AWS,
    ROLE_CHANGES,
    SERVICE_ROLE,
)
from components.organization import ACCESS_ROLE
from components.role import role_arn

Statement = dict[str, Any]

CHARACTERS = 10_240
"""Characters of a service control policy, white space included (AWS Organizations quotas as of
2026-05-15, read 2026-11-25)."""
POLICIES_PER_TARGET = 10
"""Service control policies that a root, an OU or an account may have attached, FullAWSAccess
included (AWS Organizations quotas as of 2026-05-15, read 2026-11-25)."""

ANYWHERE = "*"
"""The account in the ARN of a role that has the same name in each."""
ACCESS_ALONE = (ACCESS_ROLE,)
"""Who changes what accounts are made with: a person from the management account."""
DEPLOYERS = (DEPLOY_ROLE, ACCESS_ROLE)
"""Who deploys: the pipelines, and a person from the management account before there is one."""
OF_BUILDS = (f"{BUILD_ROLES}*", SERVICE_ROLE)
"""The roles of pipelines and of their builds."""
AUDIT_LOG_GROUPS = ("*audit*", "*CloudTrail*", "*cloudtrail*")
"""The names of log groups that tell who did what; a policy regards their case."""
ACCESS_POINTS = "arn:aws:s3:*:*:accesspoint/*"
"""Through one, an object has another name, which says nothing of its bucket's."""

DELETIONS = [
    "aoss:DeleteCollection",
    "aoss:DeleteIndex",
    "backup:DeleteBackupVault",
    "backup:DeleteBackupVaultLockConfiguration",
    "backup:DeleteRecoveryPoint",
    "backup:DisassociateRecoveryPoint",
    "backup:UpdateRecoveryPointLifecycle",
    "cassandra:Drop",
    "cassandra:DropMultiRegionResource",
    "cognito-idp:DeleteUserPool",
    "docdb-elastic:DeleteCluster",
    "docdb-elastic:DeleteClusterSnapshot",
    "dsql:DeleteCluster",
    "dynamodb:DeleteBackup",
    "dynamodb:DeleteTable",
    "dynamodb:DeleteTableReplica",
    "elasticfilesystem:DeleteFileSystem",
    "es:DeleteDomain",
    "es:DeleteElasticsearchDomain",
    "es:DeleteIndex",
    "fsx:DeleteBackup",
    "fsx:DeleteFileSystem",
    "fsx:DeleteVolume",
    "kms:DeleteCustomKeyStore",
    "kms:DeleteImportedKeyMaterial",
    "kms:DisableKey",
    "kms:ScheduleKeyDeletion",
    "memorydb:DeleteCluster",
    "memorydb:DeleteSnapshot",
    "neptune-db:ResetDatabase",
    "neptune-graph:DeleteGraph",
    "neptune-graph:DeleteGraphSnapshot",
    "neptune-graph:ResetGraph",
    "qldb:DeleteLedger",
    "rds:DeleteDBCluster",
    "rds:DeleteDBClusterAutomatedBackup",
    "rds:DeleteDBClusterSnapshot",
    "rds:DeleteDBInstance",
    "rds:DeleteDBInstanceAutomatedBackup",
    "rds:DeleteDBShardGroup",
    "rds:DeleteDBSnapshot",
    "rds:DeleteGlobalCluster",
    "rds:DeleteTenantDatabase",
    "redshift-serverless:DeleteNamespace",
    "redshift-serverless:DeleteSnapshot",
    "redshift:DeleteCluster",
    "redshift:DeleteClusterSnapshot",
    "s3tables:DeleteTable",
    "s3tables:DeleteTableBucket",
    "timestream:DeleteDatabase",
    "timestream:DeleteTable",
]
"""What takes a customer's data for good. The clusters of Neptune and DocumentDB have the actions
of RDS; OpenSearch kept the prefix of Elasticsearch and has both of its delete actions; QLDB ended
on 2025-07-31, and its deny costs nothing."""

GLOBAL_SERVICES = [
    "access-analyzer:*",
    "account:*",
    "activate:*",
    "artifact:*",
    "aws-marketplace-management:*",
    "aws-marketplace:*",
    "aws-portal:*",
    "bcm-dashboards:*",
    "bcm-data-exports:*",
    "bcm-pricing-calculator:*",
    "bcm-recommended-actions:*",
    "billing:*",
    "billingconductor:*",
    "budgets:*",
    "ce:*",
    "chatbot:*",
    "cloudfront-keyvaluestore:*",
    "cloudfront:*",
    "cloudtrail:LookupEvents",
    "compute-optimizer:*",
    "consoleapp:*",
    "consolidatedbilling:*",
    "cost-optimization-hub:*",
    "cur:*",
    "directconnect:*",
    "ec2:DescribeRegions",
    "ecr-public:*",
    "fms:*",
    "freetier:*",
    "globalaccelerator:*",
    "health:*",
    "iam:*",
    "invoicing:*",
    "license-manager:ListReceivedLicenses",
    "networkmanager:*",
    "notifications-contacts:*",
    "notifications:*",
    "organizations:*",
    "payments:*",
    "pricing:*",
    "pricingplanmanager:*",
    "resource-explorer-2:*",
    "route53-recovery-cluster:*",
    "route53-recovery-control-config:*",
    "route53-recovery-readiness:*",
    "route53:*",
    "route53domains:*",
    "s3:CreateMultiRegionAccessPoint",
    "s3:DeleteMultiRegionAccessPoint",
    "s3:DescribeMultiRegionAccessPointOperation",
    "s3:GetAccountPublicAccessBlock",
    "s3:GetBucketLocation",
    "s3:GetMultiRegionAccessPoint*",
    "s3:ListAllMyBuckets",
    "s3:ListMultiRegionAccessPoints",
    "s3:PutAccountPublicAccessBlock",
    "s3:PutMultiRegionAccessPointPolicy",
    "savingsplans:*",
    "servicequotas:*",
    "shield:*",
    "sso:*",
    "sts:*",
    "support:*",
    "supportapp:*",
    "supportplans:*",
    "sustainability:*",
    "tag:GetResources",
    "tax:*",
    "trustedadvisor:*",
    "uxc:*",
    "waf:*",
    "wellarchitected:*",
]
"""What has one endpoint for all regions, in us-east-1 or us-west-2: AWS Control Tower controls
reference, "Deny access to AWS based on the requested AWS Region", read 2026-11-25. Left out is what
AWS has closed and what each region has; added are CloudFront's key-value stores and plans, the
quotas of global services, and what tells of costs (their developer guides, read 2026-11-28)."""

CLOUDFRONT_REGION = "us-east-1"
FOR_CLOUDFRONT = ["acm:*", "cloudwatch:*", "kms:*", "lambda:*", "logs:*", "wafv2:*"]
"""Services of each region that CloudFront and Route 53 want in us-east-1: certificates, web ACLs,
Lambda@Edge, metrics, standard and query logs, the keys of DNSSEC (their developer guides, read
2026-11-25). What a function of Lambda@Edge logs is lost where it runs outside allowed regions."""

LEAVING = [
    "account:CloseAccount",
    "organizations:AcceptHandshake",
    "organizations:LeaveOrganization",
]
"""To accept the invitation of another organization is to leave this one (AWS Organizations API,
AcceptHandshake, read 2026-11-25)."""

POLICY_CHANGES = [
    "organizations:AttachPolicy",
    "organizations:CreatePolicy",
    "organizations:DeletePolicy",
    "organizations:DetachPolicy",
    "organizations:DisablePolicyType",
    "organizations:UpdatePolicy",
]
"""What a delegated administrator may be allowed; each knows the type of the policy. Those of other
types stay open to one."""

LONG_LIVED = [
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateServiceSpecificCredential",
    "iam:ResetServiceSpecificCredential",
    "iam:UpdateLoginProfile",
    "iam:UploadSSHPublicKey",
    "iam:UploadSigningCertificate",
]
"""Credentials that no session ends. To switch an access key off takes the action that switches it
on (`iam:UpdateAccessKey`), so that one stays allowed."""

OF_PIPELINES = [
    "codebuild:CreateProject",
    "codebuild:RetryBuild",
    "codebuild:RetryBuildBatch",
    "codebuild:StartBuild",
    "codebuild:StartBuildBatch",
    "codebuild:StartCommandExecution",
    "codebuild:StartSandbox",
    "codebuild:StartSandboxConnection",
    "codebuild:UpdateProject",
    "codepipeline:CreatePipeline",
    "codepipeline:UpdatePipeline",
]
"""What runs commands with a build role, besides the steps of a pipeline. To start a pipeline and to
approve of what it does stays open."""

SETTING_CHANGES = [
    "ec2:DisableEbsEncryptionByDefault",
    "ec2:ModifyInstanceMetadataDefaults",
    "s3:PutAccountPublicAccessBlock",
]
"""What weakens the settings of `AccountBaseline`; S3 has one action for both directions."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What guard rails speak of: the regions in use, a pattern of bucket names, and break glass.

    `data_buckets` has no star but the last one, since a star matches slashes, too.
    `break_glass_role` is the name that a role for emergencies has in every account.
    """

    allowed_regions: Sequence[str]
    data_buckets: str
    break_glass_role: str | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a policy and a target hold at most; an organization may want to stay below AWS."""

    characters: int = CHARACTERS
    policies_per_target: int = POLICIES_PER_TARGET


def exempting(terms: Terms, roles: Sequence[str]) -> Statement:
    """Return the condition that spares these roles of any account, and break glass with them."""
    spared = [*roles, *([terms.break_glass_role] if terms.break_glass_role else [])]
    if not spared:
        return {}
    return {"ArnNotLike": {"aws:PrincipalArn": [role_arn(ANYWHERE, name) for name in spared]}}


def protect_data_stores(terms: Terms) -> list[Statement]:
    """Deny the deletion of data, backups and keys to everybody.

    An object that is deleted or written over stays as a version where its bucket keeps versions,
    and those nobody deletes. What lets data expire is for `protect_data_settings`. AWS Backup is
    denied too where it works with a role of the account: what its plan lets expire stays, marked
    EXPIRED (AWS Backup API, DeleteRecoveryPoint, read 2026-11-28).
    """
    bucket = f"arn:aws:s3:::{terms.data_buckets}"
    return [
        {
            "Sid": "ProtectDataStores",
            "Effect": "Deny",
            "Action": DELETIONS,
            "Resource": "*",
        },
        {
            "Sid": "ProtectDataBuckets",
            "Effect": "Deny",
            "Action": [
                "s3:BypassGovernanceRetention",
                "s3:DeleteBucket",
                "s3:DeleteObjectVersion",
            ],
            "Resource": [bucket, f"{bucket}/*", ACCESS_POINTS],
        },
        {
            "Sid": "ProtectAuditLogs",
            "Effect": "Deny",
            "Action": ["logs:DeleteLogGroup", "logs:DeleteLogStream"],
            "Resource": audit_logs(),
        },
    ]


def audit_logs() -> list[str]:
    """Return the ARNs of log groups that tell who did what, in any account."""
    return [f"arn:aws:logs:*:*:log-group:{name}" for name in AUDIT_LOG_GROUPS]


def stay_in_organization(_: Terms) -> list[Statement]:
    """Deny the ways out of the organization to everybody; the management account has its own."""
    return [
        {"Sid": "StayInOrganization", "Effect": "Deny", "Action": LEAVING, "Resource": "*"},
    ]


def no_root_user(_: Terms) -> list[Statement]:
    """Deny everything to root users, but not to sessions that the management account takes of them.

    The key `aws:AssumedRoot` is there in a session of `sts:AssumeRoot` only.
    """
    return [
        {
            "Sid": "NoRootUser",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {
                "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ANYWHERE}:root"},
                "Null": {"aws:AssumedRoot": "true"},
            },
        }
    ]


def allowed_regions(terms: Terms) -> list[Statement]:
    """Deny all other regions, but for what is global or has to be in us-east-1."""
    regions = list(terms.allowed_regions)
    spared = exempting(terms, ())
    return [
        {
            "Sid": "AllowedRegions",
            "Effect": "Deny",
            "NotAction": [*GLOBAL_SERVICES, *FOR_CLOUDFRONT],
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": regions}, **spared},
        },
        {
            "Sid": "AllowedRegionsForCloudFront",
            "Effect": "Deny",
            "Action": FOR_CLOUDFRONT,
            "Resource": "*",
            "Condition": {
                "StringNotEquals": {
                    "aws:RequestedRegion": list(dict.fromkeys([*regions, CLOUDFRONT_REGION]))
                },
                **spared,
            },
        },
    ]


def protect_access(terms: Terms) -> list[Statement]:
    """Deny changes of the roles that exemptions name, of their bounds, and of guard rails.

    Whoever could make a role of an exempt name would be exempt, so that to make one is denied too.
    Any role whose name starts like a build role's, and the pipelines' own, are for those who
    deploy.
    """
    changes = ["iam:CreateRole", *ROLE_CHANGES]
    by_a_person = [DEPLOY_ROLE, *MADE_BY_AWS]
    if terms.break_glass_role:
        by_a_person.append(terms.break_glass_role)
    return [
        {
            "Sid": "ProtectRoles",
            "Effect": "Deny",
            "Action": changes,
            "Resource": [role_arn(ANYWHERE, name) for name in by_a_person],
            "Condition": exempting(terms, ACCESS_ALONE),
        },
        {
            "Sid": "ProtectBoundary",
            "Effect": "Deny",
            "Action": BOUNDARY_CHANGES,
            "Resource": f"arn:aws:iam::{ANYWHERE}:policy/{BOUNDARY}",
            "Condition": exempting(terms, ACCESS_ALONE),
        },
        {
            "Sid": "ProtectBuildRoles",
            "Effect": "Deny",
            "Action": changes,
            "Resource": [role_arn(ANYWHERE, name) for name in OF_BUILDS],
            "Condition": exempting(terms, DEPLOYERS),
        },
        {
            # Lost, this one leaves no way into the account, so that not even itself may change it.
            "Sid": "ProtectAccessRole",
            "Effect": "Deny",
            "Action": changes,
            "Resource": role_arn(ANYWHERE, ACCESS_ROLE),
        },
        {
            "Sid": "ProtectGuardRails",
            "Effect": "Deny",
            "Action": POLICY_CHANGES,
            "Resource": "*",
            "Condition": {
                "StringEqualsIfExists": {"organizations:PolicyType": "SERVICE_CONTROL_POLICY"}
            },
        },
        {
            "Sid": "ProtectDelegation",
            "Effect": "Deny",
            "Action": ["organizations:DeleteResourcePolicy", "organizations:PutResourcePolicy"],
            "Resource": "*",
        },
    ]


def no_long_lived_keys(terms: Terms) -> list[Statement]:
    """Deny credentials without an end: access keys, passwords, keys for single services.

    A session that the management account takes of a root user may let it have a password again.
    """
    return [
        {
            "Sid": "NoLongLivedKeys",
            "Effect": "Deny",
            "Action": LONG_LIVED,
            "Resource": "*",
            "Condition": {"Null": {"aws:AssumedRoot": "true"}, **exempting(terms, ())},
        }
    ]


def protect_account_settings(terms: Terms) -> list[Statement]:
    """Deny what weakens an account's own settings to all but those who deploy them."""
    return [
        {
            "Sid": "ProtectAccountSettings",
            "Effect": "Deny",
            "Action": SETTING_CHANGES,
            "Resource": "*",
            "Condition": exempting(terms, DEPLOYERS),
        }
    ]


def protect_data_settings(terms: Terms) -> list[Statement]:
    """Deny what lets data expire or takes its backups to all but those who deploy.

    The key policy that its own administrator could not change any more is denied to everybody.
    """
    bucket = f"arn:aws:s3:::{terms.data_buckets}"
    return [
        {
            "Sid": "ProtectTableSettings",
            "Effect": "Deny",
            "Action": ["dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTimeToLive"],
            "Resource": "*",
            "Condition": exempting(terms, DEPLOYERS),
        },
        {
            "Sid": "ProtectBucketSettings",
            "Effect": "Deny",
            "Action": ["s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"],
            "Resource": bucket,
            "Condition": exempting(terms, DEPLOYERS),
        },
        {
            "Sid": "ProtectAuditLogSettings",
            "Effect": "Deny",
            "Action": "logs:PutRetentionPolicy",
            "Resource": audit_logs(),
            "Condition": exempting(terms, DEPLOYERS),
        },
        {
            "Sid": "ProtectKeyPolicies",
            "Effect": "Deny",
            "Action": "kms:PutKeyPolicy",
            "Resource": "*",
            "Condition": {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}},
        },
    ]


def protect_pipelines(terms: Terms) -> list[Statement]:
    """Deny the use of build roles to all but pipelines and those who deploy them.

    Each leads into the account that its pipeline deploys to, the management account among them.
    """
    spared = exempting(terms, (*DEPLOYERS, SERVICE_ROLE))
    return [
        {
            "Sid": "ProtectPipelines",
            "Effect": "Deny",
            "Action": OF_PIPELINES,
            "Resource": "*",
            "Condition": spared,
        },
        {
            "Sid": "ProtectRolesOfPipelines",
            "Effect": "Deny",
            "Action": "iam:PassRole",
            "Resource": [role_arn(ANYWHERE, name) for name in OF_BUILDS],
            "Condition": spared,
        },
    ]


def frozen(_: Terms) -> list[Statement]:
    """Deny everything to everybody."""
    return [{"Sid": "Frozen", "Effect": "Deny", "Action": "*", "Resource": "*"}]


@dataclass(frozen=True, kw_only=True)
class GuardRail:
    """Why a guard rail is there, in one line, and the statements that it is made of.

    Each is a denial with a `Sid` of its own: `FullAWSAccess`, which AWS attaches, stays beside it.
    """

    reason: str
    statements: Callable[[Terms], list[Statement]]


LIBRARY: Mapping[str, GuardRail] = {
    "protectDataStores": GuardRail(
        reason="nobody deletes the only copy of a customer's data, by mistake or not",
        statements=protect_data_stores,
    ),
    "stayInOrganization": GuardRail(
        reason="an account that leaves takes its data along and has no guard rails",
        statements=stay_in_organization,
    ),
    "noRootUser": GuardRail(
        reason="a root user answers to no policy of its account and is nobody in particular",
        statements=no_root_user,
    ),
    "allowedRegions": GuardRail(
        reason="what runs where nobody looks is found late, and data stays where it is promised",
        statements=allowed_regions,
    ),
    "protectAccess": GuardRail(
        reason="whoever changes an exempt role, its bounds or a guard rail is beyond them all",
        statements=protect_access,
    ),
    "noLongLivedKeys": GuardRail(
        reason="keys and passwords that never end are what leaks",
        statements=no_long_lived_keys,
    ),
    "protectAccountSettings": GuardRail(
        reason="one call would open all buckets, or leave every new disk unencrypted",
        statements=protect_account_settings,
    ),
    "frozen": GuardRail(
        reason="a suspended account does nothing, whoever still has its keys",
        statements=frozen,
    ),
    "protectDataSettings": GuardRail(
        reason="data that expires, or has no backup any more, is deleted a little later",
        statements=protect_data_settings,
    ),
    "protectPipelines": GuardRail(
        reason="whoever starts a build with commands of his own deploys past every approval",
        statements=protect_pipelines,
    ),
}
"""Every guard rail that settings may switch on, by the name they use for it.

The order is the one that statements are packed in: a new one goes to the end.
"""
