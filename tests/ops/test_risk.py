"""`python -m ops risk`: each kind of risk is said in a line, and nothing else is."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pulumi_aws
import pytest

from ops import risk, risks
from ops.plan import Plan
from ops.risks import Kind
from tests.git import git
from tests.ops.conftest import Said
from tests.ops.plans import (
    BUCKET,
    DEV,
    DNS,
    FUNCTION,
    KEY,
    LOG_GROUP,
    RECORD,
    ROLE,
    ROLE_POLICY,
    TABLE,
    UNKNOWN,
    Json,
    allow,
    deny,
    document,
    policy,
    provider,
    step,
)

RECORDED = Path(__file__).parent / "data" / "preview.json"
ACCOUNT = "aws:organizations/account:Account"
SCP = "aws:organizations/policy:Policy"
ATTACHMENT = "aws:organizations/policyAttachment:PolicyAttachment"
BASELINE = "multi-account:account:AccountBaseline"
EIP = "aws:ec2/eip:Eip"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
DISKS = "aws:ebs/encryptionByDefault:EncryptionByDefault"
METADATA = "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
PERMISSION = "aws:lambda/permission:Permission"
PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
TABLE_ARN = f"arn:aws:dynamodb:eu-central-1:{DEV}:table/items"
READ = allow(["dynamodb:GetItem", "dynamodb:Scan"], TABLE_ARN)
ROOT_OF_TOOLS = "arn:aws:iam::414387588029:root"


def lines(*steps: Json) -> list[str]:
    return [str(it) for it in risks.found(Plan.read(document(*steps)))]


def update(kind: str, old: Json, new: Json, **more: Any) -> Json:
    return step("update", kind, "it", old, new, **more)


def of_policy(*old: Json, to: tuple[Json, ...], kind: str = ROLE_POLICY) -> Json:
    return update(kind, {"policy": policy(*old)}, {"policy": policy(*to)})


def widened(*old: Json, to: tuple[Json, ...]) -> list[str]:
    """Return what a change of a policy widens."""
    start = "MEDIUM  widens a policy: iam role policy it: "
    found = lines(of_policy(*old, to=to))
    assert all(line.startswith(start) for line in found)
    return [line.removeprefix(start) for line in found]


def trust(principal: Any, **more: Any) -> Json:
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}


@pytest.fixture
def said(ops: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run the command on a document from standard input."""

    def run(text: str, *arguments: str) -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        return ops("risk", *arguments)

    return run


LOSSES = {
    "data that is deleted": (
        step("delete", TABLE, "service-table"),
        "HIGH    deletes data: dynamodb table service-table",
    ),
    "data that is replaced": (
        step("replace", BUCKET, "site", replaceReasons=["bucket", "region"]),
        "HIGH    replaces data: s3 bucket site, because of bucket, region",
    ),
    "data that stays in AWS": (
        step("delete", BUCKET, "site", was={"retainOnDelete": True}),
        "HIGH    deletes data: s3 bucket site, which stays in AWS without its stack",
    ),
    "a log that is kept for less": (
        update(LOG_GROUP, {"retentionInDays": 30}, {"retentionInDays": 7}),
        "HIGH    deletes data: cloudwatch log group it: keeps 7 days instead of 30",
    ),
    "a log that was kept for ever": (
        update(LOG_GROUP, {}, {"retentionInDays": 7}),
        "HIGH    deletes data: cloudwatch log group it: keeps 7 days instead of all",
    ),
    "items that expire": (
        update(TABLE, {}, {"ttl": {"attributeName": "until", "enabled": True}}),
        "HIGH    deletes data: dynamodb table it: items expire from now on",
    ),
    "objects that expire": (
        update(
            LIFECYCLE,
            {"rules": []},
            {"rules": [{"id": "all", "status": "Enabled", "expiration": {"days": 90}}]},
        ),
        "HIGH    deletes data: s3 bucket lifecycle configuration it: expiration of rule all after 90 "
        "days instead of never",
    ),
    "old versions that expire earlier": (
        update(
            LIFECYCLE,
            *(
                {
                    "rules": [
                        {
                            "id": "old",
                            "status": "Enabled",
                            "noncurrentVersionExpiration": {"noncurrentDays": days},
                        }
                    ]
                }
                for days in (90, 30)
            ),
        ),
        "HIGH    deletes data: s3 bucket lifecycle configuration it: noncurrentVersionExpiration of "
        "rule old after 30 days instead of 90",
    ),
    "an account": (
        step("delete", ACCOUNT, "organization-dev"),
        "HIGH    deletes an account: organizations account organization-dev",
    ),
    "a key that is deleted": (
        step("delete", KEY, "vpn-key"),
        "HIGH    deletes a key: kms key vpn-key",
    ),
    "a key that is disabled": (
        update(KEY, {}, {"isEnabled": False}),
        "HIGH    disables a key: kms key it: what it encrypted cannot be read",
    ),
    "a zone": (
        step("replace", "aws:route53/zone:Zone", "zone", replaceReasons=["name"]),
        "HIGH    replaces name servers: route53 zone zone, because of name",
    ),
    "a delegation that leads elsewhere": (
        update(
            RECORD,
            {"type": "NS", "records": ["a", "b", "c", "d"]},
            {"type": "NS", "records": UNKNOWN},
        ),
        "HIGH    replaces name servers: route53 record it: a, b, c and 1 more -> what is known only "
        "then",
    ),
    "the registrar's name servers": (
        update(
            "aws:route53domains/registeredDomain:RegisteredDomain",
            {"nameServers": [{"name": "a"}]},
            {"nameServers": [{"name": "b"}]},
        ),
        "HIGH    replaces name servers: route53domains registered domain it: {'name': 'a'} -> "
        "{'name': 'b'}",
    ),
    "an address that a name leads to": (
        update(
            RECORD,
            {"type": "A", "records": ["203.0.113.7"]},
            {"type": "A", "records": ["203.0.113.8"]},
        ),
        "HIGH    replaces an address: route53 record it: 203.0.113.7 -> 203.0.113.8",
    ),
    "an alias that leads elsewhere": (
        update(
            RECORD,
            {"type": "AAAA", "aliases": [{"name": "d-1.example.net", "zoneId": "Z1"}]},
            {"type": "AAAA", "aliases": [{"name": UNKNOWN, "zoneId": UNKNOWN}]},
        ),
        "HIGH    replaces an address: route53 record it: d-1.example.net -> what is known only then",
    ),
    "an address that becomes an alias": (
        update(
            RECORD,
            {"type": "A", "records": ["203.0.113.7"]},
            {"type": "A", "aliases": [{"name": "d-1.example.net"}]},
        ),
        "HIGH    replaces an address: route53 record it: 203.0.113.7 -> d-1.example.net",
    ),
    "an address that is secret": (
        update(
            RECORD,
            {"type": "A", "records": "[secret]"},
            {"type": "A", "records": "[secret]"},
            detailedDiff={"records[0]": {"kind": "update"}},
        ),
        "HIGH    replaces an address: route53 record it: [secret] -> [secret]",
    ),
    "an address that becomes a name": (
        update(
            RECORD,
            {"type": "A", "records": ["203.0.113.7"]},
            {"type": "CNAME", "records": ["api.example.net"]},
        ),
        "HIGH    replaces an address: route53 record it: 203.0.113.7 -> api.example.net",
    ),
    "the instance of an Elastic IP": (
        update(EIP, {"instance": "i-1"}, {"instance": UNKNOWN}),
        "HIGH    leads an address elsewhere: ec2 eip it: instance i-1 -> what is known only then",
    ),
    "the interface of an Elastic IP": (
        update(EIP, {"networkInterface": "eni-1"}, {}),
        "HIGH    leads an address elsewhere: ec2 eip it: networkInterface eni-1 -> nothing",
    ),
    "what holds an Elastic IP": (
        step("replace", "aws:ec2/eipAssociation:EipAssociation", "it", replaceReasons=["publicIp"]),
        "HIGH    replaces an address: ec2 eip association it, because of publicIp",
    ),
    "a domain": (
        step("delete", "aws:route53domains/domain:Domain", "it"),
        "HIGH    deletes name servers: route53domains domain it",
    ),
    "an Elastic IP": (
        step("replace", EIP, "vpn-address"),
        "HIGH    replaces an address: ec2 eip vpn-address",
    ),
}


