"""Whom the Principal element of a policy names, what it grants them, and whether they exist.

Owns what the policies of roles and keys say of a caller, and the check that AWS makes when a policy
naming principals is saved. What the caller's own policies say is for `authorization`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.aws import policy, state
from sandbox.aws.credentials import Principal
from sandbox.aws.policy import Document, Effect, Request, Statement

_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com")
_ACCOUNT = re.compile(r"\d{12}")
_ARN = re.compile(r"arn:aws:(iam|sts)::(\d{12}):(root|(user|role|assumed-role)/(.+))")


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What the policy of a resource says of a caller.

    `suffices` means that the caller's own policies need not allow the call as well: the resource is
    in the caller's account and names the caller, not the whole account.
    """

    effect: Effect
    suffices: bool


_NOBODY = Trust(effect=Effect.NONE, suffices=False)


def trust_in(document: Document, owner: str, principal: Principal, request: Request) -> Trust:
    """Judge a caller by the policy of a resource in the account `owner`."""
    named = [found for found in policy.statements(document) if _names(found, principal)]
    direct = [
        statement
        for statement in named
        if {"*", principal.arn, principal.identity_arn} & set(_aws_principals(statement))
    ]
    allowed = policy.evaluate([{**document, "Statement": direct}], request) is Effect.ALLOW
    return Trust(
        effect=policy.evaluate([{**document, "Statement": named}], request),
        suffices=allowed and principal.account == owner,
    )


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
        for kind, name in _principals(statement):
            if not _exists(kind, name, management_account):
                return f'"{kind}":"{name}"'
    return None


def trusts_service(account: str, role_arn: str, service: str) -> bool:
    """Whether a role of an account exists and names an AWS service as one that may assume it."""
    role = next(
        (found for found in state.iam(account).roles.values() if found.arn == role_arn), None
    )
    trusted = policy.statements(state.document(role.assume_role_policy_document)) if role else []
    return any(("Service", service) in _principals(statement) for statement in trusted)


def _principals(statement: Statement) -> Iterator[tuple[str, str]]:
    for element in ("Principal", "NotPrincipal"):
        if statement.get(element) == "*":
            yield "AWS", "*"
        for kind, names in policy.mapping(statement.get(element)).items():
            yield from ((kind, name) for name in policy.texts(names))


def _aws_principals(statement: Statement) -> list[str]:
    return [name for kind, name in _principals(statement) if kind == "AWS"]


def _names(statement: Statement, principal: Principal) -> bool:
    account = {principal.account, f"arn:aws:iam::{principal.account}:root"}
    names = {"*", principal.arn, principal.identity_arn, *account}
    found = bool(names & set(_aws_principals(statement)))
    return found != ("NotPrincipal" in statement)


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
