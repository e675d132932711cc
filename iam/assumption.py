"""Who may assume which role, judged from the policies of all of them: what is possible at most.

What only the moment of a call decides, like a second factor or an external id, counts as given and
is told as the condition. Service control policies and session policies, which can only take away,
are left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from json import dumps
from typing import TypeAlias

from iam.policy import (
    EVERYTHING,
    Document,
    Effect,
    Request,
    Statement,
    evaluate,
    mapping,
    statements,
    texts,
)
from iam.principals import EVERYBODY, account_arn, aws_principals, names, principals

ASSUME = "sts:AssumeRole"
PRINCIPAL_ARN, PRINCIPAL_ACCOUNT = "aws:principalarn", "aws:principalaccount"
DECIDED = frozenset({PRINCIPAL_ARN, PRINCIPAL_ACCOUNT})
"""The condition keys, in lower case, whose values follow from who the caller is."""
WILDCARDS = ("*", "?", "${")
MADE_ELSEWHERE = "where it exists"
"""The condition of somebody whom a trust policy names, and nobody knows."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Somebody who calls AWS: an ARN, and what its policies and its boundary, if any, let it do."""

    arn: str
    policies: Sequence[Document]
    boundary: Document | None = None

    @property
    def account(self) -> str:
        """The id of the identity's account."""
        return _account_of(self.arn)


@dataclass(frozen=True, kw_only=True)
class Role(Identity):
    """An identity that others may become, if its trust policy says so."""

    trust: Document


@dataclass(frozen=True, order=True)
class Assumption:
    """One way into a role (its ARN).

    `principal` is an identity's ARN, an AWS service, an identity provider, `*`, or an account's
    ARN, which stands for its administrators. `condition` is what a call has to bring, if anything.
    """

    role: str
    principal: str
    condition: str


_Verdict: TypeAlias = tuple[Effect, str]


def administrators(account: str) -> Identity:
    """Return those of an account who may do everything."""
    return Identity(arn=account_arn(account), policies=[EVERYTHING])


def assumptions(roles: Sequence[Role], others: Sequence[Identity] = ()) -> list[Assumption]:
    """Return every way into one of the roles, for the roles themselves and other identities.

    Whom a trust policy names although it is none of them counts as one that may do everything.
    """
    found: set[Assumption] = set()
    for role in roles:
        found |= set(_for_services(role))
        known = [*roles, *others]
        strangers = _strangers(role, known)
        for identity in [*known, *strangers]:
            effect, condition = _verdict(role, identity)
            if identity in strangers:
                condition = _both(MADE_ELSEWHERE, condition)
            if effect is Effect.ALLOW:
                found.add(Assumption(role.arn, identity.arn, condition))
    return sorted(found)


def _for_services(role: Role) -> Iterator[Assumption]:
    for statement in statements(role.trust):
        for kind, name in principals(statement):
            if statement["Effect"] == "Allow" and (kind != "AWS" or name == EVERYBODY):
                condition = _told(mapping(statement.get("Condition")))
                yield Assumption(role.arn, name, condition)


def _strangers(role: Role, known: Iterable[Identity]) -> list[Identity]:
    """Return whom a role's trust names, as principal or in a condition, that is not known."""
    arns = {it.arn for it in known}
    accounts = {it.account for it in known}
    named: set[str] = set()
    for statement in statements(role.trust):
        pinned = [
            value
            for keys in mapping(statement.get("Condition")).values()
            for key, values in mapping(keys).items()
            if key.lower() == PRINCIPAL_ARN
            for value in texts(values)
        ]
        named |= {it for it in pinned if not any(wildcard in it for wildcard in WILDCARDS)}
        for name in aws_principals(statement):
            arn = name if name.startswith("arn:") else account_arn(name)
            is_whole_account = arn == account_arn(_account_of(arn))
            if name != EVERYBODY and not (is_whole_account and _account_of(arn) in accounts):
                named.add(arn)
    return [Identity(arn=arn, policies=[EVERYTHING]) for arn in sorted(named - arns)]


def _verdict(role: Role, identity: Identity) -> _Verdict:
    request = Request(
        action=ASSUME,
        resource=role.arn,
        context={PRINCIPAL_ARN: (identity.arn,), PRINCIPAL_ACCOUNT: (identity.account,)},
    )
    about = [it for it in statements(role.trust) if names(it, identity.account, [identity.arn])]
    trust, asked = _judged([{**role.trust, "Statement": about}], request)
    if trust is not Effect.ALLOW:
        return trust, ""
    own, needed = _judged(identity.policies, request)
    bounded, bounds = (
        (Effect.ALLOW, "") if identity.boundary is None else _judged([identity.boundary], request)
    )
    if Effect.DENY in (own, bounded):
        return Effect.DENY, ""
    if identity.account == role.account:
        direct = [it for it in about if identity.arn in aws_principals(it)]
        suffices, condition = _judged([{**role.trust, "Statement": direct}], request)
        if suffices is Effect.ALLOW:
            return suffices, condition
    if Effect.NONE in (own, bounded):
        return Effect.NONE, ""
    return Effect.ALLOW, _both(asked, needed, bounds)


def _both(*conditions: str) -> str:
    return " and ".join(dict.fromkeys(it for it in conditions if it))


def _judged(documents: Iterable[Document], request: Request) -> _Verdict:
    """Judge a request by what is decided already, and return what is left open as a condition.

    A denial with an open condition can be avoided, so it denies nothing.
    """
    ways: set[str] = set()
    for document in documents:
        for statement in statements(document):
            decided, left_open = _split(statement)
            effect = evaluate([{**document, "Statement": decided}], request)
            if effect is Effect.DENY and not left_open:
                return effect, ""
            if effect is Effect.ALLOW:
                ways.add(left_open)
    if not ways:
        return Effect.NONE, ""
    return Effect.ALLOW, "" if "" in ways else " or ".join(sorted(ways))


def _split(statement: Statement) -> tuple[Statement, str]:
    """Return a statement with the conditions that are decided, and in words those that are not."""
    decided: dict[str, dict[str, object]] = {}
    left_open: dict[str, dict[str, object]] = {}
    for operator, keys in mapping(statement.get("Condition")).items():
        for key, wanted in mapping(keys).items():
            side = decided if key.lower() in DECIDED else left_open
            side.setdefault(operator, {})[key] = wanted
    return {**statement, "Condition": decided}, _told(left_open)


def _told(condition: object) -> str:
    """Return conditions in words: `sts:ExternalId StringEquals "x"`."""
    return " and ".join(
        f"{key} {operator} {dumps(wanted)}"
        for operator, keys in mapping(condition).items()
        for key, wanted in mapping(keys).items()
    )


def _account_of(arn: str) -> str:
    return arn.split(":")[4]
