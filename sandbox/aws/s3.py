"""S3 in the embedded AWS: what a bucket's policy may say, objects that KMS encrypts, missing ones.

Owns the refusals that moto leaves out and what S3 asks of KMS with the permissions of its caller.
Who may do what is for `authorization`, buckets and objects are moto's, which stores them in the
clear. Access control lists, access points and ownership of objects are not judged.
"""

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, cast

from moto.iam.access_control import PermissionResult
from moto.kms.models import Key
from moto.s3.models import FakeBucket, FakeKey, PublicAccessBlock

from iam import policy
from iam.policy import Document, Statement
from iam.principals import EVERYBODY, aws_principals
from sandbox.aws import kms, s3_access, state
from sandbox.aws.access import Access
from sandbox.aws.authorization import authorize_also, authorize_through
from sandbox.aws.call import AwsError, Call
from sandbox.aws.conditions import encryption_context
from sandbox.aws.rules import Answer, Rules
from sandbox.aws.trust import unknown_principal

_ARN = "arn:aws:s3:::"
_KMS = ("aws:kms", "aws:kms:dsse")
"""The ways to encrypt with KMS."""

_MANAGED_KEY = "alias/aws/s3"
_FORBIDDEN = 403
_FIXING_OPERATORS = ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "IpAddress")
_FIXING_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
"""Condition keys that keep a policy for everybody from being public when their value is fixed
(S3 user guide, "The meaning of public")."""


def install() -> None:
    """Leave judging to `authorization`, and start buckets as AWS has done since April 2023."""
    initialise = FakeBucket.__init__

    def initialise_blocked(
        self: FakeBucket,
        name: str,
        account_id: str,
        region_name: str,
        bucket_namespace: str | None = None,
    ) -> None:
        initialise(self, name, account_id, region_name, bucket_namespace)
        block = PublicAccessBlock("true", "true", "true", "true")
        self.public_access_block = cast("PublicAccessBlock", block)  # moto hides the class

    def judged_before(self: FakeBucket, action: str, resource: str) -> PermissionResult:
        del self, action, resource
        return PermissionResult.NEUTRAL

    FakeBucket.__init__ = initialise_blocked
    FakeBucket.get_permission = judged_before


def rules(management_account: str) -> Rules:
    """Return the operations that this module restricts; it answers none itself."""
    reads = ("GetObject", "GetObjectAttributes", "HeadObject")
    writes = ("CopyObject", "CreateMultipartUpload", "PutObject")
    return {
        **{("s3", operation): _read for operation in reads},
        **{("s3", operation): _write for operation in writes},
        ("s3", "PutBucketPolicy"): lambda call: _check_policy(call, management_account),
        ("s3", "UploadPart"): _add_part,
        ("s3", "UploadPartCopy"): _add_part,
    }


# Policies


def _check_policy(call: Call, management_account: str) -> Answer:
    try:
        document: Document = json.loads(call.text("Policy") or "{}")
    except ValueError:
        document = {}
    problem = policy.problem(document) or next(
        (found for found in map(_lacking, policy.statements(document)) if found), None
    )
    unknown = None if problem else unknown_principal(document, management_account)
    if unknown:
        problem = f"Invalid principal in policy: {unknown}"
    elif not problem and not all(
        _is_in(call.text("Bucket"), pattern)
        for statement in policy.statements(document)
        for pattern in policy.texts(statement.get("Resource", []))
    ):
        problem = "Policy has invalid resource"
    if problem:
        raise AwsError("MalformedPolicy", problem)
    bucket = state.bucket(call.text("Bucket"))
    blocks = state.public_access_blocks(bucket) if bucket else []
    if is_public(document) and any(block.block_public_policy for block in blocks):
        raise AwsError(
            "AccessDenied",
            f"User: {call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on "
            f"resource: {_ARN}{call.text('Bucket')} because public policies are prevented by the "
            "BlockPublicPolicy setting in S3 Block Public Access.",
            _FORBIDDEN,
        )
    return None


def _lacking(statement: Statement) -> str | None:
    for element in ("Principal", "Resource"):
        if element not in statement and f"Not{element}" not in statement:
            return f"Missing required field {element}"
    return None


def _is_in(bucket: str, pattern: str) -> bool:
    """Whether a pattern can mean a bucket or objects in it."""
    return fnmatchcase(f"{_ARN}{bucket}", pattern.partition("/")[0])


def is_public(document: Document) -> bool:
    """Whether a policy allows anything to everybody, and no condition says to whom or where."""
    return any(
        statement["Effect"] == "Allow"
        and ("NotPrincipal" in statement or EVERYBODY in aws_principals(statement))
        and not _is_fixed(statement)
        for statement in policy.statements(document)
    )


