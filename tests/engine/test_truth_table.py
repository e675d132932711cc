"""The truth table of guard rails, seen: each of its cells is a call with that principal's keys.

What a call is about is not there, or would not change, so that one that is allowed leaves all as it
is: AWS answers that it found nothing, or what was wrong besides. A denial has to name a service
control policy.
"""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.account import DEPLOY_ROLE
from iam.policy import EVERYTHING
from ops.dangers import ACCOUNT, ANYBODY, LINKED, asked, principals
from ops.judge import cells
from ops.registered import Registered
from sandbox.access import Access, as_assumed_root, as_role, as_root, as_service_role, client
from sandbox.sandbox import Sandbox
from stacks import catalogue
from tests.engine.conftest import BY_GUARD_RAILS, as_build_role, assumed

REGISTERED = Registered.here()
SUSPENDED = "Suspended"
BY_BOUNDARY = "with an explicit deny in a permissions boundary"
DONE = "done"

ARN, NAME, WHOSE, BUCKET, KEY, GROUP = (
    "<arn>",
    "<name>",
    "<account>",
    "<bucket>",
    "<key>",
    "<group>",
)
"""What stands in arguments for parts of the resource that the table asks about."""


def document(**statement: Any) -> str:
    return json.dumps({**EVERYTHING, "Statement": [{"Effect": "Allow", **statement}]})


def trust(principal: str) -> str:
    return document(Action="sts:AssumeRole", Principal={"AWS": principal})


@dataclass(frozen=True)
class Call:
    """A call, and the codes of AWS's answers to it where it is allowed; `undo` takes its result."""

    service: str
    operation: str
    arguments: dict[str, Any]
    codes: tuple[str, ...]
    undo: Callable[[Any, dict[str, str]], Any] | None = None


