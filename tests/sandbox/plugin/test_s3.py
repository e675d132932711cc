"""What buckets and what is set on them do beyond a plain life."""

from typing import Any

import pytest

from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.values import Values
from tests.sandbox.plugin.engine import Engine, Refused
from tests.sandbox.plugin.scripted import scripted
from tests.sandbox.plugin.world import (
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_POLICY,
    BUCKET_VERSIONING,
    PUBLIC_ACCESS_BLOCK,
    World,
    policy,
)

VERSIONED: Values = {"versioningConfiguration": {"status": "Enabled"}}


def fill(s3: Any, bucket: str) -> None:
    """Put an object twice and delete it: two versions and a marker, where versions are kept."""
    s3.put_object(Bucket=bucket, Key="state.json", Body=b"1")
    s3.put_object(Bucket=bucket, Key="state.json", Body=b"2")
    s3.delete_object(Bucket=bucket, Key="state.json")
    s3.put_object(Bucket=bucket, Key="lock.json", Body=b"3")


def test_a_bucket_with_content_goes_only_by_force(world: World) -> None:
    held = world.member.create(BUCKET, {"bucket": "full"})
    world.member.create(BUCKET_VERSIONING, {"bucket": "full", **VERSIONED})
    fill(world.client("s3"), "full")
    with pytest.raises(Refused, match=r"^deleting S3 Bucket \(full\): .* BucketNotEmpty: "):
        world.member.delete(held)
    forced = world.member.update(held, {"bucket": "full", "forceDestroy": True})
    world.member.delete(forced)
    assert world.member.refresh(forced) is None


def test_every_page_of_versions_and_markers_is_emptied() -> None:
    pages: list[Values] = [
        {
            "Versions": [{"Key": "a", "VersionId": "1"}],
            "DeleteMarkers": [{"Key": "a", "VersionId": "2"}],
            "IsTruncated": True,
            "NextKeyMarker": "a",
            "NextVersionIdMarker": "2",
        },
        {"Versions": [{"Key": "b", "VersionId": "3"}], "IsTruncated": False},
    ]
    account, aws = scripted(ListObjectVersions=pages)
    RESOURCES[BUCKET].delete(account, "full", {"forceDestroy": True})
    deleted = [(it["Key"], it["VersionId"]) for name, it in aws.calls if name == "DeleteObject"]
    assert deleted == [("a", "1"), ("a", "2"), ("b", "3")]
    assert aws.calls[3] == (
        "ListObjectVersions",
        {"Bucket": "full", "KeyMarker": "a", "VersionIdMarker": "2"},
    )
    assert aws.operations[-1] == "DeleteBucket"


def test_the_first_region_is_no_location_constraint() -> None:
    account, aws = scripted()
    RESOURCES[BUCKET].create(account, {"bucket": "b"})
    place = {"LocationConstraint": "eu-central-1"}
    assert aws.calls == [("CreateBucket", {"Bucket": "b", "CreateBucketConfiguration": place})]
    first = type(account)(session=account.session, id="1", region="us-east-1", timeout=1)
    RESOURCES[BUCKET].create(first, {"bucket": "b"})
    assert aws.calls[1:] == [("CreateBucket", {"Bucket": "b"})]


def test_a_bucket_is_named_after_the_resource_in_lower_case(engine: Engine) -> None:
    inputs, failures = engine.check(BUCKET, {}, name="StateOfAll", seed=b"1")
    assert failures == {}
    assert inputs["bucket"].startswith("stateofall-")
    inputs, _failures = engine.check(BUCKET, {}, name="x" * 70)
    assert len(inputs["bucket"]) == 63
    prefixed, _failures = engine.check(BUCKET, {"bucketPrefix": "state-"})
    assert "bucket" not in prefixed