@pytest.mark.parametrize(("change", "line"), LOSSES.values(), ids=LOSSES.keys())
def test_what_is_lost_is_said(change: Json, line: str) -> None:
    assert lines(change) == [line]


@pytest.mark.parametrize(
    ("kind", "what"),
    [("NS", "name servers"), ("DS", "name servers"), ("A", "an address"), ("AAAA", "an address")],
)
def test_a_record_that_leads_somewhere_is_a_loss(kind: str, what: str) -> None:
    record = {"type": kind, "name": "api.example.com"}

    assert lines(step("delete", RECORD, "it", record)) == [
        f"HIGH    deletes {what}: route53 record it (api.example.com)"
    ]


@pytest.mark.parametrize("kind", sorted(risks.KIND_OF))
def test_every_type_that_holds_something_is_one_of_the_provider(kind: str) -> None:
    module, _, name = kind.removeprefix("aws:").partition("/")
    folder = Path(str(pulumi_aws.__file__)).parent / module
    file = {it.stem.replace("_", ""): it for it in folder.glob("*.py")}

    assert f"'{kind}'" in file[name.partition(":")[2].lower()].read_text(encoding="utf-8")


def pair(path: str, *, old: Any, new: Any, kind: str = TABLE) -> Json:
    """Return an update of one argument, which is left out where it is None."""

    def nested(value: Any) -> Json:
        for name in reversed(path.split(".")):
            value = {} if value is None else {name: value}
        return value

    return update(kind, nested(old), nested(new))


LOCKS = {
    "deletion protection": (
        pair("deletionProtectionEnabled", old=True, new=False),
        "dynamodb table it: deletionProtectionEnabled true -> false",
    ),
    "deletion protection in another word": (
        pair(
            "deletionProtection",
            old="ACTIVE",
            new="INACTIVE",
            kind="aws:cognito/userPool:UserPool",
        ),
        "cognito user pool it: deletionProtection ACTIVE -> INACTIVE",
    ),
    "point-in-time recovery": (
        pair("pointInTimeRecovery.enabled", old=True, new=None),
        "dynamodb table it: pointInTimeRecovery.enabled true -> nothing",
    ),
    "encryption": (
        pair("serverSideEncryption.enabled", old=True, new=False),
        "dynamodb table it: serverSideEncryption.enabled true -> false",
    ),
    "encryption of a list's element": (
        update(
            TEMPLATE,
            {"blockDeviceMappings": [{"ebs": {"encrypted": "true"}}]},
            {"blockDeviceMappings": [{"ebs": {"encrypted": "false"}}]},
        ),
        "ec2 launch template it: blockDeviceMappings[0].ebs.encrypted true -> false",
    ),
    "a key": (
        pair("kmsKeyId", old="arn:key", new=None, kind=LOG_GROUP),
        "cloudwatch log group it: kmsKeyId arn:key -> nothing",
    ),
    "the key of a pipeline": (
        pair(
            "encryptionKey.id", old="arn:key", new=None, kind="aws:codepipeline/pipeline:Pipeline"
        ),
        "codepipeline pipeline it: encryptionKey.id arn:key -> nothing",
    ),
    "rotation": (
        pair("enableKeyRotation", old=True, new=False, kind=KEY),
        "kms key it: enableKeyRotation true -> false",
    ),
    "the time to take a deletion back": (
        pair("deletionWindowInDays", old=30, new=7, kind=KEY),
        "kms key it: deletionWindowInDays 30 -> 7",
    ),
    "versions": (
        pair(
            "versioningConfiguration.status",
            old="Enabled",
            new="Suspended",
            kind="aws:s3/bucketVersioning:BucketVersioning",
        ),
        "s3 bucket versioning it: versioningConfiguration.status Enabled -> Suspended",
    ),
    "the block of public access": (
        pair("blockPublicPolicy", old=True, new=False, kind=PUBLIC_ACCESS),
        "s3 bucket public access block it: blockPublicPolicy true -> false",
    ),
    "a lock that is a resource": (
        step("delete", PUBLIC_ACCESS, "it"),
        "s3 bucket public access block it: is deleted",
    ),
    "a setting of the account that its stack leaves as it is": (
        step("delete", PUBLIC_ACCESS, "it", was={"retainOnDelete": True}),
        "s3 bucket public access block it: is deleted with its stack, and stays as it is in AWS",
    ),
    "the encryption of an account's disks": (
        pair("enabled", old=True, new=False, kind=DISKS),
        "ebs encryption by default it: enabled true -> false",
    ),
    "the metadata service of an account's instances": (
        pair("httpTokens", old="required", new="optional", kind=METADATA),
        "ec2 instance metadata defaults it: httpTokens required -> optional",
    ),
    "the metadata service of instances": (
        pair("metadataOptions.httpTokens", old="required", new=None, kind=TEMPLATE),
        "ec2 launch template it: metadataOptions.httpTokens required -> nothing",
    ),
    "an account's setting that is a resource": (
        step("delete", METADATA, "it"),
        "ec2 instance metadata defaults it: is deleted",
    ),
    "what keeps full buckets": (
        pair("forceDestroy", old=False, new=True, kind=BUCKET),
        "s3 bucket it: forceDestroy false -> true",
    ),
    "what keeps accounts open": (
        pair("closeOnDeletion", old=None, new=True, kind=ACCOUNT),
        "organizations account it: closeOnDeletion nothing -> true",
    ),
    "a boundary that is taken off": (
        pair("permissionsBoundary", old="arn:deploy-boundary", new=None, kind=ROLE),
        "iam role it: permissionsBoundary arn:deploy-boundary -> nothing",
    ),
    "a boundary that is another": (
        pair("permissionsBoundary", old="arn:deploy-boundary", new="arn:mine", kind=ROLE),
        "iam role it: permissionsBoundary arn:deploy-boundary -> arn:mine",
    ),
    "the length of sessions": (
        pair("maxSessionDuration", old=None, new=43200, kind=ROLE),
        "iam role it: maxSessionDuration nothing -> 43200",
    ),
    "how far an account's instances pass their credentials on": (
        pair("httpPutResponseHopLimit", old=1, new=2, kind=METADATA),
        "ec2 instance metadata defaults it: httpPutResponseHopLimit 1 -> 2",
    ),
    "how far instances pass their credentials on": (
        pair("metadataOptions.httpPutResponseHopLimit", old=1, new=3, kind=TEMPLATE),
        "ec2 launch template it: metadataOptions.httpPutResponseHopLimit 1 -> 3",
    ),
    "a limit of hops where there was none": (
        pair("httpPutResponseHopLimit", old=None, new=2, kind=METADATA),
        "ec2 instance metadata defaults it: httpPutResponseHopLimit nothing -> 2",
    ),
    "a limit of hops where there was no preference": (
        pair("httpPutResponseHopLimit", old=-1, new=2, kind=METADATA),
        "ec2 instance metadata defaults it: httpPutResponseHopLimit -1 -> 2",
    ),
    "a limit of hops that is taken off": (
        pair("metadataOptions.httpPutResponseHopLimit", old=1, new=None, kind=TEMPLATE),
        "ec2 launch template it: metadataOptions.httpPutResponseHopLimit 1 -> nothing",
    ),
    "a limit of hops that becomes no preference": (
        pair("httpPutResponseHopLimit", old=2, new=-1, kind=METADATA),
        "ec2 instance metadata defaults it: httpPutResponseHopLimit 2 -> -1",
    ),
    "Pulumi's protection": (
        step("same", TABLE, "it", was={"protect": True}),
        "dynamodb table it: protect true -> false",
    ),
    "Pulumi's retention": (
        step("update", TABLE, "it", was={"retainOnDelete": True}),
        "dynamodb table it: retainOnDelete true -> false",
    ),
}


