"""Policies of resources in the embedded AWS: the principals they name must exist.

Owns the check for buckets and keys; APIs and functions have it in modules of their own. What the
policies grant is not judged.
"""

import json

from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rule, Rules
from sandbox.aws.trust import unknown_principal

_OPERATIONS = {
    ("kms", "CreateKey"): "MalformedPolicyDocumentException",
    ("kms", "PutKeyPolicy"): "MalformedPolicyDocumentException",
    ("s3", "PutBucketPolicy"): "MalformedPolicy",
}
"""The operations that take a policy, and AWS's error code for a wrong one."""


def rules(management_account: str) -> Rules:
    """Return the operations that this module restricts; it answers none itself."""

    def check(code: str) -> Rule:
        return lambda call: _check(call, code, management_account)

    return {operation: check(code) for operation, code in _OPERATIONS.items()}


def _check(call: Call, code: str, management_account: str) -> Answer:
    try:
        document = json.loads(call.text("Policy") or "{}")
    except ValueError:
        return None  # moto says what is wrong with the JSON
    unknown = unknown_principal(document, management_account)
    if unknown:
        raise AwsError(code, f"Invalid principal in policy: {unknown}")
    return None