NOT_FOUND = ("ResourceNotFoundException",)
NO_BUCKET = ("NoSuchBucket",)
REFUSED = ("AccessDeniedException",)
"""What a member account gets, whoever asks."""
BLOCK = dict.fromkeys(
    ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
)
FUNCTION = {
    "Code": {"ZipFile": b"nothing"},
    "Runtime": "python3.13",
    "Handler": "nothing.handler",
}
CALLS = {
    "acm:RequestCertificate": Call(
        "acm",
        "request_certificate",
        {"DomainName": "nothing.example.com"},
        (DONE,),
        lambda acm, made: acm.delete_certificate(CertificateArn=made["CertificateArn"]),
    ),
    "backup:DeleteRecoveryPoint": Call(
        "backup",
        "delete_recovery_point",
        {"BackupVaultName": "nothing", "RecoveryPointArn": ARN},
        NOT_FOUND,
    ),
    "cloudfront:CreateInvalidation": Call(
        "cloudfront",
        "create_invalidation",
        {
            "DistributionId": NAME,
            "InvalidationBatch": {"Paths": {"Quantity": 1, "Items": ["/"]}, "CallerReference": "1"},
        },
        ("NoSuchDistribution",),
    ),
    "codebuild:StartBuild": Call("codebuild", "start_build", {"projectName": NAME}, NOT_FOUND),
    "cognito-idp:DeleteUserPool": Call(
        "cognito-idp", "delete_user_pool", {"UserPoolId": "eu-central-1_nothing"}, NOT_FOUND
    ),
    "dynamodb:DeleteBackup": Call(
        "dynamodb",
        "delete_backup",
        {"BackupArn": f"{ARN}-01234567890123-abcdefgh"},
        ("BackupNotFoundException",),
    ),
    "dynamodb:DeleteTable": Call("dynamodb", "delete_table", {"TableName": NAME}, NOT_FOUND),
    "dynamodb:UpdateContinuousBackups": Call(
        "dynamodb",
        "update_continuous_backups",
        {
            "TableName": NAME,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False},
        },
        ("TableNotFoundException",),
    ),
    "ec2:DisableEbsEncryptionByDefault": Call(
        "ec2", "disable_ebs_encryption_by_default", {"DryRun": True}, ("DryRunOperation",)
    ),
    "ec2:ModifyInstanceMetadataDefaults": Call(
        "ec2", "modify_instance_metadata_defaults", {"DryRun": True}, ("DryRunOperation",)
    ),
    "ec2:RunInstances": Call(
        "ec2",
        "run_instances",
        {"ImageId": "ami-00000000000000000", "MinCount": 1, "MaxCount": 1},
        ("InvalidAMIID.NotFound",),
    ),
    "es:DeleteDomain": Call("opensearch", "delete_domain", {"DomainName": NAME}, NOT_FOUND),
    "es:DeleteElasticsearchDomain": Call(
        "es", "delete_elasticsearch_domain", {"DomainName": NAME}, NOT_FOUND
    ),
    "iam:CreateAccessKey": Call("iam", "create_access_key", {"UserName": NAME}, ("NoSuchEntity",)),
    "iam:CreateLoginProfile": Call(
        "iam", "create_login_profile", {"UserName": NAME, "Password": "nothing"}, ("NoSuchEntity",)
    ),
    # Without a name it is about the root user.
    "iam:CreateLoginProfile (assumed root)": Call(
        "iam", "create_login_profile", {"Password": "nothing"}, ("NoSuchEntity",)
    ),
    "iam:CreatePolicyVersion": Call(
        "iam",
        "create_policy_version",
        {"PolicyArn": ARN, "PolicyDocument": "{}"},
        ("MalformedPolicyDocument",),
    ),
    "iam:CreateRole": Call(
        "iam",
        "create_role",
        {
            "RoleName": NAME,
            "AssumeRolePolicyDocument": trust(WHOSE),
            "PermissionsBoundary": f"arn:aws:iam::{WHOSE}:policy/nothing",
        },
        ("NoSuchEntity",),
    ),
    # The role is there, and AWS deletes none that has policies.
    "iam:DeleteRole": Call("iam", "delete_role", {"RoleName": NAME}, ("DeleteConflict",)),
    # To give a function a role takes this action beside lambda:CreateFunction.
    "iam:PassRole": Call(
        "lambda",
        "create_function",
        {**FUNCTION, "FunctionName": "nothing", "Role": ARN},
        ("InvalidParameterValueException",),
    ),
    "iam:PutRolePolicy": Call(
        "iam",
        "put_role_policy",
        {"RoleName": NAME, "PolicyName": "nothing", "PolicyDocument": "{}"},
        ("NoSuchEntity", "MalformedPolicyDocument"),
    ),
    "iam:UpdateAssumeRolePolicy": Call(
        "iam",
        "update_assume_role_policy",
        {"RoleName": NAME, "PolicyDocument": trust("nobody")},
        ("MalformedPolicyDocument",),
    ),
    "kms:PutKeyPolicy": Call(
        "kms",
        "put_key_policy",
        {
            "KeyId": "00000000-0000-0000-0000-000000000000",
            "Policy": document(Action="kms:*", Resource="*", Principal={"AWS": WHOSE}),
            "BypassPolicyLockoutSafetyCheck": True,
        },
        ("NotFoundException",),
    ),
    "kms:ScheduleKeyDeletion": Call(
        "kms",
        "schedule_key_deletion",
        {"KeyId": "00000000-0000-0000-0000-000000000000"},
        ("NotFoundException",),
    ),
    "lambda:CreateFunction": Call(
        "lambda",
        "create_function",
        {**FUNCTION, "FunctionName": NAME, "Role": f"arn:aws:iam::{WHOSE}:role/nothing"},
        ("InvalidParameterValueException",),
    ),
    "logs:DeleteLogGroup": Call("logs", "delete_log_group", {"logGroupName": GROUP}, NOT_FOUND),
    "logs:PutRetentionPolicy": Call(
        "logs", "put_retention_policy", {"logGroupName": GROUP, "retentionInDays": 1}, NOT_FOUND
    ),
    "organizations:DetachPolicy": Call(
        "organizations", "detach_policy", {"PolicyId": "p-00000000", "TargetId": "r-0000"}, REFUSED
    ),
    # AWS lets no account go that cannot pay for itself.
    "organizations:LeaveOrganization": Call(
        "organizations", "leave_organization", {}, ("ConstraintViolationException",)
    ),
    "organizations:PutResourcePolicy": Call(
        "organizations", "put_resource_policy", {"Content": "{}"}, REFUSED
    ),
    "rds:DeleteDBInstance": Call(
        "rds", "delete_db_instance", {"DBInstanceIdentifier": NAME}, ("DBInstanceNotFound",)
    ),
    "s3:DeleteBucket": Call("s3", "delete_bucket", {"Bucket": BUCKET}, NO_BUCKET),
    "s3:DeleteBucketPolicy": Call("s3", "delete_bucket_policy", {"Bucket": BUCKET}, NO_BUCKET),
    "s3:DeleteObjectVersion": Call(
        "s3", "delete_object", {"Bucket": BUCKET, "Key": KEY, "VersionId": "1"}, NO_BUCKET
    ),
    "s3:PutLifecycleConfiguration": Call(
        "s3",
        "put_bucket_lifecycle_configuration",
        {
            "Bucket": BUCKET,
            "LifecycleConfiguration": {
                "Rules": [{"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}]
            },
        },
        NO_BUCKET,
    ),
    # It is on already.
    "s3:PutAccountPublicAccessBlock": Call(
        "s3control",
        "put_public_access_block",
        {"AccountId": WHOSE, "PublicAccessBlockConfiguration": BLOCK},
        (DONE,),
    ),
    # AWS's answer about a role that is not there, without a word on who denies it.
    "sts:AssumeRole": Call(
        "sts", "assume_role", {"RoleArn": ARN, "RoleSessionName": "nothing"}, ("AccessDenied",)
    ),
    "support:CreateCase": Call(
        "support",
        "create_case",
        {"subject": "nothing", "communicationBody": "nothing"},
        (DONE,),
        lambda support, made: support.resolve_case(caseId=made["caseId"]),
    ),
}
INEXPRESSIBLE = {
    "account:CloseAccount": "a person does it in the console; AWS has no API for it",
    "qldb:DeleteLedger": "AWS has ended the service, and clients have no operation for it",
}
TASKS = {
    "iam:CreateLoginProfile": "IAMCreateRootUserPassword",
    "s3:DeleteBucketPolicy": "S3UnlockBucketPolicy",
}
"""What AWS lets the management account take a session of a root user for."""
ROWS = frozenset(asked(REGISTERED.terms))
"""The rows that are the same whatever guard rails there are."""
BEYOND_ITS_BOUNDARY = ("iam:CreateRole", "iam:PutRolePolicy", "sts:AssumeRole")
"""What no guard rail denies the deploy role, but its own boundary where a role has none."""


def filled(value: Any, words: dict[str, str]) -> Any:
    """Return arguments with the parts of a resource in their places."""
    if isinstance(value, dict):
        return {key: filled(it, words) for key, it in value.items()}
    if isinstance(value, str):
        for place, word in words.items():
            value = value.replace(place, word)
    return value


def answer(call: Call, access: Access, arn: str, account: str) -> tuple[str, str]:
    """Make a call about a resource; return the code and the message of AWS's answer."""
    bucket, _, key = arn.removeprefix("arn:aws:s3:::").partition("/")
    name = arn.replace(":", "/").rpartition("/")[2]
    group = arn.partition(":log-group:")[2]
    words = {ARN: arn, NAME: name, WHOSE: account, BUCKET: bucket, KEY: key, GROUP: group}
    made = clients(call.service, tuple(access.items()))
    try:
        result = getattr(made, call.operation)(**filled(call.arguments, words))
    except ClientError as error:
        said: Any = error.response
        return said["Error"]["Code"], said["Error"]["Message"]
    if call.undo:
        call.undo(made, result)
    return DONE, ""


@functools.lru_cache(maxsize=32)
def clients(service: str, access: tuple[tuple[str, str], ...]) -> Any:
    """Return a client; those of one account and principal are kept."""
    made: Any = dict(access)
    return client(service, made)


class People:
    """The principals of the table in one account, each with access; what had to be made goes."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self.account = sandbox.account_ids()[name]
        self._sandbox = sandbox
        self._url = sandbox.environment()["AWS_ENDPOINT_URL"]
        self._iam = client("iam", sandbox.access(name))
        self._made: list[str] = []
        (self._pipeline,) = [it.pipeline for it in catalogue.stacks() if it.account == name]

    def access(self, principal: str) -> Access:
        """Return the access of a principal by its name in the table."""
        makers: dict[str, Callable[[], Access]] = {
            ANYBODY: lambda: self._role(ANYBODY),
            "deploy role": self._deploy_role,
            "break glass": lambda: self._role(REGISTERED.terms.break_glass_role or ""),
            "root user": lambda: as_root(self._url, self.account),
            LINKED: self._linked,
        }
        return makers[principal]()

    def assumed_root(self, action: str) -> Access:
        return as_assumed_root(self._url, self.account, TASKS[action])

    def _role(self, name: str) -> Access:
        manager = f"arn:aws:iam::{REGISTERED.management_account}:root"
        role = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(manager))["Role"]
        return as_role(self._url, self._allowed_all(role)["Arn"])

    def _deploy_role(self) -> Access:
        build = as_build_role(self._sandbox, self._pipeline)
        return assumed(build, self.account, DEPLOY_ROLE)

    def _linked(self) -> Access:
        service = "ecs.amazonaws.com"
        role = self._iam.create_service_linked_role(AWSServiceName=service)["Role"]
        arn = self._allowed_all(role)["Arn"]
        return as_service_role(self._url, arn, service, source=arn, name="linked")

    def _allowed_all(self, role: dict[str, Any]) -> dict[str, Any]:
        """Let a role do all that guard rails leave: AWS would not a service-linked one."""
        self._made.append(role["RoleName"])
        self._iam.put_role_policy(
            RoleName=role["RoleName"], PolicyName="all", PolicyDocument=json.dumps(EVERYTHING)
        )
        return role

    def remove(self) -> None:
        for role in self._made:
            self._iam.delete_role_policy(RoleName=role, PolicyName="all")
            self._iam.delete_role(RoleName=role)


def wrong(registered: Registered, people: People, name: str, by: dict[str, Access]) -> list[str]:
    """Tell which cells of an account's principals the embedded AWS answers otherwise."""
    ((_, verdicts),) = [it for it in cells(registered) if it[0] == name]
    found: list[str] = []
    for (danger, principal), against in verdicts.items():
        if principal.name not in by or danger not in ROWS or danger.action in INEXPRESSIBLE:
            continue
        access = by[principal.name].copy()
        if danger.assumed and principal.is_root:
            access = people.assumed_root(danger.action)
        access["region_name"] = danger.region
        resource = danger.resource.replace(ACCOUNT, people.account)
        call = CALLS.get(str(danger)) or CALLS[danger.action]
        code, message = answer(call, access, resource, people.account)
        if against:
            is_right = BY_GUARD_RAILS in message
        else:
            is_right = code in call.codes and "service control" not in message
            if principal.name == "deploy role" and danger.action in BEYOND_ITS_BOUNDARY:
                is_right = is_right or BY_BOUNDARY in message
        if not is_right:
            cell = "denied" if against else "allowed"
            found.append(f"{danger} is {cell} to the {principal.name}, and AWS: {code} {message}")
    return found


PRINCIPALS = [it.name for it in principals(REGISTERED.terms)]


@pytest.fixture
def people(sandbox: Sandbox) -> Iterator[Callable[[str], People]]:
    every: list[People] = []

    def of(account: str) -> People:
        every.append(People(sandbox, account))
        return every[-1]

    yield of
    for it in every:
        it.remove()


@pytest.mark.parametrize("principal", PRINCIPALS)
@pytest.mark.parametrize("name", REGISTERED.accounts)
def test_the_embedded_aws_decides_as_the_table_says(
    people: Callable[[str], People], name: str, principal: str
) -> None:
    account = people(name)

    assert wrong(REGISTERED, account, name, {principal: account.access(principal)}) == []


def test_a_suspended_account_does_nothing(
    sandbox: Sandbox, people: Callable[[str], People]
) -> None:
    account = people("dev")
    by = {it: account.access(it) for it in PRINCIPALS}
    organizations = client("organizations", sandbox.access("org"))
    move = functools.partial(organizations.move_account, AccountId=account.account)
    (home,) = organizations.list_parents(ChildId=account.account)["Parents"]
    (root,) = organizations.list_roots()["Roots"]
    units = organizations.list_organizational_units_for_parent(ParentId=root["Id"])
    (suspended,) = [it["Id"] for it in units["OrganizationalUnits"] if it["Name"] == SUSPENDED]

    move(SourceParentId=home["Id"], DestinationParentId=suspended)
    try:
        registered = REGISTERED.model_copy(update={"accounts": {"dev": SUSPENDED}})
        assert wrong(registered, account, "dev", by) == []
        denied = {by.name for (_, by), it in next(cells(registered))[1].items() if it}
        assert denied == {*PRINCIPALS} - {LINKED}
    finally:
        move(SourceParentId=suspended, DestinationParentId=home["Id"])


def test_every_cell_is_a_call_or_gives_its_reason() -> None:
    table = {danger for _, its in cells(REGISTERED) for danger, _ in its}

    calls = {it.partition(" ")[0] for it in CALLS}
    assert {danger.action for danger in ROWS} == calls | INEXPRESSIBLE.keys()
    assert table >= ROWS
    assert CALLS.keys().isdisjoint(INEXPRESSIBLE)
