"""IAM in the embedded AWS: principals must exist, and AWS's own policies exist when asked for.

Owns the check of trust policies' principals and the lazy making of AWS managed policies: all of
them in each account would cost moto 40 MB and most of a second for each. The rest is moto's.
"""

import functools
import json
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy

from sandbox.aws import policy, state
from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rule, Rules
from sandbox.aws.trust import unknown_principal

_AWS_MANAGED = "arn:aws:iam::aws:policy/"


def rules(management_account: str) -> Rules:
    """Return the operations that this module restricts; it answers none itself."""

    def check_trust(parameter: str) -> Rule:
        return lambda call: _check_trust(call.text(parameter), management_account)

    return {
        ("iam", "*"): _provide_managed_policy,
        ("iam", "CreateRole"): check_trust("AssumeRolePolicyDocument"),
        ("iam", "UpdateAssumeRolePolicy"): check_trust("PolicyDocument"),
    }


def _check_trust(text: str, management_account: str) -> Answer:
    try:
        document: policy.Document = json.loads(text)
    except ValueError:
        return None  # moto says what is wrong with the JSON
    problem = policy.problem(document)
    unknown = None if problem else unknown_principal(document, management_account)
    if unknown:
        problem = f"Invalid principal in policy: {unknown}"
    if problem:
        raise AwsError("MalformedPolicyDocument", problem)
    return None


def _provide_managed_policy(call: Call) -> Answer:
    arn, backend = call.text("PolicyArn"), state.iam(call.account)
    name = arn.rsplit("/", 1)[-1]
    if arn.startswith(_AWS_MANAGED) and arn not in backend.managed_policies:
        data = _policies_of_aws().get(name)
        if data is not None and arn == f"{_AWS_MANAGED.rstrip('/')}{data.get('Path', '/')}{name}":
            backend.managed_policies[arn] = AWSManagedPolicy.from_data(
                name, call.account, call.region, data
            )
    return None


@functools.cache
def _policies_of_aws() -> dict[str, dict[str, Any]]:
    """Return moto's data of AWS managed policies by name."""
    return json.loads(aws_managed_policies_data)
