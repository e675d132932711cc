"""The account whose resource a call is about, where it need not be the caller's.

Owns the services that moto answers in the owner's account: S3, whose buckets are known to all
accounts, and the operations of KMS that take a key of another account. Whether the caller may is
decided in `authorization` before.
"""

from sandbox.aws import actions, state
from sandbox.aws.call import Call

_ACROSS_ACCOUNTS = (
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetKeyRotationStatus",
    "GetPublicKey",
    "ListGrants",
    "ReEncrypt",
    "RevokeGrant",
    "Sign",
    "Verify",
    "VerifyMac",
)
"""The operations that take a key of another account (KMS developer guide, "Allowing users in other
accounts to use a KMS key"). Both keys of a ReEncrypt must be in one account here."""


def account_of(call: Call) -> str:
    """Return the account that a call works in."""
    if call.service == "s3" and call.operation != "CreateBucket":
        bucket = state.bucket(call.text("Bucket"))
        return bucket.account_id if bucket else call.account
    if call.service == "kms" and call.operation in _ACROSS_ACCOUNTS:
        key = state.key_by_arn(actions.accesses_of(call)[0].resource)
        return key.account_id if key else call.account
    return call.account