def test_what_is_set_on_a_bucket_is_refused_within_it(engine: Engine) -> None:
    _inputs, failures = engine.check(BUCKET, {"bucket": "b", "versioning": {"enabled": True}})
    assert failures == {
        "versioning": 'The argument "versioning" exists, but the sandbox\'s AWS plugin does not '
        "carry it; leave it out or run with SANDBOX_AWS_PLUGIN=genuine."
    }


def test_a_bucket_loses_its_last_tag(world: World) -> None:
    held = world.member.create(BUCKET, {"bucket": "tagged", "tags": {"a": "1"}})
    held = world.member.update(held, {"bucket": "tagged"})
    assert held.state["tagsAll"] == {}
    assert world.member.refresh(held) == held


def test_a_bucket_that_somebody_else_has_is_not_taken(world: World) -> None:
    world.member.create(BUCKET, {"bucket": "taken"})
    with pytest.raises(Refused, match=r"^creating S3 Bucket \(taken\): .* BucketAlready"):
        world.management.create(BUCKET, {"bucket": "taken"})


def test_a_bucket_that_kept_versions_keeps_those_it_has(world: World) -> None:
    world.member.create(BUCKET, {"bucket": "versioned"})
    held = world.member.create(BUCKET_VERSIONING, {"bucket": "versioned", **VERSIONED})
    world.member.delete(held)
    found: Any = world.member.refresh(held)
    assert found.state["versioningConfiguration"] == {"status": "Suspended"}
    assert world.member.diff(found, {"bucket": "versioned", **VERSIONED}).detailed == {
        "versioningConfiguration.status": "UPDATE"
    }


def test_a_bucket_that_never_kept_versions_is_left_alone() -> None:
    account, aws = scripted()
    disabled = {"bucket": "b", "versioningConfiguration": {"status": "Disabled"}}
    versioning = RESOURCES[BUCKET_VERSIONING]
    assert versioning.create(account, disabled) == "b"
    versioning.delete(account, "b", disabled)
    assert aws.calls == []


def test_a_lock_can_outlive_its_resource() -> None:
    account, aws = scripted()
    RESOURCES[PUBLIC_ACCESS_BLOCK].delete(account, "b", {"skipDestroy": True})
    assert aws.calls == []


def test_an_encryption_that_was_weakened_by_hand_is_put_right(world: World) -> None:
    key = world.key.state["arn"]
    usual = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}
    rule = {"applyServerSideEncryptionByDefault": usual, "bucketKeyEnabled": True}
    bucket = world.member.create(BUCKET, {"bucket": "encrypted"}).id
    inputs = {"bucket": bucket, "rules": [rule]}
    held = world.member.create(BUCKET_ENCRYPTION, inputs)
    s3 = world.client("s3")
    weak = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=weak)
    found: Any = world.member.refresh(held)
    assert world.member.diff(found, inputs).detailed == {"rules": "UPDATE"}
    world.member.update(found, inputs)
    live = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert live[0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key
    assert live[0]["BucketKeyEnabled"] is True


def test_a_rule_for_all_objects_may_say_so_or_say_nothing(world: World) -> None:
    bucket = world.member.create(BUCKET, {"bucket": "lasting"}).id
    rule = {"id": "old", "status": "Enabled", "noncurrentVersionExpiration": {"noncurrentDays": 9}}
    held = world.member.create(BUCKET_LIFECYCLE, {"bucket": bucket, "rules": [rule]})
    for everything in ({}, {"prefix": ""}):
        said = {**rule, "filter": everything}
        assert not world.member.diff(held, {"bucket": bucket, "rules": [said]}).changes
    some = {**rule, "filter": {"prefix": ".pulumi/"}}
    assert world.member.diff(held, {"bucket": bucket, "rules": [some]}).detailed == {
        "rules[0].filter": "ADD"
    }


def test_a_policy_that_aws_does_not_take_is_refused_in_its_words(world: World) -> None:
    with pytest.raises(Refused, match=r"^creating S3 Bucket Policy \(.*\): .* MalformedPolicy: "):
        world.member.create(BUCKET_POLICY, {"bucket": world.bucket.id, "policy": policy()})
