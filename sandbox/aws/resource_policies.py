"""Policies of buckets in the embedded AWS: the principals they name must exist.

APIs, functions and keys have that check in modules of their own. What a bucket's policy grants is
not judged.
"""

import json

from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rules
from sandbox.aws.trust import unknown_principal


def rules(management_account: str) -> Rules:
    """Return the operations that this module restricts; it answers none itself."""
    return {("s3", "PutBucketPolicy"): lambda call: _check(call, management_account)}


def _check(call: Call, management_account: str) -> Answer:
    try:
        document = json.loads(call.text("Policy") or "{}")
    except ValueError:
        return None  # moto says what is wrong with the JSON
    unknown = unknown_principal(document, management_account)
    if unknown:
        raise AwsError("MalformedPolicy", f"Invalid principal in policy: {unknown}")
    return None