def _is_fixed(statement: Statement) -> bool:
    return any(
        operator in _FIXING_OPERATORS
        and key.lower() in _FIXING_KEYS
        and not any(sign in text for text in policy.texts(values) for sign in ("*", "?", "${"))
        for operator, keys in policy.mapping(statement.get("Condition")).items()
        for key, values in policy.mapping(keys).items()
    )


# Objects


@dataclass(frozen=True, kw_only=True)
class _Encryption:
    """By what an object is encrypted, and whether through a key of its bucket."""

    algorithm: str
    key: Key
    with_bucket_key: bool


def _read(call: Call) -> Answer:
    """Judge the decryption; only who may list a bucket is told that an object is missing."""
    name, key, version = call.text("Bucket"), call.text("Key"), call.text("VersionId")
    bucket = state.bucket(name)
    if bucket is None:
        return None
    found = state.s3_object(bucket, key, version)
    if found is None:
        listing = "s3:ListBucketVersions" if version else "s3:ListBucket"
        authorize_also(call, Access(listing, f"{_ARN}{name}"))
    elif call.operation != "HeadObject" or call.text("ChecksumMode"):
        _decrypt(call, found)
    return None


def _write(call: Call) -> Answer:
    """Judge the encryption, and tell moto with which key, as the bucket's default has it."""
    bucket = state.bucket(call.text("Bucket"))
    if bucket is None:
        return None
    if call.operation == "CopyObject":
        _decrypt_source(call)
    encryption = _encryption(call, bucket)
    if encryption is None:
        return None
    resource = f"{_ARN}{bucket.name}"
    if not encryption.with_bucket_key:
        resource += f"/{call.text('Key')}"
    _use(call, encryption.key, "kms:GenerateDataKey", resource)
    header = "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION"
    call.request.environ |= {
        header: encryption.algorithm,
        f"{header}_AWS_KMS_KEY_ID": encryption.key.arn,
        f"{header}_BUCKET_KEY_ENABLED": str(encryption.with_bucket_key).lower(),
    }
    return None


def _add_part(call: Call) -> Answer:
    """Judge the decryption that puts the parts together in the end, as AWS does at each part."""
    if call.operation == "UploadPartCopy":
        _decrypt_source(call)
    bucket = state.bucket(call.text("Bucket"))
    upload = bucket.multiparts.get(call.text("UploadId")) if bucket else None
    key = state.key_by_arn(upload.kms_key_id or "") if upload else None
    if key is not None:
        _use(call, key, "kms:Decrypt", f"{_ARN}{call.text('Bucket')}/{call.text('Key')}")
    return None


def _encryption(call: Call, bucket: FakeBucket) -> _Encryption | None:
    """Return how KMS is to encrypt an object; None where it is not to.

    A key that is not named in full is looked for in the account of the caller, AWS's own key in
    that of the bucket, where nobody of another account may use it.
    """
    rule: dict[str, Any] = (bucket.encryption or {}).get("Rule", {})
    default: dict[str, str] = rule.get("ApplyServerSideEncryptionByDefault", {})
    algorithm, name = call.text("ServerSideEncryption"), call.text("SSEKMSKeyId")
    if not algorithm and not call.text("SSECustomerAlgorithm"):
        algorithm, name = default.get("SSEAlgorithm", ""), default.get("KMSMasterKeyID", "")
    if algorithm not in _KMS:
        return None
    account = call.account if name else bucket.account_id
    key = state.key(account, call.region, name or _MANAGED_KEY)
    if key is None:
        raise AwsError("KMS.NotFoundException", f"Key '{name}' does not exist")
    asked = call.parameters.get("BucketKeyEnabled")
    with_bucket_key = rule.get("BucketKeyEnabled") if asked is None else asked
    return _Encryption(
        algorithm=algorithm, key=key, with_bucket_key=str(with_bucket_key).lower() == "true"
    )


def _decrypt_source(call: Call) -> None:
    name, key, version = s3_access.source_of(call)
    bucket = state.bucket(name)
    found = state.s3_object(bucket, key, version) if bucket else None
    if found is not None:
        _decrypt(call, found)


def _decrypt(call: Call, found: FakeKey) -> None:
    key = state.key_by_arn(found.kms_key_id or "") if found.encryption in _KMS else None
    if key is None:
        return
    resource = f"{_ARN}{found.bucket_name}"
    if str(found.bucket_key_enabled).lower() != "true":
        resource += f"/{found.name}"
    _use(call, key, "kms:Decrypt", resource)


def _use(call: Call, key: Key, action: str, resource: str) -> None:
    context = encryption_context({"aws:s3:arn": resource})
    authorize_through(call, "s3", Access(action, key.arn), context)
    problem = kms.unusable(key)
    if problem:
        raise AwsError(f"KMS.{problem[0]}", problem[1])
