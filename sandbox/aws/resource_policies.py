"""Policies of resources in the embedded AWS: the principals they name must exist.

Owns the check for the services that take such a policy as one JSON argument. What the policies
grant is not judged.
"""

import json

from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rule, Rules
from sandbox.aws.trust import unknown_principal

_OPERATIONS = {
    ("dynamodb", "PutResourcePolicy"): ("Policy", "ValidationException"),
    ("kms", "CreateKey"): ("Policy", "MalformedPolicyDocumentException"),
    ("kms", "PutKeyPolicy"): ("Policy", "MalformedPolicyDocumentException"),
    ("s3", "PutBucketPolicy"): ("Policy", "MalformedPolicy"),
    ("secretsmanager", "PutResourcePolicy"): ("ResourcePolicy", "MalformedPolicyDocumentException"),
}
"""The argument that holds the policy, and AWS's error code for a wrong one."""


def rules(management_account: str) -> Rules:
    """Return the operations that this module restricts; it answers none itself."""

    def check(parameter: str, code: str) -> Rule:
        return lambda call: _check(call, parameter, code, management_account)

    return {
        operation: check(parameter, code) for operation, (parameter, code) in _OPERATIONS.items()
    }


def _check(call: Call, parameter: str, code: str, management_account: str) -> Answer:
    try:
        document = json.loads(call.text(parameter) or "{}")
    except ValueError:
        return None  # moto says what is wrong with the JSON
    unknown = unknown_principal(document, management_account)
    if unknown:
        raise AwsError(code, f"Invalid principal in policy: {unknown}")
    return None
