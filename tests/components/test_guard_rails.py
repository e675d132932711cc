"""Guard rails: what each denies, to whom, and whom it spares.

A guard rail of your own has its row in `EXEMPT` and its lines in `DECISIONS`.
"""

from typing import Any

import pytest

from components.account import BOUNDARY, DEPLOY_ROLE, SERVICE_ROLE
from components.guard_rails import (
    CLOUDFRONT_REGION,
    FOR_CLOUDFRONT,
    GLOBAL_SERVICES,
    LIBRARY,
    LONG_LIVED,
    Statement,
    Terms,
)
from components.organization import ACCESS_ROLE
from iam import policy
from iam.policy import Effect, Request

REGION = "eu-central-1"
BREAK_GLASS = "break-glass"
TERMS = Terms(allowed_regions=[REGION], data_buckets="data-*", break_glass_role=BREAK_GLASS)
ACCOUNT = "444455556666"

NOBODY: list[str] = []
BREAK_GLASS_ONLY = [BREAK_GLASS]
PEOPLE = [ACCESS_ROLE, BREAK_GLASS]
DEPLOYERS = [DEPLOY_ROLE, ACCESS_ROLE, BREAK_GLASS]

EXEMPT = {
    "protectDataStores": {
        "ProtectDataStores": NOBODY,
        "ProtectDataBuckets": NOBODY,
        "ProtectAuditLogs": NOBODY,
    },
    "stayInOrganization": {"StayInOrganization": NOBODY},
    "noRootUser": {"NoRootUser": NOBODY},
    "allowedRegions": {
        "AllowedRegions": BREAK_GLASS_ONLY,
        "AllowedRegionsForCloudFront": BREAK_GLASS_ONLY,
    },
    "protectAccess": {
        "ProtectRoles": PEOPLE,
        "ProtectBoundary": PEOPLE,
        "ProtectBuildRoles": DEPLOYERS,
        "ProtectAccessRole": NOBODY,
        "ProtectGuardRails": NOBODY,
        "ProtectDelegation": NOBODY,
    },
    "noLongLivedKeys": {"NoLongLivedKeys": BREAK_GLASS_ONLY},
    "protectAccountSettings": {"ProtectAccountSettings": DEPLOYERS},
    "frozen": {"Frozen": NOBODY},
    "protectDataSettings": {
        "ProtectTableSettings": DEPLOYERS,
        "ProtectBucketSettings": DEPLOYERS,
        "ProtectAuditLogSettings": DEPLOYERS,
        "ProtectKeyPolicies": NOBODY,
    },
    "protectPipelines": {
        "ProtectPipelines": [DEPLOY_ROLE, ACCESS_ROLE, SERVICE_ROLE, BREAK_GLASS],
        "ProtectRolesOfPipelines": [DEPLOY_ROLE, ACCESS_ROLE, SERVICE_ROLE, BREAK_GLASS],
    },
}
"""The roles that each statement of each guard rail spares."""
ABOUT_THE_CALLER = ("aws:assumed", "aws:federated", "aws:principal", "aws:source", "aws:user")
"""What the names of condition keys start with that may spare somebody."""


