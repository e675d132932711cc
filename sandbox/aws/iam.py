"""IAM in the embedded AWS: principals and boundaries exist, policies in use stay.

Owns the check of trust policies' principals and of permissions boundaries, when a policy may be
deleted, and the lazy making of AWS managed policies: all of them in each account would cost moto
40 MB and most of a second for each. The rest is moto's; it has no boundaries of users.
"""

import functools
import json
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy

from iam import policy
from sandbox.aws import state
from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rule, Rules
from sandbox.aws.trust import unknown_principal

_AWS_MANAGED = "arn:aws:iam::aws:policy/"
_NOT_FOUND, _CONFLICT = 404, 409


def rules(management_account: str) -> Rules:
    """Return the operations that this module restricts; it answers none itself."""

    def check_trust(parameter: str) -> Rule:
        return lambda call: _check_trust(call.text(parameter), management_account)

    def check_role(call: Call) -> Answer:
        _check_trust(call.text("AssumeRolePolicyDocument"), management_account)
        return _check_boundary(call)

    return {
        ("iam", "*"): _provide_managed_policy,
        ("iam", "CreateRole"): check_role,
        ("iam", "DeletePolicy"): _check_unused,
        ("iam", "PutRolePermissionsBoundary"): _check_boundary,
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


def _check_boundary(call: Call) -> Answer:
    arn = call.text("PermissionsBoundary")
    if arn:
        _provide(call, arn)
        if arn not in state.iam(call.account).managed_policies:
            raise AwsError(
                "NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", _NOT_FOUND
            )
    return None


def _check_unused(call: Call) -> Answer:
    arn, backend = call.text("PolicyArn"), state.iam(call.account)
    found = backend.managed_policies.get(arn)
    if found is None:
        return None
    boundaries = [role.permissions_boundary_arn for role in backend.roles.values()]
    if found.attachment_count or arn in boundaries:
        raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", _CONFLICT)
    if len(found.versions) > 1:
        raise AwsError(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete "
            "the policy's versions. The default version is deleted with the policy.",
            _CONFLICT,
        )
    return None


def _provide_managed_policy(call: Call) -> Answer:
    _provide(call, call.text("PolicyArn"))
    return None


def _provide(call: Call, arn: str) -> None:
    backend = state.iam(call.account)
    data = None if arn in backend.managed_policies else policy_of_aws(arn)
    if data is not None:
        backend.managed_policies[arn] = AWSManagedPolicy.from_data(
            arn.rsplit("/", 1)[-1], call.account, call.region, data
        )


def policy_of_aws(arn: str) -> dict[str, Any] | None:
    """Return moto's data of a policy that AWS manages, if it is one."""
    name = arn.rsplit("/", 1)[-1]
    data = _policies_of_aws().get(name) if arn.startswith(_AWS_MANAGED) else None
    if data is None:
        return None
    named = f"{_AWS_MANAGED.rstrip('/')}{data.get('Path', '/')}{name}"
    return data if arn == named else None


@functools.cache
def _policies_of_aws() -> dict[str, dict[str, Any]]:
    """Return moto's data of AWS managed policies by name."""
    return json.loads(aws_managed_policies_data)
