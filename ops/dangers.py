"""Dangerous requests, a few harmless ones, and who makes them: what guard rails are asked.

Owns the rows and the columns of the truth table, which `guard_rails` judges. What a statement
denies that no row asks about gets one of itself, so that a guard rail of your own needs none here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from components.account import BOUNDARY, BUILD_ROLES, DEPLOY_ROLE
from components.guard_rails import CLOUDFRONT_REGION, Terms
from components.organization import ACCESS_ROLE
from components.role import role_arn
from iam.policy import Request, Statement, conditions, texts
from iam.principals import account_arn
from iam.service_control import PRINCIPAL

ACCOUNT = "000000000000"
"""Stands for each member account: settings know their names, AWS makes their ids."""
REGION = "aws:requestedregion"
GLOBAL = "us-east-1"
"""The region that requests to IAM, Organizations and other global services name."""
ANYBODY = "administrator"
"""A role with all rights, which no statement names."""
LINKED = "service-linked role"
"""Whom no guard rail binds."""
EVERY_ACTION = "*"
"""Stands for an action that no statement names."""
OF_EVERY_REQUEST = (PRINCIPAL, REGION, "aws:assumedroot")
"""Keys that principals and places make."""
OTHER_REGIONS = ("ap-northeast-1", "sa-east-1", "ca-central-1", "us-west-2")
OTHER_BUCKETS = ("website", "build-artifacts")
"""Names of which no pattern of data buckets, a start and a star, has both."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who makes requests in an account: what a person calls them, briefly too, and their ARN."""

    name: str
    title: str
    arn: str

    @property
    def is_root(self) -> bool:
        """Whether it is the account's root user."""
        return self.arn == account_arn(ACCOUNT)


@dataclass(frozen=True, kw_only=True)
class Danger:
    """An action on a resource in a region; `detail` tells requests of one action apart.

    `keys` are more condition keys, in lower case. With `assumed`, the root user is not signed in:
    it is a session that the management account took by `sts:AssumeRoot`.
    """

    action: str
    resource: str
    region: str
    detail: str = ""
    keys: tuple[tuple[str, str], ...] = ()
    assumed: bool = False

    def __str__(self) -> str:
        """In a few words."""
        return f"{self.action} ({self.detail})" if self.detail else self.action

    def by(self, principal: Principal) -> Request:
        """Return the request that a principal makes."""
        context = {
            PRINCIPAL: principal.arn,
            "aws:principalaccount": ACCOUNT,
            "aws:principaltype": "Account" if principal.is_root else "AssumedRole",
            REGION: self.region,
            **dict(self.keys),
        }
        if self.assumed and principal.is_root:
            context["aws:assumedroot"] = "true"
        return Request(
            action=self.action,
            resource=self.resource,
            context={key: (value,) for key, value in context.items()},
        )


def principals(terms: Terms) -> list[Principal]:
    """Return the columns of the table; a role for emergencies is one where settings name it."""
    linked = "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    emergencies = [terms.break_glass_role] if terms.break_glass_role else []
    return [
        Principal(name=ANYBODY, title="admin", arn=role_arn(ACCOUNT, ANYBODY)),
        Principal(name="deploy role", title="deploy", arn=role_arn(ACCOUNT, DEPLOY_ROLE)),
        *(
            Principal(name="break glass", title="break glass", arn=role_arn(ACCOUNT, role))
            for role in emergencies
        ),
        Principal(name="root user", title="root", arn=account_arn(ACCOUNT)),
        Principal(name=LINKED, title="linked", arn=role_arn(ACCOUNT, linked)),
    ]


def spared(statements: Iterable[Statement], terms: Terms) -> list[Principal]:
    """Return the roles and users that conditions of statements name, but for the table's."""
    known = {it.arn for it in principals(terms)}
    arns = (
        arn.replace("::*:", f"::{ACCOUNT}:")
        for statement in statements
        for _, key, values in conditions(statement)
        if key.lower() == PRINCIPAL
        for arn in texts(values)
    )
    return [
        Principal(name=f"{kind} {name}", title=name, arn=arn)
        for arn in dict.fromkeys(arns)
        for kind, slash, name in [arn.rpartition(":")[2].partition("/")]
        if slash and arn.startswith("arn:") and arn not in known
    ]


def asked(terms: Terms) -> list[Danger]:
    """Return every request of the table, the dangerous ones first."""
    return [*dangerous(terms), *harmless(terms)]


