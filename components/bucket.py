"""A bucket for what only programs read: closed to the public, encrypted with a key of its own.

Owns how objects are kept. Who may use them is for the bucket's policy, which its user writes.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

UPLOAD_DAYS = 7
"""How long the parts of an upload that was broken off are kept."""


def only_by_tls(bucket_arn: str) -> dict[str, Any]:
    """Return the statement that refuses whatever is not encrypted on its way."""
    return {
        "Sid": "OnlyByTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn, f"{bucket_arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


@dataclass(frozen=True, kw_only=True)
class PrivateBucketArgs:
    """The key that encrypts, how long objects are kept, and whether a mistake may take them.

    `bucket_name` is physical, None for a made-up one. `lifecycle` is the rule of S3's lifecycle for
    every object. With `keep`, written over objects stay as versions, and neither an update
    nor a destroy removes the bucket.
    """

    key_arn: pulumi.Input[str]
    lifecycle: "aws.s3.BucketLifecycleConfigurationRuleArgsDict"
    keep: bool
    bucket_name: pulumi.Input[str] | None = None


class PrivateBucket(pulumi.ComponentResource):
    """The bucket; its name is known once it is closed and encrypts."""

    bucket_name: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:bucket:PrivateBucket", name, None, opts)
        # What keeps a bucket closed and its versions outlives a mistake as the bucket does.
        child = pulumi.ResourceOptions(parent=self, protect=args.keep, retain_on_delete=args.keep)
        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            bucket=args.bucket_name,
            force_destroy=not args.keep,
            opts=child,
        )
        closed = aws.s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.bucket,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=child,
        )
        encrypted = aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.bucket,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": args.key_arn,
                    },
                    "bucket_key_enabled": True,
                }
            ],
            opts=child,
        )
        self._keep_objects(name, args, bucket, child)
        self.bucket_name = pulumi.Output.all(bucket.bucket, closed.id, encrypted.id).apply(
            lambda known: str(known[0])
        )
        self.bucket_arn = bucket.arn
        self.register_outputs({"bucket_name": self.bucket_name, "bucket_arn": self.bucket_arn})

    def _keep_objects(
        self,
        name: str,
        args: PrivateBucketArgs,
        bucket: aws.s3.Bucket,
        child: pulumi.ResourceOptions,
    ) -> None:
        """Keep versions where they are wanted, and drop what is old."""
        versioning = (
            aws.s3.BucketVersioning(
                f"{name}-versioning",
                bucket=bucket.bucket,
                versioning_configuration={"status": "Enabled"},
                opts=child,
            )
            if args.keep
            else None
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.bucket,
            rules=[
                {
                    **args.lifecycle,
                    "filter": {"prefix": ""},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": UPLOAD_DAYS},
                }
            ],
            # There are no old versions before there are versions.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning] if versioning else []),
        )
