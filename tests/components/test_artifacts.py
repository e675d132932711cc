"""Artefacts: pipelines get and put them, each its own, and nobody else does."""

import pytest

from components.artifacts import (
    ArtifactStore,
    ArtifactStoreArgs,
    artifact_access,
    artifact_bucket_policy,
    artifact_key_policy,
    place_of,
)
from iam.policy import Effect
from tests.cloud import Cloud
from tests.policies import judged

TOOLS = "777788889999"
BUCKET, KEY = "arn:aws:s3:::artifacts", "arn:aws:kms:eu-central-1:777788889999:key/1"
INSIDERS = [f"arn:aws:iam::{TOOLS}:role/pipelines", f"arn:aws:iam::{TOOLS}:role/build-app-dev"]
OUTSIDERS = [
    f"arn:aws:iam::{TOOLS}:role/deploy",
    f"arn:aws:iam::{TOOLS}:role/OrganizationAccountAccessRole",
    "arn:aws:iam::444455556666:role/build-app-dev",
]


def run() -> Cloud:
    return Cloud().run(lambda: ArtifactStore("artifacts", ArtifactStoreArgs(account_id=TOOLS)))


def by(principal: str) -> dict[str, str]:
    return {"aws:PrincipalArn": principal, "aws:SecureTransport": "true"}


def test_a_build_role_gets_and_puts_the_artefacts_of_its_own_pipeline_only() -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": artifact_access(BUCKET, KEY, [place_of("app-dev")], [place_of("app-dev")]),
    }

    for action in ("s3:GetObject", "s3:PutObject"):
        assert judged(document, action, f"{BUCKET}/app-dev/Source/1") is Effect.ALLOW
        assert judged(document, action, f"{BUCKET}/app-prod/Source/1") is Effect.NONE


def test_names_are_cut_in_keys_as_codepipeline_cuts_them() -> None:
    assert (
        place_of("a-pipeline-with-a-long-name", "an-artefact")
        == "a-pipeline-with-a-lo/an-artefac/*"
    )


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"])
def test_artefacts_are_for_pipelines_only(action: str) -> None:
    document = artifact_bucket_policy(BUCKET, TOOLS)

    for insider in INSIDERS:
        assert judged(document, action, f"{BUCKET}/a", by(insider)) is Effect.NONE  # IAM decides
    for outsider in OUTSIDERS:
        assert judged(document, action, f"{BUCKET}/a", by(outsider)) is Effect.DENY


def test_the_artefacts_key_is_used_by_pipelines_and_administrated_by_the_account() -> None:
    document = artifact_key_policy(TOOLS)

    for insider in INSIDERS:
        assert judged(document, "kms:Decrypt", KEY, by(insider)) is Effect.ALLOW
    for outsider in OUTSIDERS:
        assert judged(document, "kms:Decrypt", KEY, by(outsider)) is Effect.NONE
        assert judged(document, "kms:GenerateDataKey", KEY, by(outsider)) is Effect.NONE
    assert judged(document, "kms:PutKeyPolicy", KEY, by(OUTSIDERS[1])) is Effect.ALLOW


def test_artefacts_are_closed_and_encrypted_before_anybody_has_the_bucket() -> None:
    cloud = run()

    closed = cloud.only("BucketPublicAccessBlock").inputs
    assert all(closed[name] for name in closed if name != "bucket")
    (rule,) = cloud.only("BucketServerSideEncryptionConfiguration").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
