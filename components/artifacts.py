"""Artefacts: what one step of a pipeline hands to the next, for pipelines and nobody else.

Owns the bucket, its key, and which role gets and puts what. Owns no pipeline.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

import pulumi
import pulumi_aws as aws

from components.account import BUILD_ROLES, SERVICE_ROLE
from components.bucket import PrivateBucket, PrivateBucketArgs, only_by_tls
from components.keys import administration
from components.role import role_arn

ARTIFACT_DAYS = 90
USE_OF_A_KEY = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"]
PIPELINE_CHARACTERS = 20
ARTIFACT_CHARACTERS = 10
OBJECTS = ["s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*"]


def insiders(account_id: str) -> list[str]:
    """Return the ARNs, with a wildcard, of the roles that use artefacts: nobody else may."""
    return [role_arn(account_id, SERVICE_ROLE), role_arn(account_id, f"{BUILD_ROLES}*")]


def artifact_key_policy(account_id: str) -> dict[str, Any]:
    """Return the policy of the artefacts' key: the account administrates it, pipelines use it."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            administration(account_id),
            {
                "Sid": "UseByPipelines",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
                "Action": USE_OF_A_KEY,
                "Resource": "*",
                "Condition": {"ArnLike": {"aws:PrincipalArn": insiders(account_id)}},
            },
        ],
    }


def artifact_bucket_policy(bucket_arn: str, account_id: str) -> dict[str, Any]:
    """Return the policy of the artefacts' bucket: its objects are for pipelines only."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            only_by_tls(bucket_arn),
            {
                "Sid": "ForPipelinesOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": OBJECTS,
                "Resource": f"{bucket_arn}/*",
                "Condition": {"ArnNotLike": {"aws:PrincipalArn": insiders(account_id)}},
            },
        ],
    }


def place_of(pipeline: str, artifact: str = "*") -> str:
    """Return the keys, as a pattern, under which CodePipeline keeps a pipeline's artefact.

    It cuts the two names (CodePipeline user guide, "Input and output artifacts", read 2026-11-25).
    """
    return f"{pipeline[:PIPELINE_CHARACTERS]}/{artifact[:ARTIFACT_CHARACTERS]}/*"


def artifact_access(
    bucket_arn: str, key_arn: str, reads: Sequence[str], writes: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the statements by which a role gets artefacts, and puts others, by their keys."""
    return [
        {
            "Sid": "GetArtifacts",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": [f"{bucket_arn}/{key}" for key in reads],
        },
        {
            "Sid": "PutArtifacts",
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": [f"{bucket_arn}/{key}" for key in writes],
        },
        {
            "Sid": "ArtifactBucket",
            "Effect": "Allow",
            "Action": ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
            "Resource": bucket_arn,
        },
        {
            "Sid": "ArtifactKey",
            "Effect": "Allow",
            "Action": USE_OF_A_KEY,
            "Resource": key_arn,
        },
    ]


@dataclass(frozen=True, kw_only=True)
class ArtifactStoreArgs:
    """The Tools account, whose pipelines alone use the store."""

    account_id: pulumi.Input[str]


class ArtifactStore(pulumi.ComponentResource):
    """The bucket and the key of what one step of a pipeline hands to the next."""

    bucket_name: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]
    key_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: ArtifactStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:artifacts:ArtifactStore", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        account_id = pulumi.Output.from_input(args.account_id)
        key = aws.kms.Key(
            f"{name}-key",
            description="Encrypts the artefacts of pipelines",
            policy=account_id.apply(lambda known: dumps(artifact_key_policy(known))),
            enable_key_rotation=True,
            opts=child,
        )
        bucket = PrivateBucket(
            f"{name}-store",
            # Artefacts are made again by running the pipeline again.
            PrivateBucketArgs(
                key_arn=key.arn,
                lifecycle={
                    "id": "old-artefacts",
                    "status": "Enabled",
                    "expiration": {"days": ARTIFACT_DAYS},
                },
                keep=False,
            ),
            child,
        )
        policy = aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket_name,
            policy=pulumi.Output.all(bucket.bucket_arn, account_id).apply(
                lambda known: dumps(artifact_bucket_policy(known[0], known[1]))
            ),
            opts=child,
        )
        # Nothing is put into the bucket before it is for pipelines only.
        self.bucket_name = pulumi.Output.all(bucket.bucket_name, policy.id).apply(
            lambda known: str(known[0])
        )
        self.bucket_arn = bucket.bucket_arn
        self.key_arn = key.arn
        self.register_outputs(
            {
                "bucket_name": self.bucket_name,
                "bucket_arn": self.bucket_arn,
                "key_arn": self.key_arn,
            }
        )

    def access(
        self, reads: Sequence[str], writes: Sequence[str]
    ) -> pulumi.Output[list[dict[str, Any]]]:
        """Return the statements by which a role gets and puts artefacts, by their keys."""
        return pulumi.Output.all(self.bucket_arn, self.key_arn).apply(
            lambda known: artifact_access(known[0], known[1], reads, writes)
        )
