"""What a caller must be allowed for a call of S3, and what policies may ask about such a call.

Owns the differences between S3's operations and IAM's actions: an operation on a version of an
object has an action of its own, a copy also reads its source, and an upload that sets more than the
content needs a permission for each such thing. A call that deletes several objects is denied as a
whole where AWS would delete those that may be deleted.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, unquote

from sandbox.aws import state
from sandbox.aws.access import Access
from sandbox.aws.call import Call

_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}

_OF_VERSION = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectTagging": "PutObjectVersionTagging",
}
"""The action where a call names a version of the object."""

_UPLOADS = ("CopyObject", "CreateMultipartUpload", "PutObject")
_SET_BY_UPLOADS = {
    "ACL": "PutObjectAcl",
    "ObjectLockLegalHoldStatus": "PutObjectLegalHold",
    "ObjectLockMode": "PutObjectRetention",
    "Tagging": "PutObjectTagging",
}
"""The actions that an upload with such an argument needs as well."""

_CONDITION_KEYS = {
    "ACL": "s3:x-amz-acl",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "Prefix": "s3:prefix",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "VersionId": "s3:versionid",
}
"""The condition keys that hold an argument."""


def action_of(operation: str) -> str:
    """Return the IAM action of an operation, with its prefix."""
    return f"s3:{_ACTIONS.get(operation, operation)}"


def accesses_of(call: Call) -> Iterator[Access]:
    """Return everything that a caller must be allowed for a call, at least one access."""
    bucket, key = call.text("Bucket"), call.text("Key")
    if call.operation == "DeleteObjects":
        for entry in call.parameters["Delete"]["Objects"]:
            yield _on_object("DeleteObject", bucket, entry["Key"], entry.get("VersionId"))
    elif not key:
        yield Access(action_of(call.operation), f"arn:aws:s3:::{bucket}" if bucket else "*")
    else:
        action = _ACTIONS.get(call.operation, call.operation)
        yield _on_object(action, bucket, key, call.text("VersionId"))
    if call.operation == "GetObjectAttributes":
        yield _on_object("GetObject", bucket, key, call.text("VersionId"))
    if call.text("CopySource"):
        yield _on_object("GetObject", *source_of(call))
    if call.operation in _UPLOADS:
        for argument, action in _SET_BY_UPLOADS.items():
            if call.text(argument):
                yield _on_object(action, bucket, key)


def _on_object(action: str, bucket: str, key: str, version: str | None = None) -> Access:
    named = _OF_VERSION.get(action, action) if version else action
    return Access(f"s3:{named}", f"arn:aws:s3:::{bucket}/{key}")


def source_of(call: Call) -> tuple[str, str, str | None]:
    """Return the bucket, the key and the version that a call copies from."""
    path, _, query = call.text("CopySource").partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    return bucket, key, parse_qs(query).get("versionId", [None])[0]


def condition_keys(call: Call) -> Mapping[str, tuple[str, ...]]:
    """Return the condition keys that only S3 has, and whose bucket it is."""
    given = call.parameters
    keys = {
        key: (str(given[argument]),)
        for argument, key in _CONDITION_KEYS.items()
        if given.get(argument) is not None
    }
    bucket = state.bucket(call.text("Bucket"))
    if bucket is not None:
        keys |= dict.fromkeys(("aws:resourceaccount", "s3:resourceaccount"), (bucket.account_id,))
    return keys