def arn(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def statements(name: str, terms: Terms = TERMS) -> list[Statement]:
    return LIBRARY[name].statements(terms)


def is_denied(name: str, action: str, resource: str = "*", **keys: str) -> bool:
    """Tell whether a guard rail denies a request, an administrator's unless the keys say whose."""
    context = {"aws:principalarn": arn("administrator"), "aws:requestedregion": REGION}
    context |= {key.replace("__", ":").lower(): value for key, value in keys.items()}
    request = Request(
        action=action, resource=resource, context={key: (it,) for key, it in context.items()}
    )
    document = {"Version": "2012-10-17", "Statement": statements(name)}
    return policy.evaluate([document], request) is Effect.DENY


def spared(statement: dict[str, Any]) -> list[str]:
    """Return the roles whose ARN makes a statement not match.

    Nobody is spared in another way but whoever is no root user where root users are meant, and a
    session that the management account takes of one.
    """
    roles: list[str] = []
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            if (operator, key) == ("ArnNotLike", "aws:PrincipalArn"):
                assert all(it.startswith("arn:aws:iam::*:role/") for it in values)
                roles += [it.removeprefix("arn:aws:iam::*:role/") for it in values]
            elif (operator, key) == ("ArnLike", "aws:PrincipalArn"):
                assert values == "arn:aws:iam::*:root"
            elif (operator, key) != ("Null", "aws:AssumedRoot"):
                assert not key.lower().startswith(ABOUT_THE_CALLER), (statement["Sid"], key)
    return roles


def test_each_guard_rail_spares_whom_it_must_and_nobody_else() -> None:
    found = {
        name: {it["Sid"]: spared(it) for it in rail.statements(TERMS)}
        for name, rail in LIBRARY.items()
    }

    assert found == EXEMPT


@pytest.mark.parametrize("name", LIBRARY)
def test_without_a_role_for_emergencies_nobody_takes_its_place(name: str) -> None:
    terms = Terms(allowed_regions=[REGION], data_buckets="data-*")

    found = {it["Sid"]: spared(it) for it in statements(name, terms)}

    assert found == {
        sid: [role for role in roles if role != BREAK_GLASS] for sid, roles in EXEMPT[name].items()
    }
    assert all(it.get("Condition", {"any": 1}) for it in statements(name, terms))


@pytest.mark.parametrize("name", LIBRARY)
def test_a_guard_rail_is_in_the_language_of_policies(name: str) -> None:
    assert policy.problem({"Version": "2012-10-17", "Statement": statements(name)}) is None


def test_a_statement_is_known_by_its_sid() -> None:
    sids = [it["Sid"] for name in LIBRARY for it in statements(name)]

    assert len(sids) == len(set(sids))


def test_a_guard_rail_gives_its_reason_in_a_line() -> None:
    for name, rail in LIBRARY.items():
        assert 20 < len(rail.reason) <= 100, name
        assert "\n" not in rail.reason


BUCKET = "arn:aws:s3:::data-service-3f9a2c1"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
BOUNDARY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/{BOUNDARY}"
BY_DEPLOY = {"aws__PrincipalArn": arn(DEPLOY_ROLE)}
BY_ACCESS = {"aws__PrincipalArn": arn(ACCESS_ROLE)}
BY_PIPELINES = {"aws__PrincipalArn": arn(SERVICE_ROLE)}
BY_BREAK_GLASS = {"aws__PrincipalArn": arn(BREAK_GLASS)}
NO_CHECK = {"kms__BypassPolicyLockoutSafetyCheck": "true"}
ACCESS_POINT = f"arn:aws:s3:{REGION}:{ACCOUNT}:accesspoint/any"
IN_VIRGINIA = {"aws__RequestedRegion": CLOUDFRONT_REGION}
IN_TOKYO = {"aws__RequestedRegion": "ap-northeast-1"}

DECISIONS: list[tuple[str, str, str, dict[str, str], bool]] = [
    # guard rail, action, resource, keys, is it denied?
    ("protectDataStores", "dynamodb:DeleteTable", "any", {}, True),
    ("protectDataStores", "dynamodb:DeleteBackup", "any", BY_BREAK_GLASS, True),
    ("protectDataStores", "dynamodb:DeleteItem", "any", {}, False),
    ("protectDataStores", "es:DeleteDomain", "any", BY_DEPLOY, True),
    ("protectDataStores", "es:DeleteElasticsearchDomain", "any", BY_ACCESS, True),
    ("protectDataStores", "qldb:DeleteLedger", "any", {}, True),
    ("protectDataStores", "kms:ScheduleKeyDeletion", "any", BY_ACCESS, True),
    ("protectDataStores", "kms:DisableKey", "any", {}, True),
    ("protectDataStores", "kms:EnableKey", "any", {}, False),
    ("protectDataStores", "rds:DeleteDBInstance", "any", {}, True),
    ("protectDataStores", "rds:DeleteDBClusterSnapshot", "any", {}, True),
    ("protectDataStores", "backup:DeleteRecoveryPoint", "any", {}, True),
    ("protectDataStores", "backup:DeleteBackupVault", "any", {}, True),
    ("protectDataStores", "s3:DeleteBucket", BUCKET, BY_DEPLOY, True),
    ("protectDataStores", "s3:DeleteObjectVersion", f"{BUCKET}/a/b", {}, True),
    ("protectDataStores", "s3:BypassGovernanceRetention", f"{BUCKET}/a/b", {}, True),
    ("protectDataStores", "s3:DeleteObject", f"{BUCKET}/a/b", {}, False),
    ("protectDataStores", "s3:DeleteBucket", "arn:aws:s3:::service-logs-1", {}, False),
    ("protectDataStores", "s3:DeleteObjectVersion", "arn:aws:s3:::logs/data-1/x", {}, False),
    ("protectDataStores", "logs:DeleteLogGroup", f"{LOGS}:/service/audit", {}, True),
    ("protectDataStores", "logs:DeleteLogStream", f"{LOGS}:audit:log-stream:x", {}, True),
    ("protectDataStores", "logs:DeleteLogGroup", f"{LOGS}:/aws/lambda/service", {}, False),
    ("stayInOrganization", "organizations:LeaveOrganization", "*", BY_ACCESS, True),
    ("stayInOrganization", "organizations:AcceptHandshake", "any", BY_BREAK_GLASS, True),
    ("stayInOrganization", "account:CloseAccount", "any", {}, True),
    ("stayInOrganization", "organizations:DescribeOrganization", "*", {}, False),
    ("noRootUser", "ec2:RunInstances", "any", {"aws__PrincipalArn": ROOT}, True),
    ("noRootUser", "s3:PutBucketPolicy", BUCKET, {"aws__PrincipalArn": ROOT}, True),
    (
        "noRootUser",
        "s3:DeleteBucketPolicy",
        BUCKET,
        {"aws__PrincipalArn": ROOT, "aws__AssumedRoot": "true"},
        False,
    ),
    ("noRootUser", "ec2:RunInstances", "any", {}, False),
    ("allowedRegions", "ec2:RunInstances", "any", {}, False),
    ("allowedRegions", "ec2:RunInstances", "any", IN_VIRGINIA, True),
    ("allowedRegions", "ec2:RunInstances", "any", IN_VIRGINIA | BY_DEPLOY, True),
    ("allowedRegions", "ec2:RunInstances", "any", IN_VIRGINIA | BY_BREAK_GLASS, False),
    ("allowedRegions", "iam:CreateRole", "any", IN_VIRGINIA, False),
    ("allowedRegions", "sts:AssumeRole", "any", IN_TOKYO, False),
    ("allowedRegions", "route53:ChangeResourceRecordSets", "any", IN_VIRGINIA, False),
    ("allowedRegions", "cloudfront:CreateDistribution", "any", IN_VIRGINIA, False),
    ("allowedRegions", "support:CreateCase", "any", IN_VIRGINIA, False),
    ("allowedRegions", "organizations:DescribeOrganization", "any", IN_VIRGINIA, False),
    ("allowedRegions", "acm:RequestCertificate", "any", IN_VIRGINIA, False),
    ("allowedRegions", "acm:RequestCertificate", "any", {}, False),
    ("allowedRegions", "acm:RequestCertificate", "any", IN_TOKYO, True),
    ("allowedRegions", "wafv2:CreateWebACL", "any", IN_VIRGINIA, False),
    ("allowedRegions", "lambda:CreateFunction", "any", IN_TOKYO, True),
    ("allowedRegions", "lambda:CreateFunction", "any", IN_TOKYO | BY_BREAK_GLASS, False),
    ("protectAccess", "iam:UpdateAssumeRolePolicy", arn(DEPLOY_ROLE), {}, True),
    ("protectAccess", "iam:PutRolePolicy", arn(DEPLOY_ROLE), BY_DEPLOY, True),
    ("protectAccess", "iam:PutRolePolicy", arn(DEPLOY_ROLE), BY_ACCESS, False),
    ("protectAccess", "iam:CreateRole", arn(DEPLOY_ROLE), BY_ACCESS, False),
    ("protectAccess", "iam:CreateRole", arn(DEPLOY_ROLE), {}, True),
    ("protectAccess", "iam:CreateRole", arn(BREAK_GLASS), {}, True),
    ("protectAccess", "iam:CreateRole", arn(BREAK_GLASS), BY_DEPLOY, True),
    ("protectAccess", "iam:CreateRole", arn("service"), BY_DEPLOY, False),
    ("protectAccess", "iam:DeleteRole", arn(ACCESS_ROLE), {}, True),
    ("protectAccess", "iam:DeleteRole", arn(ACCESS_ROLE), BY_ACCESS, True),
    ("protectAccess", "iam:DeleteRole", arn(ACCESS_ROLE), BY_BREAK_GLASS, True),
    ("protectAccess", "iam:PutRolePolicy", arn("aws-reserved/sso/x"), {}, True),
    ("protectAccess", "iam:AttachRolePolicy", arn("AWSControlTowerExecution"), {}, True),
    ("protectAccess", "iam:CreatePolicyVersion", BOUNDARY_ARN, BY_DEPLOY, True),
    ("protectAccess", "iam:DeletePolicy", BOUNDARY_ARN, {}, True),
    ("protectAccess", "iam:CreatePolicyVersion", BOUNDARY_ARN, BY_ACCESS, False),
    ("protectAccess", "iam:PutRolePolicy", arn("build-org-main"), {}, True),
    ("protectAccess", "iam:PutRolePolicy", arn("build-org-main"), BY_DEPLOY, False),
    ("protectAccess", "iam:GetRole", arn(DEPLOY_ROLE), {}, False),
    (
        "protectAccess",
        "organizations:DetachPolicy",
        "any",
        {"organizations__PolicyType": "SERVICE_CONTROL_POLICY"} | BY_ACCESS,
        True,
    ),
    (
        "protectAccess",
        "organizations:DetachPolicy",
        "any",
        {"organizations__PolicyType": "BACKUP_POLICY"},
        False,
    ),
    ("protectAccess", "organizations:AttachPolicy", "any", BY_BREAK_GLASS, True),
    ("protectAccess", "organizations:PutResourcePolicy", "any", {}, True),
    ("noLongLivedKeys", "iam:CreateAccessKey", "any", {}, True),
    ("noLongLivedKeys", "iam:CreateAccessKey", "any", BY_ACCESS, True),
    ("noLongLivedKeys", "iam:CreateLoginProfile", "any", BY_DEPLOY, True),
    ("noLongLivedKeys", "iam:CreateLoginProfile", "any", BY_BREAK_GLASS, False),
    ("noLongLivedKeys", "iam:DeleteAccessKey", "any", {}, False),
    ("noLongLivedKeys", "iam:UpdateAccessKey", "any", {}, False),
    ("protectAccountSettings", "s3:PutAccountPublicAccessBlock", "*", {}, True),
    ("protectAccountSettings", "s3:PutAccountPublicAccessBlock", "*", BY_DEPLOY, False),
    ("protectAccountSettings", "ec2:DisableEbsEncryptionByDefault", "*", {}, True),
    ("protectAccountSettings", "ec2:EnableEbsEncryptionByDefault", "*", {}, False),
    ("protectAccountSettings", "ec2:ModifyInstanceMetadataDefaults", "*", {}, True),
    ("protectAccountSettings", "ec2:ModifyInstanceMetadataDefaults", "*", BY_ACCESS, False),
    ("protectAccountSettings", "s3:PutBucketPublicAccessBlock", BUCKET, {}, False),
    (
        "noLongLivedKeys",
        "iam:CreateLoginProfile",
        ROOT,
        {"aws__PrincipalArn": ROOT, "aws__AssumedRoot": "true"},
        False,
    ),
    ("protectDataStores", "s3:DeleteObjectVersion", f"{ACCESS_POINT}/object/a", {}, True),
    ("protectDataStores", "logs:DeleteLogGroup", f"{LOGS}:aws-cloudtrail-logs-1", {}, True),
    ("protectDataStores", "cassandra:Drop", "any", {}, True),
    ("allowedRegions", "bcm-data-exports:CreateExport", "any", IN_VIRGINIA, False),
    ("protectDataSettings", "dynamodb:UpdateContinuousBackups", "any", {}, True),
    ("protectDataSettings", "dynamodb:UpdateContinuousBackups", "any", BY_DEPLOY, False),
    ("protectDataSettings", "dynamodb:UpdateTimeToLive", "any", BY_ACCESS, False),
    ("protectDataSettings", "dynamodb:UpdateTable", "any", {}, False),
    ("protectDataSettings", "s3:PutLifecycleConfiguration", BUCKET, {}, True),
    ("protectDataSettings", "s3:PutLifecycleConfiguration", BUCKET, BY_BREAK_GLASS, False),
    ("protectDataSettings", "s3:PutLifecycleConfiguration", "arn:aws:s3:::logs", {}, False),
    ("protectDataSettings", "logs:PutRetentionPolicy", f"{LOGS}:/service/audit", {}, True),
    ("protectDataSettings", "logs:PutRetentionPolicy", f"{LOGS}:/aws/lambda/it", {}, False),
    ("protectDataSettings", "kms:PutKeyPolicy", "any", BY_DEPLOY | NO_CHECK, True),
    ("protectDataSettings", "kms:PutKeyPolicy", "any", {}, False),
    ("protectPipelines", "codebuild:StartBuild", "any", {}, True),
    ("protectPipelines", "codebuild:StartBuild", "any", BY_PIPELINES, False),
    ("protectPipelines", "codebuild:UpdateProject", "any", BY_DEPLOY, False),
    ("protectPipelines", "codepipeline:UpdatePipeline", "any", BY_ACCESS, False),
    ("protectPipelines", "codepipeline:StartPipelineExecution", "any", {}, False),
    ("protectPipelines", "codepipeline:PutApprovalResult", "any", {}, False),
    ("protectPipelines", "iam:PassRole", arn("build-org-main"), {}, True),
    ("protectPipelines", "iam:PassRole", arn(SERVICE_ROLE), {}, True),
    ("protectPipelines", "iam:PassRole", arn("build-org-main"), BY_BREAK_GLASS, False),
    ("protectPipelines", "iam:PassRole", arn("service"), {}, False),
    ("protectAccess", "iam:UpdateAssumeRolePolicy", arn(SERVICE_ROLE), {}, True),
    ("protectAccess", "iam:UpdateAssumeRolePolicy", arn(DEPLOY_ROLE), BY_BREAK_GLASS, False),
    ("protectAccountSettings", "s3:PutAccountPublicAccessBlock", "*", BY_BREAK_GLASS, False),
    ("frozen", "s3:ListAllMyBuckets", "*", {}, True),
    ("frozen", "s3:GetObject", f"{BUCKET}/a", BY_BREAK_GLASS, True),
    ("frozen", "iam:CreateRole", arn(DEPLOY_ROLE), BY_ACCESS, True),
]


@pytest.mark.parametrize(
    ("name", "action", "resource", "keys", "denied"),
    DECISIONS,
    ids=[f"{it[0]}-{it[1]}-{'denied' if it[4] else 'not'}-{n}" for n, it in enumerate(DECISIONS)],
)
def test_a_guard_rail_denies_what_it_is_for_and_nothing_else(
    name: str,
    action: str,
    resource: str,
    keys: dict[str, str],
    denied: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert is_denied(name, action, resource, **keys) is denied


def test_every_guard_rail_is_seen_to_deny_and_every_exemption_to_spare() -> None:
    assert {it[0] for it in DECISIONS if it[4]} == set(LIBRARY)
    spares = {(name, it) for name, sids in EXEMPT.items() for its in sids.values() for it in its}
    seen = {(it[0], it[3].get("aws__PrincipalArn")) for it in DECISIONS if not it[4]}
    assert {(name, arn(role)) for name, role in spares} <= seen


def test_whoever_makes_a_role_of_an_exempt_name_is_denied_it() -> None:
    names = {role for sids in EXEMPT.values() for roles in sids.values() for role in roles}

    assert names == {DEPLOY_ROLE, ACCESS_ROLE, SERVICE_ROLE, BREAK_GLASS}
    for name in names:
        for action in ("iam:CreateRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy"):
            assert is_denied("protectAccess", action, arn(name)), (name, action)


def test_a_single_bucket_is_kept_with_its_objects() -> None:
    terms = Terms(allowed_regions=[REGION], data_buckets="kept")

    (bucket,) = [it for it in statements("protectDataStores", terms) if "Buckets" in it["Sid"]]
    assert bucket["Resource"][:2] == ["arn:aws:s3:::kept", "arn:aws:s3:::kept/*"]


def test_a_second_region_opens_that_one_only() -> None:
    terms = Terms(allowed_regions=[REGION, "eu-west-1"], data_buckets="*")

    first, second = statements("allowedRegions", terms)

    assert first["Condition"]["StringNotEquals"] == {"aws:RequestedRegion": [REGION, "eu-west-1"]}
    assert second["Condition"]["StringNotEquals"] == {
        "aws:RequestedRegion": [REGION, "eu-west-1", CLOUDFRONT_REGION]
    }


def test_lists_are_in_order_without_doubles() -> None:
    for found in (GLOBAL_SERVICES, FOR_CLOUDFRONT, LONG_LIVED):
        assert found == sorted(set(found))