@pytest.mark.parametrize(("change", "line"), LOCKS.values(), ids=LOCKS.keys())
def test_a_weaker_lock_is_said(change: Json, line: str) -> None:
    assert lines(change) == [f"MEDIUM  weakens a lock: {line}"]


@pytest.mark.parametrize(
    "change",
    [
        pair("deletionProtectionEnabled", old=False, new=True),
        pair("pointInTimeRecovery", old={"enabled": True}, new=UNKNOWN),
        pair("serverSideEncryption.enabled", old=True, new=UNKNOWN),
        pair("deletionWindowInDays", old=7, new=30, kind=KEY),
        pair("forceDestroy", old=True, new=False, kind=BUCKET),
        pair("maxSessionDuration", old=7200, new=3600, kind=ROLE),
        pair("kmsKeyId", old="arn:key", new="arn:other-key", kind=LOG_GROUP),
        step("create", TABLE, "it", new={"deletionProtectionEnabled": False}),
        step("same", TABLE, "it", was={"protect": True}, becomes={"protect": True}),
        step("same", TABLE, "it", becomes={"protect": True}),
        step("create", PUBLIC_ACCESS, "it", new={"blockPublicPolicy": True}),
        pair("maxSessionDuration", old=None, new=3600, kind=ROLE),
        pair("enabled", old=True, new=False, kind="aws:cloudfront/distribution:Distribution"),
        pair("httpTokens", old="optional", new="required", kind=METADATA),
        pair("maxSessionDuration", old=7200, new=None, kind=ROLE),
        pair("httpPutResponseHopLimit", old=2, new=1, kind=METADATA),
        pair("httpPutResponseHopLimit", old=2, new=2, kind=METADATA),
        pair("httpPutResponseHopLimit", old=None, new=1, kind=METADATA),
        pair("httpPutResponseHopLimit", old=-1, new=1, kind=METADATA),
        pair("httpPutResponseHopLimit", old=-1, new=None, kind=METADATA),
        pair("metadataOptions.httpPutResponseHopLimit", old=1, new=UNKNOWN, kind=TEMPLATE),
    ],
)
def test_a_lock_that_is_as_strong_or_stronger_is_no_risk(change: Json) -> None:
    assert lines(change) == []


