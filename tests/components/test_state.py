"""The state's bucket and key: the build roles and one person get in, each build role to its part."""

import json

import pytest

from components.state import (
    StateStore,
    StateStoreArgs,
    bucket_policy,
    context_of,
    key_policy,
    state_access,
)
from iam.policy import Effect
from tests.cloud import Cloud
from tests.policies import judged

TOOLS, MANAGEMENT, REGION = "444455556666", "111122223333", "eu-central-1"
BUCKET = "arn:aws:s3:::pulumi-state"
KEY = f"arn:aws:kms:{REGION}:{TOOLS}:key/k"
OPERATOR = f"arn:aws:iam::{MANAGEMENT}:role/deployer"
DEV, PROD = "build-app-dev", "build-app-prod"
DEPLOY = f"arn:aws:iam::{TOOLS}:role/deploy"
ACCESS = {
    "Version": "2012-10-17",
    "Statement": state_access(BUCKET, KEY, "app", "dev", ["org/main", "dns/main"]),
}
ARGS = StateStoreArgs(
    account_id=TOOLS,
    region=REGION,
    bucket_name="pulumi-state",
    build_roles=[DEV, PROD],
    operator_role_arn=OPERATOR,
)
VIA_S3 = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}


def role(name: str) -> str:
    return f"arn:aws:iam::{TOOLS}:role/{name}"


def may(action: str, path: str) -> bool:
    return judged(ACCESS, action, f"{BUCKET}/.pulumi/{path}") is Effect.ALLOW


def may_use_key(action: str, context: dict[str, str]) -> bool:
    return judged(ACCESS, action, KEY, context) is Effect.ALLOW


def store() -> Cloud:
    return Cloud().run(lambda: StateStore("state", ARGS))


@pytest.mark.parametrize(
    "path",
    [
        "stacks/app/dev.json",
        "stacks/app/dev.json.bak",
        "history/app/dev/dev-1.history.json",
        "history/app/dev/dev-1.checkpoint.json",
        "backups/app/dev/dev.1.json",
        "locks/organization/app/dev/1.json",
    ],
)
def test_a_build_role_writes_its_own_state(path: str) -> None:
    assert may("s3:PutObject", path)


@pytest.mark.parametrize(
    "path",
    [
        "meta.yaml",
        "stacks/app/prod.json",
        "stacks/app/dev2.json",
        "stacks/app/dev/x.json",
        "stacks/org/main.json",
        "history/app/prod/prod-1.history.json",
        "backups/org/main/main.1.json",
        "locks/organization/app/prod/1.json",
        "locks/organization/org/main/1.json",
    ],
)
def test_a_build_role_writes_nothing_else(path: str) -> None:
    assert not may("s3:PutObject", path)
    assert not may("s3:DeleteObject", path)


def test_a_build_role_deletes_its_lock_and_not_its_state() -> None:
    assert may("s3:DeleteObject", "locks/organization/app/dev/1.json")
    assert not may("s3:DeleteObject", "stacks/app/dev.json")
    assert not may("s3:DeleteObjectVersion", "stacks/app/dev.json")


@pytest.mark.parametrize("name", ["app/dev", "org/main", "dns/main"])
def test_a_build_role_reads_its_state_and_those_it_references(name: str) -> None:
    assert may("s3:GetObject", f"stacks/{name}.json")
    assert may("s3:GetObject", f"history/{name}/main-1.history.json")


@pytest.mark.parametrize(
    "path",
    [
        "stacks/app/prod.json",
        "stacks/app/prod.json.bak",
        "stacks/corp/main.json",
        "history/app/prod/prod-1.history.json",
        "backups/org/main/main.1.json",
        "history/org/main/main-1.checkpoint.json",
    ],
)
def test_a_build_role_reads_no_other_state(path: str) -> None:
    assert not may("s3:GetObject", path)


def test_a_build_role_decrypts_its_secrets_and_those_it_references_only() -> None:
    contexts = ["app-dev", "org-main", "dns-main", "app-prod", "corp-main"]
    decrypted = [it for it in contexts if may_use_key("kms:Decrypt", _bound_to(it))]
    encrypted = [it for it in contexts if may_use_key("kms:Encrypt", _bound_to(it))]

    assert decrypted == ["app-dev", "org-main", "dns-main"]
    assert encrypted == ["app-dev"]
    assert not may_use_key("kms:Decrypt", {})


def test_a_build_role_uses_the_buckets_key_for_the_bucket_only() -> None:
    bucket = VIA_S3 | {"kms:EncryptionContext:aws:s3:arn": BUCKET}

    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert may_use_key(action, bucket)
        assert not may_use_key(action, bucket | {"kms:EncryptionContext:aws:s3:arn": f"{BUCKET}2"})
        assert not may_use_key(action, {"kms:EncryptionContext:aws:s3:arn": BUCKET})


def _bound_to(context: str) -> dict[str, str]:
    return {"kms:EncryptionContext:stack": context}


