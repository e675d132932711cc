"""Whom the Principal element of a policy names, what it grants them, and whether they exist.

Owns what the policies of roles and keys say of a caller, and the check that AWS makes when a policy
naming principals is saved. What the caller's own policies say is for `authorization`.
"""

import re
from dataclasses import dataclass
from enum import Enum

from iam import policy
from iam.policy import Document, Effect, Request, Statement
from iam.principals import EVERYBODY, aws_principals, names, principals
from sandbox.aws import state
from sandbox.aws.credentials import Principal

_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com")
_ACCOUNT = re.compile(r"\d{12}")
_ARN = re.compile(r"arn:aws:(iam|sts)::(\d{12}):(root|(user|role|assumed-role)/(.+))")


class Grantee(Enum):
    """Whom a policy allows a call, which decides what else must allow it.

    From the IAM user guide, "Policy evaluation for requests within a single account". To another
    account a policy never grants more than to the account.
    """

    ACCOUNT = "the account: the caller's own policies must allow it too"
    ROLE = "the role: its boundary and the session's policy must allow it too"
    CALLER = "the session or user itself, or everybody: nothing else must allow it"


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What the policy of a resource says of a caller.

    `needed` means that the caller's own policies are not enough: the resource is in another
    account, or is a role or a key, whose policy alone opens it.
    """

    effect: Effect
    to: Grantee
    needed: bool


_NOBODY = Trust(effect=Effect.NONE, to=Grantee.ACCOUNT, needed=True)
_S3 = "arn:aws:s3:::"


def trust_in(
    document: Document, owner: str, principal: Principal, request: Request, *, needed: bool = True
) -> Trust:
    """Judge a caller by the policy of a resource in the account `owner`."""
    arns = (principal.arn, principal.identity_arn)
    named = [
        found for found in policy.statements(document) if names(found, principal.account, arns)
    ]
    foreign = principal.account != owner

    def effect(statements: list[Statement]) -> Effect:
        return policy.evaluate([{**document, "Statement": statements}], request)

    def allowed(*wanted: str) -> bool:
        direct = [found for found in named if not set(wanted).isdisjoint(aws_principals(found))]
        return not foreign and effect(direct) is Effect.ALLOW

    to = Grantee.ACCOUNT
    if allowed(EVERYBODY, principal.arn):
        to = Grantee.CALLER
    elif allowed(principal.identity_arn):
        to = Grantee.ROLE
    return Trust(effect=effect(named), to=to, needed=needed or foreign)


def trust_in_bucket(principal: Principal, request: Request) -> Trust | None:
    """Judge a caller by the policy of a bucket; None where there is none that could matter."""
    name = request.resource.removeprefix(_S3).partition("/")[0]
    bucket = state.bucket(name) if request.resource.startswith(_S3) else None
    if bucket is None or request.action == "s3:CreateBucket":
        return None
    document: Document = state.document(bucket.policy) if bucket.policy else {}
    return trust_in(document, bucket.account_id, principal, request, needed=False)


def trust_in_role(principal: Principal, request: Request) -> Trust | None:
    """Judge a caller by the trust policy of the role to be assumed; None for any other action.

    A role that cannot be found trusts nobody, nor does one of an account that is closed or closing.
    """
    if request.action != "sts:AssumeRole":
        return None
    account, name = request.resource.split(":")[4:5], request.resource.rsplit("/", 1)[-1]
    role = state.role(account[0], name) if account and state.is_active(account[0]) else None
    if role is None or role.arn != request.resource:
        return _NOBODY
    document = state.document(role.assume_role_policy_document)
    return trust_in(document, account[0], principal, request)


def trust_in_key(principal: Principal, request: Request) -> Trust | None:
    """Judge a caller by the policy of a KMS key; None where the resource is no key that exists."""
    key = state.key_by_arn(request.resource)
    if key is None:
        return None
    return trust_in(state.document(key.policy), key.account_id, principal, request)


def unknown_principal(document: Document, management_account: str) -> str | None:
    """Return the first principal that does not exist, as AWS quotes it: `"AWS":"arn:..."`."""
    for statement in policy.statements(document):
        for kind, name in principals(statement):
            if not _exists(kind, name, management_account):
                return f'"{kind}":"{name}"'
    return None


def trusts_service(account: str, role_arn: str, service: str) -> bool:
    """Whether a role of an account exists and names an AWS service as one that may assume it."""
    role = next(
        (found for found in state.iam(account).roles.values() if found.arn == role_arn), None
    )
    trusted = policy.statements(state.document(role.assume_role_policy_document)) if role else []
    return any(("Service", service) in principals(statement) for statement in trusted)


def _exists(kind: str, name: str, management_account: str) -> bool:
    if kind == "Service":
        return _SERVICE.fullmatch(name) is not None
    if kind != "AWS" or name == "*":
        return True
    arn = _ARN.fullmatch(f"arn:aws:iam::{name}:root" if _ACCOUNT.fullmatch(name) else name)
    if arn is None or not (arn[2] == management_account or state.member(arn[2])):
        return False
    return arn[3] == "root" or _identity_exists(arn[2], arn[4], name)


def _identity_exists(account: str, kind: str, arn: str) -> bool:
    backend = state.iam(account)
    if kind == "assumed-role":
        return state.role(account, arn.split("/")[1]) is not None
    found = backend.users.values() if kind == "user" else backend.roles.values()
    return any(identity.arn == arn for identity in found)
