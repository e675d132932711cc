"""STS in the embedded AWS: AssumeRole and GetCallerIdentity.

Owns the sessions' names and lifetimes. Whether the role trusts the caller and the caller may assume
it was decided by `authorization` before. moto's own STS is not used: it gives credentials for
roles that do not exist.
"""

import re
from datetime import timedelta

from moto.iam.models import Role

from sandbox.aws import state
from sandbox.aws.call import AwsError, Call
from sandbox.aws.credentials import Credentials, Principal
from sandbox.aws.rules import Answer, Rules

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_DEFAULT_DURATION = 3600  # seconds, as for AWS's AssumeRole
_SHORTEST_DURATION = 900
_FORBIDDEN = 403
_LONGEST_CHAINED_DURATION = 3600
"""AWS limits a role's session that assumes a further role to one hour."""


def rules(credentials: Credentials) -> Rules:
    """Return the operations that this module answers itself."""

    def assume_role(call: Call) -> Answer:
        return _assume_role(call, credentials)

    return {
        ("sts", "AssumeRole"): assume_role,
        ("sts", "GetCallerIdentity"): _get_caller_identity,
    }


def _assume_role(call: Call, credentials: Credentials) -> Answer:
    if call.principal.is_root:
        raise AwsError("AccessDenied", "Roles may not be assumed by root accounts.", _FORBIDDEN)
    role_arn, session_name = call.text("RoleArn"), call.text("RoleSessionName")
    if not _SESSION_NAME.fullmatch(session_name):
        raise AwsError("ValidationError", f"Invalid RoleSessionName {session_name!r}.")
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = state.role(account, name)
    if role is None:
        raise AwsError("NoSuchEntity", f"Role {role_arn} does not exist.", 404)
    duration = int(call.parameters.get("DurationSeconds") or _DEFAULT_DURATION)
    longest = int(role.max_session_duration or _DEFAULT_DURATION)
    if call.principal.role_name is not None and duration > _LONGEST_CHAINED_DURATION:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining",
        )
    if not _SHORTEST_DURATION <= duration <= longest:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    principal = role_session(role, session_name, call.text("Policy") or None)
    session = credentials.issue(principal, timedelta(seconds=duration))
    return {
        "Credentials": {**session.keys, "Expiration": session.expires},
        "AssumedRoleUser": {"AssumedRoleId": principal.unique_id, "Arn": principal.arn},
    }


def role_session(role: Role, name: str, session_policy: str | None = None) -> Principal:
    """Return a role's session by the name that it is given."""
    return Principal(
        account=role.account_id,
        arn=f"arn:aws:sts::{role.account_id}:assumed-role/{role.name}/{name}",
        identity_arn=role.arn,
        unique_id=f"{role.id}:{name}",
        role_name=role.name,
        session_policy=session_policy,
    )


def _get_caller_identity(call: Call) -> Answer:
    principal = call.principal
    return {
        "UserId": principal.unique_id,
        "Account": principal.account,
        "Arn": principal.arn,
    }