def test_a_stacks_secrets_are_bound_to_its_name() -> None:
    assert context_of("app", "dev") == "app-dev"


def test_only_build_roles_and_the_operator_get_at_the_objects() -> None:
    policy = bucket_policy(BUCKET, TOOLS, [DEV, PROD], OPERATOR)

    def effect(principal: str) -> Effect:
        context = {"aws:PrincipalArn": principal, "aws:SecureTransport": "true"}
        return judged(policy, "s3:GetObject", f"{BUCKET}/.pulumi/stacks/app/dev.json", context)

    for stranger in (DEPLOY, role("OrganizationAccountAccessRole"), role("build-other")):
        assert effect(stranger) is Effect.DENY
    assert effect(role(DEV)) is Effect.NONE  # its own policy says what it may
    assert effect(OPERATOR) is Effect.ALLOW


def test_nobody_gets_at_the_state_without_tls() -> None:
    policy = bucket_policy(BUCKET, TOOLS, [DEV], OPERATOR)
    context = {"aws:PrincipalArn": OPERATOR, "aws:SecureTransport": "false"}

    assert judged(policy, "s3:ListBucket", BUCKET, context) is Effect.DENY


def test_the_operator_destroys_no_old_version_of_a_state() -> None:
    policy = bucket_policy(BUCKET, TOOLS, [DEV], OPERATOR)
    context = {"aws:PrincipalArn": OPERATOR, "aws:SecureTransport": "true"}

    def effect(action: str) -> Effect:
        return judged(policy, action, f"{BUCKET}/.pulumi/stacks/app/dev.json", context)

    assert effect("s3:GetObjectVersion") is Effect.ALLOW
    assert effect("s3:DeleteObjectVersion") is Effect.NONE


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"])
def test_an_administrator_administrates_the_key_and_cannot_use_it(action: str) -> None:
    policy = key_policy(TOOLS, [DEV], OPERATOR)

    assert judged(policy, "kms:PutKeyPolicy", "*", {"aws:PrincipalArn": DEPLOY}) is Effect.ALLOW
    assert judged(policy, action, "*", {"aws:PrincipalArn": DEPLOY}) is Effect.NONE
    for user in (role(DEV), OPERATOR):
        assert judged(policy, action, "*", {"aws:PrincipalArn": user}) is Effect.ALLOW


def test_policies_name_accounts_as_principals_since_a_role_may_not_exist_yet() -> None:
    for policy in (
        bucket_policy(BUCKET, TOOLS, [DEV], OPERATOR),
        key_policy(TOOLS, [DEV], OPERATOR),
    ):
        principals = [statement["Principal"] for statement in policy["Statement"]]
        assert all(it == "*" or it["AWS"].endswith(":root") for it in principals)


def test_the_policies_of_the_bucket_and_of_the_key_are_the_ones_tested_here() -> None:
    cloud = store()

    written = json.loads(cloud.only("s3/bucketPolicy:BucketPolicy").inputs["policy"])
    assert written == bucket_policy(BUCKET, TOOLS, [DEV, PROD], OPERATOR)
    written = json.loads(cloud.only("kms/key:Key").inputs["policy"])
    assert written == key_policy(TOOLS, [DEV, PROD], OPERATOR)


def test_every_version_of_a_state_is_encrypted_with_the_key_and_kept_for_a_while() -> None:
    cloud = store()

    versioning = cloud.only("BucketVersioning").inputs["versioningConfiguration"]
    assert versioning == {"status": "Enabled"}
    encryption = cloud.only("BucketServerSideEncryptionConfiguration").inputs
    assert encryption["rules"] == [
        {
            "applyServerSideEncryptionByDefault": {
                "sseAlgorithm": "aws:kms",
                "kmsMasterKeyId": f"arn:aws:kms:{REGION}:{TOOLS}:key/state-key",
            },
            "bucketKeyEnabled": True,
        }
    ]
    (rule,) = cloud.only("BucketLifecycleConfiguration").inputs["rules"]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 90}
    assert "expiration" not in rule


def test_nothing_in_the_bucket_is_public() -> None:
    cloud = store()

    block = cloud.only("BucketPublicAccessBlock").inputs
    names = {"blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"}
    assert {name for name in names if block[name]} == names
    ownership = cloud.only("BucketOwnershipControls").inputs["rule"]
    assert ownership == {"objectOwnership": "BucketOwnerEnforced"}


def test_the_bucket_and_the_key_survive_a_mistake() -> None:
    cloud = store()

    for kind in ("s3/bucket:Bucket", "kms/key:Key"):
        assert cloud.only(kind).protect
        assert cloud.only(kind).retain_on_delete
    assert cloud.only("kms/key:Key").inputs["enableKeyRotation"]


def test_the_address_of_the_state_is_what_the_engine_takes() -> None:
    found: list[str] = []

    Cloud().run(lambda: StateStore("state", ARGS).url.apply(found.append))

    assert found == [f"s3://pulumi-state?region={REGION}&awssdk=v2"]