VPN = {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/64"]}}
WIDER = {
    "an action": (
        [READ],
        [allow(["dynamodb:GetItem", "dynamodb:Scan", "dynamodb:DeleteItem"], TABLE_ARN)],
        ["also allows dynamodb:DeleteItem on table/items"],
    ),
    "a statement": (
        [READ],
        [READ, allow("s3:*")],
        ["also allows s3:*"],
    ),
    "a wildcard": (
        [READ],
        [allow("dynamodb:*", TABLE_ARN)],
        ["also allows dynamodb:* on table/items"],
    ),
    "a star for a question mark": (
        [allow("s3:?et")],
        [allow("s3:*et")],
        ["also allows s3:*et"],
    ),
    "a resource": (
        [READ],
        [allow("dynamodb:GetItem", [TABLE_ARN, f"{TABLE_ARN}/index/*"])],
        ["also allows dynamodb:GetItem on table/items/index/*"],
    ),
    "everything but something": (
        [READ],
        [{"Effect": "Allow", "NotAction": "iam:*", "Resource": TABLE_ARN}],
        ["also allows everything but iam:* on table/items"],
    ),
    "what was excepted": (
        [{"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}],
        [allow(["iam:PassRole", "i*Role", "s3:*"])],
        ["also allows iam:PassRole, i*Role"],
    ),
    "fewer exceptions": (
        [{"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}],
        [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
        ["also allows everything but iam:*"],
    ),
    "a lost condition": (
        [allow("s3:GetObject", Condition=VPN)],
        [allow("s3:GetObject")],
        [
            "allows s3:GetObject with wider conditions (aws:SourceIp IpAddress 203.0.113.0/24, "
            "2001:db8::/64 -> any)"
        ],
    ),
    "a wider network": (
        [allow("s3:GetObject", Condition=VPN)],
        [allow("s3:GetObject", Condition={"IpAddress": {"aws:SourceIp": "203.0.0.0/16"}})],
        [
            "allows s3:GetObject with wider conditions (aws:SourceIp IpAddress 203.0.113.0/24, "
            "2001:db8::/64 -> IpAddress 203.0.0.0/16)"
        ],
    ),
    "one condition of two": (
        [allow("s3:*", Condition={**VPN, "Bool": {"aws:MultiFactorAuthPresent": "true"}})],
        [allow("s3:*", Condition=VPN)],
        ["allows s3:* with wider conditions (aws:MultiFactorAuthPresent Bool true -> any)"],
    ),
    "an exception of a condition": (
        [allow("s3:*", Condition={"StringNotEquals": {"aws:RequestedRegion": ["a", "b"]}})],
        [allow("s3:*", Condition={"StringNotEquals": {"aws:RequestedRegion": "a"}})],
        [
            "allows s3:* with wider conditions (aws:RequestedRegion StringNotEquals a, b -> "
            "StringNotEquals a)"
        ],
    ),
    "a condition that an absent key fulfils": (
        [allow("s3:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}})],
        [allow("s3:*", Condition={"StringEqualsIfExists": {"aws:PrincipalTag/team": "a"}})],
        [
            "allows s3:* with wider conditions (aws:PrincipalTag/team StringEquals a -> "
            "StringEqualsIfExists a)"
        ],
    ),
    "a denial that is gone": (
        [allow("*"), deny("iam:CreateUser")],
        [allow("*")],
        ["no longer denies iam:CreateUser"],
    ),
    "a denial that is narrower": (
        [allow("*"), deny(["iam:CreateUser", "iam:CreateAccessKey"])],
        [allow("*"), deny("iam:CreateUser")],
        ["no longer denies iam:CreateAccessKey"],
    ),
    "a denial on a condition": (
        [deny("iam:*")],
        [deny("iam:*", Condition={"StringNotLike": {"aws:PrincipalArn": "arn:me"}})],
        ["denies iam:* only if aws:PrincipalArn StringNotLike arn:me"],
    ),
    "many at once, the first three by name": (
        [],
        [allow(["a:A", "b:B", "c:C", "d:D", "e:E"])],
        ["also allows a:A, b:B, c:C and 2 more"],
    ),
}


@pytest.mark.parametrize(("old", "new", "what"), WIDER.values(), ids=WIDER.keys())
def test_a_wider_policy_is_said(old: list[Json], new: list[Json], what: list[str]) -> None:
    assert widened(*old, to=tuple(new)) == what


NOT_WIDER: dict[str, tuple[list[Json], list[Json]]] = {
    "in other words": ([READ], [allow(["DynamoDB:scan", "dynamodb:GetItem"], [TABLE_ARN])]),
    "in several statements": (
        [READ],
        [allow("dynamodb:GetItem", TABLE_ARN), allow("dynamodb:Scan", TABLE_ARN)],
    ),
    "put together": (
        [allow("dynamodb:GetItem", TABLE_ARN), allow("dynamodb:Scan", TABLE_ARN)],
        [READ],
    ),
    "less": ([allow("dynamodb:*")], [READ]),
    "less by a question mark": ([allow("s3:Get*")], [allow("s3:GetObjec?")]),
    "all but more": (
        [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
        [{"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}],
    ),
    "one of all but others": (
        [{"Effect": "Allow", "NotAction": ["iam:*", "st?:*"], "Resource": "*"}],
        [allow("s3:*")],
    ),
    "a new condition": ([READ], [{**READ, "Condition": VPN}]),
    "a stricter condition": (
        [allow("s3:*", Condition=VPN)],
        [allow("s3:*", Condition={"IpAddress": {"AWS:sourceip": "203.0.113.7/32"}})],
    ),
    "a stricter form of a condition": (
        [allow("s3:*", Condition={"StringLikeIfExists": {"aws:PrincipalArn": "arn:*:role/*"}})],
        [allow("s3:*", Condition={"StringLike": {"aws:PrincipalArn": "arn:aws:role/a*"}})],
    ),
    "a narrower name": (
        [allow("s3:*", Condition={"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/*"}})],
        [allow("s3:*", Condition={"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/a"}})],
    ),
    "more denied": ([allow("*")], [allow("*"), deny("iam:*")]),
    "denied in other words": ([deny(["iam:A", "iam:B"])], [deny("iam:*")]),
}


@pytest.mark.parametrize(("old", "new"), NOT_WIDER.values(), ids=NOT_WIDER.keys())
def test_a_policy_that_allows_no_more_is_no_risk(old: list[Json], new: list[Json]) -> None:
    assert widened(*old, to=tuple(new)) == []


def test_more_trust_is_a_wider_policy() -> None:
    build = {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::414387588029:role/build-app-dev"}}
    old = policy(trust({"AWS": ROOT_OF_TOOLS}, Condition=build))
    any_build = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::414387588029:role/build-*"}}

    def found(*statements: Json) -> list[str]:
        return lines(
            update(ROLE, {"assumeRolePolicy": old}, {"assumeRolePolicy": policy(*statements)})
        )

    start = "MEDIUM  widens a policy: iam role it: "
    assert found(trust({"AWS": ROOT_OF_TOOLS}, Condition=build)) == []
    assert found(trust({"AWS": f"{ROOT_OF_TOOLS[:-4]}role/one"}, Condition=build)) == []
    assert found(
        trust({"AWS": ROOT_OF_TOOLS}, Condition=build), trust({"AWS": ["310993182182"]})
    ) == [f"{start}also allows sts:AssumeRole to root of 310993182182"]
    assert found(trust("*", Condition=build)) == [
        f"{start}also allows sts:AssumeRole to everybody if aws:PrincipalArn ArnEquals "
        "role/build-app-dev of 414387588029"
    ]
    assert found(trust({"AWS": ROOT_OF_TOOLS}, Condition=any_build)) == [
        f"{start}allows sts:AssumeRole to root of 414387588029 with wider conditions "
        "(aws:PrincipalArn ArnEquals role/build-app-dev of 414387588029 -> ArnLike role/build-* of "
        "414387588029)"
    ]


def test_a_new_policy_of_an_identity_is_wider_than_none() -> None:
    admin = {"role": "service", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}

    assert lines(
        step("create", ROLE_POLICY, "it", new={"policy": policy(READ)}),
        step("create", "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "more", new=admin),
        step("create", ROLE_POLICY, "later", new={"policy": UNKNOWN}),
    ) == [
        "MEDIUM  widens a policy: iam role policy it: also allows dynamodb:GetItem, dynamodb:Scan "
        "on table/items",
        "MEDIUM  widens a policy: iam role policy attachment more: also has AdministratorAccess",
        "LOW     may widen a policy: iam role policy later: policy is known only during the update",
    ]


def test_a_new_resource_is_a_risk_where_its_policy_admits_others() -> None:
    own, service = {"AWS": f"arn:aws:iam::{DEV}:root"}, {"Service": "lambda.amazonaws.com"}

    def made(*principals: Any) -> Json:
        return step(
            "create",
            KEY,
            "it",
            new={"policy": policy(*(allow("kms:*", Principal=it) for it in principals))},
        )

    here = provider("account", DEV)
    assert lines(here, made(own, service)) == []
    assert lines(here, made(own, {"AWS": [ROOT_OF_TOOLS, own["AWS"]]})) == [
        "MEDIUM  widens a policy: kms key it: also allows kms:* to root of 414387588029"
    ]
    assert lines(here, made("*")) == [
        "MEDIUM  widens a policy: kms key it: also allows kms:* to everybody"
    ]
    assert lines(step("create", ROLE, "it", new={"assumeRolePolicy": policy(trust(service))})) == []
    assert lines(
        step("create", ROLE, "it", new={"assumeRolePolicy": policy(trust({"AWS": ROOT_OF_TOOLS}))})
    ) == [
        "MEDIUM  widens a policy: iam role it: also allows sts:AssumeRole to root of 414387588029"
    ]


def test_a_function_that_others_may_call_is_a_wider_policy() -> None:
    gateway = {"action": "lambda:InvokeFunction", "principal": "apigateway.amazonaws.com"}
    one, every = ({"sourceArn": f"arn:aws:execute-api:eu:{DEV}:{it}"} for it in ("a/live/*", "*"))

    assert lines(step("create", PERMISSION, "it", new=gateway | one)) == []
    assert lines(step("replace", PERMISSION, "it", gateway | every, gateway | one)) == []
    assert lines(step("replace", PERMISSION, "it", gateway | one, gateway | every)) == [
        "MEDIUM  widens a policy: lambda permission it: allows lambda:InvokeFunction to "
        "apigateway.amazonaws.com with wider conditions (aws:SourceArn ArnLike a/live/* -> ArnLike "
        "*)"
    ]
    assert lines(step("create", PERMISSION, "it", new=gateway | {"principal": "*"})) == [
        "MEDIUM  widens a policy: lambda permission it: also allows lambda:InvokeFunction to "
        "everybody"
    ]


def test_a_policy_that_is_deleted_is_a_risk_where_it_denied_something() -> None:
    tls = deny("s3:*", Principal="*", Condition={"Bool": {"aws:SecureTransport": False}})
    guarded = {"policy": policy(tls, allow("s3:*", Principal="*"))}
    bucket = step("delete", BUCKET, "site")
    line = (
        "MEDIUM  widens a policy: s3 bucket policy it: no longer denies s3:* to everybody "
        "if aws:SecureTransport Bool false"
    )

    assert lines(step("delete", BUCKET_POLICY, "it", guarded)) == [line]
    assert lines(update(BUCKET_POLICY, guarded, {})) == [line]
    assert lines(step("delete", ROLE_POLICY, "it", {"policy": policy(READ)})) == []
    assert lines(step("delete", KEY, "it", guarded)) == ["HIGH    deletes a key: kms key it"]
    along = step("delete", BUCKET_POLICY, "it", guarded, was={"dependencies": [bucket["urn"]]})
    assert lines(bucket, along) == ["HIGH    deletes data: s3 bucket site"]


def test_a_policy_that_only_the_update_will_know_is_said_as_such() -> None:
    known = {"policy": policy(READ, deny("iam:*"))}
    secret = {"policy": "[secret]"}
    line = "LOW     may widen a policy: iam role policy it: policy is known only during the update"

    assert lines(update(ROLE_POLICY, known, {"policy": UNKNOWN})) == [line]
    assert lines(
        update(ROLE_POLICY, secret, secret, detailedDiff={"policy": {"kind": "update"}})
    ) == [line]
    assert lines(update(ROLE_POLICY, secret, secret)) == []
    assert lines(update(SCP, {"content": policy(deny("s3:*"))}, {"content": UNKNOWN})) == [
        "LOW     may widen a policy: organizations policy it: content is known only during the "
        "update"
    ]
    assert lines(step("create", KEY, "it", new={"policy": UNKNOWN})) == []
    assert lines(step("create", BUCKET_POLICY, "it", new={"policy": UNKNOWN})) == [
        "LOW     may widen a policy: s3 bucket policy it: policy is known only during the update"
    ]


GUARD_RAILS = {
    "denies less": (
        update(
            SCP,
            {"content": policy(deny(["dynamodb:DeleteTable", "qldb:DeleteLedger"]))},
            {"content": policy(deny("dynamodb:DeleteTable"))},
        ),
        "organizations policy it: no longer denies qldb:DeleteLedger",
    ),
    "is deleted": (
        step("delete", SCP, "it", {"content": policy(deny("dynamodb:DeleteTable"))}),
        "organizations policy it: no longer denies dynamodb:DeleteTable",
    ),
    "is detached": (
        step("delete", ATTACHMENT, "it", {"policyId": "p-1", "targetId": "ou-prod"}),
        "organizations policy attachment it: is detached from ou-prod",
    ),
    "is attached elsewhere": (
        step("replace", ATTACHMENT, "it", {"targetId": "ou-prod"}, {"targetId": "ou-dev"}),
        "organizations policy attachment it: is detached from ou-prod",
    ),
    "is left behind by an account": (
        update(ACCOUNT, {"parentId": "ou-prod"}, {"parentId": "ou-dev"}),
        "organizations account it: moves, and other guard rails hold there: ou-prod -> ou-dev",
    ),
}


@pytest.mark.parametrize(("change", "line"), GUARD_RAILS.values(), ids=GUARD_RAILS.keys())
def test_a_wider_guard_rail_is_said(change: Json, line: str) -> None:
    assert lines(change) == [f"MEDIUM  widens a guard rail: {line}"]


def test_a_policy_that_is_replaced_where_it_is_attached_leaves_no_target() -> None:
    old, new = {"policyId": "p-1", "targetId": "ou-1"}, {"policyId": UNKNOWN, "targetId": "ou-1"}
    contents = [{"content": policy(deny(it))} for it in ("s3:DeleteBucket", "s3:Delete*")]

    assert (
        lines(step("replace", SCP, "it", *contents), step("replace", ATTACHMENT, "it", old, new))
        == []
    )


BUCKETS, TABLES, KEYS = deny("s3:DeleteBucket"), deny("dynamodb:DeleteTable"), deny("kms:Delete*")
ROOT, PROD = "r-1", "ou-prod"


def rail(
    op: str,
    name: str,
    *old: Json,
    to: tuple[Json, ...] | str = (),
    on: str = ROOT,
    onto: str | None = None,
) -> list[Json]:
    """Return the steps of a policy and of its attachment, `on` a target and then `onto` another.

    `to` is the new content where the policy changes.
    """
    content = to if isinstance(to, str) else policy(*(old if op == "same" else to))
    made = step(op, SCP, name, {"content": policy(*old)}, {"content": content})
    state = {"propertyDependencies": {"policyId": [made["urn"]], "targetId": ["a$b::other"]}}
    then = {"policyId": f"{name}-1", "targetId": on}
    now = {"policyId": f"{name}-1" if op == "same" else UNKNOWN, "targetId": onto or on}
    moves = "replace" if op == "same" and onto else op
    return [made, step(moves, ATTACHMENT, name, then, now, was=state, becomes=state)]


def test_a_statement_that_another_policy_of_the_target_denies_now_is_no_risk() -> None:
    assert (
        lines(
            *rail("replace", "root-1", TABLES, BUCKETS, to=(TABLES, KEYS)),
            *rail("replace", "root-2", KEYS, to=(BUCKETS,)),
        )
        == []
    )
    assert (
        lines(
            *rail("replace", "root-1", TABLES, to=(TABLES, BUCKETS)),
            *rail("delete", "root-2", BUCKETS),
        )
        == []
    )
    assert lines(*rail("same", "root-1", BUCKETS), *rail("delete", "root-2", BUCKETS)) == []
    assert lines(*rail("create", "root-a", to=(BUCKETS,)), *rail("delete", "root-1", BUCKETS)) == []


def test_what_no_policy_of_a_target_denies_any_longer_is_said() -> None:
    start = "MEDIUM  widens a guard rail: organizations policy"

    assert lines(
        *rail("replace", "root-1", TABLES, BUCKETS, to=(TABLES,)), *rail("same", "root-2", KEYS)
    ) == [f"{start} root-1: no longer denies s3:DeleteBucket"]
    assert lines(
        *rail("replace", "root-1", TABLES, deny(["s3:DeleteBucket", "s3:Put*"]), to=(KEYS,)),
        *rail("replace", "root-2", KEYS, to=(BUCKETS,)),
    ) == [
        f"{start} root-1: no longer denies dynamodb:DeleteTable",
        f"{start} root-1: no longer denies s3:Put*",
    ]
    # A policy of another type is for other requests: here for resources, whoever asks.
    other = rail("same", "other-1", BUCKETS | {"Principal": "*"})
    for it in ("oldState", "newState"):
        other[0][it]["inputs"]["type"] = "RESOURCE_CONTROL_POLICY"
    assert lines(*rail("replace", "root-1", TABLES, BUCKETS, to=(TABLES,)), *other) == [
        f"{start} root-1: no longer denies s3:DeleteBucket"
    ]
    # What another target denies does not hold here, nor what is attached to nothing known.
    assert lines(
        *rail("replace", "root-1", TABLES, BUCKETS, to=(TABLES,)),
        *rail("same", "prod-1", BUCKETS, on=PROD),
        update(SCP, {"content": policy(BUCKETS)}, {"content": policy(BUCKETS)}),
    ) == [f"{start} root-1: no longer denies s3:DeleteBucket"]


def test_what_a_policy_of_a_target_denies_under_a_condition_only_is_said_in_its_own_words() -> None:
    condition = {"StringNotEquals": {"aws:RequestedRegion": "eu-central-1"}}
    narrow = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}

    assert lines(
        *rail("same", "root-1", deny("*", Condition=condition)),
        *rail("replace", "root-2", BUCKETS, to=(BUCKETS | {"Condition": narrow},)),
    ) == [
        "MEDIUM  widens a guard rail: organizations policy root-2: denies s3:DeleteBucket only if "
        "aws:PrincipalArn ArnNotLike role/admin of *"
    ]


def test_a_guard_rail_that_leaves_its_target_is_said_once_with_where_it_goes() -> None:
    start = "MEDIUM  widens a guard rail: organizations policy attachment prod-1: is detached from"
    gone = rail("delete", "prod-1", BUCKETS, TABLES, on=PROD)

    assert lines(*rail("replace", "root-1", KEYS, to=(KEYS, BUCKETS, TABLES)), *gone) == [
        f"{start} ou-prod and attached to r-1"
    ]
    assert lines(*rail("create", "dev-1", to=(BUCKETS, TABLES), on="ou-dev"), *gone) == [
        f"{start} ou-prod and attached to ou-dev"
    ]
    assert lines(*rail("same", "prod-1", BUCKETS, TABLES, on=PROD, onto=ROOT)) == [
        f"{start} ou-prod and attached to r-1"
    ]
    assert lines(*rail("replace", "root-1", KEYS, to=(KEYS, BUCKETS)), *gone) == [
        f"{start} ou-prod and attached to r-1",
        f"{start} ou-prod, which no longer denies dynamodb:DeleteTable",
    ]
    assert lines(*rail("same", "root-1", BUCKETS, TABLES), *gone) == [
        f"{start} ou-prod, which no longer denies s3:DeleteBucket",
        f"{start} ou-prod, which no longer denies dynamodb:DeleteTable",
    ]


def test_a_list_of_what_a_target_allows_is_said_to_leave_although_it_denies_nothing() -> None:
    assert lines(*rail("delete", "prod-1", allow("s3:*"), on=PROD)) == [
        "MEDIUM  widens a guard rail: organizations policy attachment prod-1: is detached from "
        "ou-prod"
    ]


def test_a_statement_that_leaves_its_target_is_said_with_where_it_goes() -> None:
    assert lines(
        *rail("replace", "root-1", KEYS, to=(KEYS, BUCKETS)),
        *rail("create", "dev-1", to=(BUCKETS,), on="ou-dev"),
        *rail("replace", "prod-1", BUCKETS, TABLES, to=(TABLES,), on=PROD),
    ) == [
        "MEDIUM  widens a guard rail: organizations policy prod-1: no longer denies "
        "s3:DeleteBucket, now attached to r-1, ou-dev"
    ]


def test_a_policy_that_is_attached_in_place_of_another_is_compared_with_it() -> None:
    old, new = (step("same", SCP, it, *2 * [{"content": policy(BUCKETS)}]) for it in "ab")
    weak = step("same", SCP, "weak", *2 * [{"content": policy(KEYS)}])
    then, now = {"policyId": "a", "targetId": ROOT}, {"policyId": "b", "targetId": ROOT}

    def swapped(to: Json) -> Json:
        was, becomes = ({"propertyDependencies": {"policyId": [it["urn"]]}} for it in (old, to))
        return step("replace", ATTACHMENT, "it", then, now, was=was, becomes=becomes)

    assert lines(old, new, swapped(new)) == []
    assert lines(old, weak, swapped(weak)) == [
        "MEDIUM  widens a guard rail: organizations policy attachment it: is detached from r-1, "
        "which no longer denies s3:DeleteBucket"
    ]
    gone = step("delete", SCP, "a", {"content": policy(BUCKETS)})
    assert lines(gone, weak, swapped(weak) | {"op": "same"}) == [
        "MEDIUM  widens a guard rail: organizations policy a: no longer denies s3:DeleteBucket"
    ]


def test_a_guard_rail_that_only_the_update_will_know_covers_nothing() -> None:
    start = "MEDIUM  widens a guard rail: organizations policy"
    unknown = (
        "LOW     may widen a policy: organizations policy root-1: content is known only during the "
        "update"
    )
    later = rail("replace", "root-1", KEYS, to=UNKNOWN)

    assert lines(*later) == [unknown]
    assert lines(*later, *rail("replace", "root-2", TABLES, BUCKETS, to=(TABLES,))) == [
        f"{start} root-2: no longer denies s3:DeleteBucket",
        unknown,
    ]
    assert lines(*later, *rail("delete", "root-2", BUCKETS)) == [
        f"{start} attachment root-2: is detached from r-1, which no longer denies s3:DeleteBucket",
        unknown,
    ]
    secret = step("delete", SCP, "it", {"content": "[secret]"})
    was = {"propertyDependencies": {"policyId": [secret["urn"]]}}
    assert lines(secret, step("delete", ATTACHMENT, "it", {"targetId": ROOT}, was=was)) == [
        f"{start} attachment it: is detached from r-1"
    ]
    # Two new targets are not one, although the engine writes the same for both.
    assert lines(
        *rail("create", "new-1", to=(BUCKETS,), on=UNKNOWN),
        *rail("delete", "prod-1", BUCKETS, on=PROD),
    ) == [
        f"{start} attachment prod-1: is detached from ou-prod, which no longer denies "
        "s3:DeleteBucket"
    ]


def test_changes_in_more_than_one_account_are_said() -> None:
    table = step("create", TABLE, "service-table")
    delegation = step("create", RECORD, "it", new={"type": "NS"}, provider="delegation")
    unchanged = step("same", RECORD, "it", provider="delegation")
    accounts = (provider("account", DEV), provider("delegation", DNS))

    assert lines(*accounts, table, delegation) == [
        f"LOW     touches 2 accounts: {DEV} (account), {DNS} (delegation)"
    ]
    assert lines(table, delegation) == [
        "LOW     touches 2 accounts: unknown (account), unknown (delegation)"
    ]
    assert lines(*accounts, table, unchanged) == []
    assert lines(provider("account", DEV), provider("delegation", DEV), table, delegation) == []


def test_the_account_of_a_provider_that_is_not_shown_is_that_of_its_resources() -> None:
    arn = {"outputs": {"arn": TABLE_ARN}}

    assert lines(update(TABLE, {}, {}, was=arn), update(RECORD, {}, {}, provider="delegation")) == [
        f"LOW     touches 2 accounts: {DEV} (account), unknown (delegation)"
    ]


def test_a_change_that_only_a_person_may_apply_comes_first_with_the_command() -> None:
    role = update(ROLE, {"description": "a"}, {"description": "b"}, within=BASELINE)
    boundary = step("create", "aws:iam/policy:Policy", "limit", within=BASELINE)
    org = update(
        *(ROLE, {}, {"description": "b"}),
        within="multi-account:account:DeployRole",
        project="org",
        stack="main",
    )
    component = {"op": "create", "urn": f"urn:pulumi:dev::app::{BASELINE}::account"}
    unlocked = step("same", ROLE, "it", was={"protect": True}, within=BASELINE)
    setting = step(
        "create", "aws:ebs/encryptionByDefault:EncryptionByDefault", "it", within=BASELINE
    )

    assert lines(step("delete", TABLE, "service-table"), role, boundary) == [
        "PERSON  only OrganizationAccountAccessRole may apply this, by hand: pulumi up -s dev: iam "
        "role it, iam policy limit",
        "HIGH    deletes data: dynamodb table service-table",
    ]
    assert lines(org) == [
        "PERSON  only the management account's administrator may apply this, by hand: "
        "pulumi -C stacks/org up -s main: iam role it"
    ]
    assert lines(component) == []
    assert lines(setting) == []
    assert lines(unlocked) == ["MEDIUM  weakens a lock: iam role it: protect true -> false"]


def test_nothing_else_is_a_risk() -> None:
    stack = {"op": "create", "urn": "urn:pulumi:dev::app::pulumi:pulumi:Stack::app-dev"}
    component = {"op": "delete", "urn": "urn:pulumi:dev::app::multi-account:api:Api::api"}
    read = step("read", "pulumi:pulumi:StackReference", "organization/org/main")
    moved = provider("account", DEV) | {"op": "update"}
    locked, unlocked = ({"urn": component["urn"], "protect": it} for it in (True, False))

    assert (
        lines(
            stack,
            component,
            {**component, "op": "same", "oldState": locked, "newState": unlocked},
            read,
            moved,
            update(FUNCTION, {"memorySize": 256}, {"memorySize": 512}),
            step(
                "replace",
                "aws:apigateway/deployment:Deployment",
                "api",
                replaceReasons=["triggers"],
            ),
            step("delete", FUNCTION, "old"),
            step("delete", RECORD, "validation", {"type": "CNAME"}),
            step("create", TABLE, "new"),
            step("create", LOG_GROUP, "new", new={"retentionInDays": 14}),
            step("create", ACCOUNT, "new", new={"parentId": "ou-prod"}),
            update(TABLE, {"ttl": {"enabled": True}}, {"ttl": {"enabled": True}, "a": 1}),
            update(KEY, {"isEnabled": False}, {"isEnabled": False, "description": "a"}),
            update(FUNCTION, {}, {"isEnabled": False}),
            update(
                LIFECYCLE,
                {"rules": []},
                {"rules": [{"id": "all", "status": "Disabled", "expiration": {"days": 90}}]},
            ),
            step("create", RECORD, "name", new={"type": "NS", "records": ["a"]}),
            update(RECORD, {"type": "TXT", "records": ["a"]}, {"type": "TXT", "records": ["b"]}),
            update(RECORD, {"type": "A", "ttl": 60}, {"type": "A", "ttl": 300}),
            update(
                RECORD,
                {"type": "A", "aliases": [{"name": "a", "evaluateTargetHealth": False}]},
                {"type": "A", "aliases": [{"name": "a", "evaluateTargetHealth": True}]},
                detailedDiff={"aliases[0].evaluateTargetHealth": {"kind": "update"}},
            ),
            update(EIP, {}, {"instance": "i-1"}),
            update("aws:cloudfront/distribution:Distribution", {}, {"aliases": ["a.example.com"]}),
            update("aws:ec2/vpc:Vpc", {"type": ["A"]}, {"type": ["B"]}),
            update(RECORD, {"type": "NS", "ttl": 60}, {"type": "NS", "ttl": 300}),
            update(LOG_GROUP, {"retentionInDays": 7}, {"retentionInDays": 30}),
            step("create", ATTACHMENT, "it", new={"targetId": "ou-prod"}),
        )
        == []
    )


def test_a_preview_without_changes_has_no_risk(said: Callable[..., Said]) -> None:
    assert said(document()) == Said(0, "No risk.\n", "")


STATUSES = {
    0: update(FUNCTION, {"memorySize": 256}, {"memorySize": 512}),
    10: update(ROLE_POLICY, {"policy": policy(READ)}, {"policy": UNKNOWN}),
    20: pair("deletionProtectionEnabled", old=True, new=False),
    30: step("delete", TABLE, "it"),
    40: update(ROLE, {"description": "a"}, {"description": "b"}, within=BASELINE),
}


@pytest.mark.parametrize("status", STATUSES)
def test_the_exit_status_is_that_of_the_worst_risk(said: Callable[..., Said], status: int) -> None:
    milder = [change for other, change in STATUSES.items() if other <= status]

    assert said(document(*milder)).status == status


def test_the_statuses_are_in_the_help(said: Callable[..., Said]) -> None:
    told = said("", "--help").out

    for severity in risks.Severity:
        assert f"\n  {severity.value:<3} " in told, severity
        assert severity.name in told or severity is risks.Severity.NONE


def test_what_the_engine_printed_is_understood(said: Callable[..., Said]) -> None:
    result = said("", str(RECORDED))

    assert result == Said(
        30,
        "HIGH    replaces data: dynamodb table service-table, because of hashKey\n"
        "MEDIUM  weakens a lock: dynamodb table service-table: protect true -> false\n"
        "MEDIUM  weakens a lock: dynamodb table service-table: deletionProtectionEnabled true -> "
        "false\n"
        "MEDIUM  weakens a lock: dynamodb table service-table: pointInTimeRecovery.enabled true -> "
        "false\n"
        "MEDIUM  weakens a lock: route53 zone zone-zone: protect true -> false\n"
        "LOW     may widen a policy: iam role policy service-policy: policy is known only during "
        "the update\n",
        "",
    )


def failed(message: str, **more: Any) -> str:
    said = [{"severity": "warning", "message": "a"}, {"severity": "error", "message": message}]
    return document(diagnostics=[said[0], {**said[1], **more}])


GIVE = "give what `pulumi preview --json --show-sames` prints."
REFUSED = {
    "": "The preview printed nothing: mend what the engine complains of, and run it again.",
    "Previewing update (dev):": f"This cannot be read as JSON: {GIVE}",
    "[" * 200_000: f"This cannot be read as JSON: {GIVE}",
    "[" * 200_000 + "]" * 200_000: f"This cannot be read as JSON: {GIVE}",
    "\udcff": f"This cannot be read as JSON: {GIVE}",
    "null": f"This JSON document is none of the engine's: {GIVE}",
    "[]": f"This JSON document is none of the engine's: {GIVE}",
    '{"version": 3}': "This JSON document is none of the engine's (duration is missing or wrong): "
    f"{GIVE}",
    '{"duration": 1, "steps": [{"op": "same"}]}': "This JSON document is none of the engine's "
    f"(steps.0.urn is missing or wrong): {GIVE}",
    '{"duration": 1, "steps": [{"op": "delete", "urn": "x", "provider": "p"}]}': "This JSON "
    f"document is none of the engine's (steps.0.urn is missing or wrong): {GIVE}",
    '{"duration": 1}': "This JSON document has no step, not even that of the stack, so it does not "
    f"tell what would change: {GIVE}",
    failed(" "): "The preview failed (it gives no reason), so it does not tell what would change: "
    "mend that, and run it again.",
    failed("error: table: cannot be deleted\nbecause it is protected", urn="a::b::c::table"): (
        "The preview failed (table: table: cannot be deleted), so it does not tell what would change: "
        "mend that, and run it again."
    ),
    failed("error: Program failed:\nTraceback (most recent call last):\n  File\nKeyError: 'a'"): (
        "The preview failed (KeyError: 'a'), so it does not tell what would change: mend that, and "
        "run it again."
    ),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.items())
def test_what_is_no_preview_is_refused_in_one_sentence(
    said: Callable[..., Said], text: str, sentence: str
) -> None:
    assert said(text) == Said(1, "", f"{sentence}\n")


def test_a_file_that_is_not_there_is_refused_in_one_sentence(
    said: Callable[..., Said], tmp_path: Path
) -> None:
    file = tmp_path / "preview.json"

    assert said("", str(file)) == Said(
        1, "", f"{file} cannot be read (No such file or directory): {GIVE}\n"
    )
    file.write_bytes(b"\xff")
    assert said("", str(file)) == Said(1, "", f"{file} cannot be read (it is no text): {GIVE}\n")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository whose last commit is by somebody who plays tricks with a name."""
    git(tmp_path, "init", "--quiet")
    author = "Eve\x1b[2J\u202e <eve@example.com>"
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "a", "--author", author)
    monkeypatch.setattr(risk, "ROOT", tmp_path)
    return tmp_path


def test_the_notice_is_one_line_with_the_commit_its_author_and_a_link(
    said: Callable[..., Said], repository: Path
) -> None:
    commit = git(repository, "rev-parse", "--short", "HEAD")
    change = document(
        step("delete", TABLE, "it"), pair("kmsKeyId", old="arn:key", new=None, kind=LOG_GROUP)
    )

    assert said(change, "--notice", "--link", "https://example.com/run/7") == Said(
        30,
        "HIGH deletes data: dynamodb table it; MEDIUM weakens a lock: cloudwatch log group it: "
        f"kmsKeyId arn:key -> nothing | commit {commit} by Eve?[2J? | https://example.com/run/7\n",
        "",
    )
    assert said(document(), "--notice") == Said(0, f"No risk. | commit {commit} by Eve?[2J?\n", "")


@pytest.mark.parametrize("count", [1, 5, 14, 15, 40])
@pytest.mark.parametrize("length", [1, *range(30, 50), 900])
def test_the_notice_always_fits_and_keeps_the_worst(count: int, length: int) -> None:
    found = [
        risks.Risk(Kind.DATA, "deletes data", f"{number}{'x' * length}") for number in range(count)
    ]
    commit, link = "commit 8add354 by " + "y" * risk.AUTHOR_LENGTH, "z" * risk.LINK_LENGTH

    text = risk.notice(found, commit, link)

    assert len(text) <= risk.NOTICE_LENGTH
    assert text.startswith("HIGH deletes data: 0x")
    assert text.endswith(f" | {commit} | {link}")
    shown = text.count("HIGH")
    assert shown == count or f"; and {count - shown} more | commit" in text


def test_an_approval_holds_as_many_characters_as_a_notice_has() -> None:
    shapes = boto3.client("codepipeline", "eu-central-1").meta.service_model

    assert shapes.shape_for("ActionConfigurationValue").metadata["max"] == risk.NOTICE_LENGTH


@pytest.mark.parametrize("link", ["z" * 501, "https://example.com/\nHIGH"])
def test_a_link_that_would_not_fit_is_refused(said: Callable[..., Said], link: str) -> None:
    result = said(document(), "--notice", "--link", link)

    assert result.status == 2
    assert result.err.endswith(
        "argument --link: it must be one line of at most 500 characters, so that a notice holds it"
    )


def test_a_notice_without_a_repository_is_refused_in_one_sentence(
    said: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(risk, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert said(document(), "--notice") == Said(
        1,
        "",
        f"git cannot tell which commit is checked out in {tmp_path}: run this in a clone of the "
        "repository, with git installed.\n",
    )


def test_a_name_cannot_break_a_line(said: Callable[..., Said]) -> None:
    named = json.loads(document(step("delete", TABLE, "a\nHIGH    b\x1b[2J")))

    assert said(json.dumps(named)).out == ("HIGH    deletes data: dynamodb table a?HIGH    b?[2J\n")