def dangerous(terms: Terms) -> list[Danger]:
    """Return what guard rails are there for."""
    return [*_deletions(terms), *_elsewhere(terms), *_ways_out(terms), *_settings(terms)]


def harmless(terms: Terms) -> list[Danger]:
    """Return what no guard rail may stand in the way of, but one against the principal itself."""
    home, other = terms.allowed_regions[0], _other_region(terms)
    bucket = next(it for it in OTHER_BUCKETS if not fnmatchcase(it, terms.data_buckets))
    log_group = f"arn:aws:logs:{home}:{ACCOUNT}:log-group:/aws/lambda/service"
    return [
        _in(home, "s3:DeleteBucket", f"arn:aws:s3:::{bucket}", "other bucket"),
        _in(home, "logs:DeleteLogGroup", log_group, "other log"),
        *(
            _in(it, "ec2:RunInstances", f"arn:aws:ec2:{it}:{ACCOUNT}:instance/*", it)
            for it in terms.allowed_regions
        ),
        _in(
            CLOUDFRONT_REGION,
            "acm:RequestCertificate",
            f"arn:aws:acm:{CLOUDFRONT_REGION}:{ACCOUNT}:certificate/*",
            CLOUDFRONT_REGION,
        ),
        _in(
            GLOBAL,
            "cloudfront:CreateInvalidation",
            f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1",
        ),
        _in(GLOBAL, "iam:CreateRole", role_arn(ACCOUNT, "service"), "other role"),
        _in(GLOBAL, "support:CreateCase", "*"),
        _in(other, "sts:AssumeRole", role_arn(ACCOUNT, "service"), other),
        Danger(
            action="s3:DeleteBucketPolicy",
            resource=f"arn:aws:s3:::{bucket}",
            region=home,
            detail="assumed root",
            assumed=True,
        ),
    ]


def named(statements: Iterable[Statement], terms: Terms) -> list[Danger]:
    """Make requests of what statements name, the wildcards of actions and resources as they are.

    So what is taken out of a long list is seen, although no row of the table is about it. Of a
    condition, each key is there once and missing once.
    """
    found: list[Danger] = []
    for statement in statements:
        left_out = texts(statement.get("NotAction", []))
        places = [(terms.allowed_regions[0], "")]
        if any(key.lower() == REGION for _, key, _ in conditions(statement)):
            regions = [*terms.allowed_regions, _other_region(terms), CLOUDFRONT_REGION]
            places = [(it, it) for it in dict.fromkeys(regions)]
        found += [
            Danger(
                action=action,
                resource=resource,
                region=region,
                detail=" ".join([detail, *(" ".join(it) for it in keys)]).strip(),
                keys=keys,
            )
            for action in texts(statement.get("Action") or [*left_out, EVERY_ACTION])
            for resource in texts(statement.get("Resource", statement.get("NotResource", "*")))
            for region, detail in places
            for keys in _keys(statement)
        ]
    return list(dict.fromkeys(found))


def _keys(statement: Statement) -> list[tuple[tuple[str, str], ...]]:
    """Return the keys that requests have: none, each that a statement asks for, and all of them."""
    asked = {
        key.lower(): texts(values)[0]
        for _, key, values in conditions(statement)
        if key.lower() not in OF_EVERY_REQUEST and texts(values)
    }
    each = [((key, value),) for key, value in asked.items()]
    return list(dict.fromkeys([(), *each, tuple(asked.items())]))


