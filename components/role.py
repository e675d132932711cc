"""Roles: whom they trust, and how one is made with a policy of its own.

Owns no role. Every role of a member account carries that account's boundary (`components.account`).
"""

from typing import Any

import pulumi
import pulumi_aws as aws

SESSION_SECONDS = 3600
"""How long a session lasts at most. A role that a role assumes has no longer one anyway."""


def role_arn(account_id: str, name: str) -> str:
    """Return the ARN of a role, whose name may start with a path."""
    return f"arn:aws:iam::{account_id}:role/{name}"


def trust_in_service(service: str) -> dict[str, Any]:
    """Return the trust policy of a role that the AWS service assumes."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        ],
    }


def trust_in_role(account_id: str, role_name: str) -> dict[str, Any]:
    """Return the trust policy that lets one role of an account in, which need not exist yet.

    AWS refuses a principal that does not exist, and ties one that does to its id: made anew, it
    would be another. So the account is the principal, and a condition names the role.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
                "Condition": {"ArnEquals": {"aws:PrincipalArn": role_arn(account_id, role_name)}},
            }
        ],
    }


def role_with_policy(
    name: str,
    opts: pulumi.ResourceOptions,
    *,
    trust: pulumi.Input[dict[str, Any]],
    policy: pulumi.Input[dict[str, Any]],
    permissions_boundary: pulumi.Input[str] | None,
    role_name: str | None = None,
    description: str | None = None,
    max_session_duration: int | None = None,
) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    """Make a role with one inline policy; return its ARN and its name.

    Both are known once the policy is there: whoever knows the role may use it.
    """
    role = aws.iam.Role(
        f"{name}-role",
        name=role_name,
        description=description,
        assume_role_policy=pulumi.Output.json_dumps(trust),
        permissions_boundary=permissions_boundary,
        max_session_duration=max_session_duration,
        opts=opts,
    )
    own = aws.iam.RolePolicy(
        f"{name}-policy", role=role.name, policy=pulumi.Output.json_dumps(policy), opts=opts
    )
    known = pulumi.Output.all(role.arn, role.name, own.id)
    return known.apply(lambda it: str(it[0])), known.apply(lambda it: str(it[1]))