def _deletions(terms: Terms) -> list[Danger]:
    home = terms.allowed_regions[0]
    bucket = f"arn:aws:s3:::{terms.data_buckets.replace('*', 'service')}"
    log_group = f"arn:aws:logs:{home}:{ACCOUNT}:log-group:/service/audit"
    every = {
        "backup:DeleteRecoveryPoint": "backup:{}:recovery-point:1",
        "cognito-idp:DeleteUserPool": "cognito-idp:{}:userpool/1",
        "dynamodb:DeleteBackup": "dynamodb:{}:table/service/backup/1",
        "dynamodb:DeleteTable": "dynamodb:{}:table/service",
        "es:DeleteDomain": "es:{}:domain/service",
        "es:DeleteElasticsearchDomain": "es:{}:domain/service",
        "kms:ScheduleKeyDeletion": "kms:{}:key/1",
        "qldb:DeleteLedger": "qldb:{}:ledger/service",
        "rds:DeleteDBInstance": "rds:{}:db:service",
    }
    return [
        *(
            _in(home, action, f"arn:aws:{resource.format(f'{home}:{ACCOUNT}')}")
            for action, resource in every.items()
        ),
        _in(home, "s3:DeleteBucket", bucket, "data bucket"),
        _in(home, "s3:DeleteObjectVersion", f"{bucket}/document", "data bucket"),
        _in(home, "logs:DeleteLogGroup", log_group, "audit log"),
        _in(
            home,
            "dynamodb:UpdateContinuousBackups",
            f"arn:aws:dynamodb:{home}:{ACCOUNT}:table/service",
        ),
        _in(home, "s3:PutLifecycleConfiguration", bucket, "data bucket"),
        _in(home, "logs:PutRetentionPolicy", log_group, "audit log"),
        Danger(
            action="kms:PutKeyPolicy",
            resource=f"arn:aws:kms:{home}:{ACCOUNT}:key/1",
            region=home,
            detail="no way back",
            keys=(("kms:bypasspolicylockoutsafetycheck", "true"),),
        ),
    ]


def _elsewhere(terms: Terms) -> list[Danger]:
    other = _other_region(terms)
    place = f"{other}:{ACCOUNT}"
    return [
        _in(other, "ec2:RunInstances", f"arn:aws:ec2:{place}:instance/*", other),
        _in(other, "lambda:CreateFunction", f"arn:aws:lambda:{place}:function:miner", other),
    ]


def _ways_out(terms: Terms) -> list[Danger]:
    """Return what would leave the organization, or take a guard rail away or make one exempt."""
    home, boundary = terms.allowed_regions[0], f"arn:aws:iam::{ACCOUNT}:policy/{BOUNDARY}"
    roles = [
        ("iam:UpdateAssumeRolePolicy", DEPLOY_ROLE, "deploy role"),
        ("iam:PutRolePolicy", f"{BUILD_ROLES}app-prod", "build role"),
        ("iam:DeleteRole", ACCESS_ROLE, "access role"),
    ]
    if terms.break_glass_role:
        roles.append(("iam:CreateRole", terms.break_glass_role, "break glass"))
    return [
        _in(GLOBAL, "organizations:LeaveOrganization", "*"),
        _in(GLOBAL, "account:CloseAccount", f"arn:aws:account::{ACCOUNT}:account"),
        *(_in(GLOBAL, action, role_arn(ACCOUNT, role), detail) for action, role, detail in roles),
        _in(GLOBAL, "iam:CreatePolicyVersion", boundary, "boundary"),
        _in(GLOBAL, "iam:PassRole", role_arn(ACCOUNT, f"{BUILD_ROLES}app-prod"), "build role"),
        _in(home, "codebuild:StartBuild", f"arn:aws:codebuild:{home}:{ACCOUNT}:project/any"),
        Danger(
            action="organizations:DetachPolicy",
            resource="*",
            region=GLOBAL,
            detail="guard rail",
            keys=(("organizations:policytype", "SERVICE_CONTROL_POLICY"),),
        ),
        _in(GLOBAL, "organizations:PutResourcePolicy", "*"),
    ]


def _settings(terms: Terms) -> list[Danger]:
    """Return what opens an account, or leaves keys to it that never end."""
    home = terms.allowed_regions[0]
    user = f"arn:aws:iam::{ACCOUNT}:user/alice"
    return [
        _in(GLOBAL, "iam:CreateAccessKey", user),
        _in(GLOBAL, "iam:CreateLoginProfile", user),
        Danger(
            action="iam:CreateLoginProfile",
            resource=account_arn(ACCOUNT),
            region=GLOBAL,
            detail="assumed root",
            assumed=True,
        ),
        _in(home, "ec2:DisableEbsEncryptionByDefault", "*"),
        _in(home, "ec2:ModifyInstanceMetadataDefaults", "*"),
        _in(home, "s3:PutAccountPublicAccessBlock", "*"),
    ]


def _in(region: str, action: str, resource: str, detail: str = "") -> Danger:
    return Danger(action=action, resource=resource, region=region, detail=detail)


def _other_region(terms: Terms) -> str:
    """Return a region that nobody may use; where settings allow each of these, one that all may."""
    others = (it for it in OTHER_REGIONS if it not in terms.allowed_regions)
    return next(others, OTHER_REGIONS[-1])
